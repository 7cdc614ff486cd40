"""The files of Pyodide that the playground loads: Python and NumPy in WebAssembly.

An address or a folder may hold them. Each file is compared with its SHA-256, which is that of
npm's pyodide@0.27.7 and of its pyodide-lock.json.
"""

import hashlib
import urllib.request
from pathlib import Path

VERSION = "0.27.7"
ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
FILES = {  # name: bytes, SHA-256
    "pyodide.mjs": (
        13_931,
        "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    ),
    "pyodide.asm.js": (
        1_255_688,
        "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    ),
    "pyodide.asm.wasm": (
        10_105_545,
        "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    ),
    "python_stdlib.zip": (
        2_360_737,
        "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    ),
    "pyodide-lock.json": (
        112_205,
        "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
    ),
    NUMPY: (
        3_061_133,
        "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
    ),
}
COUNTED = [name for name in FILES if name not in ("pyodide.mjs", "pyodide.asm.js")]


def is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def copy_files(place: str, folder: Path) -> None:
    """Copy the files from an address or a folder into `folder`.

    Raises: OSError if one cannot be read; ValueError if one is not that of this version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, sha256) in FILES.items():
        try:
            data = _read(place, name)
        except OSError as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", error)
            raise OSError(
                f"{name} cannot be read from {place}: {reason}; Pyodide {VERSION} may also be "
                "copied from a folder: --pyodide FOLDER"
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"{place}: {name} is not the file of Pyodide {VERSION}")
        (folder / name).write_bytes(data)


def _read(place, name):
    if not is_address(place):
        return (Path(place) / name).read_bytes()
    with urllib.request.urlopen(place.rstrip("/") + "/" + name, timeout=60) as answer:
        return answer.read()
