"""Refuse to sample where no distribution is meant: the checks of generate.py and its fast form.

Without them NaN would pass silently. No comparison with NaN is true, so a search for the place
of a token ends at the first one, and every text would be that token.
"""

import math
from numbers import Integral

import numpy as np

from minigrad.errors import expect_shape


def expect_sampling(
    where: str, logits: np.ndarray, temperature: float, top_k: int, top_p: float
) -> None:
    """Raise unless logits (V,) and the options of sample_token give a distribution.

    A logit may be -inf, which gives its token the probability 0.

    Raises:
        ShapeError: the logits are no vector.
        ValueError: an option is impossible, or the largest logit is not finite.
    """
    expect_shape(where, "logits", logits, V=None)
    expect_options(where, temperature, top_k, top_p)
    largest = logits.max(initial=-math.inf)  # NaN if one of them is NaN
    if not math.isfinite(largest):
        raise ValueError(
            f"{where}: the largest logit is {largest}, expected a finite number; the model has "
            "diverged, so use an earlier checkpoint"
        )


def expect_options(where: str, temperature: float, top_k: int, top_p: float) -> None:
    """Raise a ValueError that names the option of sample_token which is impossible."""
    if not 0 <= temperature < math.inf:
        raise ValueError(
            f"{where}: temperature is {temperature}, expected 0 or more, and finite"
        )
    if not isinstance(top_k, Integral) or top_k < 0:
        raise ValueError(f"{where}: top_k is {top_k}, expected 0 or a whole number above it")
    if not 0 <= top_p <= 1:
        raise ValueError(f"{where}: top_p is {top_p}, expected 0 to 1")
