"""Where the wrong forms are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MISTAKES: dict[tuple[str, str], list[tuple[str, Callable[..., Any]]]] = {}


def mistake(function: str, label: str, text: str):
    """Adds the decorated wrong form of a function's result."""

    def add(wrong):
        MISTAKES.setdefault((function, label), []).append((text, wrong))
        return wrong

    return add
