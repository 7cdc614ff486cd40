"""Make the notebooks: notebooks/src/NN_name.py is run and becomes notebooks/NN_name.ipynb.

    python notebooks/build.py [NAME ...]          all, or some: 05_gates_and_norms, or 05
    python notebooks/build.py --check [NAME ...]  run them all the same, and write nothing

A source is plain Python in jupytext's percent format. A notebook is written only if every cell
ran without an error and without a warning. It holds no times: the same run, the same bytes.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
# JupyterLab folds the output until the cell runs: a reader predicts first. Web pages show it.
FOLDED = {"jupyter": {"outputs_hidden": True}}
OPTIONS = {"timeout": 300, "record_timing": False, "coalesce_streams": True}
OPTIONS["extra_arguments"] = ["--log-level=ERROR"]  # ipykernel advises to encrypt, else


def build(source: Path, target: Path | None) -> str:
    """Run a source and write the notebook to `target` (None: nowhere); return the outcome."""
    notebook = jupytext.read(source, fmt="py:percent")
    own = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # not the user's settings
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own["IPYTHONDIR"]:
        try:
            NotebookClient(notebook, **OPTIONS).execute(env=os.environ | own, cwd=str(HERE))
        except Exception as error:  # a cell failed or took too long, or the kernel died
            return f"FAILED: {error}"
    for number, cell in enumerate(notebook.cells):
        if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
            return f"FAILED: cell {number} printed a warning: {cell.outputs}"
        reveals = cell.cell_type == "code" and ".reveal(" in cell.source
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.from_dict(FOLDED if reveals else {})
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    if target is not None:
        target.write_bytes(nbformat.writes(notebook).encode() + b"\n")
    return "ran" if target is None else "written"


def main(arguments: list[str] | None = None) -> int:
    """Build or check the notebooks that are named; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="05_gates_and_norms, or 05")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options, outcomes = parser.parse_args(arguments), []
    for name in options.names or [""]:
        for source in sorted(HERE.glob(f"src/{name}*.py")) or parser.error(
            f"no notebook {name}"
        ):
            target = None if options.check else HERE / f"{source.stem}.ipynb"
            outcomes.append(build(source, target))
            print(f"{source.stem:32} {outcomes[-1]}", flush=True)
    return int(any(outcome.startswith("FAILED") for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
