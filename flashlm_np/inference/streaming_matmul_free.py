"""The MatMul-free model, token by token: its past is one state of the recurrence per block.

    memory       L·D numbers, whatever the length of the text: 2 kB for the preset
    arithmetic   every weight once per token, as an addition: t is -1, 0 or 1, and activations
                 are integers of 8 bits. In float32 these sums are exact

The ternary matrices are made once. All else is done by the forwards of the operations' pages,
so the numbers are those of the model, to the last bit.
"""

import math

import numpy as np

from minigrad.ops.bit_linear import absmax, absmean
from minigrad.ops.gated import sigmoid_gate_forward
from minigrad.ops.gated_norm import gated_norm_forward
from minigrad.ops.mlgru import mlgru_forward
from minigrad.ops.rms_norm import rms_norm_forward
from minigrad.ops.silu_gate import silu_gate_forward

from ..model.matmul_free.layers import Block
from ..model.matmul_free.lm import MatMulFreeLM
from .streaming import State, Stream


def normed(x: np.ndarray, norm) -> np.ndarray:
    """Rows (T, D) through a layers.Norm."""
    return rms_norm_forward(x, norm.weight.data, eps=norm.eps)[0]


class StreamBitLinear:
    """A BitLinear, or the head, whose ternary matrix is made once: (T, D) -> (T, O)."""

    def __init__(self, layer):
        self.t, self.m = absmean(layer.weight.data)
        self.norm = layer.norm

    def __call__(self, x):
        k, s = absmax(normed(x, self.norm))
        return s * self.m * (k @ self.t.T)


class StreamBlock:
    """A block on the rows of one text; `past` holds its state h (1, D), which it replaces."""

    def __init__(self, block: Block, bound: np.ndarray):
        mixer, mlp = block.attn, block.mlp
        self.attn_norm, self.mlp_norm = block.attn_norm, block.mlp_norm
        self.i, self.f, self.g, self.o = map(
            StreamBitLinear, (mixer.i_proj, mixer.f_proj, mixer.g_proj, mixer.o_proj)
        )
        self.gate, self.down = StreamBitLinear(mlp.gate_proj), StreamBitLinear(mlp.down_proj)
        self.g_norm = mixer.g_norm
        self.bound = bound  # (D,)

    def __call__(self, x, past):
        x = x + self._mixed(normed(x, self.attn_norm), past)
        u, v = np.split(self.gate(normed(x, self.mlp_norm)), 2, axis=1)  # (T, H) each
        return x + self.down(silu_gate_forward(u, v)[0])  # (T, D)

    def _mixed(self, x, past):
        h = mlgru_forward(self.i(x)[None], self.f(x)[None], self.bound, past[0])[0]
        past[0] = h[:, -1].copy()  # (1, D); a view would keep all of h
        return self.o(self._gated(self.g(x), h[0]))

    def _gated(self, g, h):
        if self.g_norm is None:
            return sigmoid_gate_forward(g, h)[0]
        return gated_norm_forward(g, h, self.g_norm.weight.data, eps=self.g_norm.eps)[0]


class MatMulFreeStream(Stream):
    """A Stream of the MatMul-free model, with other parts and the same use."""

    receptive_field = math.inf

    def __init__(self, model: MatMulFreeLM):
        D, dtype = model.embedding.weight.shape[1], model.embedding.weight.dtype
        bounds = (np.zeros(D, dtype) if b is None else b.data for b in model.model.bounds())
        self.blocks = list(map(StreamBlock, model.model.layers, bounds))
        self.table = model.embedding.weight.data  # (V, D)
        self.norm, self.head = model.model.norm, StreamBitLinear(model.lm_head)

    def state(self) -> State:
        """The state before the first token of a text: a zero h for each block."""
        D, dtype = self.table.shape[1], self.table.dtype
        return State([[np.zeros((1, D), dtype)] for _ in self.blocks])

    def step(self, state: State, token: int) -> np.ndarray:
        """Read one token; returns the logits (V,) of the next one."""
        return self.head(self._hidden(state, self._expect("step", "token", [token])))[0]

    def _hidden(self, state, ids):
        x = self.table[ids]  # (T, D)
        for block, past in zip(self.blocks, state.past, strict=True):
            x = block(x, past)
        state.position += len(ids)
        return normed(x, self.norm)
