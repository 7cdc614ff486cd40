"""Units, bounds, luck, copies and sums of reported numbers, against known answers."""

import math

import numpy as np
import pytest

from flashlm_np.evaluation.claims import (
    copied,
    expect_distributions,
    luck,
    most_true_loss,
    unit_of,
    units,
)
from minigrad.ops.cross_entropy import cross_entropy_forward

TEXT = "Der Bär ist groß. " * 3


def test_units_of_a_uniform_choice():
    found = units(math.log(8), tokens=9, text=TEXT)  # three bits per token
    bits, characters = 27, len(TEXT)
    assert found["nats per token"] == math.log(8)
    assert found["perplexity per token"] == pytest.approx(8)
    assert found["bits per token"] == pytest.approx(3)
    assert found["bits per character"] == pytest.approx(bits / characters)
    assert found["bits per byte"] == pytest.approx(bits / (characters + 6))  # ä and ß


def test_a_number_tells_its_unit():
    assert unit_of(3, math.log(8), 9, TEXT) == ["bits per token"]
    assert unit_of(0.5, math.log(8), 9, TEXT) == ["bits per character"]
    assert unit_of(5, math.log(8), 9, TEXT) == []
    assert unit_of(0.5, math.log(8), 9, "x" * 54) == ["bits per character", "bits per byte"]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_no_true_loss_is_above_the_bound(smoothing):
    rng = np.random.default_rng(0)
    for size in (0.01, 1.0, 5.0):
        z, y = size * rng.standard_normal((50, 20)), rng.integers(0, 20, 50)
        true, _ = cross_entropy_forward(z, y)
        smoothed, _ = cross_entropy_forward(z, y, label_smoothing=smoothing)
        assert true <= most_true_loss(float(smoothed), 20, smoothing) + 1e-12
    uniform, _ = cross_entropy_forward(np.zeros((3, 20)), np.array([1, 2, 3]))
    assert most_true_loss(float(uniform), 20, smoothing) == pytest.approx(math.log(20))


def test_a_smoothing_of_1_has_no_bound():
    with pytest.raises(ValueError, match="smoothing is 1, expected 0 to less than 1"):
        most_true_loss(6.8, 50257, 1)


@pytest.mark.parametrize("readings", [1, 2, 5, 34])
def test_luck_is_that_of_random_readings(readings):
    draws = np.random.default_rng(0).standard_normal((20_000, readings))
    assert luck(readings) == pytest.approx(-draws.min(axis=1).mean(), abs=0.02)


def test_no_readings_have_no_best():
    with pytest.raises(ValueError, match="readings is 0, expected 1 or more"):
        luck(0)


def test_a_copied_part_is_counted():
    rng = np.random.default_rng(0)
    train, valid = rng.integers(0, 1000, 5000), rng.integers(0, 1000, 400)
    assert copied(train, valid) == 0
    valid[100:200] = train[3000:3100]
    assert copied(train, valid) == 0.25
    assert copied(train, valid, length=100) == 0.25
    assert copied(train, valid, length=101) == 0
    assert copied(train, train[17:80].astype(np.uint16)) == 1


def test_the_order_of_the_tokens_counts():
    train = np.arange(100)
    assert copied(train, train[::-1].copy(), length=5) == 0
    assert copied(train, np.sort(train)[50:60], length=5) == 1


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="both texts need 32 tokens"):
        copied(np.arange(100), np.arange(31))


def test_rows_that_are_no_distributions_are_refused():
    p = np.full((3, 4), 0.25)
    expect_distributions(p)
    p[1] = 0.9
    with pytest.raises(ValueError, match=r"row 1 of p sums to 3.6, expected 1"):
        expect_distributions(p)
    p[1] = [1.5, -0.5, 0, 0]
    with pytest.raises(ValueError, match=r"row 1 of p holds -0.5, which is no probability"):
        expect_distributions(p)
    p[1] = [np.nan, 0, 0, 1]
    with pytest.raises(ValueError, match="row 1 of p holds nan"):
        expect_distributions(p)
