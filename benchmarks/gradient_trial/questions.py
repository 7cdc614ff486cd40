"""Questions for the checker: an operation or a composition, right or with a planted mistake."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from hard_gradients import build
from hard_pairs import HARD

import gradient_trial.table_layers  # noqa: F401  adds to DRAWS
from gradient_trial.definitions import definition
from gradient_trial.expressions import agrees, draw_expression
from gradient_trial.mistakes import plant
from gradient_trial.programs import draw_program
from gradient_trial.table_pairs import DRAWS
from minigrad import TABLE, Operation
from minigrad.gradcheck import declare

FAMILIES = {"table": 0.35, "user-written": 0.3, "composition": 0.2, "expression": 0.15}
NOT_SMOOTH = ("abs", "max", "min", "maximum", "minimum", "relu")


@dataclass
class Question:
    """An operation or a function of Tensors, as planted and right, at a point.

    exact: the forward for arrays of Exact numbers. heard: the dy that the checker drew.
    """

    family: str
    name: str
    planted: Operation | Callable
    right: Operation | Callable
    arrays: tuple
    options: dict
    exact: Callable
    analytic: bool
    kind: str
    mistake: str
    heard: list
    steps: str = ""


def draw(rng):
    """A question of a random family, or None if this version lacks the operation."""
    family = list(FAMILIES)[rng.choice(len(FAMILIES), p=list(FAMILIES.values()))]
    is_wrong = rng.random() < 0.6
    draws = (of_table, user_written, composition, expression)
    try:
        return dict(zip(FAMILIES, draws, strict=True))[family](rng, is_wrong)
    except KeyError:  # an older version lacks an operation
        return None


def of_table(rng, is_wrong):
    name = list(DRAWS)[rng.integers(len(DRAWS))]
    right = TABLE[name]
    arrays, options = redrawn(lambda: DRAWS[name](rng), lambda a, o: right.forward(*a, **o))
    facts = (definition(name), name not in NOT_SMOOTH, "plain")
    return of_operation("table", rng, is_wrong, right, arrays, options, *facts)


def user_written(rng, is_wrong):
    name = list(HARD)[rng.integers(len(HARD))]
    (pair,) = redrawn(lambda: (build(rng, name),), lambda pair: pair.forward(*pair.arrays))
    right = Operation(name, pair.forward, pair.backward)
    is_wrong &= pair.kind != "random"  # then nothing is right, and nothing wrong
    facts = (lambda *arrays: pair.exact(*arrays)[0], pair.analytic, pair.kind)
    return of_operation("user-written", rng, is_wrong, right, pair.arrays, {}, *facts)


def expression(rng, is_wrong):
    pair = draw_expression(rng)
    while not agrees(pair):
        pair = draw_expression(rng)
    right = Operation("formula", pair.forward, pair.backward)
    if pair.analytic and rng.random() < 0.3:
        right = declared_analytic(right)
    facts = (lambda *arrays: pair.exact(*arrays)[0], pair.analytic, "plain")
    question = of_operation("expression", rng, is_wrong, right, pair.arrays, {}, *facts)
    question.steps = pair.name
    return question


def declared_analytic(operation):
    """The operation; this version of the checker may take complex steps, if it can."""
    if "analytic" in inspect.signature(declare).parameters:
        declare(operation, analytic=True)
    return operation


def redrawn(draw, forward):
    """Draw until the output is finite, at most 20 times."""
    for _ in range(20):
        drawn = draw()
        if np.isfinite(forward(*drawn)[0]).all():
            break
    return drawn


def of_operation(family, rng, is_wrong, right, arrays, options, *facts):
    mistake, backward, heard = "none", right.backward, []
    if is_wrong:

        def forward(*arrays):
            return right.forward(*arrays, **options)

        mistake, backward = plant(rng, right.backward, arrays, forward)
    arrays = tuple(as_view(a) if rng.random() < 0.1 else np.asarray(a) for a in arrays)
    planted = replace(right, backward=listening(backward, heard))
    return Question(family, right.name, planted, right, arrays, options, *facts, mistake, heard)


def composition(rng, is_wrong):
    program = draw_program(rng)
    right = [step.operation for step in program.steps]
    planted, mistake, heard = list(right), "none", []
    if is_wrong:
        which = int(rng.integers(len(right)))
        operation, inputs = right[which], program.steps[which].inputs
        kinds = [int if i in operation.integer_inputs else float for i in range(len(inputs))]
        text, backward = plant(rng, operation.backward, [np.ones(2, k) for k in kinds])
        mistake = f"{text} in step {which}, {operation.name}"
        planted[which] = replace(operation, backward=listening(backward, [None]))
    last = planted[-1]
    planted[-1] = replace(last, backward=listening(last.backward, heard))
    functions = (program.function(planted), program.function(right))
    facts = (program.exact, program.analytic, "plain", mistake, heard, str(program))
    return Question("composition", program.name, *functions, program.arrays, {}, *facts)


def as_view(array):
    """The same numbers, not contiguous."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def listening(backward, heard):
    """The same backward; the float64 dy of its first call is kept."""

    def listen(dy, saved):
        if not heard and dy.dtype == np.float64:
            heard.append(np.array(dy))
        gradients = backward(dy, saved)
        if dy.dtype == np.float32:  # the mistakes multiply by float64 numbers
            gradients = tuple(in_float32(g) for g in gradients)
        return gradients

    return listen


def in_float32(gradient):
    is_float64 = getattr(gradient, "dtype", None) == np.float64
    is_array = isinstance(gradient, np.ndarray)
    return gradient.astype(np.float32) if is_float64 and is_array else gradient
