"""GPT-2's embedding, reduced to the model's width: the table that FlashLM v3 starts with."""

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ..data.hub import reason_of
from ..errors import UserError, extra_package
from ..files import expect_an_end
from ..progress import Progress
from ..training.initial_embedding import ReducedTable, row_blocks, truncated_svd

REPOSITORY, FILE, TENSOR = "openai-community/gpt2", "model.safetensors", "wte.weight"
REQUEST = 8_000_000  # bytes in one range request
REMEDY = "; check the network, use a copy of the file (embed gpt2 --weights FILE), or "
REMEDY += "choose another embedding (corpus or random)"


def from_gpt2(D: int, weights: Path | None = None) -> ReducedTable:
    """Return GPT-2's embedding in D numbers per token, from a file or from Hugging Face's hub.

    Raises UserError if it cannot be read, or if D is larger than its 768 numbers.
    """
    if weights:
        expect_an_end(weights)
    name = weights or REPOSITORY
    path = weights or _hub().try_to_load_from_cache(REPOSITORY, FILE)
    try:
        wide = _from_file(path) if isinstance(path, str | Path) else _from_hub()
    except Exception as error:  # those of safetensors, the hub and HTTP have no common base
        remedy = "" if weights else REMEDY
        raise UserError(f"cannot read {name}: {reason_of(error)}{remedy}") from None
    if wide.ndim != 2 or not 1 <= D <= wide.shape[1]:
        raise UserError(f"an embedding of shape {wide.shape} cannot be reduced to width {D}")
    if not np.isfinite(wide).all():
        raise UserError(f"{name} holds numbers that are not finite")
    return truncated_svd(lambda: row_blocks(wide), D)


def _hub():
    """The hub's library, which only this embedding needs, and not from a file."""
    with extra_package("GPT-2's embedding"):
        import huggingface_hub
    return huggingface_hub


def _from_file(path):
    with safe_open(path, framework="np") as file:
        names = list(file.keys())
        return file.get_tensor(TENSOR if TENSOR in names else f"transformer.{TENSOR}")


def _from_hub():
    """Read only the header and the tensor, 154 MB of the file's 548 MB."""
    with _hub().HfFileSystem().open(f"{REPOSITORY}/{FILE}", cache_type="none") as file:
        header = file.read(int.from_bytes(file.read(8), "little"))  # JSON after its length
        entry, data = json.loads(header)[TENSOR], bytearray()
        start, stop = (8 + len(header) + offset for offset in entry["data_offsets"])
        file.seek(start)
        progress = Progress("megabyte", (stop - start) // 10**6)
        while piece := file.read(min(REQUEST, stop - file.tell())):
            data += piece
            progress.advance("of GPT-2's embedding", len(data) // 10**6 - progress.done)
        progress.close()
    return np.frombuffer(data, "<f4").reshape(entry["shape"])
