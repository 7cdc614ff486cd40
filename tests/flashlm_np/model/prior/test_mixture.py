"""The operation mixture: its page against plain probabilities, its gradients, its mistakes."""

import dataclasses
import re

import numpy as np
import pytest

from flashlm_np.model.prior.mixture import (
    MIXTURE,
    mixture_backward,
    mixture_forward,
    mixture_nll,
)
from minigrad.gradcheck import GradientError, check_pair, declare, gradcheck

declare(MIXTURE, analytic=True)

N = 9
rng = np.random.default_rng(2)
DY = rng.standard_normal(N)
NONE = (3, 8)  # rows without counts


def arrays_of(dtype=np.float64, without_counts=()):
    nll, s, log_p = rng_arrays()
    log_p[list(without_counts)] = -np.inf
    return [array.astype(dtype) for array in (nll, s, log_p)]


def rng_arrays():
    rng = np.random.default_rng(3)
    return 5 * rng.random(N), 2 * rng.standard_normal(N), -6 * rng.random(N)


def plain_loss(nll, s, log_p):
    """The definition, in probabilities."""
    share = 1 / (1 + np.exp(-s))
    return -np.log(share * np.exp(log_p) + (1 - share) * np.exp(-nll))


# -- values --------------------------------------------------------------------------------


def test_the_loss_is_that_of_both_probabilities():
    L, _ = mixture_forward(*arrays_of())
    np.testing.assert_allclose(L, plain_loss(*arrays_of()), rtol=1e-14)


def test_the_mixture_of_two_distributions_is_one():
    p, q = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(30))
    for s in (-40.0, -1.0, 0.0, 3.0, 40.0):
        L, _ = mixture_nll(-np.log(p), np.float64(s), np.log(q))
        assert abs(np.exp(-L).sum() - 1) < 1e-12


def test_without_counts_the_network_decides_alone():
    nll, s, log_p = arrays_of(without_counts=NONE)
    L, saved = mixture_forward(nll, s, log_p)
    dnll, ds, dlog_p = mixture_backward(DY, saved)
    for i in NONE:
        assert L[i] == nll[i]
        assert (dnll[i], ds[i], dlog_p[i]) == (DY[i], 0, 0)
    others = np.setdiff1d(np.arange(N), NONE)
    np.testing.assert_allclose(L[others], plain_loss(*arrays_of())[others], rtol=1e-14)


def test_extreme_numbers_do_not_overflow():
    s = np.array([-1000.0, 1000.0, -1000.0, 1000.0, 0.0])
    nll = np.array([3.0, 3.0, 1e4, 1e4, 1e4])
    log_p = np.array([-700.0, -700.0, -1.0, -1.0, -1e4])
    with np.errstate(all="raise", under="ignore"):
        L, saved = mixture_forward(nll, s, log_p)
    np.testing.assert_allclose(L, [3, 700, 1001, 1, 1e4])
    assert all(np.isfinite(gradient).all() for gradient in mixture_backward(np.ones(5), saved))


# -- gradients -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "projection", "full", "complex"])
def test_the_gradients_pass_the_check(mode):
    gradcheck(MIXTURE, *arrays_of(), mode=mode)


def test_the_gradients_of_the_other_rows_are_right_beside_rows_without_counts():
    log_p = arrays_of(without_counts=NONE)[2]

    def forward(nll, s):
        return mixture_forward(nll, s, log_p.astype(nll.dtype))

    check_pair(forward, lambda dy, saved: mixture_backward(dy, saved)[:2], arrays_of()[:2])


def test_the_shares_are_bayes_rule():
    nll, s, log_p = arrays_of()
    _, saved = mixture_forward(nll, s, log_p)
    share, r = saved
    prior = np.stack([share, 1 - share])  # of the counts, of the network
    likelihood = np.exp([log_p, -nll])
    posterior = prior * likelihood / (prior * likelihood).sum(axis=0)
    np.testing.assert_allclose(r, posterior[1], rtol=1e-12)
    dnll, ds, _ = mixture_backward(np.ones(N), saved)
    np.testing.assert_allclose(dnll, posterior[1], rtol=1e-12)
    np.testing.assert_allclose(ds, prior[0] - posterior[0], atol=1e-12)


def test_float32_stays_float32_and_arrays_are_only_read():
    arrays = arrays_of(np.float32, NONE)
    for array in arrays:
        array.flags.writeable = False
    L, saved = mixture_forward(*arrays)
    assert sum(array.nbytes for array in saved) == 8 * N
    for array in saved:
        array.flags.writeable = False
    gradients = mixture_backward(DY.astype(np.float32), saved)
    assert {L.dtype, *(g.dtype for g in gradients)} == {np.dtype(np.float32)}
    expected = mixture_backward(DY, mixture_forward(*arrays_of(without_counts=NONE))[1])
    for one, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (0, "mixture: nll has shape (9, 1), expected (N,)"),
        (1, "mixture: s has shape (9, 1), expected (N,) = (9,)"),
        (2, "mixture: log_p has shape (9, 1), expected (N,) = (9,)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(position, message):
    arrays = arrays_of()
    arrays[position] = arrays[position][:, None]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        mixture_forward(*arrays)


# -- planted mistakes ----------------------------------------------------------------------


def backward_of(change):
    """A backward pass from dy, λ and r."""
    return lambda dy, saved: change(dy, *saved)


WRONG_BACKWARDS = {
    "r is missing": lambda dy, λ, r: (dy, dy * (λ - (1 - r)), -dy * (1 - r)),
    "the prior share in place of r": lambda dy, λ, r: (
        dy * (1 - λ),
        dy * (λ - (1 - r)),
        -dy * (1 - r),
    ),
    "λ and 1-λ are exchanged": lambda dy, λ, r: (dy * r, dy * (1 - λ - (1 - r)), -dy * (1 - r)),
    "the shares of both are exchanged": lambda dy, λ, r: (
        dy * (1 - r),
        dy * (λ - r),
        -dy * r,
    ),
    "ds has the wrong sign": lambda dy, λ, r: (dy * r, dy * (1 - r - λ), -dy * (1 - r)),
    "the slope of the sigmoid is added": lambda dy, λ, r: (
        dy * r,
        dy * (λ - (1 - r)) * λ * (1 - λ),
        -dy * (1 - r),
    ),
}


@pytest.mark.parametrize("mistake", WRONG_BACKWARDS)
def test_a_wrong_backward_is_caught(mistake):
    wrong = dataclasses.replace(MIXTURE, backward=backward_of(WRONG_BACKWARDS[mistake]))
    with pytest.raises(GradientError):
        gradcheck(wrong, *arrays_of())
