"""The blocks of streaming.py: the mixers and the gated unit on the rows of one text."""

import numpy as np

from minigrad.ops.activations import relu, sigmoid

from ..model.layers import RecursiveBlock
from ..model.mixers.depthwise import DepthwiseMixer
from ..model.mixers.gated_convs import ConvMixer
from .streaming_layers import StreamConv, StreamTernary, norm_rows, remember


class StreamBlock:
    """A block with its ternary matrices made. `rings` hold the past of one application of it.

    ring_shapes: (G, L, C) of each ring.
    """

    def __init__(self, block: RecursiveBlock, int8: bool):
        glu = block.glu
        self.norm1, self.norm2, self.activation = block.norm1, block.norm2, glu.activation
        self.mixer = stream_mixer(block, int8)
        self.ring_shapes = self.mixer.ring_shapes
        self.gate_up = StreamTernary([glu.gate_proj, glu.up_proj], int8)  # D -> 2·H
        self.down = StreamTernary([glu.down_proj], int8, block.glu_gain)  # H -> D

    @property
    def reach(self) -> int:
        """The number of earlier positions that an application of the block sees."""
        return sum(length - 1 for _, length, _ in self.ring_shapes)

    def __call__(self, x, rings, position):
        """The rows after those in the rings: (T, D) -> (T, D)."""
        x = x + self.mixer(norm_rows(x, self.norm1), rings, position)
        return x + self._glu(norm_rows(x, self.norm2))

    def _glu(self, x):
        both = self.gate_up(x)  # (T, 2·H)
        H = both.shape[1] // 2
        gate, up = both[:, :H], both[:, H:]
        if self.activation == "silu":
            return self.down(gate * sigmoid(gate) * up)  # (T, D)
        gate = relu(gate)
        return self.down(gate * gate * up)  # (T, D)


def stream_mixer(block: RecursiveBlock, int8: bool):
    """The streaming form of the block's mixer, with the block's output gain in it."""
    kinds = {ConvMixer: StreamConvMixer, DepthwiseMixer: StreamDepthwise}
    return kinds[type(block.token_mixer)](block.token_mixer, int8, block.mixer_gain)


class StreamConvMixer:
    """mixers/gated_convs.py: a ring for each gated convolution."""

    def __init__(self, mixer: ConvMixer, int8: bool, gain):
        self.norms, self.convs = mixer.norms, [StreamConv(layer) for layer in mixer.layers]
        self.out = StreamTernary([mixer.out_proj], int8, gain)  # D -> D
        D = mixer.out_proj.weight.shape[1]
        self.ring_shapes = [(c.groups, c.length, D // c.groups) for c in self.convs]

    def __call__(self, x, rings, position):
        for norm, conv, ring in zip(self.norms, self.convs, rings, strict=True):
            x = x + conv(norm_rows(x, norm), ring, position)
        return self.out(x)


class StreamDepthwise:
    """mixers/depthwise.py: one ring, of the values before the convolution."""

    def __init__(self, mixer: DepthwiseMixer, int8: bool, gain):
        self.into = StreamTernary([mixer.in_proj], int8)  # D -> 2·D
        self.out = StreamTernary([mixer.out_proj], int8, gain)  # D -> D
        self.kernel = mixer.kernel().data.T  # (K, D)
        K, D = self.kernel.shape
        self.lags = np.arange(K - 1, -1, -1)  # (K,) of each tap, oldest first
        self.ring_shapes = [(1, K, D)]

    def __call__(self, x, rings, position):
        both = self.into(x)  # (T, 2·D)
        D = both.shape[1] // 2
        (ring,) = rings
        rows = remember(ring, position, both[None, :, D:], self.lags)[0]  # (T, K, D)
        return self.out(sigmoid(both[:, :D]) * (rows * self.kernel).sum(axis=1))
