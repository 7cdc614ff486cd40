"""The plain pages of the course compute what the package's fast forms compute."""

import numpy as np
import pytest

from flashlm_np.course.pages.sampled import SAMPLED
from flashlm_np.course.pages.two_level import TWO_LEVEL
from flashlm_np.model.heads import sampled, two_level
from minigrad.ops import RowGradient

N, V, G, D = 7, 11, 4, 3
STARTS = (0, 2, 3, 7, V)
CANDIDATES = np.array([0, 2, 3, 6, 7, 10])
rng = np.random.default_rng(0)
H, W, C, B = (rng.normal(size=size) for size in ((N, D), (V, D), (G, D), G))
Y = np.array([3, 10, 2, 0, 3, 2, 6])  # two of them twice; a class without a target
LOG_P = np.log(rng.uniform(0.1, 1, V))


def results(operation, arrays, options):
    """The mean loss, and its gradients times 2, as arrays."""
    loss, saved = operation.forward(*arrays, **options)  # the mean, or the loss of each row
    gradients = operation.backward(np.full(loss.shape, 2.0 / loss.size), saved)
    dense = [g.dense() if isinstance(g, RowGradient) else g for g in gradients]
    return [loss.mean(), *(gradient for gradient in dense if gradient is not None)]


@pytest.mark.parametrize(
    ("plain", "fast", "arrays", "options"),
    [
        (TWO_LEVEL, two_level.TWO_LEVEL, (H, W, C, B, Y), {"starts": np.array(STARTS)}),
        (
            SAMPLED,
            sampled.SAMPLED,
            (H, W, Y),
            {"candidates": CANDIDATES, "log_p": LOG_P},
        ),
    ],
    ids=["two_level", "sampled"],
)
def test_a_plain_page_equals_the_head(plain, fast, arrays, options):
    pairs = zip(results(plain, arrays, options), results(fast, arrays, options), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
