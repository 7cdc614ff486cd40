"""A whole computation as a record of steps: every operation forward, every edge backward.

The record is plain data, ready for JSON: the page that shows it computes nothing.

    forward   an operation runs: its inputs, its value, what it saves
    start     the gradient of the loss with respect to itself is 1
    backward  along one edge: the upstream gradient, the local rule, the contribution to one
              input's gradient, and the new total there
    sum       an input that was broadcast: its contribution is summed back to its shape
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..module import Module
from ..ops import ADD, DIVIDE, MATMUL, MULTIPLY, SUBTRACT, RowGradient
from ..tensor import Tensor
from . import words
from .graph import Graph
from .names import calls_of, module_names, value_names
from .numeric import checks
from .profiling import saved_bytes
from .tables import corner_rows, shape_text, table


def _stretch_leading(a, b):
    """The factors of a matrix product with their leading axes broadcast to each other."""
    leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return tuple(np.broadcast_to(m, (*leading, *m.shape[-2:])) for m in (a, b))


# Operations that broadcast, and the function that broadcasts their inputs.
STRETCH = dict.fromkeys((ADD, SUBTRACT, MULTIPLY, DIVIDE), np.broadcast_arrays)
STRETCH[MATMUL] = _stretch_leading


class Recording:
    """The steps of one loss, forward and backward; `data` is what the page shows."""

    def __init__(
        self,
        loss: Tensor | Callable[[], Tensor],
        model: Module | None = None,
        check: bool = True,
    ):
        self.graph = graph = Graph(loss)
        self.arrays = [value.array for value in graph.values]
        names = module_names(graph, model)
        self.names = value_names(graph, names)
        self.calls, inside = calls_of(graph, names)
        self.steps: list[dict] = []
        self.totals: list[np.ndarray | None] = [None] * len(graph.values)
        self.arrivals: list[list[dict]] = [[] for _ in graph.values]
        self.expected = self._expected_arrivals()
        operations = [
            self._operation(*pair) for pair in zip(graph.applications, inside, strict=True)
        ]
        for i in range(len(operations)):
            self._forward(i)
        self._backward()
        self._cut_tables()
        self.checks = checks(graph, self.totals) if check else [[] for _ in graph.values]
        by_name = {a.operation.name: a.operation for a in graph.applications}
        self.data = {
            "values": [self._value(i) for i in range(len(graph.values))],
            "operations": operations,
            "calls": [vars(call) | {"title": call.title} for call in self.calls],
            "pages": {name: words.page_data(o) for name, o in by_name.items()},
            "steps": self.steps,
        }

    # -- what there is ------------------------------------------------------------------

    def _operation(self, application, call):
        saved = application.saved
        items = saved if isinstance(saved, (tuple, list)) else (saved,)
        labels = words.saved_names(application.operation, len(items))
        return {
            "name": application.operation.name,
            "arguments": application.arguments,
            "inputs": application.inputs,
            "output": application.output,
            "call": call,
            "options": ", ".join(
                f"{k} = {words.shown(v)}" for k, v in application.options.items()
            ),
            "saved": [
                [label, words.shown(item)] for label, item in zip(labels, items, strict=True)
            ],
            "saved_bytes": saved_bytes(saved),
        }

    def _value(self, i):
        value = self.graph.values[i]
        array = self.arrays[i]
        return {
            "name": self.names[i],
            "kind": value.kind,
            "shape": shape_text(array.shape),
            "dtype": str(array.dtype),
            "table": table(array, self.rows[i]),
            "expected": self.expected[i],
            "arrivals": self.arrivals[i],
            "checks": self.checks[i],
        }

    def _expected_arrivals(self):
        """How many gradients each value will receive; the loss has its own."""
        counts = [0] * len(self.graph.values)
        for a in self.graph.applications:
            for i in a.inputs:
                counts[i] += self.graph.values[i].kind != "constant"
        return counts

    # -- forward ------------------------------------------------------------------------

    def _forward(self, i):
        a = self.graph.applications[i]
        inputs = [
            words.input_in_words(argument, self.names[value], self.arrays[value].shape)
            for argument, value in zip(a.arguments, a.inputs, strict=True)
        ]
        shape = shape_text(self.arrays[a.output].shape)
        self.steps.append(
            {
                "kind": "forward",
                "operation": i,
                "before": f"{a.operation.name} runs on {words.listed(inputs)}.",
                "after": f"Its value has shape {shape}.",
            }
        )

    # -- backward -----------------------------------------------------------------------

    def _backward(self):
        applications = self.graph.applications
        loss = applications[-1].output
        self.totals[loss] = np.ones_like(self.arrays[loss])
        self.steps.append(
            {
                "kind": "start",
                "operation": len(applications) - 1,
                "before": "The loss is reached, and the way back begins.",
                "after": "Moving the loss by a little moves the loss by just that: its "
                "gradient with respect to itself is 1.",
            }
        )
        self._arrive(loss, self.totals[loss])
        for i in reversed(range(len(applications))):
            dy = self.totals[applications[i].output]
            if dy is not None:
                gradients = applications[i].operation.backward(dy, applications[i].saved)
                self._edges(i, dy, gradients)

    def _edges(self, i, dy, gradients):
        a = self.graph.applications[i]
        stretched = self._stretched(a, dy)
        for j, (target, gradient) in enumerate(zip(a.inputs, gradients, strict=True)):
            if gradient is None or self.graph.values[target].kind == "constant":
                continue
            edge = {"operation": i, "argument": j, "target": target}
            if stretched and stretched[j].shape != gradient.shape:
                self._stretched_edge(edge, stretched[j], gradient)
            else:
                self.steps.append(edge | self._texts(a, j) | {"kind": "backward"})
            self._arrive(target, _dense(gradient))

    def _stretched(self, application, dy):
        """The gradients as they are before a broadcast input's is summed; None if none is."""
        arrays = [self.arrays[i] for i in application.inputs]
        stretch = STRETCH.get(application.operation)
        wide = stretch(*arrays) if stretch else arrays
        if all(w.shape == a.shape for w, a in zip(wide, arrays, strict=True)):
            return None
        _, saved = application.operation.forward(*wide, **application.options)
        return application.operation.backward(dy, saved)

    def _texts(self, a, j):
        result, target = self.names[a.output], self.names[a.inputs[j]]
        return words.handed_back(a.operation, a.arguments[j], result, target)

    def _stretched_edge(self, edge, wide, gradient):
        a, j = self.graph.applications[edge["operation"]], edge["argument"]
        texts = self._texts(a, j)
        shapes = shape_text(wide.shape), shape_text(gradient.shape)
        texts["after"] += " It has the shape {} of the result, not yet {}.".format(*shapes)
        waiting = {"kind": "backward", "contribution": table(wide), "waits": True}
        self.steps.append(edge | texts | waiting)
        summed = words.summed(self.names[edge["target"]], wide, gradient)
        self.steps.append(edge | summed | {"kind": "sum"})

    def _arrive(self, target, gradient):
        """Add a gradient to a value's total, and tell in the last step what that was."""
        step, arrivals = self.steps[-1], self.arrivals[target]
        before = self.totals[target] if arrivals else None
        self.totals[target] = gradient if before is None else before + gradient
        arrivals.append({"step": len(self.steps) - 1, "array": self.totals[target]})
        step["target"], step["array"] = target, gradient
        if step["kind"] != "start":
            of = self.expected[target]
            step["after"] += words.arrival(self.names[target], len(arrivals), of)

    # -- afterwards ---------------------------------------------------------------------

    def _cut_tables(self):
        """Turn the arrays of all steps into tables, with the same rows for a value's all."""
        self.rows = []
        for array, total in zip(self.arrays, self.totals, strict=True):
            chosen = total if total is not None and total.shape == array.shape else array
            self.rows.append(corner_rows(chosen))
        for target, arrivals in enumerate(self.arrivals):
            for arrival in arrivals:
                arrival["total"] = table(arrival.pop("array"), self.rows[target])
        for step in self.steps:
            if "array" in step:
                step["contribution"] = table(step.pop("array"), self.rows[step["target"]])


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient
