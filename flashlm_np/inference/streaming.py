"""A FlashLM that reads one token at a time and runs nothing twice.

    present    A token's row x (D,) passes through the blocks by itself, R times. Only the
               mixers look back: in v3 convolutions, each at K rows of its earlier inputs.
    past       A convolution with the lags 0, d, ..., (K-1)·d keeps its last (K-1)·d + 1 input
               rows in a ring buffer. A new row replaces the oldest one, so no row moves. Each
               application of a block has a past of its own: its rows are different.
               The recurrence keeps its last state, and attention keys and values of all rows:
               streaming_memory.py
    memory     R·D·Σ_d ((K-1)·d + 1) numbers, whatever the length of the text: 430 kB for v3
               R·L·W with the mixer mlgru; about 2·R·L·W·t after t tokens with attention
    arithmetic every weight of the block R times and of the head once per token; generate.py
               takes that n times for a text of n tokens

The numbers are those of the model's forward pass, except for rounding: a matrix is applied to
one row at a time. Zeros stand before a text, and a row of zeros stays zero in norms,
convolutions and gates, because nothing in a block has a bias.

source   ring buffers for dilated convolutions: Le Paine et al. 2016, "Fast WaveNet",
         arXiv:1611.09482
"""

from dataclasses import dataclass

import numpy as np

from minigrad.errors import expect_integers, expect_shape

from ..model.flashlm import FlashLM
from ..model.prior.before import UNKNOWN
from .streaming_blocks import StreamBlock
from .streaming_layers import norm_rows

CHUNK = 256  # tokens of a prompt that are read at once


@dataclass
class State:
    """What the mixers remember of one text, how many tokens were read, and the last two.

    past[r] holds the arrays of application r of a block. Of a convolution this is a ring
    (G, L, C) with the last L rows that it saw: the row of token t is in slot t mod L.
    """

    past: list[list[np.ndarray]]
    position: int = 0
    before: tuple[int, int] = (UNKNOWN, UNKNOWN)

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for arrays in self.past for array in arrays)


class Stream:
    """The weights of a model, prepared for reading token by token.

    The ternary matrices are made here, once. Make a new Stream after the weights have changed.
    With `int8_activations`, the inputs of the ternary layers have 8 bits per number, and these
    layers add only integers.
    """

    def __init__(self, model: FlashLM, *, int8_activations: bool = False):
        made = {id(b): StreamBlock(b, int8_activations) for b in model.applications()}
        self.blocks = [made[id(b)] for b in model.applications()]  # several times the same
        self.first_skip, self.bigrams = model.first_skip, model.bigrams
        self.table = model.embedding.weight.data  # (V, D)
        self.layout, self.head, self.prior = model.layout, model.lm_head, model.prior
        self.final_norm = model.final_norm

    @property
    def receptive_field(self) -> float:
        """The number of tokens, the last one included, that can influence the logits."""
        return 1 + sum(block.reach for block in self.blocks) + (self.bigrams is not None)

    def state(self) -> State:
        """The state before the first token of a text."""
        dtype = self.table.dtype
        return State([[np.zeros(s, dtype) for s in b.past_shapes] for b in self.blocks])

    def step(self, state: State, token: int) -> np.ndarray:
        """Read one token; returns the logits (V,) of the next one."""
        h = self._hidden(state, self._expect("step", "token", [token]))  # (1, D)
        scores = self.layout.by_token(self.head.next_scores(h[0], self.table))
        if self.prior is None:
            return scores
        return self.prior.log_prob(scores, h[0], np.array(state.before))

    def prefill(self, state: State, ids: np.ndarray) -> None:
        """Read ids (T,) without asking for the logits of the next token."""
        ids = self._expect("prefill", "ids", ids)
        for start in range(0, len(ids), CHUNK):
            self._hidden(state, ids[start : start + CHUNK])

    def _expect(self, where, name, ids):
        ids = np.asarray(ids)
        if ids.size:  # an empty list has no integers
            expect_shape(where, name, ids, T=None)
            expect_integers(where, name, ids, len(self.table), "V")
        return ids

    def _hidden(self, state, ids):
        """The input of the head at ids (T,), which the mixers then remember: (T, D)."""
        x = first = self._first(state, ids)  # (T, D)
        for r, (block, past) in enumerate(zip(self.blocks, state.past, strict=True)):
            if self.first_skip is not None and r:
                x = self.first_skip.of_arrays(x, first, r)
            x = block(x, past, state.position)
        state.position += len(ids)
        state.before = (*state.before, *map(int, ids[-2:]))[-2:]
        return norm_rows(x, self.final_norm)

    def _first(self, state, ids):
        """The input of the first block: rows of the embedding, and of the pairs of tokens."""
        x = self.table[self.layout.rows(ids)]  # (T, D)
        if self.bigrams is None:
            return x
        before = state.before[-1] if state.position else None
        return x + self.bigrams.weight.data[self.bigrams.rows(ids, before)]
