"""The folder of the playground, its copy of Pyodide, and the server."""

import hashlib
import json
import threading
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import build
import pyodide_files
import pytest
from serve import server

ROOT = Path(build.__file__).resolve().parents[2]


@pytest.fixture
def pyodide(tmp_path, monkeypatch):
    """A folder with small files in place of Pyodide's."""
    folder, files = tmp_path / "pyodide of a school", {}
    folder.mkdir()
    for name in pyodide_files.FILES:
        (folder / name).write_text(f"file {name}")
        files[name] = (len(name) + 5, hashlib.sha256(f"file {name}".encode()).hexdigest())
    monkeypatch.setattr(pyodide_files, "FILES", files)
    monkeypatch.setattr(build, "FILES", files)
    return folder


@pytest.fixture
def served():
    """Start a server of a folder; return its address."""
    started = []

    def start(folder, **options):
        started.append(server(folder, **options))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{started[-1].server_port}/"

    yield start
    for running in started:
        running.shutdown()
        running.server_close()


def test_the_folder_holds_the_page_both_packages_and_the_address(tmp_path):
    assert build.main([str(tmp_path / "out"), "--documentation", "../index.html"]) == 0
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["pyodide"] == "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
    assert settings["documentation"] == "../index.html"
    with zipfile.ZipFile(tmp_path / "out" / "packages.zip") as archive:
        names = set(archive.namelist())
    sources = [p for name in ("minigrad", "flashlm_np") for p in ROOT.glob(f"{name}/**/*.py")]
    assert {path.relative_to(ROOT).as_posix() for path in sources} <= names
    assert {"minigrad/look/page/page.html", "flashlm_np/data/stories/tables/wish.txt"} <= names
    assert not any("__pycache__" in name for name in names)
    first = (tmp_path / "out" / "packages.zip").read_bytes()
    build.build(tmp_path / "out")
    assert (tmp_path / "out" / "packages.zip").read_bytes() == first


def test_the_readmes_program_is_the_first():
    (first, *others) = build.examples()
    assert first["source"].startswith("import numpy as np\nfrom minigrad import Tensor")
    files = {path.stem for path in (ROOT / "docs/playground/page/examples").glob("*.py")}
    assert {example["name"] for example in others} == files


def test_pyodide_is_copied_from_a_folder_or_an_address(tmp_path, pyodide, served):
    for i, place in enumerate((str(pyodide), served(pyodide))):
        out = tmp_path / str(i)
        assert build.main([str(out), "--pyodide", place, "--copy"]) == 0
        assert json.loads((out / "settings.json").read_text())["pyodide"] == "pyodide/"
        copied = {path.name for path in (out / "pyodide").iterdir()}
        assert copied == set(pyodide_files.FILES)


def test_another_file_in_place_of_pyodides_is_refused(tmp_path, pyodide, capsys):
    (pyodide / "pyodide.mjs").write_text("another")
    assert build.main([str(tmp_path / "out"), "--pyodide", str(pyodide)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("The playground could not be made: ")
    assert "pyodide.mjs is not the file of Pyodide 0.27.7" in error
    (pyodide / "pyodide.mjs").unlink()
    assert build.main([str(tmp_path / "out"), "--pyodide", str(pyodide)]) == 1
    sentence = f"pyodide.mjs cannot be read from {pyodide}: No such file or directory; "
    assert sentence in capsys.readouterr().err


def test_a_port_that_is_taken_gives_one_sentence(tmp_path, served, capsys):
    port = urlsplit(served(tmp_path)).port
    for wrong in (port, 99999):
        assert build.main([str(tmp_path / "out"), "--serve", str(wrong)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"Port {wrong} cannot be had (")
        assert error.endswith("; --serve 0 takes a free one\n")


def test_the_server_sends_the_types_and_headers_that_pyodide_wants(tmp_path, served):
    types = {
        "a.js": "text/javascript",
        "a.mjs": "text/javascript",
        "a.wasm": "application/wasm",
        "a.json": "application/json",
        "a.html": "text/html",
    }
    for name in types:
        (tmp_path / name).write_text("x")
    address = served(tmp_path)
    for name, kind in types.items():
        with urllib.request.urlopen(address + name) as answer:
            assert answer.headers["Content-Type"] == kind
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    with urllib.request.urlopen(served(tmp_path, isolated=False) + "a.js") as answer:
        assert answer.headers["Cross-Origin-Opener-Policy"] is None
