"""How each function of an exercise is called, and what of it is compared.

A probe calls one function, the student's or the package's, on the inputs of a case, and gives
its results by name: y of a forward, the gradient of each argument of a backward, and of an
update what it left in the arrays that it changes.
"""

from __future__ import annotations

from ..exercise import Exercise
from . import engine, function_cases
from .functions import Plain, Update, packed
from .operation import operation
from .operation_cases import SHAPES_TO_SUM
from .probe import Probe

__all__ = ["Probe", "probes_of"]


def probes_of(exercise: Exercise) -> list[Probe]:
    """A probe for each function of the exercise, in the order in which they are graded."""
    reference = exercise.reference()

    def plain(name, cases, *results):
        return Probe(name, cases, Plain(name, reference[name], results))

    def update(name, cases):
        call = Update(name, reference[name])
        return Probe(name, cases, call, says="{} after the step", changes=call.changes)

    match exercise.name:
        case "add":
            return [
                plain("sum_to_shape", SHAPES_TO_SUM, "sum"),
                *operation("add"),
            ]
        case "ternarize":
            return [plain("ternarize", function_cases.TERNARIZE, "T", "s")]
        case "adamw":
            return [update("adamw_update", function_cases.ADAMW)]
        case "newton_schulz":
            return [plain("newton_schulz", function_cases.NEWTON_SCHULZ, "x")]
        case "normuon":
            return [update("normuon_update", function_cases.NORMUON)]
        case "pack":
            return [Probe("pack", function_cases.PACK, packed)]
        case "table_product":
            return [
                plain("signed_sums_of_five", function_cases.SIGNED_SUMS, "t"),
                plain("table_sums", function_cases.products(), "z"),
            ]
        case "accumulate":
            return [Probe("accumulate", function_cases.ACCUMULATE, engine.accumulate)]
        case "backward_steps":
            call = engine.backward_steps
            return [
                Probe("backward_steps", function_cases.GRAPHS, call, says="the gradient of {}")
            ]
    return operation(exercise.name)
