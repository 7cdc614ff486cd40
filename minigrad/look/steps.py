"""The steps of a computation: every operation forward, every edge backward.

forward   an operation runs: its inputs, its result, the values that it saves
start     the gradient of the loss with respect to itself is 1
backward  along one edge: the upstream gradient, the local rule, the contribution to one
          input's gradient, and the new total there
sum       the contribution to a broadcast input is summed back to the input's shape
"""

from collections import Counter

import numpy as np

from .. import ops
from ..ops import RowGradient
from . import sentences
from .array_tables import nonzero_rows, table
from .graph import Graph

# The operations that broadcast their inputs, and how many of the last axes they leave alone.
BROADCAST = {
    **dict.fromkeys([ops.ADD, ops.SUBTRACT, ops.MULTIPLY, ops.DIVIDE, ops.GENERAL_POWER], 0),
    **dict.fromkeys([ops.MAXIMUM, ops.MINIMUM, ops.WHERE], 0),
    ops.MATMUL: 2,
}


class Steps:
    """The steps of a graph, and for each of its values the gradients that arrive there.

    steps: the data of each step, in order.
    totals: the complete gradient of each value, or None.
    arrivals: for each value the step and the new total of every contribution.
    expected: the number of paths that reach each value; the loss has none.
    rows: the rows that the tables of each value show.
    """

    def __init__(self, graph: Graph, labels: list[str]):
        self.graph, self.labels = graph, labels
        self.steps: list[dict] = []
        self.totals: list[np.ndarray | None] = [None] * len(graph.values)
        self.arrivals: list[list[dict]] = [[] for _ in graph.values]
        used = [i for a in graph.applications for i in a.inputs]
        self.expected = Counter(i for i in used if graph.values[i].kind != "constant")
        for i, a in enumerate(graph.applications):
            self._forward(i, a)
        self._start()
        for i, a in reversed(list(enumerate(graph.applications))):
            if self.totals[a.output] is not None:
                self._backward(i, a, self.totals[a.output])
        self._replace_arrays_by_tables()

    def _forward(self, i, a):
        inputs = [
            sentences.input_text(argument, self.labels[k], self.graph.values[k].array.shape)
            for argument, k in zip(a.arguments, a.inputs, strict=True)
        ]
        shape = self.graph.values[a.output].array.shape
        texts = sentences.forward_texts(a.operation, inputs, shape)
        self.steps.append({"kind": "forward", "operation": i, **texts})

    def _start(self):
        last = len(self.graph.applications) - 1
        loss = self.graph.applications[last].output
        self.steps.append({"kind": "start", "operation": last, **sentences.START})
        self._arrive(loss, np.ones_like(self.graph.values[loss].array))

    def _backward(self, i, a, dy):
        """One step per input. The saved values stay, so `loss.backward()` can follow."""
        gradients = a.operation.backward(dy, a.saved)
        wide = self._before_sums(a, dy) or gradients
        for j, (target, gradient) in enumerate(zip(a.inputs, gradients, strict=True)):
            if gradient is None or self.graph.values[target].kind == "constant":
                continue
            if isinstance(gradient, RowGradient):
                gradient = gradient.dense()
            self._edge(i, j, "backward")
            if wide[j].shape != gradient.shape:
                self.steps[-1] |= {"contribution": table(wide[j]), "waits": True}
                shapes = f"{wide[j].shape} of the result, not yet {gradient.shape}"
                self.steps[-1]["after"] += f" It has the shape {shapes}."
                texts = sentences.sum_texts(self.labels[target], wide[j], gradient)
                self._edge(i, j, "sum", **texts)
            self._arrive(target, gradient)

    def _edge(self, i, j, kind, **data):
        a = self.graph.applications[i]
        target = a.inputs[j]
        names = self.labels[a.output], self.labels[target]
        texts = sentences.edge_texts(a.operation, a.arguments[j], *names)
        edge = {"kind": kind, "operation": i, "argument": j, "target": target}
        self.steps.append(edge | texts | data)

    def _before_sums(self, a, dy):
        """The gradients for inputs that are broadcast first, as the forward does it."""
        if a.operation not in BROADCAST:
            return None
        kept, arrays = BROADCAST[a.operation], [self.graph.values[i].array for i in a.inputs]
        if any(x.ndim < kept for x in arrays):
            return None  # a vector in a matrix product is not broadcast to rows
        common = np.broadcast_shapes(*(x.shape[: x.ndim - kept] for x in arrays))
        wide = [np.broadcast_to(x, common + x.shape[x.ndim - kept :]) for x in arrays]
        return a.operation.backward(dy, a.operation.forward(*wide, **a.options)[1])

    def _arrive(self, target, gradient):
        """Add the last step's gradient to a value's total."""
        before, step, arrivals = self.totals[target], self.steps[-1], self.arrivals[target]
        self.totals[target] = gradient if before is None else before + gradient
        arrivals.append({"step": len(self.steps) - 1, "total": self.totals[target]})
        step |= {"target": target, "contribution": gradient}
        if step["kind"] != "start":
            of = self.expected[target]
            step["after"] += sentences.arrival_text(self.labels[target], len(arrivals), of)

    def _replace_arrays_by_tables(self):
        """All tables of one value show the same rows."""
        arrays = [value.array for value in self.graph.values]
        self.rows = [
            nonzero_rows(array if total is None or total.shape != array.shape else total)
            for array, total in zip(arrays, self.totals, strict=True)
        ]
        for rows, arrivals in zip(self.rows, self.arrivals, strict=True):
            for arrival in arrivals:
                arrival["total"] = table(arrival["total"], rows)
        for step in self.steps:
            if "contribution" in step and "waits" not in step:
                step["contribution"] = table(step["contribution"], self.rows[step["target"]])
