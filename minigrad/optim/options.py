"""Checks of the numbers that a user passes: an impossible one gets one sentence at once."""

import sys

import numpy as np

from ..arrays import plain_number


def number(where: str, name: str, value, *, least=None, above=None, below=None) -> float:
    """`value` as a Python number: finite, and within the limits.

    Raises:
        TypeError: it is no number.
        ValueError: it is outside of the limits.

    Example:
        >>> number("EMA", "decay", 1.0, least=0, below=1)
        Traceback (most recent call last):
        ValueError: EMA: decay is 1.0, expected 0 or more and less than 1
    """
    value = plain_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{where}: {name} is {named_kind(value)}, expected a number")
    if value > sys.float_info.max:
        raise ValueError(f"{where}: {name} is {value}, expected a finite number")
    limits = {
        f"{least} or more": least is None or value >= least,
        f"more than {above}": above is None or value > above,
        f"less than {below}": below is None or value < below,
    }
    if not all(limits.values()):  # NaN is in no limits
        wanted = " and ".join(text for text in limits if "None" not in text)
        raise ValueError(f"{where}: {name} is {value}, expected {wanted}")
    return value


def named_kind(value) -> str:
    """A value of the wrong kind, for a message: None, True, 'a text', an array, a list."""
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    kind = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


LIMITS = {  # of the options of all optimizers, by name
    "lr": {"least": 0},
    "beta1": {"least": 0, "below": 1},  # 1 would keep the first mean, which is 0, for ever
    "beta2": {"least": 0, "below": 1},
    "momentum": {"least": 0, "below": 1},
    "weight_decay": {"least": 0},
    "eps": {"above": 1e-38},  # else a gradient of 0 gives 0/0, in float32 as well
}


def checked(where: str, options: dict) -> dict:
    """The options, each within its limits. One without limits is returned as it is."""
    return {name: _checked(where, name, value) for name, value in options.items()}


def _checked(where, name, value):
    if name == "betas":
        return _betas(where, value)
    if name == "nesterov" and not isinstance(value, bool):
        raise TypeError(f"{where}: nesterov is {value!r}, expected True or False")
    return number(where, name, value, **LIMITS[name]) if name in LIMITS else value


def _betas(where, betas):
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise TypeError(f"{where}: betas is {betas!r}, expected two numbers (β₁, β₂)")
    beta1, beta2 = (
        number(where, f"betas[{i}]", beta, least=0, below=1) for i, beta in enumerate(betas)
    )
    # |m| / √v has no bound then: v forgets a large gradient before m does.
    if beta1**2 > beta2:
        raise ValueError(
            f"{where}: betas is {(beta1, beta2)}, expected β₁² at most β₂; are they exchanged?"
        )
    return beta1, beta2
