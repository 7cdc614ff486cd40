"""The fields of a configuration: their options, and the values that make sense.

The limits hold for values of damaged and hostile files, too. No value within them makes a
program run without end, or ask for a size that no machine has.
"""

import math
import reprlib
from dataclasses import field, fields
from typing import Any, get_args

LARGEST = 1e38  # of a float; float32 ends at 3.4e38
MOST_VALUES = 100  # of a field that is a tuple


def option(default, help: str, least=None, most=None, among=None):
    """A field with the help of its option, and the values that make sense.

    A float is at most LARGEST, unless it has another limit.
    """
    if isinstance(default, float) and most is None:
        most = LARGEST
    limits = {"least": least, "most": most, "among": among}
    return field(default=default, metadata={"help": help, "limits": limits})


def option_name(name: str) -> str:
    """The option of a field: d_model is --d-model."""
    return f"--{name.replace('_', '-')}"


def check_fields(config) -> None:
    """Raise a ValueError that names the option, unless all values have the annotated types and
    are within their limits. Whole numbers become floats where the field is one."""
    for f in fields(config):
        value = getattr(config, f.name)
        if f.type is float and type(value) is int:  # one of 400 digits is no float
            value = float(value) if abs(value) < LARGEST else math.inf
            object.__setattr__(config, f.name, value)
        for one in _values(f.name, value, f.type):
            _expect(f.name, one, **f.metadata["limits"])


def check_together(config) -> None:
    """Raise a ValueError if fields that make sense alone do not fit each other."""
    groups, width, decay = config.conv_groups, config.d_model, config.weight_decay
    if width % groups and config.mixer == "gated_convs":
        raise ValueError(f"--conv-groups is {groups}, which does not divide --d-model {width}")
    if width * config.glu_ratio < 1:
        raise ValueError(f"--glu-ratio is {config.glu_ratio}, which gives no width")
    if decay > 1 and decay * config.adamw_lr * max(1, config.conv_lr_ratio) > 1:
        raise ValueError(
            f"--weight-decay is {decay}, expected at most 1 / the learning rate, because each "
            "step multiplies the weights by 1 - rate · decay"
        )
    if config.ema_decay == 1:
        raise ValueError("--ema-decay is 1.0, expected less than 1: it would never move")
    starts = [phase.first_step for phase in config.phases]
    if min(starts, default=0) != 1:
        raise ValueError("--phases: the first phase must begin at step 1")
    if len(set(starts)) < len(starts):  # one of both would never be used
        raise ValueError("--phases: two phases begin at the same step")


def _values(name, value, kind) -> tuple:
    """The values of a field, one or those of its tuple; each has the annotated type."""
    if item := get_args(kind):
        if not isinstance(value, tuple):
            _refuse(name, value, "a tuple")
        if len(value) > MOST_VALUES:
            _refuse(name, f"{len(value):,} values", f"at most {MOST_VALUES}")
    values, kind = (value, item[0]) if item else ((value,), kind)
    for one in values:
        if not _is_a(one, kind):
            _refuse(name, one, _described(kind))
    return values


def _is_a(value: Any, kind: type) -> bool:
    if isinstance(value, bool):  # in Python a number, too
        return kind is bool
    if kind is str:  # a report could not be written with half a surrogate pair
        return isinstance(value, str) and value.isprintable()
    return isinstance(value, (int, float) if kind is float else kind)


def _described(kind):
    names = {
        int: "a whole number",
        float: "a number",
        bool: "True or False",
        str: "a printable text",
    }
    return names.get(kind) or f"a {kind.__name__}"


def _expect(name, value, least, most, among):
    if among is not None and value not in among:
        _refuse(name, value, f"one of {', '.join(map(str, among))}")
    if most is not None and not least <= value <= most:  # NaN is not
        open_end = f"{least} or more" + ", and finite" * (most == LARGEST)
        _refuse(name, value, f"{least} to {most}" if most < LARGEST else open_end)


def _refuse(name, value, wanted):
    raise ValueError(f"{option_name(name)} is {reprlib.repr(value)}, expected {wanted}")
