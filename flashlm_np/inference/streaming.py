"""A FlashLM that reads one token at a time and runs nothing twice.

    present    a token's row x (D,) passes through the block R times, by itself but for the
               convolutions: only they look back, each at K rows of what it saw before
    past       a convolution with the lags 0, d, ..., (K-1)·d keeps its last (K-1)·d + 1 rows
               in a ring, where a new row takes the place of the one that is never asked for
               again: nothing moves. The block's second round sees other rows than the first,
               so every recursion has rings of its own.
    memory     R·D·Σ_d ((K-1)·d + 1) numbers per text, whatever its length: 430 kB for v3
    arithmetic every weight of the block R times and of the head once per token; a forward pass
               over a context of n tokens, for each next token, would take it n times

The same numbers as the model's forward pass, but for rounding: matrices are applied to one row
where it applies them to many. Before a text lie zeros, and a row of zeros stays zero through
norms, convolutions and gates, for nothing in a block has a bias. So the texts of a batch may
differ in length: before the shorter ones stands the id NOTHING, whose row is zeros.

Source: rings for dilated convolutions: Le Paine et al. 2016, "Fast WaveNet", arXiv:1611.09482.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from minigrad.errors import expect_integers, expect_shape
from minigrad.layers import RMSNorm, TernaryLinear
from minigrad.ops.activations import relu, sigmoid
from minigrad.ops.causal_conv import from_groups, split_taps
from minigrad.ops.linear import times
from minigrad.ops.ternary import ternarize

from ..model.flashlm import FlashLM
from ..model.layers import GatedConv
from .int8 import quantize
from .packing import pack
from .state import State
from .tables import table_sums

NOTHING = -1  # the id of what lies before a text
CHUNK = 256  # tokens of a prompt that are read at once

Head = Callable[[np.ndarray], np.ndarray]  # what the final norm leaves (B, D) -> logits (B, V)


class Stream:
    """The weights of a model, made ready to read token by token.

    The ternary matrices are made here, once: after the weights have changed, make a new Stream.
    `head` gives the logits (B, V) of rows (B, D), by default those of the model's own table.
    With `int8_activations`, the ternary layers see 8 bits per number and add integers only.
    With `packed`, they keep base-3 bytes and look them up in tables of sums: see tables.py.
    """

    def __init__(
        self,
        model: FlashLM,
        head: Head | None = None,
        *,
        int8_activations: bool = False,
        packed: bool = False,
    ):
        block = model.block
        mixer, glu = block.token_mixer, block.glu
        self.recursions = model.recursions
        self.table = model.embedding.weight.data  # (V, D)
        self.head = head or self._tied_head
        self.norm1, self.norm2, self.final_norm = block.norm1, block.norm2, model.final_norm
        self.norms, self.convs = mixer.norms, [_Conv(layer) for layer in mixer.layers]
        how = {"int8": int8_activations, "packed": packed}
        self.out = _Ternary([mixer.out_proj], **how)  # D -> D
        self.gate_up = _Ternary([glu.gate_proj, glu.up_proj], **how)  # D -> 2·H
        self.down = _Ternary([glu.down_proj], **how)  # H -> D

    @property
    def context(self) -> int:
        """How many tokens, the last one included, decide the logits: the receptive field."""
        return 1 + self.recursions * sum(conv.length - 1 for conv in self.convs)

    def state(self, batch: int = 1) -> State:
        """The state of `batch` texts of which nothing is read yet."""
        D, dtype = self.table.shape[1], self.table.dtype
        shapes = [(c.groups, batch, c.length, D // c.groups) for c in self.convs]
        rings = [[np.zeros(s, dtype) for s in shapes] for _ in range(self.recursions)]
        return State(batch, rings)

    def load(self, path: Path) -> State:
        """The state that `State.save` wrote; a UserError unless it fits this model."""
        return State.load(path, self.state())

    def step(self, state: State, ids: np.ndarray) -> np.ndarray:
        """Read one token of each text, ids (B,); the logits (B, V) of the tokens after them."""
        ids = np.asarray(ids)
        self._expect("step", ids, B=state.batch)
        return self.head(self._hidden(state, ids[:, None])[:, 0])

    def prefill(self, state: State, ids: np.ndarray) -> None:
        """Read ids (B, T), any number of tokens of each text, without asking what comes next.

        Texts of unequal length are aligned at their ends, with NOTHING in front (which needs a
        norm_eps above 0, as zeros cannot be scaled to unit size).
        """
        ids = np.asarray(ids)
        self._expect("prefill", ids, B=state.batch, T=None)
        for start in range(0, ids.shape[1], CHUNK):
            self._hidden(state, ids[:, start : start + CHUNK])

    def _expect(self, where, ids, **sizes):
        expect_shape(where, "ids", ids, "the state", **sizes)
        known = np.where(ids == NOTHING, 0, ids)
        expect_integers(where, "ids", known, len(self.table), "V")

    def _hidden(self, state, ids):
        """What the head sees of ids (B, T), while the rings take in their rows: (B, T, D)."""
        x = self._embed(ids)
        for rings in state.rings:
            x = x + self._mix(_norm(x, self.norm1), rings, state.position)
            x = x + self._glu(_norm(x, self.norm2))
        state.position += ids.shape[1]
        return _norm(x, self.final_norm)

    def _embed(self, ids):
        begun = (ids != NOTHING)[..., None]
        return self.table[ids] * begun  # (B, T) -> (B, T, D); of NOTHING, some row times 0

    def _tied_head(self, h):
        """Logits of h (B, D). One row reads the table in its order, as fast as memory gives it:
        BLAS reads four rows of the table side by side, for which v3's takes twice as long."""
        return np.vecdot(self.table, h)[None] if len(h) == 1 else h @ self.table.T  # (B, V)

    def _mix(self, x, rings, position):
        for norm, conv, ring in zip(self.norms, self.convs, rings, strict=True):
            x = x + conv(_norm(x, norm), ring, position)
        return self.out(x)

    def _glu(self, x):
        both = self.gate_up(x)  # (B, T, 2·H)
        H = both.shape[-1] // 2
        gate = relu(both[..., :H])
        return self.down(gate * gate * both[..., H:])


class _Conv:
    """A gated convolution and its lags; in each group, the taps of gate and value together."""

    def __init__(self, layer: GatedConv):
        conv = layer.conv_gate.conv
        self.groups, K = conv.groups, conv.weight.shape[2]
        taps = [split_taps(kernel.data, self.groups) for kernel in layer.kernels()]
        self.weight = np.concatenate(taps, axis=2)  # (G, K·C, 2·C)
        self.lags = np.arange(K - 1, -1, -1) * conv.dilation  # (K,) of each tap, oldest first
        self.length = 1 + int(self.lags[0])

    def __call__(self, n, ring, position):
        """The gated convolution of n (B, T, D), which follows on what the ring holds."""
        B, T, D = n.shape
        n = n.reshape(B, T, self.groups, -1).transpose(2, 0, 1, 3)  # (G, B, T, C)
        rows = self.remember(ring, position % self.length, n)  # (G, B, T, K, C)
        both = rows.reshape(self.groups, B * T, -1) @ self.weight  # (G, B·T, 2·C)
        C = D // self.groups
        return from_groups(sigmoid(both[..., :C]) * both[..., C:], B, T)

    def remember(self, ring, slot, n):
        """Put n into the ring (G, B, L, C) from `slot` on; the K rows that each of n sees.

        Slots below 0 count from the end of the array: that is all that makes it a ring. Where
        there are several rows, a late one may take the place of what an early one still sees;
        so these see a copy, in which the past and n stand in order.
        """
        L, T = self.length, n.shape[2]
        if T == 1:
            ring[:, :, slot] = n[:, :, 0]
            return ring.take(slot - self.lags, axis=2)[:, :, None]
        past = ring.take(np.arange(slot - L, slot), axis=2)
        rows = np.concatenate([past, n], axis=2)  # (G, B, L + T, C)
        ring[:, :, np.arange(slot + T - L, slot + T) % L] = rows[:, :, T:]
        return rows.take(L + np.arange(T)[:, None] - self.lags, axis=2)


def _norm(x, norm: RMSNorm):
    """RMSNorm of x (..., D), with fewer calls than minigrad's, which one row would wait for."""
    r = (np.vecdot(x, x) / x.shape[-1] + norm.eps) ** -0.5
    return x * r[..., None] * norm.scale.data


class _Ternary:
    """Ternary layers that see the same row, as one: T (O, D), and a scale for each output."""

    def __init__(self, layers: list[TernaryLinear], int8: bool, packed: bool):
        pairs = [
            ternarize(layer.weight.data, threshold=layer.threshold, scale=layer.scale)
            for layer in layers
        ]
        self.T = np.concatenate([T for T, _ in pairs])  # (O, D)
        scales = [np.full(len(T), s, T.dtype) for T, s in pairs]
        self.scale, self.int8 = np.concatenate(scales), int8  # (O,)
        self.packed = pack(self.T.astype(np.int8), 1.0) if packed else None
        self.weight = self.T * self.scale[:, None]

    def __call__(self, x):
        if not (self.int8 or self.packed):
            return times(x, self.weight.T)
        rows = x.reshape(-1, x.shape[-1])
        seen, step = quantize(rows) if self.int8 else (rows, x.dtype.type(1))
        if self.packed:
            sums = table_sums(seen, self.packed).astype(x.dtype)
        else:  # whole numbers, and exact: see int8.py
            sums = seen.astype(x.dtype) @ self.T.T
        return (sums * (self.scale * step)).reshape(*x.shape[:-1], -1)
