"""The data of a computation's page, ready for JSON: the page itself computes nothing."""

from collections.abc import Callable

import numpy as np

from ..module import Module
from ..tensor import Tensor
from .array_tables import MOST, table
from .boxes import boxes, folded_at_first
from .graph import Graph
from .labels import module_paths, value_labels
from .layout import layout
from .numeric_checks import Extent, numeric_checks
from .operation_docs import operation_sections, saved_names, source
from .profiler import saved_bytes
from .steps import Steps

LARGE = 300  # operations; a larger graph has smaller tables and never opens as a whole
MOST_OF_LARGE = 4  # rows and columns of its tables


def page_data(loss: Tensor | Callable[[], Tensor], model: Module | None, check: bool) -> dict:
    """The values, operations, boxes, documentation, steps and layout of a loss."""
    graph = Graph(loss)
    paths = module_paths(graph, model)
    labels = value_labels(graph, paths)
    places, innermost = boxes(graph, paths, labels)
    large = len(graph.applications) > LARGE
    steps = Steps(graph, labels, MOST_OF_LARGE if large else MOST)
    extent = Extent.of(graph, steps.totals)
    checks = numeric_checks(graph, steps.totals, extent) if check else [[]] * len(graph.values)
    used = {a.operation.name: a.operation for a in graph.applications}
    data = {
        "values": [_value(i, v, labels, steps, checks) for i, v in enumerate(graph.values)],
        "operations": list(map(_operation, graph.applications, innermost)),
        "boxes": places,
        "folded": folded_at_first(places, innermost),
        "documentation": {name: _documentation(o) for name, o in used.items()},
        "steps": steps.steps,
        "large": large,
        "method": extent.text() if check else "",
    }
    return data | {"layout": layout(data)}


def _value(i, value, labels, steps, checks):
    return {
        "name": labels[i],
        "kind": value.kind,
        "shape": str(value.array.shape),
        "table": table(value.array, steps.rows[i], steps.most),
        "expected": steps.expected[i],
        "arrivals": steps.arrivals[i],
        "checks": checks[i],
    }


def _documentation(operation):
    sources = {"forward_source": operation.forward, "backward_source": operation.backward}
    return operation_sections(operation) | {k: source(f) for k, f in sources.items()}


def _operation(application, box):
    saved = application.saved
    items = saved if isinstance(saved, (tuple, list)) else (saved,)
    names = saved_names(application.operation, len(items))
    options = [f"{name} = {_text(value)}" for name, value in application.options.items()]
    return {
        "name": application.operation.name,
        "arguments": application.arguments,
        "inputs": application.inputs,
        "output": application.output,
        "box": box,
        "options": ", ".join(options),
        "saved": [[name, _text(item)] for name, item in zip(names, items, strict=True)],
        "saved_bytes": saved_bytes(saved),
    }


def _text(value):
    """An array's shape, dtype and bytes; the beginning of any other value's repr."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}, {value.nbytes:,} bytes"
    # A generator's repr holds an address, which is another one in each run.
    text = str(value) if isinstance(value, np.random.Generator) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
