"""Random forwards: formulas of a few functions, whose right backward is the exact derivative.

No hand has written these backwards: 120 digits are rounded to float64. So the right gradient is
right to the last digit, however badly the formula is conditioned.
"""

import numpy as np
from hard_pairs import Pair, spread

from gradient_trial import exact
from gradient_trial.derivatives import derivatives

DEPTH = 4  # below it: functions within functions
RANGES = (-1, 1), (-1, 1), (-4, 2)  # powers of ten of the inputs


class Formula:
    """A function of a list of arrays, its text, and whether a complex step is right for it."""

    def __init__(self, text, function, analytic=True):
        self.text, self.function, self.analytic = text, function, analytic

    def of(self, text, function, analytic=True, other=None):
        """function(self) or function(self, other), as a formula."""
        others = [self] if other is None else [self, other]
        is_analytic = analytic and all(f.analytic for f in others)

        def run(xs):
            y = function(*(f.function(xs) for f in others))
            return exact.exact_array(y) if np.asarray(y).dtype == object else y

        return Formula(text.format(*(f.text for f in others)), run, is_analytic)


def total(x):
    return x.sum(axis=-1, keepdims=True)


def one_argument(rng):
    """(text, function, is analytic) of a random function of one argument."""
    c = float(10 ** rng.uniform(-3, 1) * rng.choice([-1, 1]))
    far, scale = float(10 ** rng.uniform(0, 10)), float(10 ** rng.uniform(-6, 6))
    smooth = [
        ("sin({})", np.sin),
        ("tanh({})", np.tanh),
        ("exp({})", np.exp),
        ("sqrt({}² + 1)", lambda x: np.sqrt(x * x + 1.0)),
        ("log({}² + 1e-6)", lambda x: np.log(x * x + 1e-6)),
        ("1 / ({}² + 1e-3)", lambda x: 1.0 / (x * x + 1e-3)),
        ("{}²", lambda x: x * x),
        ("{}³", lambda x: x**3),
        (f"({{}} - {c:.3g})", lambda x: x - c),
        (f"{scale:.3g} {{}}", lambda x: scale * x),
        (f"({{}} + {far:.3g})", lambda x: x + far),
        ("sum({})", total),
        ("cumsum({})", lambda x: np.cumsum(x, axis=-1)),
        ("reversed({})", lambda x: x[..., ::-1]),
        ("norm({})", lambda x: np.sqrt(total(x * x))),
        ("exp({0}) / sum", lambda x: np.exp(x) / total(np.exp(x))),
    ]
    rough = [
        ("|{}|", np.abs),
        (f"max({{}}, {c:.3g})", lambda x: np.maximum(x, c)),
        (f"min({{}}, {c:.3g})", lambda x: np.minimum(x, c)),
        (f"({{0}} + 1 if {{0}} > {c:.3g})", lambda x: np.where(x > c, x + 1.0, x)),
        (f"(3 {{0}} if {{0}} > {c:.3g})", lambda x: np.where(x > c, 3.0 * x - 2.0 * c, x)),
        ("max of the row({})", lambda x: x.max(axis=-1, keepdims=True)),
        (f"({{0}} if {{0}} > {c:.3g} else -1e4)", lambda x: np.where(x > c, x, -1e4)),
    ]
    which = rng.integers(len(smooth) + len(rough) // 2)
    if which < len(smooth):
        return (*smooth[which], True)
    return (*rough[rng.integers(len(rough))], False)


TWO_ARGUMENTS = [
    ("({} + {})", lambda a, b: a + b, True),
    ("({} - {})", lambda a, b: a - b, True),
    ("{} · {}", lambda a, b: a * b, True),
    ("{} / ({}² + 1e-2)", lambda a, b: a / (b * b + 1e-2), True),
    ("max({}, {})", np.maximum, False),
]


def formula(rng, inputs, depth):
    """A random formula of the inputs."""
    if depth == 0:
        which = int(rng.integers(inputs))
        return Formula(f"x{which}", lambda xs: xs[which])
    if rng.random() < 0.65:
        return formula(rng, inputs, depth - 1).of(*one_argument(rng))
    text, function, analytic = TWO_ARGUMENTS[rng.integers(len(TWO_ARGUMENTS))]
    parts = formula(rng, inputs, depth - 1), formula(rng, inputs, int(rng.integers(depth)))
    return parts[0].of(text, function, analytic, parts[1])


def draw_expression(rng):
    """A Pair whose forward is a formula, and whose backward is its exact derivative."""
    shape, inputs = [(1,), (2,), (3,), (2, 2)][rng.integers(4)], int(rng.integers(1, 4))
    f = formula(rng, inputs, int(rng.integers(1, DEPTH)))
    low, high = RANGES[rng.integers(len(RANGES))]
    arrays = tuple(spread(rng, shape, low, high) for _ in range(inputs))

    def forward(*xs):
        y = f.function(xs)
        return y + 0 * y if any(y is x for x in xs) else y, xs

    def backward(dy, xs):
        if not np.isfinite(dy).all():  # a NaN reaches every gradient
            return tuple(np.full_like(x, np.nan) for x in xs)
        numbers = [exact.exact_array(x) for x in xs]
        slopes = derivatives(numbers, f.function(numbers), dy)
        return tuple(slope.astype(float).astype(dy.dtype) for slope, _ in slopes)

    exact_forward = lambda *xs: (f.function(xs), ())  # noqa: E731
    return Pair(f.text, forward, backward, arrays, f.analytic, exact_forward)


def agrees(pair):
    """Whether float64 shows the values of the formula: else it is another function."""
    y = np.asarray(pair.forward(*pair.arrays)[0])
    true = pair.exact(*(exact.exact_array(x) for x in pair.arrays))[0]
    true = np.array([float(exact.exact(number).value) for number in np.ravel(true)])
    return np.isfinite(y).all() and np.allclose(y.ravel(), true, 1e-8, 1e-300)
