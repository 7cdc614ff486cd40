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


@points("matmul")
def _(rng):
    N, K, M = rng.integers(1, 5, 3)
    batch = [(), (2,), (2, 1)][rng.integers(3)]
    return (spread(rng, (*batch, N, K), -6, 6), spread(rng, (K, M), -6, 6)), {}


@points("linear")
def _(rng):
    N, D, O = rng.integers(1, 5, 3)
    arrays = spread(rng, (N, D), -6, 6), spread(rng, (O, D), -6, 6), spread(rng, (O,))
    return arrays[: rng.integers(2, 4)], {}


@points("ternary_linear")
def _(rng):
    N, D, O = rng.integers(1, 5, 3)
    return (spread(rng, (N, D), -4, 4), spread(rng, (O, D), -4, 4)), {
        "scale": ["none", "mean", "kept"][rng.integers(3)]
    }


@points("ternary_weights")
def _(rng):
    return (spread(rng, (3, 2), -4, 4),), {"scale": ["none", "mean", "kept"][rng.integers(3)]}


@points("causal_conv", "gated_conv")
def _(rng):
    G = int(rng.integers(1, 3))
    x, w = spread(rng, (1, 4, 2 * G), -3, 1), spread(rng, (G, 2, 2), -3, 1)
    return (x, w), {"groups": G, "dilation": int(rng.integers(1, 3))}


@points("sigmoid_gate", "relu_squared_gate")
def _(rng):
    shape = a_shape(rng)
    return (spread(rng, shape, -8, 1.5), spread(rng, shape, zeros=0.1)), {}


@points("rms_norm")
def _(rng):
    return _rows_and(rng, 1), {}


@points("layer_norm")
def _(rng):
    return _rows_and(rng, 2), {}


def _rows_and(rng, gains):
    """Rows, of one size or spread, and vectors as long as a row."""
    N, D = rng.integers(1, 6, 2)
    x = spread(rng, (N, D))
    if rng.random() < 0.5:
        x = rng.standard_normal((N, D)) * 10 ** rng.uniform(-8, 8)
    return (x, *(spread(rng, (D,)) for _ in range(gains)))


@points("cross_entropy")
def _(rng):
    N, V = rng.integers(1, 4), rng.integers(2, 7)
    z = spread(rng, (N, V), -4, rng.choice([0.5, 1.3]))
    return (z, rng.integers(0, V, N)), _loss_options(rng)


@points("tied_head")
def _(rng):
    N, D, V = rng.integers(1, 4), 3, rng.integers(2, 7)
    h, w = spread(rng, (N, D), -3, 1), spread(rng, (V, D), -3, 0.5)
    return (h, w, rng.integers(0, V, N)), _loss_options(rng)


def _loss_options(rng):
    return [{}, {"label_smoothing": 0.1}, {"z_loss": 0.05}][rng.integers(3)]


def draw(rng, name):
    arrays, options = DRAWS[name](rng)
    if name == "gated_conv":
        arrays = (*arrays, spread(rng, arrays[1].shape, -3, 1))
    return arrays, options
