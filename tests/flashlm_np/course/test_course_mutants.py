"""No usual mistake in a solution is graded right, unless it changes no result."""

from contextlib import nullcontext
from functools import cache

import pytest
from course_answers import BY_NAME
from course_mutants import mutants_of

from flashlm_np.course import grader
from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.question import student_file
from flashlm_np.course.student import Answer

# The mutants that change no result, by the reason.
EQUIVALENT = {
    "the case is a faster way to the same result": [
        "sum_to_shape: if dy.shape == shape -> if False",
    ],
    "a sum over an axis of size 1 changes nothing": [
        "sum_to_shape: size == 1 and dy.shape[axis + added] != 1 -> size == 1",
    ],
    "a number of float64 is compared, or is written into an array of another dtype": [
        "sum_to_shape: size == 1 -> size == np.float64(1)",
        "sum_to_shape: dy.shape[axis + added] != 1 -> dy.shape[axis + added] != np.float64(1)",
        "ternarize: 0 * mean -> np.float64(0) * mean",
        "cross_entropy_backward: 1 - label_smoothing -> np.float64(1) - label_smoothing",
        "adamw_update: 1 - lr * weight_decay -> np.float64(1) - lr * weight_decay",
        "adamw_update: 1 - beta1 ** t -> np.float64(1) - beta1 ** t",
        "adamw_update: 1 - beta2 ** t -> np.float64(1) - beta2 ** t",
        "adamw_update: 1 - beta1 -> np.float64(1) - beta1",
        "adamw_update: 1 - beta2 -> np.float64(1) - beta2",
        "adamw_update: c2 ** 0.5 -> c2 ** np.float64(0.5)",
        "normuon_update: 1 - lr * weight_decay -> np.float64(1) - lr * weight_decay",
        "normuon_update: 1 - beta1 -> np.float64(1) - beta1",
        "normuon_update: 1 - beta2 -> np.float64(1) - beta2",
        "normuon_update: 0.2 * (O * D) ** 0.5 -> np.float64(0.2) * (O * D) ** 0.5",
        "normuon_update: (O * D) ** 0.5 -> (O * D) ** np.float64(0.5)",
        "normuon_update: max(1, O / D) ** 0.5 -> max(1, O / D) ** np.float64(0.5)",
        "normuon_update: max(1, O / D) -> max(np.float64(1), O / D)",
        "normuon_update: float(np.linalg.norm(q)) -> np.linalg.norm(q)",
        "normuon_update: float(np.linalg.norm(q_hat)) -> np.linalg.norm(q_hat)",
        "pack: np.where(T < 0, 2, T) -> np.where(T < 0, np.float64(2), T)",
        "pack: T < 0 -> T < np.float64(0)",
        "signed_sums_of_five: t[:, 0] = 0 -> t[:, 0] = np.float64(0)",
        "mlgru_forward: 1 - f -> np.float64(1) - f",
        "mlgru_backward: 1 - s -> np.float64(1) - s",
    ],
    "the order of a sum changes nothing but the rounding": [
        "sum_to_shape: (*range(added), *stretched) -> (*stretched, *range(added))",
        "sum_to_shape: range(added) -> reversed(range(added))",
        "causal_conv_forward: range(K) -> reversed(range(K))",
        "causal_conv_backward: range(K) -> reversed(range(K))",
        "tied_head_forward: range(0, N, ROWS) -> reversed(range(0, N, ROWS))",
        "newton_schulz: range(steps) -> reversed(range(steps))",
    ],
    "the array has that shape already, or the product is the same on every position": [
        "matmul_forward: np.asarray(a @ b) -> a @ b",
        "matmul_backward: sum_to_shape(db, column.shape).reshape(b.shape) -> "
        "sum_to_shape(db, column.shape)",
        "linear_forward: x.reshape(-1, D) -> x",
        "ternary_linear_forward: x.reshape(-1, D) -> x",
        "pack: np.asarray(T) -> T",
        "pack: digits @ (base ** np.arange(k)).astype(np.uint8) -> "
        "digits @ (base ** np.arange(k)).astype(np.uint8).T",
    ],
    "reshape takes any negative number for the open size": [
        "linear_forward: -1 -> -2",
        "linear_backward: -1 -> -2",
        "rms_norm_backward: -1 -> -2",
        "embedding_backward: -1 -> -2",
        "ternary_linear_forward: -1 -> -2",
        "ternary_linear_backward: -1 -> -2",
        "bit_linear_forward: -1 -> -2",
        "bit_linear_backward: -1 -> -2",
        "mlgru_backward: -1 -> -2",
        "pack: -1 -> -2",
    ],
    "the last two axes of the scores are equally long": [
        "causal_attention_forward: -1 -> -2",
    ],
    "only a text without positions needs it": [
        "causal_attention_forward: s.real.max(axis=-1, keepdims=True, initial=-np.inf) -> "
        "s.real.max(axis=-1, keepdims=True)",
    ],
    "a vector has no transpose": [
        "bit_linear_backward: da_n @ g -> da_n @ g.T",
        "bit_linear_backward: da_n @ g -> (da_n @ g).T",
    ],
    "-1 and 1 are the same axis of a matrix": [
        "cross_entropy_forward: z.mean(axis=1) -> z.mean(axis=-1)",
        "cross_entropy_forward: z.real.max(axis=1, keepdims=True) -> "
        "z.real.max(axis=-1, keepdims=True)",
        "cross_entropy_forward: np.exp(z - top).sum(axis=1) -> np.exp(z - top).sum(axis=-1)",
        "normuon_update: (q * q).mean(axis=1, keepdims=True) -> "
        "(q * q).mean(axis=-1, keepdims=True)",
        "sampled_forward: (h * w[y]).sum(axis=1) -> (h * w[y]).sum(axis=-1)",
    ],
    "None and an index in another order select the same": [
        "signed_sums_of_five: (:, k, None) -> (:, None, k)",
    ],
    "the mean over rows of a mean over words is the mean over all": [
        "cross_entropy_forward: z.mean(axis=1) -> z.mean()",
        "cross_entropy_forward: z.mean(axis=1) -> z.mean(axis=None)",
    ],
    "0 · mean is NaN or 0, with any sign": [
        "ternarize: T += 0 * mean -> T -= 0 * mean",
        "ternarize: 0 * mean -> 2 * (0 * mean)",
        "ternarize: 0 * mean -> -(0 * mean)",
    ],
    "a new array in place of its own one": [
        "ternarize: T += 0 * mean -> T = T + 0 * mean",
        "tied_head_forward: loss += part * mean -> loss = loss + part * mean",
        "tied_head_forward: dw += dz.T @ h[rows] -> dw = dw + dz.T @ h[rows]",
        "absmax: np.rint(k, out=k) -> np.rint(k)",
        "bit_linear_forward: y *= s.reshape(-1, 1) * m -> y = y * (s.reshape(-1, 1) * m)",
        "bit_linear_backward: k *= s -> k = k * s",
        "bit_linear_backward: da *= g -> da = da * g",
        "bit_linear_backward: da -= n * mean -> da = da - n * mean",
        "bit_linear_backward: da *= r.reshape(-1, 1) -> da = da * r.reshape(-1, 1)",
        "mlgru_backward: df *= lam -> df = df * lam",
        "mlgru_backward: df *= 1 - s -> df = df * (1 - s)",
        "table_sums: z += table.take(codes, axis=0) -> z = z + table.take(codes, axis=0)",
    ],
    "numbers do not change in place": [
        "cross_entropy_backward: label_smoothing / V -> operator.itruediv(label_smoothing, V)",
        "bit_linear_backward: m * t -> operator.imul(m, t)",
    ],
    "only its presence counts": ["linear_forward: (x, w, True) -> (x, w, False)"],
    "the smaller of two squares costs less, and gives the same": [
        "newton_schulz: x.shape[0] > x.shape[1] -> x.shape[0] >= x.shape[1]",
        "newton_schulz: x.shape[0] > x.shape[1] -> x.shape[0] < x.shape[1]",
        "newton_schulz: x.shape[0] -> x.shape[1]",
    ],
    "a view has the same numbers": ["newton_schulz: x.T.copy() -> x.T"],
    "x xᵀ and its powers are symmetric": [
        "newton_schulz: x @ x.T -> (x @ x.T).T",
        "newton_schulz: A @ A -> A @ A.T",
        "newton_schulz: A @ A -> (A @ A).T",
    ],
    "a check of what the caller gives": [
        "ternarize: if scale == 'kept' -> if True",
        "table_sums: strict=True -> strict=False",
        "backward_steps: strict=True -> strict=False",
    ],
    "a leaf or node has a gradient; the rest only frees memory, or sorts a list of one": [
        "backward_steps: parent is None or gradient is None -> parent is None",
        "backward_steps: node.parents = () -> pass",
        "backward_steps: del dy, gradients, parent, gradient -> pass",
        "backward_steps: -root.number -> root.number",
    ],
}
KNOWN = {text for texts in EQUIVALENT.values() for text in texts}


@cache
def mutants(exercise):
    return list(mutants_of(exercise))


class Unwatched:
    """Watches nothing, and costs nothing."""

    def __init__(self, notes):
        pass

    def watched(self, where):
        return nullcontext()


@pytest.fixture
def no_hints(monkeypatch):
    """Leave out what a verdict does not need."""
    monkeypatch.setattr(grader, "Surroundings", Unwatched)
    monkeypatch.setattr(grader, "results_of", lambda *_: {})
    monkeypatch.setattr(grader, "first_hint", lambda *_: "")
    monkeypatch.setattr(grader, "exception_hint", lambda *_: "")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_each_mutant_is_graded_wrong_or_changes_no_result(exercise, no_hints):
    assert survivors(exercise) == known(exercise), OTHERS


@pytest.mark.parametrize(
    ("name", "student"),
    [("multiply", "1"), ("embedding", "4711"), ("ternarize", "s-0042"), ("adamw", "1")],
)
def test_so_is_each_mutant_with_a_students_numbers(name, student, no_hints):
    assert survivors(BY_NAME[name], student) == known(BY_NAME[name]), OTHERS


OTHERS = "graded right, but not equivalent; or no mutant any more"


def survivors(exercise, student=""):
    """The mutants that are not graded wrong."""
    text = student_file(exercise, student)  # for the question, which is still to do
    return {
        str(mutant)
        for mutant in mutants(exercise)
        if grader.grade(exercise, answer_with(mutant, text), student).state != "wrong"
    }


def answer_with(mutant, text):
    return Answer(mutant.exercise.solution | {mutant.name: mutant.function}, text=text)


def known(exercise):
    return {text for text in KNOWN if text.split(":")[0] in exercise.solution}


def test_there_are_a_thousand_mutants():
    assert sum(len(mutants(exercise)) for exercise in EXERCISES) > 1000
