"""The graph of a test case of the engine: its leaves, its last node, and names of its nodes."""

import numpy as np

from minigrad import Tensor
from minigrad import functional as F
from minigrad.engine import Node

from ..inputs import Case


def make_leaves(case: Case) -> dict[str, Tensor]:
    """The leaves of a case, by name."""
    arrays = {name: value for name, value in case.items() if isinstance(value, np.ndarray)}
    return {n: Tensor(a, requires_grad=True) for n, a in arrays.items() if n != "dy"}


def make_graph(case: Case, leaves: dict[str, Tensor]) -> Node:
    """The last node of the graph of a case."""
    # The case holds the text, so that the student reads the code that was run.
    return eval(case["loss"], {"F": F, "chain": _chain, **leaves}).node


def _chain(x, length):
    """x + 1 + 1 + ..., a graph that is deeper than Python's stack."""
    for _ in range(length):
        x = x + 1
    return x


def nodes_of(root: Node) -> dict[Node, str]:
    """The nodes of a graph and their names, in the order of creation."""
    found, waiting = {root}, [root]
    while waiting:
        parents = {parent for parent in waiting.pop().parents if isinstance(parent, Node)}
        waiting += parents - found
        found |= parents
    ordered = enumerate(sorted(found, key=lambda node: node.number), start=1)
    return {node: f"node {rank} ({node.operation.name})" for rank, node in ordered}
