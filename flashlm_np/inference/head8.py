"""The head in one byte per number: of all that a token waits for, a quarter of the memory.

    stored     s_v = max_d |w_vd| / 127 for each row ;  q = round(w / s)    (V,) and (V, D) int8
    logits     z = s (q h)                                              (N, D) -> (N, V)
    error      every number of the table is off by at most s_v/2, in effect at random, so a
               logit is off by about s_v ‖h‖ / √12, and at most by s_v/2 · Σ_d |h_d|
    saved      V·(D + 4) bytes: 13.1 MB for v3, where float32 has 51.5 MB
    source     one scale per row, from its largest number: Dettmers et al. 2022, "LLM.int8()",
               arXiv:2208.07339, section 2 (there for both factors; here h stays as it is)

NumPy multiplies matrices of int8 in a plain loop, without BLAS. So a block of rows becomes
floating point where it is fast, in a buffer that stays in the core's cache, and BLAS multiplies
that: from memory come bytes only. The blocks are shared between the cores.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from minigrad.errors import expect_shape

from ..training.threads import Workers
from .int8 import quantize

BLOCK = 1 << 17  # numbers that are floating point at once: 512 kB in float32


class Head8:
    """An output matrix: q (V, D) int8 and scale (V,) float32."""

    def __init__(self, q: np.ndarray, scale: np.ndarray):
        self.q, self.scale = q, scale

    @property
    def nbytes(self) -> int:
        return self.q.nbytes + self.scale.nbytes

    @cached_property
    def _workers(self):
        return Workers()

    def logits(self, h: np.ndarray) -> np.ndarray:
        """What the head makes of rows h: (N, D) -> (N, V)."""
        V, D = self.q.shape
        expect_shape("head8", "h", h, f"q {self.q.shape}", N=None, D=D)
        z = np.empty((len(h), V), h.dtype)
        with self._workers.at_work():
            self._workers.map(lambda share: self._fill(z, h, share), self._workers.shares(V, V))
        return z

    def _fill(self, z, h, share):
        """Compute the columns `share` of z (N, V), block by block."""
        rows = max(1, BLOCK // self.q.shape[1])
        buffer = np.empty((rows, self.q.shape[1]), h.dtype)
        for start in range(share.start, share.stop, rows):
            block = slice(start, min(start + rows, share.stop))
            w = buffer[: block.stop - start]  # (rows, D)
            w[...] = self.q[block]
            np.multiply(h @ w.T, self.scale[block], out=z[:, block])


def quantize_head(weight: np.ndarray) -> Head8:
    """The table (V, D) in int8: to `quantize`, rows are rows, of tokens as of a table.

    Raises: ValueError for numbers that are not finite.
    """
    q, step = quantize(weight)
    return Head8(q, step[:, 0])
