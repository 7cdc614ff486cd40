"""The pages of the site that are made: from the code, from the notebooks, from a guide.

They are made before each build, in folders that git ignores: docs/notebooks, docs/ops,
docs/api, docs/files and docs/steps. A file is written only where it has changed, so that a
second build is quick.
"""

from __future__ import annotations

import json
import re

from . import modules, operations
from .links import DOCS, files_linked, flat, rewritten
from .rst import ROOT


def make(app, config):
    """Write the pages that are made, and remove those of which nothing is left."""
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    _write("notebooks", {path.name: _notebook(path) for path in notebooks})
    _write("ops", _operations())
    _write("api", _modules())
    _write("files", _files(notebooks))
    _write("steps", {"two_ways_to_w.html": first_steps().html})


def _operations():
    pages = operations.modules().items()
    made = {f"{name}.rst": operations.operation_page(module) for name, module in pages}
    return made | {"index.rst": operations.index_page()}


def _modules():
    names = modules.names()
    under = {name: [n for n in names if n.rpartition(".")[0] == name] for name in names}
    made = {f"{name}.rst": modules.module_page(name, under[name]) for name in names}
    return made | {"index.rst": modules.index_page()}


def _files(notebooks):
    """Pages of the files that guides and notebooks link to and that have none yet."""
    texts = [(path, path.read_text(encoding="utf-8")) for path in sorted(DOCS.glob("*.md"))]
    texts += [(path, "\n".join(_markdown(path))) for path in notebooks]
    paths = {found for path, text in texts for found in files_linked(text, path.parent)}
    return {f"{flat(path)}.rst": modules.file_page(path) for path in paths}


def _notebook(path):
    """The notebook as it was committed, but for its links."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = rewritten("".join(cell["source"]), path.parent)
            cell["source"] = text.splitlines(keepends=True)
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _markdown(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def first_steps():
    """What minigrad.look.step_through gives in the first code of its guide."""
    guide = (DOCS / "step_by_step.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL).group(1)
    namespace: dict = {}
    exec(compile(code, "step_by_step.md", "exec"), namespace)
    return namespace["steps"]


def _write(folder, contents):
    """Make docs/`folder` hold exactly these files."""
    (DOCS / folder).mkdir(exist_ok=True)
    for path in (DOCS / folder).iterdir():
        if path.is_file() and path.name not in contents:
            path.unlink()
    for name, text in contents.items():
        path = DOCS / folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("config-inited", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
