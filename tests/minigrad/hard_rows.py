"""Operations of rows and matrices whose gradients are hard to check; see hard_gradients.py."""

import numpy as np
from hard_gradients import HARD, Pair, sizes, spread

ROWS = ((2,), (3,), (5,), (2, 3), (3, 5), (1, 4))


def hard(name, **facts):
    """Add the decorated function: it draws forward, backward and arrays."""

    def add(draw):
        HARD[name] = lambda rng: Pair(name, *draw(rng), **facts)

    return add


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


# -- products, sums and norms --------------------------------------------------------------


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


@hard("attention", analytic=False)
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
