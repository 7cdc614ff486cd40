"""One pair of the trial: draw it, ask the checker, and find the truth."""

import decimal
import gc
import inspect
import time
import warnings
from dataclasses import dataclass, replace

import hard_rows  # noqa: F401
import numpy as np
from hard_gradients import HARD, Pair, build

from gradient_trial import exact, table_pairs
from gradient_trial.definitions import definition
from gradient_trial.mistakes import plant
from gradient_trial.programs import Program, draw_program
from minigrad import TABLE, Operation, Tensor
from minigrad import gradcheck as checker

decimal.setcontext(exact.PRECISE)
UNDECIDED = getattr(checker, "InconclusiveError", checker.KinkError)
HAS_AUTO = inspect.signature(checker.gradcheck).parameters["mode"].default == "auto"
MODES = {"default": 0.5, "full": 0.18, "projection": 0.12, "complex": 0.12, "pair": 0.08}
FAMILIES = {"table": 0.4, "user-written": 0.35, "composition": 0.25}
WRONG, RIGHT = 1e-3, 1e-6
NO_EFFECT = 1e-14  # beside rounding: such a mistake leaves a right gradient


@dataclass
class Question:
    """What the checker is asked, and how to find the truth afterwards."""

    family: str
    name: str
    arrays: tuple
    options: dict
    operation: Operation | None  # with the planted backward, for a single operation
    right: Operation | None
    function: object  # of Tensors, for a composition
    right_function: object
    exact: object
    analytic: bool
    kind: str
    mistake: str
    heard: list  # the dy of every call of the last backward


def run_pair(seed, number, mode=None, details=False):
    """Return the facts of one pair as a dict, or None if this version lacks its operation."""
    rng = np.random.default_rng([seed, number])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        question = draw(rng)
        drawn = list(MODES)[rng.choice(len(MODES), p=list(MODES.values()))]
        mode = mode or drawn
        if question is None or (mode == "pair" and not hasattr(checker, "check_pair")):
            return None
        gc.disable()  # it would charge the checker for the trial's own objects
        start = time.process_time()
        answer, text = ask(question, mode)
        seconds = time.process_time() - start
        gc.enable()
        facts = {"number": number, "family": question.family, "name": question.name}
        facts |= {"mode": mode, "mistake": question.mistake, "kind": question.kind}
        facts |= {"answer": answer, "seconds": seconds, "analytic": question.analytic}
        truth = find_truth(question) if question.heard else {"truth": "not asked", "error": 0.0}
    if truth is None:
        return None
    if question.kind == "random" and question.arrays[0].size:
        truth["truth"] = "random"
    if question.kind == "rounded" and truth["truth"] == "right":
        truth["truth"] = "ill"
    facts |= {k: v for k, v in truth.items() if details or k in ("truth", "error")}
    if details:
        facts |= {"arrays": question.arrays, "options": question.options, "text": text}
    return facts


# -- drawing -------------------------------------------------------------------------------


def draw(rng):
    family = list(FAMILIES)[rng.choice(len(FAMILIES), p=list(FAMILIES.values()))]
    is_wrong = rng.random() < 0.6
    return {"table": of_table, "user-written": user_written, "composition": composition}[
        family
    ](rng, is_wrong)


def of_table(rng, is_wrong):
    name = list(table_pairs.DRAWS)[rng.integers(len(table_pairs.DRAWS))]
    if name not in TABLE:  # an older version
        return None
    for _ in range(20):
        arrays, options = table_pairs.draw(rng, name)
        if np.isfinite(TABLE[name].forward(*arrays, **options)[0]).all():
            break
    forward = definition(name)
    is_smooth = name not in ("abs", "max", "min", "maximum", "minimum", "relu")
    return single(
        "table", rng, is_wrong, TABLE[name], arrays, options, forward, is_smooth, "plain"
    )


def user_written(rng, is_wrong):
    name = list(HARD)[rng.integers(len(HARD))]
    for _ in range(20):
        pair: Pair = build(rng, name)
        if np.isfinite(pair.forward(*pair.arrays)[0]).all():
            break
    operation = Operation(name, pair.forward, pair.backward)
    return single(
        *("user-written", rng, is_wrong, operation, pair.arrays, {}),
        *(lambda *arrays: pair.exact(*arrays)[0], pair.analytic, pair.kind),
    )


def single(family, rng, is_wrong, right, arrays, options, forward, analytic, kind):
    mistake, backward = "none", right.backward
    if is_wrong:
        run = lambda *xs: right.forward(*xs, **options)  # noqa: E731
        mistake, backward = plant(rng, right.backward, arrays, run)
    arrays = tuple(as_view(a) if rng.random() < 0.1 else np.asarray(a) for a in arrays)
    heard = []
    operation = replace(right, backward=listening(backward, heard))
    return Question(
        family, right.name, arrays, options, operation, right, None, None, forward, analytic,
        kind, mistake, heard,
    )  # fmt: skip


def as_view(array):
    """The same numbers, not contiguous."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def composition(rng, is_wrong):
    try:
        program: Program = draw_program(rng)
    except KeyError:  # an older version lacks an operation
        return None
    right = [step.operation for step in program.steps]
    operations, mistake, heard = list(right), "none", []
    if is_wrong:
        which = int(rng.integers(len(right)))
        shapes = [
            np.ones(2) if i not in right[which].integer_inputs else np.ones(2, int)
            for i in range(len(program.steps[which].inputs))
        ]
        text, backward = plant(rng, right[which].backward, shapes)
        mistake = f"{text} in step {which}, {right[which].name}"
        operations[which] = replace(right[which], backward=listening(backward, [None]))
    last = operations[-1]
    operations[-1] = replace(last, backward=listening(last.backward, heard))
    return Question(
        "composition", program.name, program.arrays, {}, None, None,
        program.function(operations), program.function(right), program.exact, program.analytic,
        "plain", mistake, heard,
    )  # fmt: skip


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


# -- asking --------------------------------------------------------------------------------


def ask(question, mode):
    """The answer: "right", "wrong", "undecided" or "refused", and the checker's text."""
    options = dict(question.options)
    if mode in ("full", "projection", "complex"):
        options["mode"] = mode
    try:
        if mode == "pair" and question.operation:
            operation = question.operation
            given = checker.check_pair(
                operation.forward, operation.backward, question.arrays, **options
            )
        else:
            target = question.operation or question.function
            given = checker.gradcheck(target, *question.arrays, **options)
        return "right", str(given)
    except checker.GradientError as error:
        return "wrong", f"GradientError: {error}"
    except UNDECIDED as error:
        return "undecided", f"{type(error).__name__}: {error}"
    except checker.KinkError as error:
        return "undecided", f"{type(error).__name__}: {error}"
    except Exception as error:
        return "refused", f"{type(error).__name__}: {error}"


# -- the truth -----------------------------------------------------------------------------


def find_truth(question):
    """The truth at the dy that the checker drew, or None where 120 digits give no number."""
    dy = question.heard[0]
    floats = [i for i, a in enumerate(question.arrays) if a.dtype.kind == "f"]
    inputs = [exact.exact_array(a) if i in floats else a for i, a in enumerate(question.arrays)]
    outputs = question.exact(*inputs, **question.options)
    truth = exact.derivatives([inputs[i] for i in floats], outputs, dy)
    if not all(number.is_finite() for pair in truth for array in pair for number in array.flat):
        return None
    found, right = (gradients(question, dy, kind) for kind in ("planted", "right"))
    errors, own = [], []
    for i, of_one in zip(floats, truth, strict=True):
        errors.append(error(found[i], *of_one))
        own.append(error(right[i], *of_one))
        for index in np.argwhere((errors[-1] >= WRONG) & (found[i] == 0)):
            if not is_visible(question, i, tuple(index)):
                own[-1][tuple(index)] = np.inf  # no float64 shows that it is not 0
    flat, flat_own = (np.concatenate([e.ravel() for e in es] or [[]]) for es in (errors, own))
    return {
        "truth": verdict(flat, flat_own, question.mistake != "none"),
        "error": float(flat.max(initial=0)),
        "error_of_right": float(flat_own.max(initial=0)),
        "dy": dy,
        "found": [found[i] for i in floats],
        "true": [slope.astype(float) for slope, _ in truth],
        "terms": [size.astype(float) for _, size in truth],
    }


def verdict(errors, own, is_planted):
    good = own <= RIGHT
    if (errors[good] >= WRONG).any():
        return "wrong"
    if good.all():
        is_right = (errors <= np.maximum(2 * own, NO_EFFECT)).all() or not is_planted
        return "right" if is_right else "between"
    return "ill, planted" if (errors >= np.maximum(WRONG, 2 * own)).any() else "ill"


def is_visible(question, which, index):
    """Whether the output moves in float64 if one element moves by a tenth."""
    before = forward(question, question.arrays)
    for step in (0.1 * question.arrays[which][index], 0.1, -0.1):
        moved = [np.array(a) for a in question.arrays]
        moved[which][index] += step
        if not np.array_equal(forward(question, moved), before):
            return True
    return False


def forward(question, arrays):
    if question.operation:
        return question.right.forward(*arrays, **question.options)[0]
    return question.right_function(*(Tensor(a) for a in arrays)).data


def gradients(question, dy, kind):
    if question.operation:
        operation = question.operation if kind == "planted" else question.right
        _, saved = operation.forward(*question.arrays, **question.options)
        given = operation.backward(dy, saved)
        return [g.dense() if hasattr(g, "dense") else g for g in given]
    leaves = [Tensor(a.copy(), requires_grad=True) for a in question.arrays]
    function = question.function if kind == "planted" else question.right_function
    y = function(*leaves)
    y.backward(dy)
    return [np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves]


def error(found, slopes, sizes):
    """The relative error of each element; of an exact 0, relative to the size of its terms."""
    typical = max((abs(float(s)) for s in slopes.flat), default=0.0) or 1.0
    errors = np.empty(slopes.shape)
    for index in np.ndindex(slopes.shape):
        slope, size, number = slopes[index], sizes[index], float(found[index])
        if not np.isfinite(number):
            errors[index] = np.inf
            continue
        gap = abs(decimal.Decimal(number) - slope)
        scale = abs(slope)
        if scale <= size * decimal.Decimal("1e-100") or scale < decimal.Decimal("1e-300"):
            scale = size if size > decimal.Decimal("1e-300") else decimal.Decimal(typical)
        errors[index] = float(min(gap / scale, decimal.Decimal("1e300")))
    return errors
