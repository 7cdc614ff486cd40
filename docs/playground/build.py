"""Make the playground: a folder that any web server can host. Only Python is needed.

    run.py playground [OUT]                  Pyodide comes from its project's own server
    run.py playground [OUT] --copy           ... and is copied into OUT now, for a school
    run.py playground [OUT] --pyodide FROM   another address; or a folder, to copy from
    run.py playground [OUT] --serve [PORT]   then serve it on this machine
    run.py playground [OUT] --documentation ADDRESS    of the page's link to the guides

OUT is docs/_build/playground. It holds the page, packages.zip with minigrad, flashlm_np and the
page's own Python, examples.json, and settings.json, which names the address of Pyodide.
"""

import argparse
import json
import shutil
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))  # -I leaves it out

from pyodide_files import ADDRESS, COUNTED, FILES, copy_files, is_address  # noqa: E402

PACKAGES = (ROOT / "minigrad", ROOT / "flashlm_np", HERE / "session")
NOT_PACKED = ("__pycache__", "py.typed")
ORDER = ("shape_error", "wrong_backward", "own_operation", "steps", "ternary")


def build(
    out: Path, pyodide: str = ADDRESS, copy: bool = False, documentation: str = ""
) -> None:
    """Make the folder `out`. Its older files of the same names are replaced.

    Raises: OSError, or ValueError for files of another Pyodide.
    """
    out.mkdir(parents=True, exist_ok=True)
    if copy or not is_address(pyodide):
        copy_files(pyodide, out / "pyodide")
        pyodide = "pyodide"
    for path in (HERE / "page").iterdir():
        if path.is_file():
            shutil.copyfile(path, out / path.name)
    _pack(out / "packages.zip")
    counted = sum(FILES[name][0] for name in COUNTED)
    settings = {
        "pyodide": pyodide.rstrip("/") + "/",
        "bytes": counted + (out / "packages.zip").stat().st_size,
        "documentation": documentation,
    }
    (out / "settings.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    (out / "examples.json").write_text(json.dumps(examples()), encoding="utf-8")


def _pack(path):
    """Write the packages, always as the same bytes, so that browsers can keep the file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in PACKAGES:
            for file in sorted(package.rglob("*")):
                name = file.relative_to(package.parent).as_posix()
                if file.is_file() and not any(part in name for part in NOT_PACKED):
                    archive.writestr(zipfile.ZipInfo(name), file.read_bytes(), 8)


def examples() -> list[dict[str, str]]:
    """The programs of the page: the README's, and those of page/examples, titles first."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    title = "minigrad in ten lines"
    source = readme.partition(f"## {title}\n\n```python\n")[2].partition("```")[0]
    return [{"name": "readme", "title": title, "source": source}, *map(_example, ORDER)]


def _example(name):
    text = (HERE / "page" / "examples" / f"{name}.py").read_text(encoding="utf-8")
    title, _, source = text.partition("\n")
    return {"name": name, "title": title.removeprefix("# "), "source": source.lstrip("\n")}


def main(arguments: list[str]) -> int:
    about, _, _ = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(prog="run.py playground", description=about)
    default = ROOT / "docs" / "_build" / "playground"
    parser.add_argument("out", nargs="?", default=str(default), help="docs/_build/playground")
    parser.add_argument("--pyodide", default=ADDRESS, metavar="FROM", help="address or folder")
    parser.add_argument("--copy", action="store_true", help="copy Pyodide into the folder")
    parser.add_argument("--documentation", default="", metavar="ADDRESS", help="to link to")
    parser.add_argument(
        "--serve", nargs="?", type=int, const=8000, metavar="PORT", help="8000; 0: any"
    )
    options = parser.parse_args(arguments)
    out = Path(options.out)
    try:
        build(out, options.pyodide, options.copy, options.documentation)
    except (OSError, ValueError) as error:
        print(f"The playground could not be made: {error}", file=sys.stderr)
        return 1
    print(f"Made {out}; a web server must show it, such as that of --serve")
    return 0 if options.serve is None else _serve(out, options.serve)


def _serve(out, port):
    from serve import serve

    try:
        serve(out, port)
    except (OSError, OverflowError) as error:
        print(
            f"Port {port} cannot be had ({error}); --serve 0 takes a free one", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
