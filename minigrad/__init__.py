"""minigrad: a small autograd engine in which every forward and backward is written by hand.

Read minigrad/engine.py first, then any page of minigrad/ops.
"""

from . import functional, layers, optim
from .engine import no_grad, observe
from .errors import DtypeError, GraphError, ShapeError
from .module import Module, Parameter, StateError
from .ops import TABLE, Operation
from .tensor import Tensor, apply

__all__ = [
    "TABLE",
    "DtypeError",
    "GraphError",
    "Module",
    "Operation",
    "Parameter",
    "ShapeError",
    "StateError",
    "Tensor",
    "apply",
    "functional",
    "layers",
    "no_grad",
    "observe",
    "optim",
]
