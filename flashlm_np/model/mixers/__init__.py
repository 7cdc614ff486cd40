"""The mixers: the parts of a block in which a position receives from earlier positions.

A mixer is a module made with (config, rng, dtype). Its forward is (B, T, D) -> (B, T, D). Its
output at position t depends on no input after t. Its names in a configuration are those of
block_options.MIXERS.

gated_convs.py   gated convolutions with growing dilations: FlashLM v3's mixer
fused.py         the same, each gated convolution in one operation
depthwise.py     a gated convolution of each channel: FlashLM v4's mixer
attention.py     causal attention with rotary positions
mlgru.py         a gated linear recurrence, that of the MatMul-free language model
"""

from collections.abc import Callable

from .attention import AttentionMixer
from .depthwise import DepthwiseMixer
from .fused import fused_conv_mixer
from .gated_convs import ConvMixer
from .mlgru import GRUMixer


def mixer_class(config) -> Callable:
    """The class that makes the configuration's mixer."""
    if config.mixer == "gated_convs":
        return fused_conv_mixer if config.fused else ConvMixer  # for speed, or for reading
    others = {"depthwise": DepthwiseMixer, "attention": AttentionMixer, "mlgru": GRUMixer}
    return others[config.mixer]
