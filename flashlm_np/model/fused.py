"""The fused gated convolution: that of layers.py in one operation, with the same mathematics.

gated_conv replaces two causal_conv and a sigmoid_gate. The patches are gathered once each way,
not twice. The option --no-fused chooses the composed form. The tests hold both equal. The fused
head is in heads/exact.py.
"""

from minigrad import Tensor
from minigrad import functional as F

from .config import Config
from .layers import GatedConv


class FusedGatedConv(GatedConv):
    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.conv_gate, self.conv_value
        options = {"groups": gate.conv.groups, "dilation": gate.conv.dilation}
        return F.gated_conv(x, gate.kernel(), value.kernel(), **options)  # (B, T, D)


def gated_conv_class(config: Config) -> type[GatedConv]:
    """The class of the gated convolutions that config.fused asks for."""
    return FusedGatedConv if config.fused else GatedConv
