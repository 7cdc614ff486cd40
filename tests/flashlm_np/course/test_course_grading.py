"""The grader accepts right answers, and finds, explains and locates mistakes."""

import inspect
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from course_answers import BY_NAME, WRONG, attention_with, graded, mlgru_with, solution
from planted_bugs import PLANTED_BUGS

from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.function_tests import split
from flashlm_np.course.grader import function_tests_of, grade
from flashlm_np.course.hints.mistakes import MISTAKES, edited_functions, mistakes_of
from flashlm_np.course.student import Answer, load
from minigrad import TABLE
from minigrad.ops import RowGradient

by_label = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)


# -- right ---------------------------------------------------------------------------------


@by_label
def test_the_package_is_the_solution(exercise, tmp_path):
    file = tmp_path / exercise.file_name
    file.write_text(solution(exercise), encoding="utf-8")
    result = grade(exercise, load(exercise, file))
    assert result.state == "right", result.details
    assert result.details[0].startswith("It gives the results of the package on ")


def test_a_right_answer_may_differ_from_the_package():
    """The head computes all logits, and the gradient of the embedding is a dense table."""

    def tied_head_forward(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
        loss = TABLE["cross_entropy"]
        options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
        value, saved = loss.forward(h @ w.T, y, **options)
        return value, (saved, h, w)

    def tied_head_backward(dy, saved):
        saved, h, w = saved
        dz, _ = TABLE["cross_entropy"].backward(dy, saved)
        return dz @ w, dz.T @ h, None

    def embedding_backward(dy, saved):
        ids, shape = saved
        dw = np.zeros(shape, dy.dtype)
        np.add.at(dw, ids, dy)
        return dw, None

    assert graded("tied_head", tied_head_forward, tied_head_backward).state == "right"
    assert graded("embedding", embedding_backward).state == "right"


@pytest.mark.parametrize("name", ["mlgru", "attention"])
def test_a_forward_may_loop_where_the_package_does_not(name):
    """It saves nothing, so only the package's backward fails."""
    forward = {"mlgru": mlgru_with, "attention": attention_with}[name]()
    backward = forward.__name__.replace("forward", "backward")
    assert graded(name, forward).details[0].startswith(f"{backward}: ")


def test_saved_values_may_have_names():
    Saved = namedtuple("Saved", "a b")
    assert (
        graded(
            "multiply",
            multiply_forward=lambda a, b: (a * b, Saved(a, b)),
            multiply_backward=lambda dy, saved: TABLE["multiply"].backward(dy, tuple(saved)),
        ).state
        == "right"
    )


class Slots:
    """An object whose values nobody can list."""

    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


@pytest.mark.parametrize(
    ("save", "read"),
    [
        (lambda a, b: [a, {"b": b}], lambda saved: (saved[0], saved[1]["b"])),
        (lambda a, b: Slots(a, b), lambda saved: (saved.a, saved.b)),
        (lambda a, b: lambda: (a, b), lambda saved: saved()),
        (
            lambda a, b: (a.tolist(), b.tolist(), a.dtype),
            lambda s: map(np.array, s[:2], [s[2]] * 2),
        ),
        (lambda a, b: (np.ma.masked_array(a), b.copy()), lambda s: (s[0].data, s[1])),
        (lambda a, b: np.array([a, b, None], dtype=object), lambda saved: saved[:2]),
    ],
    ids=["containers", "slots", "closure", "numbers", "masked", "objects"],
)
def test_saved_may_be_anything(save, read):
    result = graded(
        "multiply",
        multiply_forward=lambda a, b: (a * b, save(a, b)),
        multiply_backward=lambda dy, s: TABLE["multiply"].backward(dy, tuple(read(s))),
    )
    assert result.state == "right", result.details


def test_a_result_may_be_a_view_or_have_any_order_in_memory():
    def linear_forward(x, w, b=None):
        y, saved = TABLE["linear"].forward(x, w, b)
        return np.asfortranarray(y), saved

    def linear_backward(dy, saved):
        dx, dw, *db = TABLE["linear"].backward(dy, saved)
        return dx[::-1].copy()[::-1], dw.T.copy().T, *db

    assert graded("linear", linear_forward, linear_backward).state == "right"


def test_a_backward_gets_the_saved_values_of_its_forward():
    """With a blank forward, the backward gets the saved values of the package."""

    def exercise_with(blank):
        functions = BY_NAME["sigmoid"].solution
        if not blank:
            functions["sigmoid_forward"] = lambda x: (1 / (1 + np.exp(-x)), {"x": x})

        def sigmoid_backward(dy, saved):
            y = saved[0] if blank else 1 / (1 + np.exp(-saved["x"]))
            return (dy * y * (1 - y),)

        functions["sigmoid_backward"] = sigmoid_backward
        blank = ["sigmoid_forward"] if blank else []
        return grade(BY_NAME["sigmoid"], Answer(functions, blank))

    assert exercise_with(blank=False).state == "right"
    result = exercise_with(blank=True)
    assert result.state == "to do"
    assert result.details == ("to do: sigmoid_forward",)
    assert result.right == ("sigmoid_backward",)


@pytest.mark.parametrize(
    "name", [e.name for e in EXERCISES if e.operation and e.name != "bit_linear"]
)
def test_differences_confirm_the_expected_gradients(name):
    """Gradients of surrogates are left out: those of ternary weights and of 8-bit inputs."""
    forward, backward = BY_NAME[name].functions[-2:]
    *_, test = function_tests_of(BY_NAME[name])
    for case in test.cases:
        arrays, options = split(forward, case)
        _, saved = forward(*arrays.values(), **options)
        for label, gradient in zip(arrays, backward(case["dy"], saved), strict=True):
            if gradient is None or (name, label) == ("ternary_linear", "w"):
                continue
            found = gradient.dense() if isinstance(gradient, RowGradient) else gradient
            for index in np.ndindex(found.shape):
                slope = test.finite_difference(case, label, index)
                assert slope == pytest.approx(found[index], rel=1e-5, abs=1e-5)


# -- wrong ---------------------------------------------------------------------------------

PLANTED = [
    bug
    for bug in PLANTED_BUGS
    if bug.operation_name in BY_NAME and "vector" not in bug.mistake  # matmul: matrices only
]


@pytest.mark.parametrize("bug", PLANTED, ids=str)
def test_planted_bugs_are_found(bug):
    result = graded(bug.operation_name, **{f"{bug.operation_name}_backward": bug.backward})
    assert result.state == "wrong"
    assert result.details[0].startswith(f"{bug.operation_name}_backward")
    assert result.details[1].startswith("for ")
    # Students do not write these two.
    if bug.mistake not in (
        "the positions of dy are reversed",
        "λ ends at the border of a chunk",
    ):
        assert result.details[-1].startswith("Hint: ")


def test_there_are_40_planted_bugs_in_exercises():
    assert len(PLANTED) >= 40


@pytest.mark.parametrize("answer", WRONG, ids=str)
def test_wrong_answers_are_explained(answer):
    result = grade(answer.exercise, answer.answer)
    assert result.state == "wrong"
    assert result.details[-1] == f"Hint: {answer.hint}"


TESTS = [test for exercise in EXERCISES for test in function_tests_of(exercise)]
MISTAKE_LIST = [
    pytest.param(test, hint, edits, id=f"{test.name}: {hint[:50]}")
    for test in TESTS
    for hint, edits in mistakes_of(test.function)
]


@pytest.mark.parametrize(("test", "hint", "edits"), MISTAKE_LIST)
def test_each_usual_mistake_is_recognized(test, hint, edits):
    exercise = next(e for e in EXERCISES if test.function in e.functions)
    edited = edited_functions(test, edits)
    assert edited, "a page has changed: adapt the edit in flashlm_np/course/hints"
    result = grade(exercise, Answer(exercise.solution | edited))
    assert result.state == "wrong"
    assert result.details[-1] == f"Hint: {hint}"


def test_the_readme_counts_the_mistakes():
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    counts = f"{len(WRONG)} planted wrong answers and {len(MISTAKE_LIST)} usual mistakes,"
    assert counts in " ".join(readme.split())


def test_every_listed_mistake_belongs_to_an_exercise():
    assert set(MISTAKES) <= {test.function for test in TESTS}


# -- the explanation -----------------------------------------------------------------------


def test_an_explanation_has_all_its_parts():
    def rms_norm_backward(dy, saved):
        dx, dw = TABLE["rms_norm"].backward(dy, saved)
        return -dx, dw

    assert graded("rms_norm", rms_norm_backward).details == (
        "rms_norm_backward, argument x, index (0, 0): expected 1.3914, found -1.3914",
        "for x = [[1.0, -0.5]], w = [0.5, -1.0], dy = [[3.0, -2.0]]",
        "A finite difference of the forward pass gives 1.391, too.",
        "Hint: every element of dx has the wrong sign.",
    )


def test_the_explanation_names_the_precision():
    def sigmoid_forward(x):
        y = np.float64(1.0) / (1 + np.exp(-x))
        return y, (y,)

    assert graded("sigmoid", sigmoid_forward).details[:2] == (
        "sigmoid_forward, result y: expected dtype float32, found dtype float64",
        "in float32, for x = [0.0]",
    )


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "multiply_backward: returns None, expected (da, db)"),
        ((), "multiply_backward: returns a tuple of 0, expected 2: (da, db)"),
        (3.0, "multiply_backward: returns a float, expected the tuple (da, db)"),
        (
            (None, None),
            "multiply_backward, argument a: expected an array of shape (2,), found None",
        ),
        (
            ([1.0, 2.0], None),
            "multiply_backward, argument a: expected an array of shape (2,), found a list",
        ),
        (
            (np.zeros(3), None),
            "multiply_backward, argument a: expected shape (2,), found shape (3,)",
        ),
        (
            (np.array(["a", "b"]), None),
            "multiply_backward, argument a: expected dtype float64, found dtype <U1",
        ),
        (
            (np.array([1.5, np.nan]), None),
            "multiply_backward, argument a, index (1,): expected 2.0, found nan",
        ),
    ],
)
def test_a_wrong_type_of_gradient_is_named(result, reason):
    grade = graded("multiply", multiply_backward=lambda dy, saved: result)
    assert grade.details[0] == reason


def test_a_wrong_type_of_result_is_named():
    for name, function, reason in [
        ("sum", lambda x, *, axis=None, keepdims=False: x, "returns an array, expected the"),
        ("ternarize", lambda w, *, threshold=1.0, scale="none": None, "returns None, expected"),
        ("pack", lambda T, scale, encoding="base-3": T, "returns a ndarray, expected a Packed"),
        ("newton_schulz", lambda g, steps=5: None, "returns None, expected (x,)"),
    ]:
        changed = next(f for f in BY_NAME[name].solution if not f.endswith("_backward"))
        assert reason in graded(name, **{changed: function}).details[0]


def test_written_arrays_are_named():
    def sigmoid_backward(dy, saved):
        (y,) = saved
        y *= 1 - y
        return (dy * y,)

    def linear_backward(dy, saved):
        dx, dw, *db = TABLE["linear"].backward(dy, saved)
        saved[1][0] = 0
        return dx, dw, *db

    assert graded("sigmoid", sigmoid_backward).details[0] == (
        "sigmoid_backward: writes into saved"
    )
    assert graded("linear", linear_backward).details[0] == "linear_backward: writes into w"


def test_the_explanation_has_the_smallest_wrong_input():
    """The function is wrong only if an id repeats."""

    def embedding_backward(dy, saved):
        ids, shape = saved
        dw = np.zeros(shape, dy.dtype)
        dw[ids] = dy
        return dw, None

    assert graded("embedding", embedding_backward).details[:3] == (
        "embedding_backward, argument w, index (1, 0): expected 4.5, found 1.5",
        "for w = [[1.0, -0.5], [2.0, -1.5], [0.5, -1.0]], ids = [1, 1],",
        "    dy = [[3.0, -2.0], [1.5, -2.5]]",
    )


# -- unusual results -----------------------------------------------------------------------

CHANGES = {
    "NaN": lambda a: a * np.nan,
    "infinite": lambda a: a + np.inf,
    "another shape": lambda a: np.zeros((*a.shape, 2), a.dtype),
    "flat": lambda a: a.reshape(-1, 1),
    "integers": lambda a: np.rint(a).astype(int),
    "complex": lambda a: a + 1j,
    "objects": lambda a: a.astype(object),
    "text": lambda a: "a",
    "a list": lambda a: a.tolist(),
    "truth": lambda a: a > 0,
    "masked": lambda a: np.ma.masked_array(a, np.ones(a.shape, bool)),
    "half": lambda a: a.astype(np.float16),
    "empty": lambda a: np.zeros(0),
    "random": lambda a: np.random.default_rng(0).standard_normal(a.shape),
    "squared": lambda a: a * a + 1,
}


@by_label
def test_results_of_any_kind_do_not_crash_the_grader(exercise):
    """An answer with results of another kind is wrong. A function gets a third of the kinds."""
    changes = list(CHANGES.values())
    for number, (function, right) in enumerate(exercise.solution.items(), len(exercise.name)):
        for change in changes[number % 3 :: 3]:
            other = partial(changed_result, exercise.name, function, right, change)
            other.__signature__ = inspect.signature(right)
            result = grade(exercise, Answer(exercise.solution | {function: other}))
            assert result.state == "wrong"
            assert result.details


def changed_result(name, function, right, change, *arrays, **options):
    """Return the right result with its arrays changed."""
    if name in ("accumulate", "backward_steps", "pack"):
        return change(np.ones(2))
    result = right(*arrays, **options)
    if result is None:
        with np.errstate(all="ignore"):
            arrays[0][...] = change(arrays[0]) if change is CHANGES["NaN"] else 7
    if function.endswith("_forward"):
        return change(result[0]), result[1]
    return change_arrays(result, change)


def change_arrays(value, change):
    if isinstance(value, tuple):
        return tuple(change_arrays(item, change) for item in value)
    if isinstance(value, RowGradient):
        value = value.dense()
    return change(np.asarray(value)) if isinstance(value, (np.ndarray, float)) else value
