"""The hint about a matrix product whose shapes do not fit."""

import ast
import itertools
import linecache
from types import FrameType

import numpy as np

from ..calling import Results
from ..comparing import close
from ..function_tests import FunctionTest


def product_hint(frame: FrameType, line: int, test: FunctionTest, expected: Results) -> str:
    """The shapes of a product that do not fit, and a product of the same arrays that fits."""
    for pair in _products(frame, line):
        factors = [_factor(node, frame) for node in pair]
        if None in factors or _fits(*(factor.array for factor in factors)):
            continue
        left, right = factors
        one, other = left.array.shape[-1], right.array.shape[-2:][0]
        has_many_axes = max(left.base.ndim, right.base.ndim) > 2
        if one == other or (has_many_axes and ".T" in f"{left.text} {right.text}"):
            return ""  # the leading axes differ, or .T reversed them: see _shape_hint
        hint = (
            f"{left.text} @ {right.text} multiplies the shapes {left.array.shape} and "
            f"{right.array.shape}, but the inner sizes, {one} and {other}, differ."
        )
        return f"{hint} {_another_product(left, right, test, expected)}".strip()
    return ""


def _products(frame, line):
    """The factors of the matrix products in a line, as syntax trees."""
    tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or not node.lineno <= line <= node.end_lineno:
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node.left, node.right
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.dot", "np.matmul"):
            yield tuple(node.args)


class _Factor:
    """A factor of a product: its text in the code and its array, also without transposition."""

    def __init__(self, node: ast.expr, frame: FrameType):
        self.text, self.array = ast.unparse(node), _value(node, frame)
        base = node
        if isinstance(node, ast.Attribute) and node.attr == "T":
            base = node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "np.swapaxes":
            base = node.args[0]
        self.is_transposed = base is not node
        is_simple = isinstance(base, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
        text = ast.unparse(base)
        self.base_text = text if is_simple else f"({text})"
        self.base = _value(base, frame)

    def variants(self) -> list[tuple[str, np.ndarray]]:
        """The array and its transpose, first the one of the code."""
        text, array = self.base_text, self.base
        if array.ndim < 2:
            return []
        turned = f"{text}.T" if array.ndim == 2 else f"np.swapaxes({text}, -1, -2)"
        pair = [(text, array), (turned, np.swapaxes(array, -1, -2))]
        return pair[::-1] if self.is_transposed else pair


def _factor(node, frame):
    """The factor, or None if it is no array, or if it cannot be computed again."""
    try:
        factor = _Factor(node, frame)
    except BaseException:  # it is a student's code, which may raise anything
        return None
    arrays = factor.array, factor.base
    return factor if all(type(a) is np.ndarray and a.ndim for a in arrays) else None


def _value(node, frame):
    code = compile(ast.Expression(node), "<factor>", "eval")
    return eval(code, frame.f_globals, frame.f_locals)


def _another_product(left, right, test, expected):
    """A product of the same arrays with the numbers of a result, or else with its shape."""
    orders = [(left, right), (right, left)]
    pairs = [
        p for one, two in orders for p in itertools.product(one.variants(), two.variants())
    ]
    fitting = [(f"{a} @ {b}", x @ y) for (a, x), (b, y) in pairs if _fits(x, y)]
    for is_like in (close, _has_shape):
        for text, product in fitting:
            for name, result in expected.items():
                if isinstance(result, np.ndarray) and is_like(product, result):
                    symbol = test.symbol.format(name)
                    return f"{text} has shape {product.shape}, that of {symbol}."
    return f"{fitting[0][0]} has shape {fitting[0][1].shape}." if fitting else ""


def _fits(a, b):
    try:
        a @ b
    except ValueError:
        return False
    return True


def _has_shape(product, result):
    return product.shape == result.shape
