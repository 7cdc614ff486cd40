"""Random compositions: functions of several Tensors that run a few operations each."""

import numpy as np
from hard_pairs import spread

from gradient_trial.program import Builder

UNARY = (
    *("tanh", "sigmoid", "relu_squared", "exp"),
    *("user's softplus", "user's silu", "user.s sine", "user's square", "user's huber"),
)
BINARY = ("add", "subtract", "multiply", "sigmoid_gate", "relu_squared_gate", "maximum")
SCALES = (1e-8, 1e-3, 0.5, 3.0, 1e3, 1e8)


def random_graph(rng):
    """Operations chosen at random, each on values that exist."""
    b = Builder(rng)
    N, D = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    shape = [(), (D,), (N, D), (N, D)][rng.integers(4)]
    count = int(rng.integers(1, 4))
    values = [b.input(spread(rng, shape, -3, 0.5)) for _ in range(count)]
    gains = [b.input(rng.standard_normal(shape[-1:]))] if shape else []
    if rng.random() < 0.3:
        values.append(b.step("relu", values[0]))  # not later: a value may be exactly 0
    for _ in range(rng.integers(2, 7)):
        values.append(_random_step(b, rng, values, gains, shape))
    if rng.random() < 0.5:
        b.step("multiply", values[-1], values[rng.integers(len(values))], shape=shape)
    else:
        b.step(["sum", "mean"][rng.integers(2)], values[-1], shape=())
    return b.program("random graph")


def _random_step(b, rng, values, gains, shape):
    pick = lambda: values[rng.integers(len(values))]  # noqa: E731
    kind = rng.random()
    if kind < 0.5:
        return b.step(one_of(rng, UNARY), b.step("tanh", pick()) if kind < 0.1 else pick())
    if kind < 0.85 or not shape:
        a, c = pick(), pick()
        # maximum(a, a) has a kink everywhere
        return b.step(one_of(rng, BINARY if a != c else BINARY[:-1]), a, c)
    if kind < 0.88:
        far = np.asarray(10.0 ** rng.integers(0, 10))
        return b.step("subtract", b.step("add", pick(), far), far)
    if kind < 0.95:
        scale = np.asarray(SCALES[rng.integers(len(SCALES))])
        return b.step("multiply", pick(), scale)
    return b.step("rms_norm", pick(), gains[0])


def one_of(rng, names):
    return names[rng.integers(len(names))]


def perceptron(rng):
    """Two layers and a loss; one argument may be unused."""
    b = Builder(rng)
    N, D, H, V = 3, 4, 6, 5
    size = 10 ** rng.uniform(-3, 3)
    x, w1 = (
        b.input(size * rng.standard_normal((N, D))),
        b.input(rng.standard_normal((H, D)) / size),
    )
    gain, w2 = b.input(spread(rng, (H,), -4, 1)), b.input(rng.standard_normal((V, H)))
    if rng.random() < 0.3:
        b.input(spread(rng, (2, 2)))  # not used
    h = b.step("linear", x, w1, shape=(N, H))
    h = b.step(one_of(rng, ("relu", *UNARY[:3], *UNARY[-5:-3])), h)
    h = b.step("rms_norm", h, gain)
    z = b.step("linear", h, w2, shape=(N, V))
    b.step("cross_entropy", z, rng.integers(0, V, N), shape=())
    return b.program("perceptron")


def recurrence(rng):
    """The same two weights at every one of many steps."""
    b = Builder(rng)
    D = int(rng.integers(1, 4))
    h, w, u = (b.input(rng.standard_normal((D, D)) * s) for s in (1.0, 0.7, 0.3))
    for _ in range(rng.integers(3, 12)):
        h = b.step("tanh", b.step("add", b.step("matmul", h, w), u))
    return b.program("recurrence")


def language_model(rng):
    """Embedding, causal convolution, gate, norm and tied head."""
    b = Builder(rng)
    V, D = 5, 4
    w = b.input(rng.standard_normal((V, D)) * 10 ** rng.uniform(-2, 0.3))
    k, gain = b.input(rng.standard_normal((D, D, 2)) * 0.5), b.input(spread(rng, (D,), -3, 0.3))
    ids = rng.integers(0, V, (1, 4))
    x = b.step("embedding", w, ids, shape=(1, 4, D))
    y = b.step("sigmoid_gate", b.step("causal_conv", x, k), x)
    y = b.step("rms_norm", b.step("add", x, y), gain)
    y = b.step("reshape", y, shape=(4, D))
    b.steps[-1].options["shape"] = (4, D)
    b.step("tied_head", y, w, rng.integers(0, V, 4), shape=())
    return b.program("language model")


def attention(rng):
    """Causal attention with masked scores, layer norm after it."""
    b = Builder(rng)
    T, D = 4, 3
    x = b.input(rng.standard_normal((T, D)) * 10 ** rng.uniform(-3, 3))
    wq, wk, wv = (
        b.input(rng.standard_normal((D, D)) * 10 ** rng.uniform(-1, 0.5)) for _ in "qkv"
    )
    gain, bias = b.input(spread(rng, (D,), -3, 1)), b.input(spread(rng, (D,), -3, 1))
    n = b.step("layer_norm", x, gain, bias)
    q, k, v = (b.step("linear", n, w) for w in (wq, wk, wv))
    z = b.step("matmul", q, b.step("transpose", k, shape=(D, T)), shape=(T, T))
    later = np.triu(np.ones((T, T), bool), 1)
    z = b.step("masked_fill", z, later, value=float(rng.choice([-1e9, -1e30, -np.inf])))
    z = b.step("softmax", z)
    y = b.step("add", x, b.step("matmul", z, v, shape=(T, D)))
    if rng.random() < 0.5:
        b.step("cross_entropy", y, rng.integers(0, D, T), shape=())
    return b.program("attention")


def large(rng):
    """A few thousand elements in a chain of cheap operations."""
    b = Builder(rng)
    x = b.input(spread(rng, (int(rng.integers(200, 2000)),), -5, 1))
    a = b.input(spread(rng, (1,), -2, 1))
    b.step("multiply", b.step(one_of(rng, ("tanh", "sigmoid", "user.s sine")), x), a)
    return b.program("large arrays")


PROGRAMS = {
    "random graph": (random_graph, 0.5),
    "attention": (attention, 0.1),
    "perceptron": (perceptron, 0.12),
    "recurrence": (recurrence, 0.12),
    "language model": (language_model, 0.12),
    "large arrays": (large, 0.04),
}


def draw_program(rng):
    names, weights = zip(*((n, w) for n, (_, w) in PROGRAMS.items()), strict=True)
    return PROGRAMS[names[rng.choice(len(names), p=weights)]][0](rng)
