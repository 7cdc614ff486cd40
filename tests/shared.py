"""Test data outside the repository.

Golden numbers, a corpus in FineWeb-Edu's layout and a cache of GPT-2's tokenizer lie in a
folder beside the developer's checkout. `FLASHLM_SHARED_DIR` names it; the default is
`../shared`.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("FLASHLM_SHARED_DIR") or ROOT.parent / "shared")


def shared(name: str) -> Path:
    """Return the path of a file or folder there, or skip the test if it is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {path} (set FLASHLM_SHARED_DIR to its folder)")
    return path
