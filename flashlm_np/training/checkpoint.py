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
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..errors import UserError, one_line
from ..files import read_bytes, remove, write_atomically
from ..model.config import Config
from ..records import SHA256, Number, misfit, read_record, write_record

FORMAT, OLD_FORMAT = "flashlm-np checkpoint 2", "flashlm-np checkpoint 1"  # 1: no checksum
ARRAYS = re.compile(r"step-[0-9]{6,}(-[0-9a-f]{8})?\.safetensors")  # version 0.1: no hash
ENTRIES = {
    "step": Number(int, 0, 10**9),
    "arrays": ARRAYS,
    "sha256": SHA256,
    "config": dict,  # Config.from_dict checks its fields
    "state": {
        "tokenizer": {"name": str, "fingerprint": str},
        "corpus": {"name": str, "separated": bool, "files?": [str], "folder?": (str, None)},
        "packed?": {"encoding": str, "head": str},  # of an export
        "published?": dict,  # of a converted checkpoint
    },
}
COUNT = Number(int)
RUN_STATE = {  # also in the state of a run, which is no export and not converted
    "generator": {
        "bit_generator": re.compile("PCG64"),
        "state": {"state": Number(int, 0, 2**128 - 1), "inc": Number(int, 0, 2**128 - 1)},
        "has_uint32": Number(int, 0, 1),
        "uinteger": Number(int, 0, 2**32 - 1),
    },
    "counts": {
        "tokens_seen": COUNT,
        "positions_scored": COUNT,
        "seconds": Number(float),
        "best_loss": Number(float, 0, float("inf")),
    },
    "machine?": {"threads": COUNT, "numpy": str, "blas": str, "processor": str},  # machine.py
    "corpus": {"files": list, "folder": (str, None), "fingerprint": str},
}


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
    _remove_unnamed(out)


def load(out: Path, name: str = "last") -> Checkpoint:
    """Read OUT/NAME.json and its arrays.

    Raises UserError if one of them is missing, damaged, or of another version.
    """
    record = _read_record(out / f"{name}.json")
    if not (out / record["arrays"]).exists():  # a run that goes on may just have replaced both
        record = _read_record(out / f"{name}.json")
    path = out / record["arrays"]
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        damage = f"{path} is damaged: its SHA-256 is not the one in {name}.json"
        raise UserError(f"{damage}; {_remedy(out, name)}")
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


def _read_record(path):
    remedy = _remedy(path.parent, path.stem)
    record = read_record(path, FORMAT, ENTRIES, remedy, OLD_FORMAT)
    state = record["state"]
    is_run = not ("packed" in state or "published" in state)
    if is_run and (problem := misfit(state, RUN_STATE, "state")):
        raise UserError(f"{path} is damaged: {problem}; {remedy}")
    return record


def _remedy(out, name):
    other = "last" if name == "best" else "best"
    if (out / f"{other}.json").is_file():
        return f"{other}.json may still be whole: copy it over {name}.json"
    return "train again"


def _remove_unnamed(out):
    """Delete the arrays that neither last.json nor best.json names any more."""
    records = [path for path in (out / "last.json", out / "best.json") if path.exists()]
    try:
        named = {_read_record(path)["arrays"] for path in records}
    except UserError:  # nobody knows which arrays a damaged record names
        return
    for path in out.glob("step-*.safetensors"):
        if ARRAYS.fullmatch(path.name) and path.name not in named:
            remove(path)
