"""The mixers: the parts of a block in which a position receives from earlier positions.

A mixer is a module made with (config, rng, dtype). Its forward is (B, T, D) -> (B, T, D). Its
output at position t depends on no input after t.

gated_convs.py   gated convolutions with growing dilations: FlashLM v3's mixer
fused.py         the same, each gated convolution in one operation
"""

from collections.abc import Callable

from .fused import fused_conv_mixer
from .gated_convs import ConvMixer


def mixer_class(config) -> Callable:
    """The class that makes the configuration's mixer."""
    return fused_conv_mixer if config.fused else ConvMixer  # for speed, or for reading
