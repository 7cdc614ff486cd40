"""Ternary weights: a number that is not finite shows in the output."""

import numpy as np
import pytest

from minigrad import Tensor
from minigrad import functional as F
from minigrad.layers import TernaryLinear
from minigrad.ops.ternary import SCALES, ternarize


def weights(bad, dtype=np.float32):
    w = np.random.default_rng(0).standard_normal((3, 5)).astype(dtype)
    w[1, 2] = bad
    return w


every_scale = pytest.mark.parametrize("scale", SCALES)
every_threshold = pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
every_bad_number = pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])


@every_scale
@every_threshold
@every_bad_number
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_a_weight_that_is_not_finite_shows_in_the_output(scale, threshold, bad, dtype):
    """All comparisons with NaN are false, so T was 0 everywhere, and the layer gave zeros."""
    w, x = weights(bad, dtype), np.ones((2, 5), dtype)
    options = {"threshold": threshold, "scale": scale}
    T, _ = ternarize(w, **options)
    assert np.isnan(T).all()
    for y in (
        F.ternary_linear(x, Tensor(w), **options),
        F.ternary_weights(Tensor(w), **options),
    ):
        assert np.isnan(y.data).all()
        assert y.dtype == dtype


@every_scale
def test_a_layer_whose_weight_becomes_nan_has_a_loss_of_nan(scale):
    layer = TernaryLinear(5, 3, rng=np.random.default_rng(0), scale=scale)
    x = np.ones((2, 5), np.float32)
    assert np.isfinite(F.mse(layer(x), np.zeros((2, 3))).item())
    layer.weight.data[0, 0] = np.nan
    assert np.isnan(F.mse(layer(x), np.zeros((2, 3))).item())


@every_scale
@every_threshold
def test_finite_weights_give_only_three_values(scale, threshold):
    T, s = ternarize(weights(0.0), threshold=threshold, scale=scale)
    assert {*np.unique(T)} <= {-1.0, 0.0, 1.0}
    assert np.isfinite(s)
    assert not np.signbit(T[T == 0]).any()
