"""Points for the operations of minigrad's table, with elements of many sizes."""

import numpy as np
from hard_pairs import a_shape, sizes, spread

DRAWS = {}  # operation name: draw(rng) -> (arrays, options)


def points(*names):
    def add(draw):
        DRAWS.update(dict.fromkeys(names, draw))

    return add


def two_shapes(rng):
    """Two shapes that broadcast."""
    shape = a_shape(rng)
    other = tuple(1 if rng.random() < 0.3 else n for n in shape)
    other = other[rng.integers(len(other) + 1) :] if rng.random() < 0.3 else other
    return (shape, other) if rng.random() < 0.5 else (other, shape)


@points("add", "subtract", "multiply", "divide", "maximum", "minimum")
def _(rng):
    a, b = two_shapes(rng)
    return (spread(rng, a, zeros=0.05), spread(rng, b)), {}


@points("power")
def _(rng):
    p = [0, 1, 2, 3, -1, 0.5, 1.5, -0.5, 4, -2][rng.integers(10)]
    draw = sizes if p % 1 else spread
    return (draw(rng, a_shape(rng), -8, 8),), {"p": p}


@points("general_power")
def _(rng):
    a, b = two_shapes(rng)
    return (sizes(rng, a, -4, 4), spread(rng, b, -4, 0.5)), {}


@points("exp", "sigmoid", "tanh", "silu")
def _(rng):
    return (spread(rng, a_shape(rng), -8, rng.choice([0.5, 1.5, 2.5]), zeros=0.05),), {}


@points("log", "sqrt")
def _(rng):
    return (sizes(rng, a_shape(rng)),), {}


@points("gelu")
def _(rng):
    x = spread(rng, a_shape(rng), -8, rng.choice([0.5, 1.0]), zeros=0.05)
    return (x,), {"approximate": ["none", "tanh"][rng.integers(2)]}


@points("clip")
def _(rng):
    return (spread(rng, a_shape(rng), -3, 3),), {"low": -1.0, "high": 2.0}


@points("where")
def _(rng):
    a, b = two_shapes(rng)
    condition = rng.random(np.broadcast_shapes(a, b)) < 0.5
    return (condition, spread(rng, a, zeros=0.1), spread(rng, b)), {}


@points("masked_fill")
def _(rng):
    x = spread(rng, a_shape(rng), zeros=0.1)
    value = [0.0, -1e9, -1e30][rng.integers(3)]
    return (x, rng.random(x.shape) < 0.4), {"value": value}


@points("stack")
def _(rng):
    shape = a_shape(rng)
    return tuple(spread(rng, shape, zeros=0.1) for _ in range(rng.integers(1, 4))), {}


@points("einsum")
def _(rng):
    a, b = spread(rng, (2, 3, 2), -6, 6), spread(rng, (2, 3), -6, 6)
    return (a, b), {"subscripts": ["bth,bt->bh", "bth,ht->b", "abc,ab->cab"][rng.integers(3)]}


@points("relu", "abs")
def _(rng):
    return (spread(rng, a_shape(rng)),), {}


@points("relu_squared", "transpose")
def _(rng):
    return (spread(rng, a_shape(rng), zeros=0.1),), {}


@points("sum", "mean", "max", "min", "var", "softmax", "log_softmax", "cumulative_sum")
def _(rng):
    shape = [(3,), (2, 3), (3, 5), (2, 3, 2)][rng.integers(4)]
    return (spread(rng, shape, -8, rng.choice([0.5, 1.5, 8])),), {
        "axis": int(rng.integers(-1, len(shape)))
    }


@points("reshape")
def _(rng):
    return (spread(rng, (2, 3)),), {"shape": (3, -1)}


@points("concatenate")
def _(rng):
    return tuple(spread(rng, (n, 2), zeros=0.1) for n in rng.integers(1, 4, 3)), {}


@points("index")
def _(rng):
    keys = np.array([0, 2, 0]), slice(1, None), (slice(None), np.array([1, 1, 0])), 1
    return (spread(rng, (3, 2), zeros=0.1),), {"key": keys[rng.integers(4)]}


@points("select_rows", "embedding")
def _(rng):
    return (spread(rng, (5, 2), zeros=0.1), rng.integers(0, 5, 4)), {}
