"""The record of a checkpoint, last.json or best.json: its entries, their forms, its reading.

This is the only place where the entries of a saved run are checked, before anything uses them.
"""

import re
from pathlib import Path

from ..errors import UserError
from ..model.phase import MOST_STEPS
from ..records import SHA256, Number, misfit, read_record

NAMES = ("last", "best")
FORMAT, OLD_FORMAT = "flashlm-np checkpoint 2", "flashlm-np checkpoint 1"  # 1: no checksum
ARRAYS = re.compile(r"step-[0-9]{6,}(-[0-9a-f]{8})?\.safetensors")  # version 0.1: no hash
# In a name, bytes that are not UTF-8 are the surrogates dc80 to dcff. Others are in no name.
PATH = re.compile(r"[^\x00\ud800-\udc7f\udd00-\udfff]+")
ENTRIES = {
    "step": Number(int, 0, MOST_STEPS),
    "arrays": ARRAYS,
    "sha256": SHA256,
    "config": dict,  # Config.from_dict checks its fields
    "state": {
        "tokenizer": {"name": str, "fingerprint": str},
        "corpus": {"name": str, "separated": bool, "files?": [PATH], "folder?": (PATH, None)},
        "packed?": {"encoding": str, "head": str},  # of an export
        "published?": dict,  # of a converted checkpoint
        "ngrams?": SHA256,  # of the counts of a prior: ngram_file.py
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
    "machine?": {  # machine.py
        "threads": COUNT,
        "processes?": COUNT,
        "numpy": str,
        "blas": str,
        "processor": str,
    },
    "corpus": {"files": list, "folder": (PATH, None), "fingerprint": str},
}


def read_checkpoint_record(out: Path, name: str) -> dict:
    """Read OUT/NAME.json. Raises UserError that says what is wrong with it, and what to do."""
    path, advice = out / f"{name}.json", remedy(out, name)
    record = read_record(path, FORMAT, ENTRIES, advice, OLD_FORMAT)
    state = record["state"]
    is_run = not ("packed" in state or "published" in state)
    if is_run and (problem := misfit(state, RUN_STATE, "state")):
        raise UserError(f"{path} is damaged: {problem}; {advice}")
    return record


def remedy(out: Path, name: str) -> str:
    """The advice for a user whose checkpoint `name` ("last" or "best") is damaged."""
    for other in records_in(out):
        if other != name:
            return f"{other}.json may still be whole: copy it over {name}.json"
    return "train again"


def records_in(folder: Path) -> list[str]:
    """The names of the checkpoints that a folder has: "last", "best", both or none."""
    return [name for name in NAMES if (folder / f"{name}.json").exists()]
