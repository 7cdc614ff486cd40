import sys
from pathlib import Path

PLAYGROUND = Path(__file__).resolve().parents[2] / "docs" / "playground"
sys.path.insert(0, str(PLAYGROUND))
