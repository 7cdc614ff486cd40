"""Does a model see what it must, and nothing else? Tests for a model of any library.

    sight           change one token, and see which logits change
    sight_of_loss   the same for a loss, of which one sees one number only
    whole_losses    -ln p of each token when the model is given the whole text
    cut_losses      -ln p of each token when the text ends before it, as in generation

A prediction must depend on the newest token that it is given, and on none after it. A training
loss does not show whether it does: a model that sees its answers has the better loss.

For a loss L(ids, targets), the part of target t depends on input s where a change of both is
not the sum of the changes of each. The other parts cancel:

    L(s changed, t changed) - L(s changed) - L(t changed) + L ≠ 0

source   of the mixed difference: interactions in factorial designs, Fisher 1935
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigrad.ops.softmax import log_softmax_forward

TWICE = "two calls with the same ids differ; switch dropout off, and keep batches fixed"
Logits = Callable[[np.ndarray], np.ndarray]  # ids (B, T) -> (B, T, V)


class LeakError(ValueError):
    """A model that sees too much or too little."""


@dataclass(frozen=True)
class Sight:
    """depends[t, s] says whether prediction t depends on input s.

    newest: prediction t is given the inputs up to t + newest.
    between_texts: whether a text of a batch changes the predictions of another.
    """

    depends: np.ndarray
    newest: int = 0
    between_texts: bool = False

    @property
    def problem(self) -> str | None:
        """The first thing that is wrong, in a sentence; None if nothing is."""
        t, s = np.indices(self.depends.shape)
        lag = s - t - self.newest  # 0: the newest input; above 0: the future
        if self.between_texts:
            return "a prediction changes with another text of its batch"
        if (leaks := self.depends & (lag > 0)).any():
            t, s = np.argwhere(leaks)[0]
            return f"prediction {t} changes with input {s}, which comes after it: a leak"
        if not self.depends[lag == 0].all():
            t = np.flatnonzero(~self.depends[lag == 0])[0] + max(0, -self.newest)
            return (
                f"prediction {t} does not change with input {t + self.newest}, its newest one; "
                "are the targets shifted twice?"
            )
        if not (self.depends & (lag < 0)).any() and (lag < 0).any():
            return "no prediction changes with an input before its newest one"
        return None

    def expect(self) -> None:
        """Raise a LeakError if anything is wrong."""
        if self.problem:
            raise LeakError(self.problem)


def sight(logits: Logits, ids: np.ndarray, *, tolerance: float = 1e-5) -> Sight:
    """Which tokens of the texts ids (B, T) each position's logits depend on.

    tolerance: of a change, as a part of the largest logit. A batch of 2 or more also shows
    whether its texts change each other.
    """
    before = _computed(logits, ids)
    least = tolerance * np.abs(before).max()
    V, T = before.shape[-1], ids.shape[1]

    def changes(changed):
        return np.abs(_computed(logits, changed) - before).max(axis=-1) > least  # (B, T)

    if changes(ids).any():
        raise ValueError(f"sight: {TWICE}")

    columns = [changes(_next(ids, (slice(None), s), V)).any(axis=0) for s in range(T)]
    others = len(ids) > 1 and changes(_next(ids, slice(1, None), V))[0].any()
    return Sight(np.stack(columns, axis=1), between_texts=bool(others))


def sight_of_loss(
    loss: Callable[[np.ndarray, np.ndarray], float],
    ids: np.ndarray,
    targets: np.ndarray,
    vocab_size: int,
    *,
    shift: int = 1,
    tolerance: float = 1e-6,
) -> Sight:
    """Which inputs ids (B, T) the loss of each target (B, T) depends on.

    shift: targets[t] is the token that is `shift` after ids[t]. With 0 the loss shifts by
        itself, and is given the ids twice.
    tolerance: of a mixed difference, as a part of the loss; for float64, 1e-12 is enough.
    """
    base, V, T = float(loss(ids, targets)), vocab_size, ids.shape[1]
    if not abs(float(loss(ids, targets)) - base) <= tolerance * abs(base):  # NaN is not
        raise ValueError(f"sight_of_loss: the loss is {base:.6g}, and {TWICE}")
    inputs = [_next(ids, (slice(None), s), V) for s in range(T)]
    answers = [_next(targets, (slice(None), t), V) for t in range(T)]
    of_input = np.array([float(loss(x, targets)) for x in inputs])  # (T,)
    of_answer = np.array([float(loss(ids, y)) for y in answers])  # (T,)
    both = np.array([[float(loss(x, y)) for x in inputs] for y in answers])  # (T, T)
    mixed = both - of_input - of_answer[:, None] + base
    return Sight(np.abs(mixed) > tolerance * abs(base), newest=shift - 1)


def whole_losses(logits: Logits, ids: np.ndarray) -> np.ndarray:
    """-ln p of the tokens ids[:, 1:], (B, T-1). The model is given the whole text at once."""
    return _nll(_computed(logits, ids)[:, :-1], ids[:, 1:])


def cut_losses(logits: Logits, ids: np.ndarray) -> np.ndarray:
    """The same, but for each token the text is cut before it: there is no future to see."""
    ends = range(1, ids.shape[1])
    last = np.stack([_computed(logits, ids[:, :end])[:, -1] for end in ends], axis=1)
    return _nll(last, ids[:, 1:])  # (B, T-1)


def _computed(logits, ids):
    z = np.asarray(logits(ids))
    if ids.ndim != 2 or z.shape[:-1] != ids.shape:
        raise ValueError(
            f"for ids {ids.shape} the model gives {z.shape}, expected (B, T, V) for (B, T)"
        )
    if not np.isfinite(z).all():
        raise ValueError("the logits are not finite; test a model whose logits are numbers")
    return z


def _next(ids, place, V):
    changed = ids.copy()
    changed[place] = (changed[place] + 1) % V
    return changed


def _nll(z, y):
    log_p, _ = log_softmax_forward(z)  # (B, T-1, V)
    return -np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
