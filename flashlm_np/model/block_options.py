"""The options of the block: the names of its forms, and how far back its mixer sees."""

import math

CONVOLUTIONS = ("gated_convs", "depthwise")  # the mixers that see a fixed stretch of the past
MIXERS = (*CONVOLUTIONS, "attention", "mlgru")  # mixers/
GRU_GATES = ("code", "paper")  # of mixers/mlgru.py
ACTIVATIONS = ("relu_squared", "silu")  # of the gate in glu.py
INITIAL_WEIGHTS = ("v3", "fan_out")  # initial_std in glu.py


def check_block(config) -> None:
    """Raise a ValueError if an option has nothing to act on."""
    if config.first_skip and config.recursions * config.blocks == 1:
        raise ValueError(
            "--first-skip acts before each application of a block but the first, and there is "
            "only one; give --recursions or --blocks, or leave it out"
        )
    heads, width = config.attention_heads, config.inner_width
    if config.mixer == "attention" and width % (2 * heads):
        raise ValueError(
            f"--attention-heads is {heads} and the mixer's width is {width}, expected an even "
            "number for each head, because rotary positions turn pairs; choose --mixer-width"
        )


def mixer_reach(config) -> float:
    """The number of earlier positions that one application of the mixer sees; ∞: all."""
    if config.mixer not in CONVOLUTIONS:
        return math.inf
    dilations = config.dilations if config.mixer == "gated_convs" else (1,)
    return (config.taps - 1) * sum(dilations)
