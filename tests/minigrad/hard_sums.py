"""Sums, products and norms of rows; see hard_gradients.py."""

import numpy as np
from hard_pairs import hard, sizes, spread
from hard_rows import rows, total


@hard("cumulative product", analytic=True)
def _(rng):
    x = spread(rng, (int(rng.integers(2, 7)),), -2, 2)

    def backward(dy, saved):
        x, y = saved
        return ((dy * y)[::-1].cumsum()[::-1] / x,)

    return lambda x: (np.cumprod(x), (x, np.cumprod(x))), backward, (x,)


@hard("product of a row", analytic=True)
def _(rng):
    x = spread(rng, rows(rng), -6, 6)
    return (
        lambda x: (x.prod(axis=-1, keepdims=True), (x,)),
        lambda dy, saved: (dy * saved[0].prod(axis=-1, keepdims=True) / saved[0],),
        (x,),
    )


@hard("cumulative sum", analytic=True)
def _(rng):
    x = spread(rng, (int(rng.integers(1, 7)),), zeros=0.1)
    return lambda x: (x.cumsum(), ()), lambda dy, _: (dy[::-1].cumsum()[::-1],), (x,)


@hard("sum of very different numbers", analytic=True)
def _(rng):
    x = spread(rng, rows(rng), zeros=0.1)
    return lambda x: (total(x), ()), lambda dy, _: (dy * np.ones_like(x),), (x,)


@hard("sum of squares", analytic=True)
def _(rng):
    x = spread(rng, rows(rng), zeros=0.1)
    return lambda x: (total(x * x), (x,)), lambda dy, saved: (2 * dy * saved[0],), (x,)


@hard("times [1e8, 1]", analytic=True)
def _(rng):
    shape = rows(rng)
    scale = sizes(rng, shape[-1:])
    return lambda x: (x * scale, ()), lambda dy, _: (dy * scale,), (rng.standard_normal(shape),)


@hard("times [1e8, 1], then mixed", analytic=True)
def _(rng):
    D = int(rng.integers(2, 6))
    scale, mix = sizes(rng, (D,)), rng.standard_normal((D, D))
    x = rng.standard_normal((2, D))
    return lambda x: ((x * scale) @ mix, ()), lambda dy, _: (dy @ mix.T * scale,), (x,)


@hard("norm", analytic=True)
def _(rng):
    x = spread(rng, rows(rng))

    def forward(x):
        n = np.sqrt(total(x * x))
        return n, (x, n)

    return forward, lambda dy, saved: (dy * saved[0] / saved[1],), (x,)


@hard("norm of a tiny vector, by numpy.linalg", exact=lambda x: (np.sqrt(total(x * x)), ()))
def _(rng):
    x = rng.standard_normal(rows(rng)) * 10 ** rng.uniform(-12, -4)

    def forward(x):
        n = np.linalg.norm(x, axis=-1, keepdims=True)
        return n, (x, n)

    return forward, lambda dy, saved: (dy * saved[0] / saved[1],), (x,)


@hard("unit vector", analytic=True)
def _(rng):
    x = rng.standard_normal(rows(rng)) * 10 ** rng.uniform(-8, 8)

    def forward(x):
        n = np.sqrt(total(x * x))
        return x / n, (x / n, n)

    def backward(dy, saved):
        u, n = saved
        return ((dy - u * total(u * dy)) / n,)

    return forward, backward, (x,)


def layer_norm(x):
    c = x - x.mean(axis=-1, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=-1, keepdims=True) + 1e-5), ()


@hard("layer norm by var", exact=layer_norm)
def _(rng):
    x = rng.standard_normal((2, int(rng.integers(3, 7)))) * 10 ** rng.uniform(-3, 3)
    x += rng.choice([0.0, 10.0, 1e3])

    def forward(x):
        r = (x.var(axis=-1, keepdims=True) + 1e-5) ** -0.5
        n = (x - x.mean(axis=-1, keepdims=True)) * r
        return n, (n, r)

    def backward(dy, saved):
        n, r = saved
        mean = dy.mean(axis=-1, keepdims=True)
        return (r * (dy - mean - n * (dy * n).mean(axis=-1, keepdims=True)),)

    return forward, backward, (x,)


@hard("squared distance of near points", analytic=True)
def _(rng):
    a = rng.standard_normal(rows(rng))
    x = a + 10 ** rng.uniform(-6, 0) * rng.standard_normal(a.shape)
    return lambda x: (total((x - a) ** 2), ()), lambda dy, _: (2 * dy * (x - a),), (x,)
