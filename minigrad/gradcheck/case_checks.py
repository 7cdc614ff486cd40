"""What is checked in one case of an operation."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ShapeError
from ..ops import Operation
from . import gradcheck
from .answers import GradientError, InconclusiveError
from .case_inputs import Inputs
from .contract import check_contract
from .inputs import argument_names, fresh, name_of
from .operation_rules import dense

MODES = {"each element": "full", "complex step": "complex"}
RESIZED = ("one row", "no element")
WITH_CONTRACT = ("both signs", "one row", "repeated ids")


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
        try:
            self._run(self.inputs.arrays(self.kind))
        except InconclusiveError:
            raise
        except ValueError as error:
            if not self._is_refusal(error):
                raise

    def _is_refusal(self, error):
        """An operation may refuse other sizes than those of `shapes` in a sentence."""
        in_a_sentence = str(error).startswith(f"{name_of(self.f)}: ")
        return self.kind in RESIZED and (in_a_sentence or isinstance(error, ShapeError))

    def _run(self, arrays):
        if self.kind == "float32":
            self._check_float32(arrays)
        elif self.kind in ("view", "transposed layout", "short ids"):
            self._check_same(arrays, "both signs")
        elif self.kind == "no element":
            with warnings.catch_warnings():
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
                self._expect_near(f"the gradient of {name}", dense(g), other, tolerance)

    def _expect_near(self, what, right, found, tolerance):
        # Not `>`: a comparison with NaN is false, and NaN would pass.
        if not (np.abs(right - found) <= tolerance * np.abs(right).max(initial=0)).all():
            usual = {"float32": "float64", "short ids": "int64"}.get(self.kind, "C order")
            raise GradientError(
                f"{self.f.name}: {what} for the inputs {self.kind!r} is not that for {usual}"
            )
