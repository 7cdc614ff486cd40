"""Points for products, layers and losses of minigrad's table; they add to DRAWS."""

from hard_pairs import a_shape, spread

from gradient_trial.table_pairs import DRAWS, points


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


@points("causal_conv")
def _(rng):
    G = int(rng.integers(1, 3))
    x, w = spread(rng, (1, 4, 2 * G), -3, 1), spread(rng, (G, 2, 2), -3, 1)
    return (x, w), {"groups": G, "dilation": int(rng.integers(1, 3))}


@points("gated_conv")
def _(rng):
    (x, w), options = DRAWS["causal_conv"](rng)
    return (x, w, spread(rng, w.shape, -3, 1)), options


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
