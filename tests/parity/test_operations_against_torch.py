"""Values and gradients equal those of PyTorch: on the cases, at ties, at infinities."""

import numpy as np
import pytest
from cases import CASES, Case, normal

from minigrad import Tensor, apply

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

INF = np.inf

TORCH = {
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    # Not clamp, whose gradient at a limit is dy. Hardtanh's is 0, as ours.
    "clip": lambda x, low=-INF, high=INF: (
        torch.nn.functional.hardtanh(x, low, high) if low < high else torch.clamp(x, low, high)
    ),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": lambda condition, a, b: torch.where(condition != 0, a, b),
    "masked_fill": lambda x, mask, value: x.masked_fill(mask != 0, value),
    "var": lambda x, axis=None, ddof=0, keepdims=False: torch.var(
        x, dim=axis, correction=ddof, keepdim=keepdims
    ),
    "max": lambda x, axis=(), keepdims=False: torch.amax(x, dim=axis, keepdim=keepdims),
    "min": lambda x, axis=(), keepdims=False: torch.amin(x, dim=axis, keepdim=keepdims),
    "softmax": lambda x, axis=-1: over_axes(torch.softmax, x, axis),
    "log_softmax": lambda x, axis=-1: over_axes(torch.log_softmax, x, axis),
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "layer_norm": lambda x, w, b, eps=1e-5: torch.nn.functional.layer_norm(
        x, w.shape, w, b, eps
    ),
    "rotary": lambda x, heads=1, first=0, base=1e4: from_heads(
        turned(to_heads(x, heads), first, base)
    ),
    "causal_attention": lambda q, k, v, heads=1: from_heads(
        torch.nn.functional.scaled_dot_product_attention(
            *(to_heads(x, heads) for x in (q, k, v)), is_causal=True
        )
    ),
    "cumulative_sum": torch.cumsum,
    "stack": lambda *arrays, axis=0: torch.stack(arrays, axis),
    "einsum": lambda *arrays, subscripts: torch.einsum(subscripts, *arrays),
}


def to_heads(x, heads):
    return x.unflatten(2, (heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, G, T, C)


def from_heads(x):
    return x.transpose(1, 2).flatten(2)


def turned(x, first, base):
    """The halves of (..., T, C) as complex numbers, times e^(iθ)."""
    T, C = x.shape[-2:]
    rates = base ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
    angles = torch.outer(first + torch.arange(T, dtype=torch.float64), rates)
    pairs = torch.complex(*x.chunk(2, dim=-1))
    y = pairs * torch.polar(torch.ones_like(angles), angles).to(pairs.dtype)
    return torch.cat([y.real, y.imag], dim=-1)


def over_axes(function, x, axis):
    """PyTorch's function takes one axis; several become one."""
    if isinstance(axis, int):
        return function(x, axis)
    last = tuple(range(-len(axis), 0))
    moved = x.movedim(axis, last)
    return function(moved.flatten(-len(axis)), -1).reshape(moved.shape).movedim(last, axis)


def special_cases():
    ties = np.round(normal(2, 3, 5))
    for name in ("max", "min"):
        for axis in (0, -1, (0, 2)):
            yield name, f"ties, axis {axis}", (ties,), {"axis": axis}
        yield name, "ties", (ties,)
        yield name, "all equal", (np.zeros((3, 5)),), {"axis": 1, "keepdims": True}
        yield name, "infinite", (np.array([[INF, -INF, 0], [INF, INF, 0]]),), {"axis": 1}
        yield f"{name}imum", "ties", (np.round(normal(3, 1, 5)), np.round(normal(2, 5)))
        yield f"{name}imum", "infinite", (np.array([INF, INF, -INF, 0]), np.array(-INF))
    yield "abs", "zeros and infinite", (np.array([0.0, -0.0, INF, -INF]),)
    yield "sqrt", "zero and infinite", (np.array([0.0, 1e-300, INF]),)
    limits = {"low": -1.0, "high": 2.0}
    yield "clip", "at the limits", (np.array([-3.0, -1.0, 0.0, 2.0, 3.0]),), limits
    condition = np.array([True, False, True])
    yield "where", "infinite", (condition, np.full(3, INF), np.full(3, -INF))
    yield "masked_fill", "-inf", (normal(2, 3), condition), {"value": -INF}
    hidden = np.array([[0, -INF, 0, -INF, 0], [-INF, 0, -INF, -INF, -INF]])
    for name in ("softmax", "log_softmax"):
        yield name, "masked", (hidden + normal(2, 5),)
        yield name, "large", (1000 * normal(3, 5),)
        yield name, "all equal", (np.full((3, 5), 1e30),), {"axis": 0}


ALL_CASES = [
    *(case for case in CASES if case.operation_name in TORCH),
    *(Case(*case) for case in special_cases()),
]


def as_torch(array):
    return torch.from_numpy(np.array(array))


def of(dtype, arrays):
    return [array.astype(dtype) if array.dtype.kind == "f" else array for array in arrays]


@pytest.mark.filterwarnings("ignore:var")  # of no row
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", ALL_CASES, ids=str)
def test_values_and_gradients_equal_those_of_torch(case, dtype):
    arrays = of(dtype, case.arrays)
    ours = [Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a for a in arrays]
    theirs = [as_torch(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
    y = apply(case.operation, *ours, **case.options)
    expected = TORCH[case.operation_name](*theirs, **case.options)
    (dy,) = of(dtype, [normal(*y.shape)])
    with np.errstate(divide="ignore"):  # sqrt at 0
        y.backward(dy)
    expected.backward(as_torch(dy))
    gradients = [x.grad for x in ours if isinstance(x, Tensor)]
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    for one, other in zip(
        [y.data, *gradients],
        [expected.detach(), *(t.grad for t in theirs if t.requires_grad)],
        strict=True,
    ):
        assert one.dtype == dtype
        np.testing.assert_allclose(one, other.numpy(), rtol=tolerance, atol=tolerance)
