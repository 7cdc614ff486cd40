"""What a step does, in a sentence, in a formula and in its source lines."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from textwrap import dedent

import numpy as np

from ..ops import Operation
from .pages import Page, page_of
from .tables import shape_text


def page_of_operation(operation: Operation) -> Page:
    """The page on which its forward is written; an empty one if that cannot be found."""
    module = sys.modules.get(operation.forward.__module__)
    page = page_of(module) if module is not None else Page("", {}, "")
    return page if "forward" in page.sections else Page("", {}, "")


def local_rule(operation: Operation, argument: str) -> str:
    """The page's formula for the gradient of one argument, such as "dx = dy w"; "" if none."""
    backward = page_of_operation(operation).sections.get("backward", "")
    name = operation.name
    own = re.search(rf"\b{name} +(d.*)|\b{name}: ([^;]*)", backward)
    if own and own[2]:
        return own[2]
    letters = (argument.split("[")[0], argument.split("_")[0])
    for text in (own[1] if own else "", backward):
        for letter in letters:
            left = rf"(?<![∂\w])d{re.escape(letter)}(_g|\[\w+\])?"
            right = r"\+?= ?.*?(?=  |;|,? and |, side|, as |, one |$)"
            if found := re.search(f"{left} {right}", text, re.MULTILINE):
                return found.group().rstrip(" .,:")
    return ""


def source(function: Callable) -> dict:
    """Where a function is written, and its lines; empty where that is not known."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return {"file": "", "first": 0, "lines": []}
    package = function.__module__.split(".")[0]
    path = (inspect.getsourcefile(function) or "").replace("\\", "/")
    inside = path.rpartition(f"/{package}/")
    file = f"{package}/{inside[2]}" if inside[1] else path.rpartition("/")[2]
    return {"file": file, "first": first, "lines": dedent("".join(lines)).splitlines()}


def saved_names(operation: Operation, count: int) -> list[str]:
    """What the forward calls the values that it saves, from its `return y, (x, w)`."""
    try:
        tree = ast.parse("\n".join(source(operation.forward)["lines"]))
    except SyntaxError:  # a lambda within an expression
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            saved = node.value.elts[-1]
            names = saved.elts if isinstance(saved, ast.Tuple) else [saved]
            if len(names) == count:
                return [ast.unparse(name) for name in names]
    return [f"saved[{i}]" for i in range(count)]


def listed(items: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def shown(value) -> str:
    """An array by its shape and bytes, anything else as it is written, cut."""
    if isinstance(value, np.ndarray):
        return f"{shape_text(value.shape)} {value.dtype}, {value.nbytes:,} bytes"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def page_data(operation: Operation) -> dict:
    """All that is to be read about an operation: its page and its two sources."""
    page = page_of_operation(operation)
    return {
        "title": page.title,
        **page.sections,
        "forward_source": source(operation.forward),
        "backward_source": source(operation.backward),
    }


def input_in_words(argument: str, name: str, shape: tuple[int, ...]) -> str:
    """Such as "a = x (2, 3)"; what a name says already is not said again."""
    known = shape_text(shape) in name or (not shape and name[0] in "-0123456789")
    text = name if known else f"{name} {shape_text(shape)}"
    return text if text.startswith(f"{argument} (") else f"{argument} = {text}"


def handed_back(operation: Operation, argument: str, result: str, target: str) -> dict:
    """The texts of a gradient's way along one edge, from a result to one of its inputs."""
    to = argument if argument == target else f"{argument}, which is {target}"
    return {
        "rule": local_rule(operation, argument),
        "before": f"All that used {result} has spoken: its gradient is complete, and "
        f"{operation.name} hands it back along one edge, to its input {to}.",
        "after": f"The local rule makes of it how the loss moves with {target} this way.",
    }


def summed(target: str, wide: np.ndarray, gradient: np.ndarray) -> dict:
    """The texts of the sum that undoes a broadcast."""
    wide_shape, shape = shape_text(wide.shape), shape_text(gradient.shape)
    copies = wide.size // max(1, gradient.size)
    return {
        "rule": f"sum {wide_shape} to {shape}",
        "before": f"{target} {shape} was broadcast to {wide_shape}: each of its numbers was "
        f"used {copies} times.",
        "after": "Used several times, it moves the loss by several ways, and they add: the "
        "gradient is summed over the axes along which it was copied.",
    }


def arrival(name: str, count: int, of: int) -> str:
    """What it means that a gradient is the count-th of so many to reach a value."""
    text = ""
    if count > 1:
        text = (
            f" Another path had reached {name} before, so this one is added (+=): moving it "
            "moves the loss by both ways at once."
        )
    if count == of:
        return f"{text} This was path {count} of {of}: the gradient of {name} is complete."
    return f"{text} This was path {count} of {of}; until the others have come, it must wait."
