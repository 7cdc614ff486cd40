"""Impossible options are refused; large, infinite and NaN gradients spoil nothing."""

import math
import re

import numpy as np
import pytest

from minigrad import Module, Parameter, ShapeError
from minigrad.optim import (
    EMA,
    SGD,
    Adam,
    AdamW,
    LazyAdamW,
    NorMuon,
    blocks,
    clip_grad_norm,
    clip_scale,
    cosine,
    grad_norm,
    wsd,
)

FINITE, POSITIVE, SHARE = "a finite number", "0 or more", "0 or more and less than 1"
IMPOSSIBLE = [
    *[(SGD, {"lr": v}, f"lr is {v}, expected {POSITIVE}") for v in (-1, math.nan, -math.inf)],
    *[(SGD, {name: math.inf}, f"{name} is inf, expected {FINITE}") for name in ("lr",)],
    (SGD, {"lr": "0.1"}, "lr is '0.1', expected a number"),
    (SGD, {"lr": None}, "lr is None, expected a number"),
    (SGD, {"lr": True}, "lr is True, expected a number"),
    (SGD, {"lr": [0.1]}, "lr is a list, expected a number"),
    (SGD, {"momentum": 1.0}, f"momentum is 1.0, expected {SHARE}"),
    (SGD, {"momentum": -0.1}, f"momentum is -0.1, expected {SHARE}"),
    (SGD, {"weight_decay": -1}, f"weight_decay is -1, expected {POSITIVE}"),
    (SGD, {"nesterov": True}, "nesterov needs a momentum, such as momentum=0.9"),
    (SGD, {"nesterov": 0.9}, "nesterov is 0.9, expected True or False"),
    *[
        (optimizer, options, text)
        for optimizer in (Adam, AdamW, LazyAdamW)
        for options, text in [
            ({"betas": (1, 0.9)}, f"betas[0] is 1, expected {SHARE}"),
            ({"betas": (0.9, 1.0)}, f"betas[1] is 1.0, expected {SHARE}"),
            ({"betas": (0.9, math.nan)}, f"betas[1] is nan, expected {SHARE}"),
            ({"betas": (-0.1, 0.9)}, f"betas[0] is -0.1, expected {SHARE}"),
            ({"betas": 0.9}, "betas is 0.9, expected two numbers (β₁, β₂)"),
            (
                {"betas": (0.999, 0.9)},
                "betas is (0.999, 0.9), expected β₁² at most β₂; are they exchanged?",
            ),
            ({"eps": 0.0}, "eps is 0.0, expected more than 1e-38"),
            ({"eps": math.inf}, f"eps is inf, expected {FINITE}"),
            ({"weight_decay": math.nan}, f"weight_decay is nan, expected {POSITIVE}"),
        ]
    ],
    (NorMuon, {"lr": 1, "beta1": 1}, f"beta1 is 1, expected {SHARE}"),
    (NorMuon, {"lr": 1, "beta2": -1}, f"beta2 is -1, expected {SHARE}"),
    (NorMuon, {"lr": 1, "eps": 0}, "eps is 0, expected more than 1e-38"),
    (EMA, {"decay": 1}, f"decay is 1, expected {SHARE}"),
    (EMA, {"decay": math.nan}, f"decay is nan, expected {SHARE}"),
    (EMA, {"decay": "0.9"}, "decay is '0.9', expected a number"),
    *[
        (clip_grad_norm, {"max_norm": v}, f"max_norm is {v}, expected more than 0")
        for v in (0, -1.0, math.nan, -math.inf)
    ],
    (clip_grad_norm, {"max_norm": None}, "max_norm is None, expected a number"),
]


@pytest.mark.parametrize(("function", "options", "text"), IMPOSSIBLE)
def test_an_impossible_option_is_refused(function, options, text):
    error = f"^{function.__name__}: {re.escape(text)}$"
    with pytest.raises((TypeError, ValueError), match=error):
        function([Parameter(np.ones((2, 3)))], **options)


@pytest.mark.parametrize(
    ("schedule", "step", "options", "text"),
    [
        (wsd, -1, {}, "step is -1, expected 0 or more"),
        (wsd, math.nan, {}, "step is nan, expected 0 or more"),
        (wsd, 1, {"warmup": -1}, "warmup is -1, expected 0 or more"),
        (wsd, 1, {"warmup": 21}, "warmup is 21, expected at most total, which is 20"),
        (wsd, 1, {"decay_from": 21}, "decay_from is 21, expected at most total, which is 20"),
        (wsd, 1, {"total": "20"}, "total is '20', expected a number"),
        (wsd, 1, {"total": math.inf}, "total is inf, expected a finite number"),
        (cosine, 1, {"warmup": 21}, "warmup is 21, expected at most total, which is 20"),
        (cosine, 1, {"floor": 1.5}, "floor is 1.5, expected 0 to 1"),
        (cosine, 1, {"floor": math.nan}, "floor is nan, expected 0 or more"),
        (cosine, None, {}, "step is None, expected a number"),
    ],
)
def test_an_impossible_schedule_is_refused(schedule, step, options, text):
    right = {"warmup": 4, "total": 20} | ({"decay_from": 10} if schedule is wsd else {})
    schedule(1, **right)
    with pytest.raises((TypeError, ValueError), match=f"^{schedule.__name__}: {text}$"):
        schedule(step, **right | options)


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (math.nan, "factor is nan, expected 0 or more"),
        (-1, "factor is -1, expected 0 or more"),
        (math.inf, "factor is inf, expected a finite number"),
        ("1", "factor is '1', expected a number"),
    ],
)
def test_an_impossible_factor_moves_nothing(factor, text):
    w = Parameter([1.0])
    w.grad = w.data.copy()
    running = SGD(w, lr=0.1)
    for step in (running.step, lambda f: blocks.step_in_blocks([running], f)):
        with pytest.raises((TypeError, ValueError), match=f"^SGD: {text}$"):
            step(factor)
    running.lr = math.nan
    with pytest.raises(ValueError, match=r"^SGD: lr is nan, expected 0 or more$"):
        running.step()
    assert (w.data.tolist(), running.steps) == ([1.0], {})


def test_a_rate_that_became_a_text_is_refused():
    w = Parameter([1.0])
    w.grad, running = w.data.copy(), SGD(w, lr=0.1)
    running.lr = "0.1"
    with pytest.raises(TypeError, match=r"^SGD: lr is '0.1', expected a number$"):
        running.step()


@pytest.mark.parametrize("kind", [SGD, AdamW, LazyAdamW, NorMuon])
def test_a_decay_that_flips_the_sign_of_the_weights_is_refused(kind):
    w = Parameter(np.ones((2, 2)))
    w.grad, running = w.data.copy(), kind(w, lr=0.5, weight_decay=3)
    running.step(0.5)
    before = w.data.copy()
    text = (
        f"{kind.__name__}: lr · weight_decay is 1.5, expected at most 1, because each step "
        "multiplies the weights by 1 - lr · weight_decay"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.step()
    np.testing.assert_array_equal(w.data, before)


def test_adams_decay_is_a_part_of_the_gradient_and_has_no_such_limit():
    w = Parameter([1.0])
    w.grad = w.data.copy()
    Adam(w, lr=0.5, weight_decay=3).step()
    np.testing.assert_allclose(w.data, 0.5, rtol=1e-6)


def test_weights_that_got_another_shape_are_refused():
    w = Parameter([1.0, 2.0], name="w")
    running = AdamW(w)
    w.data = np.ones(3)
    w.grad = np.ones(3)
    text = "AdamW: w has shape (3,), and had (2,) when the optimizer was made; make a new one"
    with pytest.raises(ShapeError, match=f"^{re.escape(text)}$"):
        running.step()


@pytest.mark.parametrize(
    ("scale", "text"),
    [
        (math.nan, "scale is nan, expected 0 or more"),
        (-1, "scale is -1, expected 0 or more"),
        (math.inf, "scale is inf, expected a finite number"),
    ],
)
def test_an_impossible_scale_moves_nothing(scale, text):
    w = Parameter([1.0])
    w.grad, running = w.data.copy(), SGD(w)
    with pytest.raises(ValueError, match=f"^step_in_blocks: {text}$"):
        blocks.step_in_blocks([running], scale=scale)
    assert (w.data.tolist(), running.steps) == ([1.0], {})


def test_one_optimizer_instead_of_a_list_is_refused():
    text = "step_in_blocks: pass a list of optimizers, as in [optimizer]"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        blocks.step_in_blocks(SGD(Parameter([1.0])))


@pytest.mark.parametrize("function", [lambda w: clip_grad_norm(w, 1.0), grad_norm])
@pytest.mark.parametrize(
    ("gradient", "kind"), [([3.0, 4.0], "a list"), (np.ones(2) * 1j, "an array of complex128")]
)
def test_a_norm_of_something_else_than_an_array_is_refused(function, gradient, kind):
    w = Parameter([1.0, 2.0], name="w")
    w.grad = gradient
    text = f"the gradient of Parameter 'w' is {kind}, expected an array of real numbers"
    with pytest.raises(TypeError, match=f": {text}$"):
        function(w)


def test_a_gradient_that_cannot_be_scaled_in_place_is_replaced():
    read_only = np.array([3.0, 4.0], np.float32)
    read_only.flags.writeable = False
    for gradient in (read_only, np.array([3, 4])):
        w = Parameter([1.0, 2.0])
        w.grad = gradient
        assert clip_grad_norm(w, 1.0) == pytest.approx(5)
        np.testing.assert_allclose(w.grad, [0.6, 0.8], rtol=1e-6)
        assert (w.grad.dtype, gradient.tolist()) == (np.float32, [3, 4])


def test_an_average_that_does_not_fit_is_refused_with_all_differences():
    ema = EMA({"a": Parameter([1.0, 2.0]), "b": Parameter([3.0])})
    text = """EMA: the average does not fit:
  missing: b (1,)
  unexpected: c
  wrong shape: a is (3,), expected (2,)"""
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        ema.load({"a": np.ones(3), "c": np.ones(1)})
    assert ema.average["a"].tolist() == [1, 2]


def test_options_of_numpy_are_accepted_and_keep_the_precision():
    w = Parameter(np.ones(3, np.float32))
    w.grad = np.ones(3, np.float32)
    running = AdamW(w, lr=np.float64(0.1), betas=(np.float64(0.9), np.float64(0.99)))
    running.step(np.float64(0.5))
    assert type(running.lr) is type(running.options["betas"][0]) is float
    np.testing.assert_allclose(w.data, 0.95, rtol=1e-6)


# -- large and small gradients -------------------------------------------------------------


def exact_norm(*arrays):
    whole = np.concatenate([a.ravel() for a in arrays]).astype(np.float64)
    largest = np.abs(whole).max()
    return largest * math.sqrt(((whole / largest) ** 2).sum())


SIZES = [
    *((np.float16, size) for size in (1e-6, 1.0, 300.0, 6e4)),
    *((np.float32, size) for size in (1e-40, 1e-30, 1.0, 1e19, 3e38)),
    *((np.float64, size) for size in (1e-200, 1.0, 1e200)),
]
every_size = pytest.mark.parametrize(("dtype", "size"), SIZES)


def gradients(dtype, size):
    """Two gradients of numbers up to `size`, and the parameters that have them."""
    rng = np.random.default_rng(0)
    arrays = [(size * rng.uniform(-1, 1, shape)).astype(dtype) for shape in ((16, 5), (7,))]
    parameters = [Parameter(np.zeros_like(g)) for g in arrays]
    for p, g in zip(parameters, arrays, strict=True):
        p.grad = g.copy()
    return arrays, parameters


@every_size
def test_the_norm_is_right_at_every_size(dtype, size):
    arrays, parameters = gradients(dtype, size)
    expected = pytest.approx(exact_norm(*arrays), rel=1e-6)
    assert grad_norm(parameters) == expected
    assert blocks.grad_norm_in_blocks(parameters) == expected


@every_size
def test_clipping_is_right_at_every_size(dtype, size):
    arrays, parameters = gradients(dtype, size)
    before = clip_grad_norm(parameters, 2.0)
    factor = min(1.0, 2.0 / before)
    for p, g in zip(parameters, arrays, strict=True):
        tiny = np.finfo(dtype).smallest_subnormal
        exact = g.astype(np.float64) * factor
        np.testing.assert_allclose(p.grad, exact, rtol=2e-3, atol=tiny)
    assert grad_norm(parameters) == pytest.approx(min(before, 2.0), rel=1e-3)


def test_the_norms_of_the_issue():
    w = Parameter(np.zeros(128, np.float32))
    w.grad = np.full(128, 1e19, np.float32)
    assert grad_norm(w) == pytest.approx(1.13137085e20, rel=1e-7)
    half = Parameter(np.zeros(1, np.float16))
    half.grad = np.full(1, 300, np.float16)
    assert grad_norm(half) == 300.0


MAKERS = {
    "Adam": lambda p: Adam(p, lr=0.01),
    "AdamW": lambda p: AdamW(p, lr=0.01, weight_decay=0.1),
    "LazyAdamW": lambda p: LazyAdamW(p, lr=0.01, weight_decay=0.1),
    "NorMuon": lambda p: NorMuon(p, lr=0.01),
    "NorMuon as published": lambda p: NorMuon(p, lr=0.01, form="published"),
}


def after_steps(make, dtype, size):
    """The weights after five steps, plain and in blocks; and the optimizer's state."""
    g = np.random.default_rng(0).uniform(-1, 1, (16, 8))
    plain, in_blocks = (Parameter(np.ones((16, 8), dtype)) for _ in range(2))
    one, other = make(plain), make(in_blocks)
    for _ in range(5):
        for p in (plain, in_blocks):
            p.grad = (size * g).astype(dtype)
        one.step()
        blocks.step_in_blocks([other])
    np.testing.assert_array_equal(plain.data, in_blocks.data)
    return plain.data, one.state["0"]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float16, 300), (np.float16, 6e4), (np.float32, 1e19), (np.float32, 3e38)],
)
@pytest.mark.filterwarnings("error")
def test_a_step_does_not_depend_on_the_size_of_the_gradients(make, dtype, size):
    """Their squares overflow, but the state stays finite and the weights go on learning."""
    ordinary, _ = after_steps(make, dtype, 1.0)
    large, state = after_steps(make, dtype, size)
    # Each of five steps rounds a weight in float16, by up to 2⁻¹¹.
    np.testing.assert_allclose(large, ordinary, rtol=3e-3 if dtype is np.float16 else 1e-5)
    assert not np.array_equal(large, np.ones_like(large))
    assert all(np.isfinite(array).all() for array in state.values())


def test_one_large_number_does_not_stop_a_weight():
    """The square of 1e30 would be infinite in the average, and the weight would stop."""
    w = Parameter(np.zeros(3, np.float32))
    running = AdamW(w, lr=0.1, betas=(0.0, 0.5))
    for size in (1e30, *[1.0] * 150):
        w.grad = np.array([1.0, size, -1.0], np.float32)
        running.step()
    before = w.data.copy()
    running.step()
    np.testing.assert_allclose(before - w.data, [0.1, 0.1, -0.1], rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=1e-3, momentum=0.9), *MAKERS.values()])
def test_float16_is_updated_in_float32(dtype, make):
    """A zero gradient is not divided by an eps that float16 rounds to 0."""
    w = Parameter(np.ones((2, 3), dtype))
    w.grad = np.zeros((2, 3), dtype)
    running = make(w)
    with np.errstate(all="raise"):
        running.step()
    assert w.dtype == dtype
    kinds = {a.dtype for entry, a in running.state["0"].items() if entry != "last"}
    assert kinds == {np.dtype(np.float32)}
    assert np.isfinite(w.data).all()


def test_the_average_of_float16_follows_small_changes():
    w = Parameter(np.zeros(2, np.float16))
    average = EMA(w, 0.999)
    w.data += np.float16(1)
    for _ in range(2000):
        average.update()
    np.testing.assert_allclose(average.average["0"], 1 - 0.999**2000, rtol=1e-4)


# -- gradients that are not finite ---------------------------------------------------------


class Two(Module):
    def __init__(self):
        self.first, self.second = (Parameter(np.ones((2, 3), np.float32)) for _ in range(2))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1), *MAKERS.values()])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_a_gradient_that_is_not_finite_changes_nothing_and_is_named(bad, make, in_blocks):
    two = Two()
    running = make(two)
    two.first.grad, two.second.grad = (np.ones((2, 3), np.float32) for _ in range(2))
    running.step()
    weights = {name: p.data.copy() for name, p in two.named_parameters()}
    state = {key: array.copy() for key, array in running.state_dict().items()}
    two.second.grad[1, 2] = bad
    text = (
        f"{type(running).__name__}: the gradient of second holds {bad}, and no parameter was "
        "changed; skip this step, or start again with a lower learning rate"
    )
    with pytest.raises(FloatingPointError, match=f"^{text}$"):
        blocks.step_in_blocks([running]) if in_blocks else running.step()
    for name, p in two.named_parameters():
        np.testing.assert_array_equal(p.data, weights[name])
    for key, array in running.state_dict().items():
        np.testing.assert_array_equal(array, state[key])


def test_a_gradient_beyond_the_precision_of_its_weight_is_refused():
    w = Parameter(np.ones(1, np.float32))
    w.grad = np.array([1e300])
    with pytest.raises(FloatingPointError, match=r"^SGD: the gradient of 0 holds inf, "):
        SGD(w, lr=0.1).step()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_is_nan_or_infinite_if_a_gradient_is(bad):
    w = Parameter(np.ones(3, np.float32))
    w.grad = np.array([1e30, bad, 1.0], np.float32)
    for norm in (grad_norm(w), blocks.grad_norm_in_blocks(w), clip_grad_norm(w, 1.0)):
        assert norm == pytest.approx(bad, nan_ok=True)
    assert clip_scale(bad, 1.0) == 1.0
    w.grad[2] = math.nan  # NaN counts more than an infinity
    assert math.isnan(grad_norm(w))
