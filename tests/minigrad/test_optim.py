"""Optimizers against float64 reference implementations; clipping, averages, schedules."""

import math
import re

import numpy as np
import pytest

from minigrad import Module, Parameter
from minigrad.optim import (
    EMA,
    SGD,
    Adam,
    AdamW,
    LazyAdamW,
    NorMuon,
    Optimizer,
    blocks,
    clip_grad_norm,
    cosine,
    grad_norm,
    newton_schulz,
    wsd,
)

SHAPES = {"wide": (3, 5), "tall": (7, 2), "square": (4, 4)}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parameters(dtype=np.float64):
    return {
        name: Parameter(normal(*shape, seed=i).astype(dtype))
        for i, (name, shape) in enumerate(SHAPES.items())
    }


def gradient(p, step):
    """Return a gradient whose size differs by step and by row."""
    return normal(*p.shape, seed=100 + step) * (1 + step) * np.arange(1, len(p) + 1)[:, None]


def run(optimizer, steps=5, factor=1.0):
    """Take a few steps; return the parameters after each of them."""
    history = []
    for step in range(steps):
        for p in optimizer.parameters.values():
            p.grad = gradient(p.data, step).astype(p.dtype)
        optimizer.step(factor)
        history.append({name: p.data.copy() for name, p in optimizer.parameters.items()})
    return history


# -- reference implementations: f(parameter, gradients) -> the parameter after each step ---


def sgd_reference(p, gradients, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    velocity = 0
    for g in gradients:
        g = g + weight_decay * p
        velocity = momentum * velocity + g
        p = p - lr * (g + momentum * velocity if nesterov else velocity)
        yield p


def adam_reference(p, gradients, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    m = v = 0
    for t, g in enumerate(gradients, start=1):
        g = g + weight_decay * p  # L2: the decay passes through m and v
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
        yield p


def adamw_reference(p, gradients, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    m = v = 0
    for t, g in enumerate(gradients, start=1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        p = p - lr * (weight_decay * p + m_hat / (np.sqrt(v_hat) + eps))
        yield p


def newton_schulz_reference(g):
    """Apply the polynomial to the singular values instead of the matrix."""
    u, s, vt = np.linalg.svd(g / (np.linalg.norm(g) + 1e-7), full_matrices=False)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ np.diag(s) @ vt


def normuon_reference(p, gradients, lr, beta1=0.95, beta2=None, weight_decay=0.0, form="v3"):
    m = v = 0
    beta2 = beta2 or (0.999 if form == "v3" else 0.95)
    rows, columns = p.shape
    for g in gradients:
        m = beta1 * m + (1 - beta1) * g
        o = newton_schulz_reference(m if form == "v3" else beta1 * m + (1 - beta1) * g)
        v = beta2 * v + (1 - beta2) * np.mean(o**2, axis=1, keepdims=True)
        normalized = o / (np.sqrt(v) + 1e-8)
        if form == "v3":
            rate = 0.2 * lr * math.sqrt(rows * columns) / (np.linalg.norm(normalized) + 1e-8)
        else:
            rate = lr * np.linalg.norm(o) / (np.linalg.norm(normalized) + 1e-8)
            rate *= math.sqrt(max(1, rows / columns))
        p = p - lr * weight_decay * p - rate * normalized
        yield p


UPDATES = [
    (SGD, sgd_reference, {"lr": 0.1}),
    (SGD, sgd_reference, {"lr": 0.1, "momentum": 0.9}),
    (SGD, sgd_reference, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3, "nesterov": True}),
    (Adam, adam_reference, {"lr": 0.01}),
    (Adam, adam_reference, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-2, "weight_decay": 0.3}),
    (AdamW, adamw_reference, {"lr": 0.01}),
    (
        AdamW,
        adamw_reference,
        {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-2, "weight_decay": 0.3},
    ),
    # Every row has a gradient at every step, so LazyAdamW is AdamW: see test_lazy_adamw.py.
    (LazyAdamW, adamw_reference, {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3}),
    (NorMuon, normuon_reference, {"lr": 0.02}),
    (NorMuon, normuon_reference, {"lr": 0.02, "beta1": 0.8, "beta2": 0.9, "weight_decay": 0.5}),
    (NorMuon, normuon_reference, {"lr": 0.02, "form": "published", "weight_decay": 0.1}),
]
every_update = pytest.mark.parametrize(
    ("optimizer", "reference", "options"),
    UPDATES,
    ids=[f"{optimizer.__name__} {options}" for optimizer, _, options in UPDATES],
)


@every_update
def test_equals_its_float64_reference(optimizer, reference, options):
    started = parameters()
    history = run(optimizer(started.items(), **options))
    for name, p in parameters().items():
        gradients = [gradient(p.data, step) for step in range(len(history))]
        for after, expected in zip(
            history, reference(p.data, gradients, **options), strict=True
        ):
            np.testing.assert_allclose(after[name], expected, rtol=1e-9, atol=1e-12)


@every_update
def test_float32_stays_float32_and_steps_are_in_place(optimizer, reference, options):
    started = parameters(np.float32)
    arrays = {name: p.data for name, p in started.items()}
    running = optimizer(started.items(), **options)
    run(running, factor=np.float64(0.5))
    for name, p in started.items():
        assert p.data is arrays[name]
        assert p.dtype == np.float32
        kinds = {a.dtype for entry, a in running.state[name].items() if entry != "last"}
        assert kinds == {np.dtype(np.float32)}


@every_update
def test_the_factor_multiplies_the_rate(optimizer, reference, options):
    halved = {**options, "lr": options["lr"] / 2}
    a = run(optimizer(parameters().items(), **options), factor=0.5)
    b = run(optimizer(parameters().items(), **halved))
    for name in SHAPES:
        np.testing.assert_allclose(a[-1][name], b[-1][name], rtol=1e-12)


@every_update
def test_gradients_are_not_written_to(optimizer, reference, options):
    started = parameters()
    running = optimizer(started.items(), **options)
    for p in started.values():
        p.grad = gradient(p.data, 0)
        p.grad.flags.writeable = False
    running.step()


@every_update
def test_parameters_that_are_frozen_or_without_gradient_are_unchanged(
    optimizer, reference, options
):
    started = parameters()
    kept = {name: p.data.copy() for name, p in started.items()}
    running = optimizer(started.items(), **options)
    for name in ("wide", "tall"):
        started[name].grad = gradient(started[name].data, 0)
    started["wide"].requires_grad = False
    running.step()
    moved = {name for name, p in started.items() if not np.array_equal(p.data, kept[name])}
    assert moved == set(running.state) == set(running.steps) == {"tall"}


@every_update
def test_a_parameter_that_is_unfrozen_late_starts_with_a_new_state(
    optimizer, reference, options
):
    """Its count of steps starts at 1, as in a new optimizer."""
    started = parameters()
    running = optimizer(started.items(), **options)
    started["wide"].requires_grad = False
    run(running, steps=3)
    assert running.steps == {"tall": 3, "square": 3}
    started["wide"].requires_grad = True
    history = run(running, steps=2)
    gradients = [gradient(started["wide"].data, step) for step in range(2)]
    expected = list(reference(parameters()["wide"].data, gradients, **options))[-1]
    np.testing.assert_allclose(history[-1]["wide"], expected, rtol=1e-9)
    assert running.steps == {"wide": 2, "tall": 5, "square": 5}


# -- Newton-Schulz and NorMuon's size of a step --------------------------------------------


@pytest.mark.parametrize("shape", [(64, 48), (48, 64), (64, 64), (100, 3), (3, 100), (1, 9)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_newton_schulz_brings_the_singular_values_near_1(shape, size):
    g = size * normal(*shape)
    s = np.linalg.svd(g, compute_uv=False) / np.linalg.norm(g)
    moved = np.linalg.svd(newton_schulz(g), compute_uv=False)
    assert moved.max() < 1.25
    assert moved[s > 3e-3].min() > 0.65


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_newton_schulz_changes_only_the_singular_values(shape):
    g = normal(*shape)
    np.testing.assert_allclose(
        newton_schulz(g), newton_schulz_reference(g), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("form", ["v3", "published"])
def test_a_zero_gradient_moves_nothing_and_gives_no_nan(form):
    p = Parameter(normal(3, 5))
    kept = p.data.copy()
    running = NorMuon([("p", p)], lr=0.1, form=form)
    p.grad = np.zeros((3, 5))
    with np.errstate(all="raise"):
        running.step()
    np.testing.assert_array_equal(p.data, kept)
    assert not newton_schulz(np.zeros((3, 5))).any()


def normuon_steps(**options):
    """Return the change of each parameter in each step."""
    before = {name: p.data for name, p in parameters().items()}
    for after in run(NorMuon(parameters().items(), **options)):
        for name in SHAPES:
            yield name, before[name] - after[name]
        before = after


def test_every_step_of_v3s_form_has_the_same_root_mean_square():
    for _, step in normuon_steps(lr=0.03):
        assert np.sqrt(np.mean(step**2)) == pytest.approx(0.2 * 0.03, rel=1e-6)


def test_a_step_of_the_published_form_has_the_norm_of_the_orthogonalized_momentum():
    """‖O‖_F is about √min(O, D), because every singular value is near 1."""
    for name, step in normuon_steps(lr=0.03, form="published"):
        rows, columns = SHAPES[name]
        norm = np.linalg.norm(step) / 0.03 / max(1, rows / columns) ** 0.5
        assert 0.65 < norm / min(rows, columns) ** 0.5 < 1.25


def test_the_steps_of_all_rows_are_of_similar_size():
    """A gradient 100 times as large does not make the step of its row 100 times as large."""
    p = Parameter(np.zeros((3, 5)))
    running = NorMuon([("p", p)], lr=1.0)
    p.grad = normal(3, 5) * [[100.0], [1.0], [1.0]]
    running.step()
    np.testing.assert_allclose(np.sqrt((p.data**2).mean(axis=1)), 0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: AdamW(p, lr=-1.0), "AdamW: lr is -1.0, expected 0 or more"),
        (lambda p: SGD(p, lr=math.nan), "SGD: lr is nan, expected 0 or more"),
        (
            lambda p: NorMuon(p, lr=1.0, form="v4"),
            "NorMuon: form is 'v4', expected one of ('v3', 'published')",
        ),
        (
            lambda p: NorMuon([*p, ("gain", Parameter(np.ones(3)))], lr=1.0),
            "NorMuon: gain (3,) is not a matrix; use AdamW",
        ),
        (
            lambda p: EMA(Module(), decay=1.0),
            "EMA: decay is 1.0, expected 0 or more and less than 1",
        ),
    ],
)
def test_a_wrong_option_is_an_error(make, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        make(parameters().items())


def test_the_base_class_has_no_update():
    p = parameters()["wide"]
    p.grad = p.data
    with pytest.raises(NotImplementedError, match=r"^Optimizer has no update$"):
        Optimizer([("p", p)], lr=0.1).step()


# -- the state -----------------------------------------------------------------------------


@every_update
def test_an_optimizer_with_a_loaded_state_continues_bit_for_bit(optimizer, reference, options):
    started = parameters(np.float32)
    running = optimizer(started.items(), **options)
    run(running, steps=3)
    again = optimizer(
        [(name, Parameter(p.data.copy())) for name, p in started.items()], **options
    )
    saved = {key: array.copy() for key, array in running.state_dict().items()}
    again.load_state_dict(saved)
    assert list(again.state_dict()) == list(saved)
    one, other = run(running, steps=2), run(again, steps=2)
    for name in SHAPES:
        np.testing.assert_array_equal(one[-1][name], other[-1][name])
    assert running.steps == again.steps == dict.fromkeys(SHAPES, 5)


def test_the_names_of_a_state():
    running = AdamW(parameters().items(), lr=0.1)
    assert running.state_dict() == {"wide/t": 0, "tall/t": 0, "square/t": 0}
    running.parameters["tall"].grad = np.ones((7, 2))
    running.step()
    state = running.state_dict()
    steps = {key: int(array) for key, array in state.items() if key.endswith("/t")}
    assert steps == {"wide/t": 0, "tall/t": 1, "square/t": 0}
    shapes = {key: array.shape for key, array in state.items() if array.shape}
    assert shapes == {"tall/m": (7, 2), "tall/v": (7, 2)}


def test_a_state_that_does_not_fit_is_refused_with_all_differences():
    running = AdamW(parameters().items(), lr=0.1)
    run(running, steps=1)
    before = {key: array.copy() for key, array in running.state_dict().items()}
    state = {key: array + 1 for key, array in before.items()}
    del state["wide/v"], state["wide/t"]
    state |= {"tall/m": np.ones(2), "other/m": np.ones(1), "square/n": np.ones(1)}
    text = """AdamW: the state does not fit:
  missing: wide/v (3, 5)
  missing: wide/t ()
  unexpected: other/m
  unexpected: square/n
  wrong shape: tall/m is (2,), expected (7, 2)"""
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.load_state_dict(state)
    for key, array in running.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_a_state_without_entries_for_a_parameter_is_refused():
    """A parameter that has taken no step is listed with 0 steps. So nothing may be missing."""
    running = AdamW(parameters().items(), lr=0.1)
    running.load_state_dict(running.state_dict())  # of an optimizer that has taken no step
    assert running.steps == running.state == {}
    run(running, steps=1)
    complete = running.state_dict()
    missing = [f"tall/{entry}" for entry in ("m", "v", "t")]
    lines = [f"missing: {k} {complete[k].shape}" for k in missing]
    text = "AdamW: the state does not fit:\n  " + "\n  ".join(lines)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.load_state_dict({k: a for k, a in complete.items() if k not in missing})
    with pytest.raises(
        ValueError, match=r"^AdamW: the state does not fit:\n  missing: wide/m \(3, 5\)\n"
    ):
        running.load_state_dict({})
    with pytest.raises(
        ValueError, match=r"^AdamW: the state does not fit:\n  unexpected: wide/m"
    ):
        running.load_state_dict(complete | {"wide/t": 0})


@pytest.mark.parametrize(
    ("key", "array", "text"),
    [
        ("tall/t", "a", "wrong dtype: tall/t is <U1, expected float64 or its like"),
        (
            "tall/m",
            np.full((7, 2), 1j),
            "wrong dtype: tall/m is complex128, expected float64 or its like",
        ),
        ("tall/m", np.full((7, 2), np.nan), "wrong: tall/m holds NaN or an infinity"),
        ("tall/v", np.full((7, 2), np.inf), "wrong: tall/v holds NaN or an infinity"),
        (
            "tall/v",
            np.full((7, 2), -1.0),
            "wrong: tall/v is a mean of squares, and holds numbers below 0",
        ),
    ],
)
def test_an_impossible_state_changes_nothing(key, array, text):
    running = AdamW(parameters().items(), lr=0.1)
    run(running, steps=1)
    before = {name: array.copy() for name, array in running.state_dict().items()}
    text = f"AdamW: the state does not fit:\n  {text}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.load_state_dict(before | {key: array})
    for name, array in running.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_state_that_is_no_dict_is_refused():
    text = "^SGD: the state does not fit:\n  it is None, expected a dict of arrays$"
    with pytest.raises(ValueError, match=text):
        SGD(parameters(), lr=0.1).load_state_dict(None)


@pytest.mark.parametrize("t", [-1, 1.5, np.nan, np.inf])
def test_an_impossible_number_of_steps_is_refused(t):
    running = SGD(parameters().items(), lr=0.1)
    run(running, steps=1)
    text = f"SGD: the state does not fit:\n  wrong: tall/t is {t}, expected a number of steps"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.load_state_dict(running.state_dict() | {"tall/t": np.array(t)})
    assert running.steps == dict.fromkeys(SHAPES, 1)


def test_the_state_of_a_parameter_that_was_frozen_can_be_loaded():
    started, others = parameters(), parameters()
    running, again = (AdamW(ps.items(), lr=0.1) for ps in (started, others))
    started["wide"].requires_grad = False
    run(running, steps=2)
    again.load_state_dict(running.state_dict())
    assert again.steps == {"tall": 2, "square": 2}
    run(again, steps=1)
    assert again.steps == {"wide": 1, "tall": 3, "square": 3}


# -- clipping ------------------------------------------------------------------------------


def with_gradients(*gradients):
    ps = [Parameter(np.zeros_like(g)) for g in gradients]
    for p, g in zip(ps, gradients, strict=True):
        p.grad = g
    return ps


def test_clipping_returns_the_norm_and_keeps_the_direction():
    whole = normal(12)
    ps = [*with_gradients(whole[:5].copy(), whole[5:].reshape(7, 1).copy()), Parameter([1.0])]
    norm = clip_grad_norm(ps, 0.5)
    assert norm == pytest.approx(np.linalg.norm(whole), rel=1e-12)
    clipped = np.concatenate([p.grad.ravel() for p in ps[:2]])
    np.testing.assert_allclose(clipped, whole * 0.5 / (norm + 1e-6), rtol=1e-12)
    assert ps[2].grad is None


def test_clipping_is_in_place_and_keeps_float32():
    g = normal(5).astype(np.float32)
    (p,) = with_gradients(g)
    clip_grad_norm([p], 0.1)
    assert p.grad is g
    assert g.dtype == np.float32
    assert np.linalg.norm(g) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("max_norm", [5.1, math.inf])
def test_gradients_below_the_largest_norm_are_unchanged(max_norm):
    ps = with_gradients(np.array([3.0]), np.array([[4.0]]))
    assert clip_grad_norm(ps, max_norm) == 5.0
    assert [p.grad.item() for p in ps] == [3.0, 4.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_clips_nothing(bad):
    ps = with_gradients(np.array([3.0]), np.array([bad]))
    assert clip_grad_norm(ps, 1.0) == pytest.approx(bad, nan_ok=True)
    assert ps[0].grad.tolist() == [3.0]


def test_the_norm_without_gradients_is_zero():
    assert clip_grad_norm([Parameter([1.0])], 1.0) == grad_norm(Parameter([1.0])) == 0.0


# -- average of the weights ----------------------------------------------------------------


class Pair(Module):
    def __init__(self):
        self.a = Parameter(normal(3))
        self.b = Parameter(normal(2, 5, seed=1).astype(np.float32))
        self.tied = [self.a]


def test_the_average_is_a_weighted_sum_of_all_weights_so_far():
    pair, decay = Pair(), 0.7
    ema, weights = EMA(pair, decay), [pair.a.data.copy()]
    for step in range(4):
        pair.a.data += normal(3, seed=step)
        weights.append(pair.a.data.copy())
        ema.update()
    shares = [decay**4, *((1 - decay) * decay ** (4 - t) for t in range(1, 5))]
    expected = sum(share * w for share, w in zip(shares, weights, strict=True))
    assert sum(shares) == pytest.approx(1)
    assert set(ema.average) == {"a", "b"}  # a tied parameter once
    np.testing.assert_allclose(ema.average["a"], expected, rtol=1e-12)
    assert ema.average["b"].dtype == np.float32


def test_an_average_is_a_copy_and_can_be_loaded():
    pair = Pair()
    ema = EMA(pair, 0.5)
    kept = {name: array.copy() for name, array in ema.average.items()}
    pair.a.data += 1
    np.testing.assert_array_equal(ema.average["a"], kept["a"])
    ema.update()
    ema.load(kept)
    np.testing.assert_array_equal(ema.average["a"], kept["a"])
    assert not np.shares_memory(ema.average["a"], kept["a"])


@pytest.mark.parametrize("update", [EMA.update, blocks.update_average_in_blocks])
def test_an_average_without_memory_is_the_weights_and_costs_nothing(update):
    pair = Pair()
    ema = EMA(pair, 0.0)
    kept = {name: array.copy() for name, array in ema.average.items()}
    pair.a.data += 1
    update(ema)
    assert ema.average["a"] is pair.a.data
    ema.load(kept)  # the weights have a state dict of their own
    np.testing.assert_array_equal(pair.a.data, kept["a"] + 1)
    with pytest.raises(ValueError, match="does not fit"):
        ema.load({"a": kept["a"]})


@pytest.mark.parametrize("update", [EMA.update, blocks.update_average_in_blocks])
def test_an_average_without_memory_follows_weights_in_another_array(update):
    half = Parameter(np.array([1.0, 2.0], np.float16))  # its average is in float32
    moved = Parameter(np.array([1.0, 2.0], np.float32))
    ema = EMA({"half": half, "moved": moved}, 0.0)
    half.data += 1
    moved.data = np.array([5.0, 6.0], np.float32)
    update(ema)
    assert ema.average["half"].tolist() == [2.0, 3.0]
    assert ema.average["moved"].tolist() == [5.0, 6.0]


# -- in blocks -----------------------------------------------------------------------------


@pytest.fixture
def small_blocks(monkeypatch):
    """The blocks have 4 numbers and the jobs 8, so every parameter needs several of both."""
    monkeypatch.setattr(blocks.flat_blocks, "__kwdefaults__", {"size": 4})
    monkeypatch.setattr(blocks.row_blocks, "__kwdefaults__", {"size": 8})
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 4)
    monkeypatch.setattr(blocks, "JOB_SIZE", 8)


@every_update
def test_a_step_in_blocks_equals_a_plain_step(optimizer, reference, options, small_blocks):
    plain, started = parameters(np.float32), parameters(np.float32)
    for p in started.values():  # in Fortran order, so it has no flat view
        p.data = np.asfortranarray(p.data) if p.shape == SHAPES["tall"] else p.data
    one, other = (optimizer(ps.items(), **options) for ps in (plain, started))
    for step in range(3):
        for name in SHAPES:
            g = gradient(plain[name].data, step).astype(np.float32)
            plain[name].grad, started[name].grad = g * 0.5, g
        one.step(0.7)
        blocks.step_in_blocks([other], 0.7, scale=0.5)
    for name in SHAPES:
        np.testing.assert_array_equal(plain[name].data, started[name].data)
    assert one.steps == other.steps


def test_norm_and_average_in_blocks_equal_the_plain_ones(small_blocks):
    pair = Pair()
    pair.a.grad, pair.b.grad = normal(3), normal(2, 5)
    plain, found = grad_norm(pair.parameters()), blocks.grad_norm_in_blocks(pair.parameters())
    assert found == pytest.approx(plain, rel=1e-12)
    one, other = EMA(pair, 0.7), EMA(pair, 0.7)
    pair.a.data += 1
    one.update()
    blocks.update_average_in_blocks(other)
    for name in one.average:
        np.testing.assert_array_equal(one.average[name], other.average[name])


# -- schedules -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0), (1, 0.25), (3, 0.75), (4, 1), (9, 1), (10, 1), (15, 0.5), (20, 0), (30, 0)],
)
def test_wsd(step, expected):
    assert wsd(step, warmup=4, decay_from=10, total=20) == expected


def test_wsd_without_warmup_or_decay():
    assert wsd(0, warmup=0, decay_from=5, total=5) == 1
    assert wsd(5, warmup=0, decay_from=5, total=5) == 1
    assert wsd(6, warmup=0, decay_from=5, total=5) == 0


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        *((0, 0), (2, 0.5), (4, 1), (12, 0.55), (20, 0.1), (99, 0.1)),
        (8, 0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2),
    ],
)
def test_cosine(step, expected):
    assert cosine(step, warmup=4, total=20, floor=0.1) == pytest.approx(expected, abs=1e-15)


def test_cosine_without_warmup_or_length():
    assert cosine(0, warmup=0, total=0) == 1
    assert cosine(1, warmup=0, total=0) == 0
