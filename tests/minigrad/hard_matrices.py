"""Choices from rows, and products of matrices; see hard_gradients.py."""

import numpy as np
from hard_pairs import hard, spread
from hard_rows import rows, softmax, total

# -- choices -------------------------------------------------------------------------------


def choice(name, pick):
    @hard(name)
    def _(rng):
        x = spread(rng, rows(rng), -4, 4)
        if rng.random() < 0.5:  # the second largest is close to the largest
            order = np.argsort(x, axis=-1)[..., -1:]
            near = np.take_along_axis(x, order, -1) * (1 - 10 ** rng.uniform(-9, -3))
            np.put_along_axis(x, (order + 1) % x.shape[-1], near, -1)

        def backward(dy, _):
            at = np.argsort(x, axis=-1, kind="stable")[..., pick]
            dx = np.zeros_like(x)
            np.put_along_axis(dx, at, dy, -1)
            return (dx,)

        return lambda x: (np.sort(x, axis=-1)[..., pick], ()), backward, (x,)


choice("sort", slice(None))
choice("largest of a row", slice(-1, None))
choice("smallest of a row", slice(0, 1))


@hard("rows taken twice, and added", analytic=True)
def _(rng):
    x = spread(rng, (5, 2), -4, 4)
    ids = rng.integers(5, size=6)

    def backward(dy, _):
        dx = np.zeros_like(x)
        np.add.at(dx, ids, dy)
        return (dx,)

    return lambda x: (x[ids], ()), backward, (x,)


# -- matrices ------------------------------------------------------------------------------


@hard("outer product", analytic=True)
def _(rng):
    a, b = spread(rng, (3,), zeros=0.1), spread(rng, (2,), zeros=0.1)

    def backward(dy, saved):
        a, b = saved
        return dy @ b, a @ dy

    return lambda a, b: (a[:, None] * b, (a, b)), backward, (a, b)


@hard("x @ x.T", analytic=True)
def _(rng):
    x = spread(rng, (2, 3), -4, 4)
    return lambda x: (x @ x.T, (x,)), lambda dy, saved: ((dy + dy.T) @ saved[0],), (x,)


def inverse_of_two(a):
    determinant = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    return np.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]) / determinant, ()


@hard("inverse", exact=inverse_of_two, analytic=True)
def _(rng):
    a = rng.standard_normal((2, 2)) * 10 ** rng.uniform(-6, 6)
    a += 2 * np.sign(a[0, 0]) * np.abs(a).max() * np.eye(2)

    def forward(a):
        y = np.linalg.inv(a)
        return y, (y,)

    return forward, lambda dy, saved: (-saved[0].T @ dy @ saved[0].T,), (a,)


@hard("attention")
def _(rng):
    q, k, v = (rng.standard_normal((3, 2)) * 10 ** rng.uniform(-1, 0.5) for _ in range(3))
    later = np.triu(np.ones((3, 3), bool), 1)

    def forward(q, k, v):
        p = softmax(np.where(later, -1e9, q @ k.T))
        return p @ v, (q, k, v, p)

    def backward(dy, saved):
        q, k, v, p = saved
        dp = dy @ v.T
        dz = p * (dp - total(p * dp))
        return dz @ k, dz.T @ q, p.T @ dy

    return forward, backward, (q, k, v)


@hard("a large array", analytic=True)
def _(rng):
    x = spread(rng, (int(rng.integers(500, 3000)),), -6, 2)
    return lambda x: (np.sin(x), (x,)), lambda dy, saved: (dy * np.cos(saved[0]),), (x,)
