"""What lies beside the checkout where this project is developed, and nowhere else.

Golden numbers, a corpus in FineWeb-Edu's layout, a cache of GPT-2's tokenizer: not part of the
repository. `FLASHLM_SHARED_DIR` names their folder; the default is `../shared`.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("FLASHLM_SHARED_DIR") or ROOT.parent / "shared")


def shared(name: str) -> Path:
    """The path of something there, or a skip that says what is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {path} (set FLASHLM_SHARED_DIR to its folder)")
    return path
