"""Schedules: a factor for the learning rate at each step, between 0 and 1."""

import math

from ..errors import expect_number


def wsd(step: int, *, warmup: int, decay_from: int, total: int) -> float:
    """Warm up, stay, decay: step/warmup, then 1, then from decay_from linearly to 0 at total.

    A warm-up that ends after decay_from goes on to its end. The decay is late then.

    Source: Hu et al. 2024, "MiniCPM", arXiv:2404.06395, section 4.

    Example:
        >>> [wsd(step, warmup=4, decay_from=6, total=10) for step in (1, 4, 6, 8, 10)]
        [0.25, 1.0, 1.0, 0.5, 0.0]
    """
    _expect_order("wsd", step=step, warmup=warmup, decay_from=decay_from, total=total)
    if step < warmup:
        return step / warmup
    if step < decay_from:
        return 1.0
    return max(0.0, 1 - (step - decay_from) / max(1, total - decay_from))


def cosine(step: int, *, warmup: int, total: int, floor: float = 0.0) -> float:
    """Warm up to 1, then half a cosine down to `floor` at total, and stay there.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.

    Example:
        >>> [round(cosine(step, warmup=2, total=10), 3) for step in (1, 2, 6, 10)]
        [0.5, 1.0, 0.5, 0.0]
    """
    _expect_order("cosine", step=step, warmup=warmup, total=total)
    if not 0 <= expect_number("cosine", "floor", floor, least=0) <= 1:
        raise ValueError(f"cosine: floor is {floor}, expected 0 to 1")
    if step < warmup:
        return step / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2


def _expect_order(where, **steps):
    """Raise unless all are steps, from 0, and none but `step` is after `total`."""
    for name, value in steps.items():
        expect_number(where, name, value, least=0)
    for name, value in steps.items():
        if name != "step" and value > steps["total"]:
            raise ValueError(
                f"{where}: {name} is {value}, expected at most total, which is {steps['total']}"
            )
