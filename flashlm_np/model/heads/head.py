"""The interface of an output layer: what a model asks of each head.

A head turns hidden rows h (N, D) into probabilities of V words. `table` (V, D) is the
embedding's table, which a head uses again as its own matrix: it is tied. A word is known by its
row in this table: see layout.py.
"""

from __future__ import annotations

import numpy as np

from minigrad import Module, Tensor


class Head(Module):
    """An output layer, with the parameters that it has beside the table.

    The model adds the table as the attribute `weight`, the name that v3's checkpoint has.
    """

    # Whether `loss` is the mean of -ln p. Else it only leads to the same model.
    exact_in_training = True
    # Whether the gradient of its large matrices consists of rows. Then LazyAdamW takes them.
    rows_only = False

    def forward(self, h: Tensor, table: Tensor) -> Tensor:
        """Scores whose softmax is p: (..., D) -> (..., V). Here ln p, without a gradient."""
        rows = h.data.reshape(-1, h.shape[-1])
        return Tensor(self.log_prob(rows, table.data).reshape(*h.shape[:-1], -1))

    def initialize(self, table: np.ndarray) -> None:
        """Set the start values of the head's own parameters from the table (V, D)."""

    def loss(
        self,
        h: Tensor,
        table: Tensor,
        targets: np.ndarray,
        rng: np.random.Generator | None = None,
        **work,
    ) -> Tensor:
        """The mean loss of rows h (N, D) for the words targets (N,), in nats: for training.

        It may be random, with numbers from `rng`, and so differ from the mean of `nll`.

        work: options that change the work but not the result. `with_dw=False` leaves out the
            gradient of the table; `parts` and `parallel_map` divide the work among workers;
            `buffers` is a dict that keeps large arrays from call to call. See
            minigrad/ops/tied_head_fast.py.
        """
        return self.losses(h, table, targets, **work).mean()

    def losses(self, h: Tensor, table: Tensor, targets: np.ndarray, **work) -> Tensor:
        """-ln p of each target (N,), as `nll`, but with a gradient. `work` as in `loss`."""
        raise NotImplementedError(f"{type(self).__name__} has no losses")

    def nll(self, h: np.ndarray, table: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The exact -ln p of each target, in nats: (N, D), (V, D), (N,) -> (N,)."""
        raise NotImplementedError(f"{type(self).__name__} has no nll")

    def log_prob(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        """ln p of every word: (N, D), (V, D) -> (N, V). The exponentials of a row sum to 1."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def next_scores(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Scores of one row h (D,) whose softmax is p: (V,), for generation word by word."""
        return self.log_prob(h[None], table)[0]
