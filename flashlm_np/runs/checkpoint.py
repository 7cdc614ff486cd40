"""Checkpoints on disk: safetensors for the arrays, JSON for the rest, never pickle.

    OUT/step-000500-1f2e3d4c.safetensors   every array of the run after step 500
    OUT/best.json                          the checkpoint with the lowest validation loss so far
    OUT/last.json                          the checkpoint to go on from

A JSON file is a record (records.py): the name of the arrays' file, its SHA-256, and all that is
no array. The name of the file ends in the first digits of its SHA-256. So a run that takes a
step again, with another result, does not overwrite arrays that best.json still names.

Each file is written under a temporary name, synced and renamed: the arrays, best.json, then
last.json. The arrays that the old records name are deleted at the end. So a run may be killed
between any two instructions. last.json then names a whole checkpoint, and best.json one that is
the best, or that the resumed run reaches again.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..errors import UserError, one_line
from ..files import read_bytes, remove, write_atomically
from ..model.config import Config
from ..records import write_record
from .checkpoint_record import ARRAYS, FORMAT, read_checkpoint_record, records_in, remedy


@dataclass
class Checkpoint:
    """The whole state of a run: arrays by name, and `state`, JSON values that are no arrays."""

    config: Config
    step: int
    arrays: dict[str, np.ndarray] = field(repr=False)
    state: dict

    def weights(self, kind: str = "model") -> dict[str, np.ndarray]:
        """The model's weights ("model") or their running average ("ema"), by parameter name."""
        return self._part(kind)

    def layout(self) -> dict[str, np.ndarray]:
        """The arrays of the order of the words, which the exact head has not."""
        return self._part("layout")

    def others(self) -> dict[str, np.ndarray]:
        """With local steps, the own arrays of all processes after process 0, stacked."""
        return self._part("others")

    def _part(self, name):
        start = f"{name}/"
        return {k.removeprefix(start): a for k, a in self.arrays.items() if k.startswith(start)}


def save(out: Path, checkpoint: Checkpoint, names: list[str]) -> None:
    """Write a checkpoint, and let each of `names` ("last", "best") point to it."""
    arrays = {name: np.asarray(a, order="C") for name, a in checkpoint.arrays.items()}
    data = safetensors.save(arrays)
    sha256 = hashlib.sha256(data).hexdigest()
    file = f"step-{checkpoint.step:06d}-{sha256[:8]}.safetensors"
    write_atomically(out / file, data)
    record = {
        "step": checkpoint.step,
        "arrays": file,
        "sha256": sha256,
        "config": checkpoint.config.to_dict(),
        "state": checkpoint.state,
    }
    for name in sorted(names):  # "best" first: last.json remembers the best loss
        write_record(out / f"{name}.json", FORMAT, record)
    remove_unnamed(out)


def load(out: Path, name: str = "last") -> Checkpoint:
    """Read OUT/NAME.json and its arrays.

    Raises UserError if one of them is missing, damaged, or of another version.
    """
    record = read_checkpoint_record(out, name)
    if not (out / record["arrays"]).exists():  # a run that goes on may just have replaced both
        record = read_checkpoint_record(out, name)
    path = out / record["arrays"]
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        damage = f"{path} is damaged: its SHA-256 is not the one in {name}.json"
        raise UserError(f"{damage}; {remedy(out, name)}")
    try:
        config = Config.from_dict(record["config"])
        return Checkpoint(config, record["step"], _arrays(data), record["state"])
    except ValueError as error:
        problem = f"does not fit this version of flashlm: {one_line(error)}"
        raise UserError(f"{out / f'{name}.json'} {problem}") from None


def _arrays(data):
    """The arrays of a safetensors file. Raises ValueError unless all are numbers."""
    try:
        arrays = safetensors.load(data)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that NumPy lacks
        raise ValueError(f"its arrays cannot be read: {error}") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise ValueError(f"its array {name} has dtype {array.dtype}, expected real numbers")
    return arrays


def remove_unnamed(out: Path) -> None:
    """Delete the arrays that neither last.json nor best.json names any more."""
    try:
        named = {read_checkpoint_record(out, name)["arrays"] for name in records_in(out)}
    except UserError:  # nobody knows which arrays a damaged record names
        return
    for path in out.glob("step-*.safetensors"):
        if ARRAYS.fullmatch(path.name) and path.name not in named:
            remove(path)
