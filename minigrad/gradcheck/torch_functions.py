"""A hand-written torch.autograd.Function as an Operation, so that minigrad can check it.

    from minigrad.gradcheck import gradcheck
    from minigrad.gradcheck.torch_functions import from_torch

    gradcheck(from_torch(MyFunction), x, w, eps=1e-5)        # x and w are NumPy arrays

The forward is MyFunction.apply on CPU tensors. The backward is the Function's own, called
directly. This is stricter than PyTorch, which would cast a gradient of another dtype, and sum
one that has too many axes, without a word. Of all modules of minigrad, only this one imports
PyTorch.

source   pytorch.org, "Extending PyTorch: torch.autograd", version 2.13
"""

import inspect
from dataclasses import dataclass

import numpy as np

from ..errors import DtypeError
from ..ops import Operation
from .answers import GradientError
from .declarations import declare

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "minigrad.gradcheck.torch_functions needs PyTorch: pip install torch", name="torch"
    ) from error

__all__ = ["from_torch"]


def from_torch(
    function: type[torch.autograd.Function], *, integer_inputs: tuple[int, ...] = ()
) -> Operation:
    """The Operation of a torch.autograd.Function with one output.

    Its inputs are arrays by position. Arguments that are not tensors are options, by name.

    Args:
        function: the class, with forward(ctx, ...) or with forward(...) and setup_context.
        integer_inputs: the positions of the inputs that are tensors of integers.
    """
    if not (isinstance(function, type) and issubclass(function, torch.autograd.Function)):
        raise TypeError(
            f"from_torch: {function!r} is not a subclass of torch.autograd.Function; give the "
            "class itself"
        )
    adapter = _Adapter(function)

    def forward(*arrays, **options):
        return adapter.forward(arrays, options)

    forward.__signature__ = adapter.signature  # messages name the Function's own arguments
    operation = Operation(function.__name__, forward, adapter.backward, tuple(integer_inputs))
    return declare(operation, analytic=False)  # a complex tensor has another derivative


@dataclass(frozen=True)
class _Saved:
    """What a backward needs: the context of PyTorch, the tensors, and their positions."""

    context: object
    tensors: list
    names: list[str]  # of all arguments, options included


class _Adapter:
    """The forward and the backward of a Function, on arrays."""

    def __init__(self, function):
        self.name, self.function = function.__name__, function
        parameters = list(inspect.signature(function.forward).parameters.values())
        own_setup = function.setup_context is not torch.autograd.Function.setup_context
        self.signature = inspect.Signature(
            parameters if own_setup else parameters[1:]
        )  # no ctx

    def forward(self, arrays, options):
        with torch.enable_grad():
            tensors = [self._tensor(array) for array in arrays]
        try:
            bound = self.signature.bind(*tensors, **options)
        except TypeError as error:
            raise TypeError(
                f"{self.name}: {error}; give arrays by position, and other arguments by name"
            ) from None
        bound.apply_defaults()
        with torch.enable_grad():
            y = self.function.apply(*bound.args)
        self._expect_no_write(tensors, "forward writes into an input")
        self._expect_output(y)
        names = [f"argument {k}" for k in range(len(bound.args))]
        names[: len(bound.arguments)] = bound.arguments
        return y.detach().numpy().copy(), _Saved(y.grad_fn, tensors, names)

    def backward(self, dy, saved):
        upstream = torch.from_numpy(np.array(dy))
        with torch.no_grad():
            gradients = saved.context.apply(upstream)
        self._expect_no_write([upstream], "backward writes into dy")
        self._expect_no_write(saved.tensors, "backward writes into an input that it saved")
        self._expect_saved_intact(saved.context)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        if len(gradients) != len(saved.names):
            raise GradientError(
                f"{self.name}: backward returns {len(gradients)} gradients, expected "
                f"{len(saved.names)}, one for each of {saved.names} (None for an argument that "
                "is not a tensor)"
            )
        return tuple(map(self._array, saved.names, gradients[: len(saved.tensors)]))

    def _tensor(self, array):
        """A tensor on a copy of the array, so that a write into it can be seen."""
        if array.dtype.kind == "c":
            raise DtypeError(
                f"{self.name}: complex inputs have another derivative in PyTorch; use the mode "
                '"projection" or "full"'
            )
        tensor = torch.from_numpy(np.array(array))
        # A clone, because PyTorch itself stops a Function that writes into a leaf.
        return tensor.requires_grad_().clone() if tensor.is_floating_point() else tensor

    def _expect_no_write(self, tensors, sentence):
        if any(tensor._version for tensor in tensors):  # PyTorch counts the writes
            raise GradientError(f"{self.name}: {sentence}; write only into new tensors")

    def _expect_saved_intact(self, context):
        try:
            _ = context.saved_tensors  # PyTorch compares their versions
        except RuntimeError as error:
            raise GradientError(
                f"{self.name}: backward writes into a saved tensor; write only into new tensors"
            ) from error

    def _expect_output(self, y):
        if not isinstance(y, torch.Tensor):
            count = f"{len(y)} outputs" if isinstance(y, tuple) else f"a {type(y).__name__}"
            raise TypeError(
                f"{self.name}: forward returns {count}, expected one tensor; check a Function "
                "that returns one of them"
            )
        if y.grad_fn is None:
            raise GradientError(
                f"{self.name}: the output has no gradient: no input is a floating-point "
                "tensor, or ctx.mark_non_differentiable was called"
            )

    def _array(self, name, gradient):
        if gradient is None:
            return None
        if not isinstance(gradient, torch.Tensor):
            raise GradientError(
                f"{self.name}: the gradient of {name} is a {type(gradient).__name__}, expected "
                "a tensor"
            )
        return gradient.detach().numpy().copy()
