"""minigrad: a small autograd engine in which every forward and backward is written by hand.

The student's path through both packages, about 1,500 lines, in this order:

    minigrad/engine.py              record operations as nodes, walk the nodes backward
    minigrad/tensor.py              the Tensor: an array, its gradient, and the operators
    minigrad/ops/elementwise.py     + - * / and powers, and gradients under broadcasting
    minigrad/ops/linear.py          the matrix product of a layer
    minigrad/ops/rms_norm.py        scale a row to unit root mean square
    minigrad/ops/causal_conv.py     mix a position with earlier positions
    minigrad/ops/ternary.py         weights in {-1, 0, 1}, and how they learn
    minigrad/ops/gated.py           one signal decides how much of another passes
    minigrad/ops/cross_entropy.py   the loss, in nats per token
    minigrad/module.py              parameters with names, in a tree
    flashlm_np/model/glu.py         the half of FlashLM's block that treats each position alone
    flashlm_np/model/mixers/gated_convs.py  the half that reads earlier positions
    flashlm_np/model/layers.py      the block, composed from both
    flashlm_np/model/flashlm.py     the language model, up to the input of its output layer
    flashlm_np/model/language_model.py  its logits and its loss
    minigrad/optim/adamw.py         the optimizer of embeddings, convolutions and gains
    minigrad/optim/normuon.py       the optimizer of the ternary matrices
    flashlm_np/training/step.py     one training step
    flashlm_np/inference/generate.py  one token after another

Beside the path: gradcheck (is a backward pass right?), look (traces, profiles, and a page that
shows every step) and detect_writes (was an array changed that a backward still needs?).
"""

from . import (
    functional,
    layers,
    numpy_dispatch,  # noqa: F401  for np.exp(x) and array @ x
    optim,
)
from .engine import no_grad, observe
from .errors import DtypeError, GraphError, ShapeError
from .module import Module, Parameter, StateError
from .ops import TABLE, Operation
from .raw_writes import detect_writes
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
    "detect_writes",
    "functional",
    "layers",
    "no_grad",
    "observe",
    "optim",
]
