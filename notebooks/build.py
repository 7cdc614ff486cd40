"""Make the notebooks: notebooks/src/NN_name.py is run and becomes notebooks/NN_name.ipynb.

    python notebooks/build.py [NAME ...]          all, or some: 05_gates_and_norms, or 05
    python notebooks/build.py --check [NAME ...]  run them all the same, and write nothing

A source is plain Python in jupytext's percent format. A notebook is written when every cell of
it ran without an error and without a warning, and then as a whole. Nothing of when and where
it ran is kept, so that its file changes only when a source or an output does.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from flashlm_np.files import write_atomically

try:
    import ipykernel  # noqa: F401 (the kernel process imports it)
    import jupytext
    import nbformat
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
except ImportError as error:
    sys.exit(f"The notebooks need {error.name}; `python3 run.py notebooks` installs it.")

HERE = Path(__file__).resolve().parent
SECONDS_PER_CELL = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class NotebookError(Exception):
    """A notebook that did not run to its end; the message says in which cell, and why."""


class ThisPython(AsyncKernelManager):
    """The kernel is the Python that runs this file, whatever kernels are installed."""

    @property
    def kernel_spec(self):
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command += ["--log-level=ERROR"]  # no advice on how to encrypt what never leaves here
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def main(arguments: list[str] | None = None) -> int:
    """Build or check the notebooks that are named; 1 if one of them did not run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="05_gates_and_norms, or 05")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    failed, start = 0, time.monotonic()
    for source in find_sources(options.names):
        began = time.monotonic()
        try:
            target = None if options.check else HERE / f"{source.stem}.ipynb"
            state = build(source, target)
        except NotebookError as error:
            failed, state = 1, f"FAILED, {error}"
        print(f"{source.stem:32} {time.monotonic() - began:5.1f} s  {state}", flush=True)
    print(f"{'total':32} {time.monotonic() - start:5.1f} s")
    return failed


def find_sources(names: list[str]) -> list[Path]:
    """The sources in order: all, or those named in full or by their number."""
    known = {path.stem: path for path in sorted((HERE / "src").glob("*.py"))}
    chosen = set()
    for name in names or known:
        found = {stem for stem in known if name in (stem, stem[:2])}
        if not found:
            sys.exit(f"There is no notebook {name!r}; there are {', '.join(known)}.")
        chosen |= found
    return [known[stem] for stem in sorted(chosen)]


def build(source: Path, target: Path | None) -> str:
    """Run a source, write its notebook to `target` (None: nowhere); say in words what was done.

    Raises:
        NotebookError: a cell failed, took too long, or printed a warning.
    """
    notebook = execute(jupytext.read(source, fmt="py:percent"))
    notebook.metadata = nbformat.from_dict(METADATA)
    for position, cell in enumerate(notebook.cells):
        cell.id, tags = f"cell-{position}", cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    nbformat.validate(notebook)
    data = nbformat.writes(notebook).encode() + b"\n"
    if target is None:
        return "ran"
    if target.exists() and target.read_bytes() == data:
        return "unchanged"
    write_atomically(target, data)
    return f"written, {len(data) / 1e3:.0f} kB"


def execute(notebook):
    """Run every cell in a new kernel whose folder is notebooks/; the notebook, with outputs."""
    reached = []
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisPython,
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        coalesce_streams=True,  # else where a stream is cut depends on the moment
        resources={"metadata": {"path": str(HERE)}},
        on_cell_execute=lambda cell, cell_index: reached.append(cell),
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        own = {  # neither read nor write what is the user's own
            "IPYTHONDIR": folder,
            "JUPYTER_RUNTIME_DIR": folder,
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        try:
            client.execute(env=os.environ | own)
        except CellExecutionError as error:
            reason = f"{error.ename}: {error.evalue}"
            raise NotebookError(f"code cell {len(reached)}: {reason}") from None
        except (CellControlSignal, DeadKernelError) as error:
            raise NotebookError(f"code cell {len(reached)}: {error}") from None
    for number, cell in enumerate(reached, 1):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise NotebookError(f"code cell {number} printed a warning: {output.text}")
    return notebook


if __name__ == "__main__":
    sys.exit(main())
