"""The fused forms of two parts of layers.py: the same mathematics in one operation each.

    gated convolution   gated_conv in place of two causal_conv and a sigmoid_gate. The patches
                        are gathered once each way, not twice.
    tied head           tied_head_fast in place of linear and cross_entropy. Only 512 rows of
                        logits exist at a time, in blocks that cores can share: 232 ms on two
                        cores for v3's phase 1b, composed 728 ms on one (docs/speed.md).

The option --no-fused chooses the composed forms. The tests hold both equal.
"""

import numpy as np

from minigrad import Tensor, apply
from minigrad import functional as F
from minigrad.ops import TIED_HEAD

from .config import Config
from .layers import GatedConv, TiedHead


class FusedGatedConv(GatedConv):
    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.conv_gate, self.conv_value
        options = {"groups": gate.conv.groups, "dilation": gate.conv.dilation}
        return F.gated_conv(x, gate.kernel(), value.kernel(), **options)  # (B, T, D)


class FusedTiedHead(TiedHead):
    def loss(self, h: Tensor, targets: np.ndarray, **options) -> Tensor:
        """As TiedHead.loss; `options` may also divide the work: see tied_head_fast.py."""
        # A frozen table needs no gradient, which is a third of the work.
        options["with_dw"] = self.weight.requires_grad
        return apply(TIED_HEAD, h, self.weight, targets, **options)


def layer_classes(config: Config) -> tuple[type[GatedConv], type[TiedHead]]:
    """The classes of the gated convolutions and of the head that config.fused asks for."""
    return (FusedGatedConv, FusedTiedHead) if config.fused else (GatedConv, TiedHead)
