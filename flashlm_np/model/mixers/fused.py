"""The fused gated convolution: that of gated_convs.py in one operation, with the same numbers.

gated_conv replaces two causal_conv and a sigmoid_gate. The patches are gathered once each way,
not twice. The option --no-fused chooses the composed form. The tests hold both equal. The fused
head is in heads/exact.py.
"""

from functools import partial

from minigrad import Tensor
from minigrad import functional as F

from .gated_convs import ConvMixer, GatedConv


class FusedGatedConv(GatedConv):
    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.conv_gate, self.conv_value
        options = {"groups": gate.conv.groups, "dilation": gate.conv.dilation}
        return F.gated_conv(x, gate.kernel(), value.kernel(), **options)  # (B, T, D)


fused_conv_mixer = partial(ConvMixer, gated_conv=FusedGatedConv)
