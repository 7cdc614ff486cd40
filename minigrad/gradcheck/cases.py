"""Cases for the test of an operation: inputs of every kind, made from the shapes alone.

    both signs, positive, negative    gradients in random directions
    each element                      every element by itself
    complex step                      the last digits, if the forward is analytic
    one row, no element               the first size becomes 1, or 0
    view, transposed layout           strides that are negative, or in another order
    float32                           results of float32, near those of float64
    repeated ids, one id, short ids   for inputs that hold ids

An operation is also held to its contract (contract.py). `gradient_test` in pytest_plugin.py
makes a test of each case; without pytest, run `case.check()` of each.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..errors import ShapeError
from ..ops import Operation, RowGradient
from . import gradcheck
from .answers import GradientError
from .case_inputs import Inputs
from .contract import check_contract
from .declarations import is_analytic
from .inputs import argument_names, as_function, fresh, name_of

MODES = {"each element": "full", "complex step": "complex"}
WITH_CONTRACT = ("both signs", "one row", "repeated ids")
# A function of Tensors has no contract: it is not the function that makes arrays.
OF_OPERATIONS = ("no element", "view", "transposed layout", "float32", "short ids")

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class GradientCase:
    """One case of an operation: `check` raises if its backward is wrong there."""

    name: str
    f: Operation | Callable
    kind: str
    inputs: Inputs
    options: dict
    tolerance: float | None = None

    def check(self) -> None:
        """Run the checks of this kind.

        Raises:
            GradientError: the backward is wrong, or breaks a rule.
            InconclusiveError: the checker cannot decide at these inputs.
        """
        arrays = self.inputs.arrays(self.kind)
        if self.kind == "float32":
            self._check_float32(arrays)
        elif self.kind in ("view", "transposed layout", "short ids"):
            self._check_same(arrays, "both signs")
        elif self.kind == "no element":
            with suppress(ShapeError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # NumPy warns of the mean of no element
                check_contract(self.f, arrays, self.options)
        else:
            self._check_gradients(arrays)

    def _check_gradients(self, arrays):
        if self.kind in WITH_CONTRACT and isinstance(self.f, Operation):
            check_contract(self.f, arrays, self.options)
        settings = {"seed": self.inputs.seed, "tolerance": self.tolerance}
        if self.kind in MODES:
            settings["mode"] = MODES[self.kind]
        gradcheck(self.f, *arrays, options=self.options, **settings)

    def _check_float32(self, arrays):
        single = tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays)
        self._compare(check_contract(self.f, single, self.options), arrays, 1e-3)

    def _check_same(self, arrays, kind):
        """The results must be those of the same numbers in an ordinary layout."""
        found = check_contract(self.f, arrays, self.options)
        self._compare(found, self.inputs.arrays(kind), 1e-9)

    def _compare(self, found, arrays, tolerance):
        y, dy, gradients = found
        right_y, saved = self.f.forward(*arrays, **fresh(self.options))
        right = self.f.backward(dy.astype(right_y.dtype), saved)
        self._expect_near("y", right_y, y, tolerance)
        for name, g, other in zip(
            argument_names(self.f.forward, len(arrays)), right, gradients, strict=True
        ):
            if g is not None:
                g = g.dense() if isinstance(g, RowGradient) else g
                self._expect_near(f"the gradient of {name}", g, other, tolerance)

    def _expect_near(self, what, right, found, tolerance):
        if (np.abs(right - found) > tolerance * np.abs(right).max(initial=0)).any():
            usual = "float64" if self.kind == "float32" else "an ordinary layout"
            raise GradientError(
                f"{self.f.name}: {what} for the inputs {self.kind!r} differs from {usual}"
            )


def gradient_cases(
    f: Operation | str | Callable | tuple[Callable, Callable],
    *,
    shapes: Shapes | list[Shapes],
    ids: dict[str, int] | None = None,
    domain: dict[str, tuple[float, float]] | None = None,
    options: dict | list[dict] | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> list[GradientCase]:
    """The cases for an operation, one of each kind for each layout of shapes and each option.

    Args:
        f: an Operation, the name of one in the table, a pair (forward, backward) of functions
            of arrays, or a function of Tensors.
        shapes: the shape of each input by its name, or a list of such layouts. Let sizes that
            mean different things differ; equal sizes stand for the same size.
        ids: the inputs that hold ids, and the number that all ids are below.
        domain: inputs that must lie in an interval (low, high), such as those of a logarithm.
        options: the options of f, or a list of them.
        tolerance, seed: of gradcheck; the seed also draws the inputs.

    Example:
        >>> cases = gradient_cases("rms_norm", shapes={"x": (2, 3, 5), "w": (5,)})
        >>> for case in cases:
        ...     case.check()
        >>> [case.name for case in cases][:4]
        ['both signs', 'positive', 'negative', 'each element']
    """
    ids, domain = ids or {}, domain or {}
    layouts = shapes if isinstance(shapes, list) else [shapes]
    all_options = options if isinstance(options, list) else [options or {}]
    f = _as_operation(f, layouts, ids)
    cases = []
    for layout, chosen in product(layouts, all_options):
        _expect_layout(f, layout, ids, domain)
        inputs = Inputs(layout, ids, domain, seed)
        parts = [_layout_name(layout)] if len(layouts) > 1 else []
        parts += [", ".join(f"{k}={v}" for k, v in chosen.items()) or "no option"] * (
            len(all_options) > 1
        )
        for kind in inputs.kinds():
            if isinstance(f, Operation):
                exists = kind != "complex step" or is_analytic(f)
            else:
                exists = kind not in (*OF_OPERATIONS, "complex step")
            if exists:
                name = ", ".join([kind, *parts])
                cases.append(GradientCase(name, f, kind, inputs, chosen, tolerance))
    return cases


def _as_operation(f, layouts, ids):
    """An Operation of a pair; everything else as gradcheck takes it."""
    if not isinstance(f, tuple):
        return as_function(f)
    if len(f) != 2 or not all(map(callable, f)):
        raise TypeError(
            "gradient_cases: a tuple must be a pair (forward, backward) of functions of arrays"
        )
    positions = tuple(k for k, name in enumerate(layouts[0]) if name in ids)
    return Operation(name_of(f[0]), *f, integer_inputs=positions)


def _expect_layout(f, layout, ids, domain):
    """Raise unless the names are those of f's inputs, in their order."""
    function = f.forward if isinstance(f, Operation) else f
    names = argument_names(function, len(layout))
    if list(layout) != names:
        raise ValueError(
            f"gradient_cases: shapes names {list(layout)}, but the inputs of {name_of(f)} are "
            f"{names}, in this order"
        )
    unknown = (set(ids) | set(domain)) - set(names)
    if unknown:
        raise ValueError(
            f"gradient_cases: ids and domain name {sorted(unknown)}, which is no input of "
            f"{name_of(f)}; its inputs are {names}"
        )


def _layout_name(layout):
    return " ".join("x".join(map(str, shape)) or "scalar" for shape in layout.values())
