"""The steps of a computation: every operation forward, every edge backward.

forward   an operation runs: its inputs, its result, the values that it saves
start     the gradient of the loss with respect to itself is 1
backward  along one edge: the upstream gradient, the local rule, the contribution to one
          input's gradient, and the new total there
sum       the contribution to a broadcast input is summed back to the input's shape

The backward pass runs twice. The first one finds the complete gradients, from which the rows of
all tables are chosen. The second one makes the tables at once, so that no array is kept.
"""

from collections import Counter

import numpy as np

from .. import ops
from . import sentences
from .array_tables import cells, nonzero_rows, table
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
    arrivals: for each value its contributions: their steps, and the total if it is another one.
    expected: the number of paths that reach each value; the loss has none.
    rows: the rows that the tables of each value show, at most `most`, and so many columns.
    """

    def __init__(self, graph: Graph, labels: list[str], most: int):
        self.graph, self.labels, self.most = graph, labels, most
        self.steps: list[dict] = []
        loss = graph.values[graph.last].array
        self.totals = graph.gradients(loss, [a.saved for a in graph.applications])
        arrays = [value.array for value in graph.values]
        self.rows = [
            nonzero_rows(array if total is None or total.shape != array.shape else total, most)
            for array, total in zip(arrays, self.totals, strict=True)
        ]
        self.arrivals: list[list[dict]] = [[] for _ in arrays]
        self._so_far: dict[int, np.ndarray] = {}  # the gradients that are not complete yet
        used = [i for a in graph.applications for i in a.inputs]
        self.expected = Counter(i for i in used if graph.values[i].kind != "constant")
        for i, a in enumerate(graph.applications):
            self._forward(i, a)
        start = {"kind": "start", "operation": len(graph.applications) - 1, **sentences.START}
        self.steps.append(start)
        self._arrive(graph.last, np.ones_like(loss))
        for i, a in reversed(list(enumerate(graph.applications))):
            if self.totals[a.output] is not None:
                self._backward(i, a, self.totals[a.output])

    def _forward(self, i, a):
        few = list(zip(a.arguments, a.inputs, strict=True))[: sentences.MOST_INPUTS]
        inputs = [
            sentences.input_text(argument, self.labels[k], self.graph.values[k].array.shape)
            for argument, k in few
        ]
        shape, more = self.graph.values[a.output].array.shape, len(a.inputs) - len(few)
        texts = sentences.forward_texts(a.operation, inputs, more, shape)
        self.steps.append({"kind": "forward", "operation": i, **texts})

    def _backward(self, i, a, dy):
        """One step per input. The saved values stay, so `loss.backward()` can follow."""
        gradients = self.graph.contributions(a, dy, a.saved)
        wide = self._before_sums(a, dy) or gradients
        for j, (target, gradient) in enumerate(zip(a.inputs, gradients, strict=True)):
            if gradient is None:
                continue
            self._edge(i, j, "backward")
            if wide[j].shape != gradient.shape:
                shapes = f"{wide[j].shape} of the result, not yet {gradient.shape}"
                self.steps[-1]["after"] += f" It has the shape {shapes}."
                self.steps[-1]["contribution"] = table(wide[j], most=self.most)
                self.steps[-1]["waits"] = True
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
        fronts = [x.shape[: x.ndim - kept] for x in arrays]
        if len(set(fronts)) == 1:
            return None  # nothing is broadcast
        common = np.broadcast_shapes(*fronts)
        wide = [np.broadcast_to(x, common + x.shape[x.ndim - kept :]) for x in arrays]
        return a.operation.backward(dy, a.operation.forward(*wide, **a.options)[1])

    def _arrive(self, target, gradient):
        """Add the last step's gradient to a value's total."""
        step, arrivals, rows = self.steps[-1], self.arrivals[target], self.rows[target]
        arrival = {"step": len(self.steps) - 1}
        step |= {"target": target, "contribution": cells(gradient, rows, self.most)}
        if arrivals:
            gradient = self._so_far[target] + gradient
            arrival["total"] = cells(gradient, rows, self.most)
        arrivals.append(arrival)
        self._so_far[target] = gradient
        if step["kind"] != "start":
            of = self.expected[target]
            step["after"] += sentences.arrival_text(self.labels[target], len(arrivals), of)
            if len(arrivals) == of:
                del self._so_far[target]
