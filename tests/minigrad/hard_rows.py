"""Masks and losses of rows; see hard_gradients.py."""

import numpy as np
from hard_pairs import hard, spread

ROWS = ((2,), (3,), (5,), (2, 3), (3, 5), (1, 4))


def total(x):
    return x.sum(axis=-1, keepdims=True)


def rows(rng):
    return ROWS[rng.integers(len(ROWS))]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / total(e)


# -- masks and logits ----------------------------------------------------------------------


def masked(rng):
    """Logits, and a mask that leaves at least one per row."""
    shape = rows(rng)
    mask = rng.random(shape) < 0.4
    mask[..., rng.integers(shape[-1])] = False
    return mask, rng.standard_normal(shape) * 10 ** rng.uniform(-2, 1)


def with_mask(name, fill):
    @hard(f"softmax after a mask of {name}")
    def _(rng):
        mask, x = masked(rng)

        def forward(x):
            p = softmax(np.where(mask, fill, x))
            return p, (p,)

        def backward(dy, saved):
            (p,) = saved
            return (np.where(mask, 0, p * (dy - total(p * dy))),)

        return forward, backward, (x,)

    @hard(f"mask of {name}, and no softmax")
    def _(rng):
        mask, x = masked(rng)
        fill_here = fill if np.isfinite(fill) else -1e300
        return (
            lambda x: (np.where(mask, fill_here, x), ()),
            lambda dy, _: (np.where(mask, 0, dy),),
            (x,),
        )


with_mask("-1e9", -1e9)
with_mask("-1e30", -1e30)
with_mask("-inf", -np.inf)


def confident(rng):
    """Rows of logits with one far above the others, and right ids."""
    N, V = rng.integers(1, 4), rng.integers(2, 8)
    z = rng.standard_normal((N, V))
    z[np.arange(N), rng.integers(V, size=N)] += rng.uniform(0, 14)
    return z, rng.integers(V, size=N)


@hard("cross entropy of confident logits")
def _(rng):
    z, ids = confident(rng)
    N = np.arange(len(z))

    def forward(z):
        top = z.max(axis=1, keepdims=True)
        lse = np.log(total(np.exp(z - top))) + top
        return np.asarray((lse[:, 0] - z[N, ids]).mean()), (z - lse,)

    def backward(dy, saved):
        (log_p,) = saved
        dz = np.exp(log_p)
        dz[N, ids] = np.expm1(log_p[N, ids])  # p - 1 without cancellation
        return (dy / len(z) * dz,)

    return forward, backward, (z,)


@hard("saturated softmax")
def _(rng):
    """An output of almost 1 hides its part of a slope of 1e-20. The others show theirs."""
    x = rng.standard_normal((1, int(rng.integers(2, 4)))) * 10 ** rng.uniform(0.5, 2.2)

    def forward(x):
        p = softmax(x)
        return p, (p,)

    def backward(dy, saved):
        (p,) = saved
        others = np.stack([np.delete(p, k, 1).sum(1) for k in range(p.shape[1])], 1)
        return (p * (dy * others - (total(dy * p) - dy * p)),)

    return forward, backward, (x,)


@hard("log of a softmax")
def _(rng):
    z, _ = confident(rng)

    def forward(z):
        p = softmax(z)
        return np.log(p), (p,)

    def backward(dy, saved):
        (p,) = saved
        others = np.stack([np.delete(p, k, 1).sum(1) for k in range(p.shape[1])], 1)
        cross = total(dy) * p - dy * p
        return (dy * others - cross,)

    return forward, backward, (z,)


@hard("log-sum-exp, naive", analytic=True)
def _(rng):
    x = spread(rng, rows(rng), -8, 2)

    def forward(x):
        s = total(np.exp(x))
        return np.log(s), (x, s)

    return forward, lambda dy, saved: (dy * np.exp(saved[0]) / saved[1],), (x,)
