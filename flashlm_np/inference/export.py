"""`flashlm export`: a model for use only, with its ternary matrices packed.

    packed/NAME, scale/NAME   a ternary matrix, or a kernel made flat: codes, and s
    int8/NAME, rows/NAME      the embedding and head in int8: q, and a scale for each row
    half/NAME                 everything else that is no vector, in float16
    model/NAME                vectors, in float32

It is a checkpoint like any other, and eval, generate and inspect read it. Unpacked, a ternary
weight is -s, 0 or s. Ternarized once more with v3's threshold and a scale, it would shrink; so
the configuration that goes with it has threshold 0 and the scale "kept", for which it is what
it was: the mean of |w| where w is not 0 is s.

Codes: docs/packed-format.md. Rows in int8: head8.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from minigrad.ops.ternary import ternarize

from ..analysis.costs import TERNARY
from ..errors import UserError
from ..model.config import Config
from ..model.flashlm import FlashLM
from ..model.layers import ternary_options
from ..training import checkpoint
from ..training.checkpoint import Checkpoint, below
from .head8 import quantize_head
from .packing import PackedTernary, pack

HEADS = ("int8", "float16")
TABLE = "embedding.weight"


def packed_checkpoint(
    saved: Checkpoint, model: FlashLM, encoding: str = "base-3", head: str = "int8"
) -> Checkpoint:
    """The checkpoint of `model`, which was read from `saved`, in as few bytes as it needs."""
    config = saved.config
    arrays = {}
    for name, parameter in model.named_parameters():
        if is_ternary(name, config):
            arrays |= _packed(name, parameter.data, config, encoding)
        elif name == TABLE and head == "int8":
            table = quantize_head(parameter.data)
            arrays |= {f"int8/{name}": table.q, f"rows/{name}": table.scale}
        else:
            arrays |= _half(name, parameter.data)
    about = {"encoding": encoding, "head": head, "step": saved.step}
    state = {key: saved.state[key] for key in ("tokenizer", "corpus")}
    fixed = replace(config, ternary_threshold=0.0, ternary_scale="kept")
    return Checkpoint(fixed, saved.step, arrays, state | {"counts": {}, "packed": about})


def is_ternary(name: str, config: Config) -> bool:
    """Whether the parameter acts as -1, 0 and +1 only."""
    return name in TERNARY or (config.ternary_convs and name.endswith("conv.weight"))


def _packed(name, w, config, encoding):
    T, s = ternarize(w, **ternary_options(config))
    packed = pack(T.reshape(len(T), -1).astype(np.int8), s, encoding)
    return {f"packed/{name}": packed.codes, f"scale/{name}": np.float32([packed.scale])}


def _half(name, array):
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if array.ndim < 2 or not np.isfinite(half).all():
        return {f"model/{name}": array}
    return {f"half/{name}": half}


def unpacked(saved: Checkpoint) -> dict[str, np.ndarray]:
    """The weights of such a checkpoint, in float32, by parameter name.

    Raises:
        ValueError: the arrays are not those of an export of this configuration.
    """
    arrays = saved.arrays
    weights = below("model/", arrays)
    weights |= {n: a.astype(np.float32) for n, a in below("half/", arrays).items()}
    for name, q in below("int8/", arrays).items():
        rows = _entry(arrays, f"rows/{name}", (len(q),))
        weights[name] = q.astype(np.float32) * rows[:, None]
    shapes = _ternary_shapes(saved.config)
    encoding = saved.state["packed"].get("encoding")
    for name, codes in below("packed/", arrays).items():
        if name not in shapes:
            raise ValueError(f"unexpected packed weight {name}")
        O, *rest = shapes[name]
        (scale,) = _entry(arrays, f"scale/{name}", (1,))
        flat = PackedTernary(encoding, (O, int(np.prod(rest))), float(scale), codes)
        weights[name] = flat.dense().reshape(shapes[name])
    return weights


def _entry(arrays, key, shape):
    if key not in arrays or arrays[key].shape != shape:
        raise ValueError(f"expected {key} of shape {shape}")
    return arrays[key]


def _ternary_shapes(config):
    """Of the weights that may be packed, from the configuration alone."""
    D, H = config.d_model, config.glu_width
    shapes = dict(zip(TERNARY, [(D, D), (H, D), (H, D), (D, H)], strict=True))
    if config.ternary_convs:
        for i in range(len(config.dilations)):
            for kind in ("gate", "value"):
                name = f"block.token_mixer.layers.{i}.conv_{kind}.conv.weight"
                shapes[name] = (D, D // config.conv_groups, config.taps)
    return shapes


def write(saved: Checkpoint, tokenizer, out: Path) -> int:
    """Write an export into a new folder; how many bytes its arrays have on the disk.

    Raises:
        UserError: the folder holds a run already, or cannot be written to.
    """
    if (out / "last.json").exists():
        raise UserError(f"{out} holds a run already; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    checkpoint.save_tokenizer(out, tokenizer)
    checkpoint.save(out, saved, ["last", "best"])
    return sum(path.stat().st_size for path in out.glob("step-*.safetensors"))
