"""The mixer of the C program: gated convolutions, or attention.

    mixer_convs.c       gated_convs    a ring of rows for each convolution
    mixer_attention.c   attention      a table of keys and values, which grows with the text

A mixer replaces the normed input of a block by INNER numbers, which out_proj reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.config import Config

NAME = "block.token_mixer"


@dataclass
class CPart:
    """A part of a program.

    file: its functions. sizes: by name.
    arrays: the C type, the name and the values of each constant.
    """

    file: str
    sizes: dict[str, int]
    arrays: list[tuple[str, str, Any]]


def c_mixer(config: Config, weights: Mapping[str, np.ndarray]) -> CPart:
    """The mixer of a configuration; `weights` are the model's, by parameter name."""
    return MIXERS[config.mixer](config, weights)


def _gated_convs(config, weights):
    layers = range(len(config.dilations))
    sizes = {
        "INNER": config.d_model,
        "K": config.taps,
        "GROUPS": config.conv_groups,
        "LAYERS": len(layers),
        "LONGEST": (config.taps - 1) * max(config.dilations) + 1,
    }
    gates, values = (
        [weights[f"{NAME}.layers.{i}.conv_{kind}.conv.weight"] for i in layers]
        for kind in ("gate", "value")
    )
    arrays = [
        ("int", "dilation", config.dilations),
        ("float", "norms", [weights[f"{NAME}.norms.{i}.scale"] for i in layers]),
        ("float", "conv_gate", gates),
        ("float", "conv_value", values),
    ]
    return CPart("mixer_convs.c", sizes, arrays)


def _attention(config, weights):
    W, K = config.inner_width, config.attention_taps
    # Without a convolution, its kernel is 1 at the position itself.
    kernels = [weights[f"{NAME}.convs.{i}.weight"] for i in range(3)] if K else np.ones(3 * W)
    arrays = [
        ("float", "into", [weights[f"{NAME}.{name}_proj.weight"] for name in "qkv"]),
        ("float", "kernel", kernels),
    ]
    sizes = {"INNER": W, "HEADS": config.attention_heads, "K": max(K, 1)}
    return CPart("mixer_attention.c", sizes, arrays)


MIXERS = {"gated_convs": _gated_convs, "attention": _attention}
