"""The gradient checker: the mistakes that it finds, and its messages."""

import dataclasses
import re

import numpy as np
import pytest

from minigrad import TABLE, DtypeError, Operation, Parameter, Tensor, apply, layers, no_grad
from minigrad import functional as F
from minigrad.gradcheck import (
    GradientError,
    KinkError,
    declare,
    gradcheck,
)

MODES = ("auto", "projection", "full", "complex")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def with_backward(name, change, **fields):
    """Return the operation `name` with change(*gradients) after its backward."""
    right = TABLE[name].backward
    return dataclasses.replace(
        TABLE[name], backward=lambda dy, saved: change(*right(dy, saved)), **fields
    )


def exactly(text):
    return f"^{re.escape(text)}$"


# -- finding -------------------------------------------------------------------------------


def test_an_error_names_operation_argument_index_expected_and_found():
    half = with_backward("rms_norm", lambda dx, dw: (dx, dw / 2))
    with pytest.raises(GradientError) as error:
        gradcheck(half, normal(3, 5), normal(5, seed=1), mode="full")
    found = re.fullmatch(
        r"rms_norm: the gradient of w is wrong at index \((\d),\): expected (\S+), found (\S+) "
        r"\(full check, random dy\)",
        str(error.value),
    )
    assert float(found[2]) == pytest.approx(2 * float(found[3]), rel=1e-6)


def test_a_small_gradient_of_a_constant_part_of_a_sum_is_wrong():
    leaky = dataclasses.replace(
        TABLE["relu"], backward=lambda dy, saved: (np.where(saved[0] > 0, dy, 0.01 * dy),)
    )
    with pytest.raises(GradientError, match="expected 0, found "):
        gradcheck(lambda x: (apply(leaky, x) * 1.0).sum(), normal(4, 6, seed=2), seed=11)


def test_the_numbers_in_the_message_are_the_derivatives():
    seen = []

    def backward(dy, saved):
        seen.append(dy)
        return (dy * 2 * np.array([1.0, 1.0, 3.0]),)

    triple = Operation("triple", lambda x: (2 * x, ()), backward)
    with pytest.raises(GradientError) as error:
        gradcheck(triple, normal(3), mode="complex")
    dy = seen[0]
    assert str(error.value) == (
        f"triple: the gradient of x is wrong at index (2,): expected {2 * dy[2]:.9g}, "
        f"found {6 * dy[2]:.9g} (complex check, random dy)"
    )


@pytest.mark.parametrize("mode", ["projection", "complex"])
@pytest.mark.parametrize("index", [(0, 0, 0), (20, 12, 30), (31, 15, 31)])
def test_one_wrong_element_of_16_384_is_found(index, mode):
    def change(dx):
        dx[index] += 0.1
        return (dx,)

    text = f"the gradient of x is wrong at index {index}: expected"
    with pytest.raises(GradientError, match=re.escape(text)):
        gradcheck(with_backward("tanh", change), normal(32, 16, 32), mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_nan_is_an_error(mode):
    def change(dx):
        dx[1] = np.nan
        return (dx,)

    with pytest.raises(GradientError, match=r"wrong at index \(1,\): expected \S+, found nan"):
        gradcheck(with_backward("exp", change), normal(3), mode=mode)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda da, db: (da,),
            "multiply: backward returns 1 gradients, expected 2, one per input (None for "
            "integers)",
        ),
        (
            lambda da, db: (da, db[None]),
            "multiply: the gradient of b has shape (1, 3) and dtype float64, expected (3,) and "
            "float64",
        ),
        (
            lambda da, db: (da.astype(np.float32), db),
            "multiply: the gradient of a has shape (3,) and dtype float32, expected (3,) and "
            "float64",
        ),
        (
            lambda da, db: (da, None),
            "multiply: the gradient of b is wrong at index (2,): expected 1.4165557, found "
            "0 (auto check, random dy)",
        ),
    ],
)
def test_gradients_of_the_wrong_number_shape_or_dtype(change, text):
    with pytest.raises(GradientError, match=exactly(text)):
        gradcheck(with_backward("multiply", change), np.sign(normal(3)), normal(3, seed=1))


def doubles_its_input(x):
    x *= 2
    return x, ()


def doubles_dy(dy, saved):
    dy *= 2
    return (dy,)


def doubles_saved(dy, saved):
    saved[0][...] *= 2
    return (dy * saved[0],)


@pytest.mark.parametrize(
    "operation",
    [
        Operation("write", doubles_its_input, lambda dy, saved: (2 * dy,)),
        Operation("write", lambda x: (2 * x, ()), doubles_dy),
        Operation("write", lambda x: (x * x, (x.copy(),)), doubles_saved),
    ],
    ids=["input", "dy", "saved"],
)
def test_writing_into_an_argument_is_an_error(operation):
    text = (
        "write: an operation writes into its inputs, into dy or into what it saved; write only "
        "into arrays that it made itself"
    )
    with pytest.raises(GradientError, match=exactly(text)):
        gradcheck(operation, normal(3))


def test_a_mistake_at_one_point_only_is_found_there():
    cubic = with_backward("power", lambda da: (np.where(np.abs(da) > 2, 0, da),))
    gradcheck(cubic, np.array([0.1, -0.1]), p=3)
    with pytest.raises(GradientError):
        gradcheck(cubic, np.array([3.0, -3.0]), p=3)


@pytest.mark.parametrize("seed", [0, 7])
def test_dy_differs_from_numbers_drawn_with_the_same_seed(seed):
    """If dy were equal to a, the wrong db = a·a would equal the right db = a·dy."""

    def backward(dy, saved):
        a, b = saved
        return dy * b, a * a

    wrong = dataclasses.replace(TABLE["multiply"], backward=backward)
    rng = np.random.default_rng(seed)
    with pytest.raises(GradientError, match="the gradient of b is wrong"):
        gradcheck(wrong, rng.standard_normal((2, 3)), rng.standard_normal((2, 3)), seed=seed)


# -- passing -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_report_lists_all_comparisons(mode):
    report = gradcheck("multiply", normal(2, 3), normal(3, seed=1), mode=mode)
    count = {"full": 9}.get(mode, 2)
    lines = str(report).splitlines()
    assert len(report.compared) == count
    assert lines[0] == f"multiply: {mode} check passed, {count} comparisons"
    assert [
        re.match(r"  (\w+): expected \S+, found \S+ \(the", line)[1] for line in lines[1:]
    ] == [
        "a",
        "b",
    ]
    assert all(e == pytest.approx(f, rel=1e-6) for _, e, f in report.compared)


def test_the_seed_determines_the_check():
    first, again, other = (gradcheck("exp", normal(3), seed=s).compared for s in (0, 0, 1))
    assert first == again != other


def test_an_error_within_the_tolerance_passes():
    nearly = with_backward("exp", lambda dx: (dx * (1 + 1e-5),))
    gradcheck(nearly, normal(3), tolerance=1e-4)
    with pytest.raises(GradientError):
        gradcheck(nearly, normal(3))


def test_complex_steps_find_a_relative_error_of_1e_10():
    nearly = with_backward("exp", lambda dx: (dx * (1 + 1e-10),))
    gradcheck(nearly, normal(3))
    with pytest.raises(GradientError):
        gradcheck(nearly, normal(3), mode="complex", tolerance=1e-11)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_inputs_of_any_size_pass(size, mode):
    gradcheck("rms_norm", size * normal(3, 5), normal(5), mode=mode)
    gradcheck("log", size * (1 + normal(5) ** 2), mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_large_input_does_not_hide_an_error_at_a_small_one(mode):
    x = np.array([300.0, 0.3, -0.2])
    gradcheck("sigmoid", x, mode=mode)
    with pytest.raises(GradientError, match=r"index \(2,\)"):
        gradcheck(with_backward("sigmoid", lambda dx: (dx * [1, 1, 1.01],)), x, mode=mode)


def test_a_gradient_of_zeros_passes():
    gradcheck("relu", -np.ones(3))
    gradcheck("multiply", np.zeros(3), np.zeros(3))


def test_integer_inputs_are_not_compared():
    ids = np.array([1, 0, 1])
    report = gradcheck("embedding", normal(3, 2), ids)
    assert {argument for argument, _, _ in report.compared} == {"w"}
    gradcheck(lambda w, ids: F.embedding(w, ids) * 2.0, normal(3, 2), ids)


# -- refusing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "wrap"),
    [(np.float32, np.asarray), (np.float32, Tensor), (np.float16, np.asarray)],
)
def test_other_precisions_are_refused_with_the_reason(dtype, wrap):
    text = (
        f"gradcheck: b is {np.dtype(dtype)}, expected float64: the difference of two nearly "
        "equal float32 numbers has about one correct digit; use .astype(np.float64)"
    )
    with pytest.raises(DtypeError, match=exactly(text)):
        gradcheck("add", normal(3), wrap(np.ones(3, dtype)))


@pytest.mark.parametrize(
    ("f", "inputs", "options", "error", "text"),
    [
        (
            *("exp", 1, {"mode": "fast"}, ValueError),
            "gradcheck: mode is 'fast', expected one of ('auto', 'projection', 'full', "
            "'complex')",
        ),
        (
            *(lambda x: x.data, 1, {}, TypeError),
            "gradcheck: the function returned ndarray, expected a Tensor or a tuple of Tensors",
        ),
        (
            *("exp", 2, {}, TypeError),
            "gradcheck: f takes 1 inputs ['x'], 2 were given",
        ),
    ],
)
def test_wrong_arguments_are_refused(f, inputs, options, error, text):
    with pytest.raises(error, match=exactly(text)):
        gradcheck(f, *(normal(3) for _ in range(inputs)), **options)


def test_an_output_that_lost_its_graph_is_an_error():
    def constant(x):
        with no_grad():
            return x * 2.0

    with pytest.raises(
        GradientError, match=r"^constant: the gradient of x is wrong .* found 0"
    ):
        gradcheck(constant, normal(3))


def test_an_unused_input_has_the_gradient_zero():
    report = gradcheck(lambda x, y: x * x, normal(3), normal(3))
    assert report.compared[-1] == ("y", 0.0, 0.0)


def test_a_detached_input_is_an_error():
    def detached(x, y):
        return x * Tensor(y.data)

    with pytest.raises(GradientError, match=r"detached: the gradient of y is wrong at .* 0 \("):
        gradcheck(detached, normal(3), normal(3))


# -- kinks ---------------------------------------------------------------------------------

KINK = (
    "relu: its input at index {index} lies on a kink, and there is no derivative to compare "
    "with; move that input away from it"
)


@pytest.mark.parametrize("mode", MODES)
def test_an_input_on_a_kink_is_an_error(mode):
    with pytest.raises(KinkError, match=exactly(KINK.format(index=(1, 0)))):
        gradcheck("relu", np.array([[1.0, -1.0], [0.0, 2.0]]), mode=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
def test_a_kink_nearby_does_not_disturb(distance, mode):
    x = np.array([1.0, distance, -1.0, -distance])
    gradcheck("relu", x, mode=mode)
    with pytest.raises(GradientError, match=r"wrong at index \(3,\)"):
        gradcheck(with_backward("relu", lambda dx: (dx + np.eye(4)[3] / 2,)), x, mode=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("x", [[0.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
def test_relu_squared_is_smooth_at_zero(x, mode):
    gradcheck("relu_squared", np.array(x), mode=mode)
    gradcheck("relu_squared_gate", np.array(x), normal(3), mode=mode)


def test_relu_squared_at_zero_is_still_checked():
    tilted = with_backward("relu_squared", lambda dx: (dx + 1e-5,))
    with pytest.raises(GradientError):
        gradcheck(tilted, np.zeros(3))


@pytest.mark.parametrize("mode", MODES)
def test_a_kink_inside_a_function_is_found(mode):
    def hinge(x, w):
        return F.relu(x @ w).sum(axis=0) * 2.0

    x, w = normal(3, 2), normal(2, 5, seed=1)
    assert np.abs(x @ w).min() > 1e-3
    gradcheck(hinge, x, w, mode=mode)
    x[1] = 0
    with pytest.raises(KinkError, match=exactly(KINK.format(index=(1, 0)))):
        gradcheck(hinge, x, w, mode=mode)


# -- surrogates ----------------------------------------------------------------------------

REMARK = (
    "ternary_linear is piecewise constant, with the derivative 0 almost everywhere; its "
    "gradient was compared with its surrogate's: y = x @ (s T(w₀) + (w - w₀))ᵀ, where every "
    "change of w passes straight through."
)


@pytest.mark.parametrize("mode", MODES)
def test_a_straight_through_gradient_passes_with_a_remark(mode):
    report = gradcheck("ternary_linear", normal(3, 5), normal(2, 5), mode=mode, scale="mean")
    assert report.remarks == [REMARK]
    assert str(report).endswith(f"\n  {REMARK}")


@pytest.mark.parametrize("mode", MODES)
def test_surrogates_inside_a_function_are_used(mode):
    def two_layers(x, w1, w2):
        h = F.tanh(F.ternary_linear(x, w1, scale="kept", threshold=0.7))
        return F.ternary_linear(h, w2) + F.ternary_linear(h, w2, scale="mean")

    report = gradcheck(two_layers, normal(3, 5), normal(2, 5), normal(7, 2), mode=mode)
    assert report.remarks == [REMARK]


def test_a_gradient_other_than_that_of_the_surrogate_is_an_error():
    clipped = with_backward("ternary_linear", lambda dx, dw: (dx, np.clip(dw, -0.1, 0.1)))
    text = (
        r"ternary_linear: the gradient of w is wrong .*; ternary_linear is piecewise constant"
    )
    with pytest.raises(GradientError, match=text):
        gradcheck(clipped, normal(3, 5), normal(2, 5))


def test_without_its_surrogate_a_straight_through_gradient_is_wrong():
    ternary = TABLE["ternary_linear"]
    bare = Operation("bare", lambda x, w: ternary.forward(x, w), ternary.backward)
    with pytest.raises(GradientError, match="the gradient of w is wrong"):
        gradcheck(bare, normal(3, 5), normal(2, 5))


def test_a_surrogate_may_lack_a_docstring():
    rounding = Operation("rounding", lambda x: (np.round(x), ()), lambda dy, saved: (dy,))
    declare(rounding, surrogate=lambda x0: lambda x: x + (np.round(x0) - x0))
    (remark,) = gradcheck(rounding, normal(3)).remarks
    assert remark.endswith("surrogate's: <lambda>, which has no docstring")


# -- functions, operations and models ------------------------------------------------------


def test_an_operation_outside_the_table_is_checked():
    cube = Operation(
        "cube", lambda x: (x**3, (x,)), lambda dy, saved: (3 * dy * saved[0] ** 2,)
    )
    for mode in MODES:
        assert gradcheck(cube, normal(2, 3), mode=mode).name == "cube"


def test_a_function_may_have_options_and_any_number_of_inputs():
    def weighted(*xs, weight):
        return F.concatenate(*xs) * weight

    report = gradcheck(weighted, normal(2), normal(3), weight=2.0)
    assert (report.name, [a for a, _, _ in report.compared]) == ("weighted", ["xs[0]", "xs[1]"])


@pytest.fixture
def model():
    layer = layers.TernaryLinear(5, 3, rng=np.random.default_rng(0), dtype=np.float64)
    layer.weight.name = "the weight"
    layer.gain = layers.RMSNorm(3, dtype=np.float64)
    return layer


def loss_of(model, x):
    return F.cross_entropy(model.gain(model(x)), np.array([0, 2]))


@pytest.mark.parametrize("mode", MODES)
def test_the_parameters_of_a_model_can_be_inputs(model, mode):
    x = normal(2, 5)

    def loss(weight, scale):
        assert weight is model.weight  # the tensor itself, not a copy
        return loss_of(model, x)

    report = gradcheck(loss, model.weight, model.gain.scale, mode=mode)
    assert {a for a, _, _ in report.compared} == {"the weight", "scale"}


def fail():
    raise RuntimeError("failed on purpose")


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("as_input", [True, False])
def test_a_check_does_not_change_a_model(model, as_input, failing):
    """This holds for inputs and for parameters used inside, also if the function fails."""
    p, frozen = model.weight, model.gain.scale
    frozen.requires_grad = False
    p.accumulate(normal(3, 5))
    data, grad, kept = p.data, p.grad, (p.data.copy(), p.grad.copy())

    def loss(x, *_):
        y = loss_of(model, x)
        return fail() if failing else y

    inputs = (normal(2, 5), *((p, frozen) if as_input else ()))
    try:
        gradcheck(loss, *inputs)
    except RuntimeError:
        assert failing
    assert p.data is data
    assert p.grad is grad
    assert np.array_equal(p.data, kept[0])
    assert np.array_equal(p.grad, kept[1])
    assert p.data.flags.writeable
    assert (p.requires_grad, frozen.requires_grad, frozen.grad) == (True, False, None)


def test_a_check_does_not_change_whether_arrays_are_writeable():
    whole = normal(4, 5)
    part, whole, constant = Parameter(whole[:, ::2]), Parameter(whole), Parameter(normal(3, 1))
    constant.data.flags.writeable = False
    gradcheck(lambda a, b, c: a.sum() * b.sum() * c, part, whole, constant)
    writeable = [p.data.flags.writeable for p in (part, whole, constant)]
    assert writeable == [True, True, False]


def test_input_arrays_are_not_changed():
    x = normal(3)
    kept = x.copy()
    gradcheck("exp", x, mode="full")
    assert np.array_equal(x, kept)
    assert x.flags.writeable


def test_a_computed_tensor_is_checked_as_a_leaf():
    x = Tensor(normal(3), requires_grad=True)
    gradcheck(lambda y: y * y, x * 2.0)
    assert x.grad is None


def test_one_tensor_may_be_two_inputs():
    x = Parameter(normal(3))
    gradcheck(lambda a, b: a * b, x, x, mode="full")
