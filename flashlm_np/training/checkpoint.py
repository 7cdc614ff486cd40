"""Checkpoints on disk: safetensors for the arrays, JSON for the rest, never pickle.

    OUT/step-000500.safetensors   every array of the run after step 500
    OUT/last.json                 the name of that file, its SHA-256, and all that is no array
    OUT/best.json                 the same for the lowest validation loss so far

Each file is written under a temporary name, synced and renamed, the arrays first. Until
last.json is replaced, it names the old arrays, which are still there. So a run may be killed
between any two instructions, and last.json still names a whole checkpoint.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..errors import UserError
from ..files import read_bytes, read_record, write_atomically
from ..model.config import Config

FORMAT = "flashlm-np checkpoint 1"


@dataclass
class Checkpoint:
    """The whole state of a run: arrays by name, and `state`, JSON values that are no arrays."""

    config: Config
    step: int
    arrays: dict[str, np.ndarray]
    state: dict

    def weights(self, kind: str = "model") -> dict[str, np.ndarray]:
        """The model's weights ("model") or their running average ("ema"), by parameter name."""
        start = f"{kind}/"
        return {k.removeprefix(start): a for k, a in self.arrays.items() if k.startswith(start)}


def save(out: Path, checkpoint: Checkpoint, names: list[str]) -> None:
    """Write a checkpoint, and let each of `names` ("last", "best") point to it."""
    arrays = {name: np.asarray(a, order="C") for name, a in checkpoint.arrays.items()}
    data = safetensors.save(arrays)
    file = f"step-{checkpoint.step:06d}.safetensors"
    write_atomically(out / file, data)
    record = {
        "format": FORMAT,
        "step": checkpoint.step,
        "arrays": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "config": checkpoint.config.to_dict(),
        "state": checkpoint.state,
    }
    for name in names:
        write_atomically(out / f"{name}.json", json.dumps(record, indent=1).encode())
    _remove_unnamed(out)


def load(out: Path, name: str = "last") -> Checkpoint:
    """Read OUT/NAME.json and its arrays.

    Raises UserError if one of them is missing, damaged, or of another version.
    """
    record = _read_record(out / f"{name}.json")
    path = out / record["arrays"]
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        damage = f"{path} is damaged: its SHA-256 is not the one in {name}.json"
        raise UserError(f"{damage}; {_remedy(out, name)}")
    try:
        arrays, config = safetensors.load(data), Config.from_dict(record["config"])
    except (SafetensorError, ValueError, TypeError) as error:
        raise UserError(f"{path} does not fit this version of flashlm: {error}") from None
    return Checkpoint(config, record["step"], arrays, record["state"])


def _read_record(path):
    kinds = {"step": int, "arrays": str, "sha256": str, "config": dict, "state": dict}
    record = read_record(path, FORMAT, _remedy(path.parent, path.stem), **kinds)
    if Path(record["arrays"]).name != record["arrays"]:
        raise UserError(f"{path} is damaged: its arrays are not in the same folder")
    return record


def _remedy(out, name):
    other = "last" if name == "best" else "best"
    if (out / f"{other}.json").is_file():
        return f"{other}.json may still be whole: copy it over {name}.json"
    return "train again"


def _remove_unnamed(out):
    """Delete the arrays that neither last.json nor best.json names any more."""
    records = [path for path in (out / "last.json", out / "best.json") if path.is_file()]
    named = {out / _read_record(path)["arrays"] for path in records}
    for path in set(out.glob("step-*.safetensors")) - named:
        path.unlink()
