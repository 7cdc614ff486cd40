"""cross_entropy."""

from __future__ import annotations

import numpy as np

from .registry import mistake


def _softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _logit_gradient(z, y, dy, label_smoothing=0.0, z_loss=0.0, *, p=None, hot=None, V=None):
    """dz as on the page, but for what is passed in."""
    lse = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1)
    p = _softmax(z) if p is None else p
    dz = p * (1 + 2 * z_loss * lse[:, None]) - label_smoothing / (V or z.shape[1])
    dz[np.arange(len(y)), y] -= 1 - label_smoothing if hot is None else hot
    return dz * dy / len(y)


@mistake("cross_entropy_backward", "z", "the one-hot is 1; with smoothing it is 1 - ε.")
def _(z, y, dy, **options):
    return _logit_gradient(z, y, dy, **options, hot=1.0)


@mistake("cross_entropy_backward", "z", "the one-hot of the right word is missing.")
def _(z, y, dy, **options):
    return _logit_gradient(z, y, dy, **options, hot=0.0)


@mistake(
    "cross_entropy_backward", "z", "ε is shared among V - 1 words; the page shares it among V."
)
def _(z, y, dy, **options):
    return _logit_gradient(z, y, dy, **options, V=z.shape[1] - 1)


@mistake("cross_entropy_backward", "z", "the softmax runs over the rows, not over the words.")
def _(z, y, dy, **options):
    return _logit_gradient(z, y, dy, **options, p=_softmax(z, axis=0))


@mistake("cross_entropy_backward", "z", "the one-hot stands one word too high.")
def _(z, y, dy, **options):
    return _logit_gradient(z, (y + 1) % z.shape[1], dy, **options)


@mistake(
    "cross_entropy_backward", "z", "the z-loss lacks its factor 2: d(lse²) is 2 lse d(lse)."
)
def _(z, y, dy, z_loss=0.0, **options):
    return _logit_gradient(z, y, dy, z_loss=z_loss / 2, **options)
