"""A packed model as one C99 file that needs nothing but the C library.

The constants are those of an export: ternary matrices in base 3, embedding and head in int8,
the rest in floating point, written in hexadecimal so that not a bit is lost. Ternary layers add
integers only: five 8-bit activations make a table of their 243 signed sums, by additions, and
each packed byte is an index into it. The steps are those of inference/streaming.py with
activations in 8 bits, so that both choose the same tokens.

The program reads ids and writes ids: `./model 20 5 17 99` continues the prompt 5 17 99 by 20.
On a microcontroller, take `next_token` and leave `main` away.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from ..analysis.costs import TERNARY
from ..errors import UserError
from ..training.checkpoint import Checkpoint
from .export import TABLE, unpacked

PER_LINE = 24  # numbers


def c_source(small: Checkpoint, vocab_size: int) -> str:
    """The C file of an export with a head in int8 and base-3 codes.

    Ids from `vocab_size` on, which the tokenizer has not, are never chosen.
    """
    config, arrays = small.config, small.arrays
    if small.state["packed"] != small.state["packed"] | {"encoding": "base-3", "head": "int8"}:
        raise UserError("the C program is made of base-3 codes and an int8 head")
    weights = unpacked(small)
    mixer = "block.token_mixer"
    constants = [
        _sizes(config, vocab_size),
        _array("int8_t", "table_q", arrays[f"int8/{TABLE}"]),
        _array("float", "table_scale", arrays[f"rows/{TABLE}"]),
        _array("int", "dilation", np.array(config.dilations)),
    ]
    for name in ("block.norm1", "block.norm2", "final_norm"):
        constants.append(_array("float", name.split(".")[-1], weights[f"{name}.scale"]))
    layers = range(len(config.dilations))
    constants.append(
        _array("float", "norms", [weights[f"{mixer}.norms.{i}.scale"] for i in layers])
    )
    for kind in ("gate", "value"):
        names = [f"{mixer}.layers.{i}.conv_{kind}.conv.weight" for i in layers]
        constants.append(_array("float", f"conv_{kind}", [weights[name] for name in names]))
    for name, short in TERNARY.items():
        constants.append(_array("uint8_t", short, arrays[f"packed/{name}"]))
        constants.append(_number("float", f"{short}_scale", arrays[f"scale/{name}"][0]))
    program = files("flashlm_np.inference").joinpath("model.c").read_text()
    return program.replace("/* CONSTANTS */", "\n".join(constants))


def _sizes(config, vocab_size) -> str:
    longest = (config.taps - 1) * max(config.dilations) + 1
    sizes = {
        "V": vocab_size,
        "D": config.d_model,
        "H": config.glu_width,
        "K": config.taps,
        "GROUPS": config.conv_groups,
        "LAYERS": len(config.dilations),
        "RECURSIONS": config.recursions,
        "LONGEST": longest,
    }
    lines = [f"    {name} = {value}," for name, value in sizes.items()]
    eps = _number("float", "norm_eps", config.norm_eps)
    return "\n".join(["enum {", *lines, "};", eps])


def _array(kind, name, values) -> str:
    flat = np.ravel(values)
    texts = [_text(kind, value) for value in flat.tolist()]
    lines = [
        ",".join(texts[start : start + PER_LINE]) for start in range(0, len(texts), PER_LINE)
    ]
    return f"static const {kind} {name}[{flat.size}] = {{\n" + ",\n".join(lines) + "};"


def _number(kind, name, value) -> str:
    return f"static const {kind} {name} = {_text(kind, float(value))};"


def _text(kind, value) -> str:
    return f"{float(np.float32(value)).hex()}f" if kind == "float" else str(value)
