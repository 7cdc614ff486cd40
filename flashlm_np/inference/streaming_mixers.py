"""The mixers of streaming.py on the rows of one text.

Each has past_shapes, the shapes of the arrays that hold its past, and reach, the number of
earlier positions that it sees. A call (x, past, position) -> y, both (T, D), reads the rows x
from `position` on, and changes the past: streaming_memory.py.
"""

import math

import numpy as np

from minigrad.ops.activations import sigmoid
from minigrad.ops.gated import sigmoid_gate_forward
from minigrad.ops.gated_norm import gated_norm_forward
from minigrad.ops.mlgru import mlgru_forward
from minigrad.ops.rotary import rotary_forward

from ..model.layers import RecursiveBlock
from ..model.mixers.attention import AttentionMixer
from ..model.mixers.depthwise import DepthwiseMixer
from ..model.mixers.gated_convs import ConvMixer
from ..model.mixers.mlgru import GRUMixer
from .streaming_layers import (
    StreamConv,
    StreamShortConv,
    StreamTernary,
    norm_rows,
    stream_projections,
)
from .streaming_memory import FIRST_ROWS, append, attend


def stream_mixer(block: RecursiveBlock, int8: bool):
    """The streaming form of the block's mixer, with the block's output gain in it."""
    kinds = {
        ConvMixer: StreamConvMixer,
        DepthwiseMixer: StreamDepthwise,
        AttentionMixer: StreamAttention,
        GRUMixer: StreamGRU,
    }
    return kinds[type(block.token_mixer)](block.token_mixer, int8, block.mixer_gain)


class StreamConvMixer:
    """mixers/gated_convs.py: a ring for each gated convolution."""

    def __init__(self, mixer: ConvMixer, int8: bool, gain):
        self.norms, self.convs = mixer.norms, [StreamConv(layer) for layer in mixer.layers]
        self.out = StreamTernary([mixer.out_proj], int8, gain)  # D -> D
        D = mixer.out_proj.weight.shape[1]
        self.past_shapes = [(c.groups, c.length, D // c.groups) for c in self.convs]
        self.reach = sum(c.length - 1 for c in self.convs)

    def __call__(self, x, past, position):
        for norm, conv, ring in zip(self.norms, self.convs, past, strict=True):
            x = x + conv(norm_rows(x, norm), ring, position)
        return self.out(x)


class StreamDepthwise:
    """mixers/depthwise.py: one ring, of the values before the convolution."""

    def __init__(self, mixer: DepthwiseMixer, int8: bool, gain):
        self.into = StreamTernary([mixer.in_proj], int8)  # D -> 2·D
        self.out = StreamTernary([mixer.out_proj], int8, gain)  # D -> D
        self.conv = StreamShortConv(mixer.kernel().data)
        self.past_shapes, self.reach = [self.conv.past_shape], self.conv.reach

    def __call__(self, x, past, position):
        both = self.into(x)  # (T, 2·D)
        D = both.shape[1] // 2
        h = self.conv(both[:, D:], past[0], position)  # (T, D)
        return self.out(sigmoid(both[:, :D]) * h)


class StreamAttention:
    """mixers/attention.py: the keys, turned by their positions, and the values of all rows.

    With convolutions, also a ring of the last rows that the projections gave.
    """

    def __init__(self, mixer: AttentionMixer, int8: bool, gain):
        self.into = stream_projections([mixer.q_proj, mixer.k_proj, mixer.v_proj], int8)
        self.out, self.heads = StreamTernary([mixer.out_proj], int8, gain), mixer.heads
        W = mixer.out_proj.weight.shape[1]
        self.past_shapes, self.reach, self.conv = [(FIRST_ROWS, 2 * W)], math.inf, None
        if mixer.convs is not None:
            kernels = [conv.kernel().data for conv in mixer.convs]
            self.conv = StreamShortConv(np.concatenate(kernels))  # of 3·W channels
            self.past_shapes.append(self.conv.past_shape)

    def __call__(self, x, past, position):
        read = self.into(x)  # (T, 3·W)
        if self.conv is not None:
            read = self.conv(read, past[1], position)
        q, k, v = np.split(read, 3, axis=1)  # (T, W) each
        turn = {"heads": self.heads, "first": position}
        q, k = (rotary_forward(part[None], **turn)[0][0] for part in (q, k))
        rows = append(past, position, np.concatenate([k, v], axis=1))  # (t, 2·W)
        return self.out(attend(q, *np.split(rows, 2, axis=1), self.heads))


class StreamGRU:
    """mixers/mlgru.py: the state after the last row."""

    def __init__(self, mixer: GRUMixer, int8: bool, gain):
        self.into = stream_projections([mixer.i_proj, mixer.f_proj, mixer.g_proj], int8)
        self.out, self.norm = StreamTernary([mixer.out_proj], int8, gain), mixer.g_norm
        W = mixer.out_proj.weight.shape[1]
        self.past_shapes, self.reach = [(W,)], math.inf

    def __call__(self, x, past, position):
        a, z, g = np.split(self.into(x), 3, axis=1)  # (T, W) each
        (state,) = past
        h = mlgru_forward(a[None], z[None], np.zeros_like(state), state[None])[0][0]  # (T, W)
        state[:] = h[-1]
        return self.out(self._gated(g, h))

    def _gated(self, g, h):
        if self.norm is None:
            return sigmoid_gate_forward(g, h)[0]
        return gated_norm_forward(g, h, self.norm.scale.data, eps=self.norm.eps)[0]
