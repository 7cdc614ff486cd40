"""Checkpoints that survive: safetensors for arrays, JSON for the rest, never pickle.

    OUT/step-000500.safetensors   every array of the run after step 500
    OUT/last.json                 which file that is, its SHA-256, and all that is no array
    OUT/best.json                 the same for the lowest validation loss so far

Each file is written under a temporary name, synced and renamed. The arrays come first: as long
as last.json is the old one, it names the old arrays, which are still there. So a run may be
killed between any two instructions, and last.json still names a whole checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.tokenizers.plain_ids import Numbers
from ..data.tokenizers.ranks import format_ranks, parse_ranks
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..files import read_bytes, read_record, write_atomically
from ..model.config import Config

FORMAT = "flashlm-np checkpoint 1"


@dataclass
class Checkpoint:
    """A run at rest: arrays by name, and what is no array."""

    config: Config
    step: int
    arrays: dict[str, np.ndarray]
    state: dict

    def weights(self, which: str = "model") -> dict[str, np.ndarray]:
        """The model's weights ("model") or their running average ("ema"), by parameter name."""
        return below(f"{which}/", self.arrays)


def below(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names start with `prefix`, and their names without it."""
    return {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}


def save(out: Path, checkpoint: Checkpoint, names: list[str]) -> None:
    """Write a checkpoint and let each of `names` ("last", "best") point to it."""
    from safetensors.numpy import save as to_bytes

    arrays = {name: np.asarray(a, order="C") for name, a in checkpoint.arrays.items()}
    data = to_bytes(arrays)
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
    """Read OUT/NAME.json and its arrays, or raise a UserError that says what is wrong."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    record = _read_record(out / f"{name}.json")
    path = out / record["arrays"]
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        raise UserError(
            f"{path} is damaged: its SHA-256 is not the one in {name}.json; {_other(out, name)}"
        )
    try:
        arrays = from_bytes(data)
        config = Config.from_dict(record["config"])
    except (SafetensorError, ValueError, TypeError) as error:
        raise UserError(f"{path} does not fit this version of flashlm: {error}") from None
    return Checkpoint(config, record["step"], arrays, record["state"])


def _read_record(path: Path) -> dict:
    kinds = {"step": int, "arrays": str, "sha256": str, "config": dict, "state": dict}
    record = read_record(path, FORMAT, _other(path.parent, path.stem), **kinds)
    if Path(record["arrays"]).name != record["arrays"]:
        raise UserError(f"{path} is damaged: its arrays are not in the same folder")
    return record


def _other(out: Path, name: str) -> str:
    other = {"last": "best", "best": "last"}.get(name, "last")
    if (out / f"{other}.json").is_file():
        return f"{other}.json may still be whole: copy it over {name}.json"
    return "train again"


def _remove_unnamed(out: Path) -> None:
    """Delete arrays that neither last.json nor best.json names any more."""
    named = {_read_record(path)["arrays"] for path in _records(out)}
    for path in out.glob("step-*.safetensors"):
        if path.name not in named:
            path.unlink()


def _records(out: Path) -> list[Path]:
    return [path for name in ("last", "best") if (path := out / f"{name}.json").is_file()]


def save_tokenizer(out: Path, tokenizer: Tokenizer | Numbers) -> None:
    """Keep the tokenizer's ranks with the run, so that it can be read for ever."""
    if isinstance(tokenizer, Numbers):
        return  # it has none
    ranks = {token: rank for rank, token in enumerate(tokenizer.tokens[:-1])}
    write_atomically(out / f"{tokenizer.name}.bpe", format_ranks(ranks))


def load_tokenizer(out: Path, about: dict, vocab_size: int) -> Tokenizer | Numbers:
    """The tokenizer that a record tells `about`; a UserError unless it is exactly that one.

    `vocab_size` is the model's, which is all that there is to know of Numbers.
    """
    name = about.get("name")
    if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f"{out}: {name!r} is no name of a tokenizer")
    if name == Numbers.name:
        return Numbers(vocab_size)
    path = out / f"{name}.bpe"
    try:
        tokenizer = Tokenizer(name, parse_ranks(read_bytes(path)))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from None
    if tokenizer.fingerprint != about.get("fingerprint"):
        raise UserError(f"{path} is not the tokenizer that {out} was made with")
    return tokenizer
