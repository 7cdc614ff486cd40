"""The options of the block: the names of its forms, and how far back its mixer sees."""

MIXERS = ("gated_convs", "depthwise")  # mixers/
ACTIVATIONS = ("relu_squared", "silu")  # of the gate in glu.py
INITIAL_WEIGHTS = ("v3", "fan_out")  # initial_std in glu.py


def check_block(config) -> None:
    """Raise a ValueError if an option has nothing to act on."""
    if config.first_skip and config.recursions * config.blocks == 1:
        raise ValueError(
            "--first-skip acts before each application of a block but the first, and there is "
            "only one; give --recursions or --blocks, or leave it out"
        )


def mixer_reach(config) -> int:
    """The number of earlier positions that one application of the mixer sees."""
    dilations = config.dilations if config.mixer == "gated_convs" else (1,)
    return (config.taps - 1) * sum(dilations)
