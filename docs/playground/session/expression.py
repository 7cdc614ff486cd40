"""Check the gradient of the reader's expression, and show its graph.

    inputs       lines of Python such as `x = [[1.0, -2.0], [0.5, 3.0]]`
    expression   one line that uses them, such as `F.relu_squared(x @ w).mean()`

Both know np, F (minigrad.functional) and rng. The gradients are those by every array of numbers
with a point that the expression uses; whole numbers are ids, which have no gradient.
"""

import ast

import numpy as np

from minigrad import Operation, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import GradientError, InconclusiveError, gradcheck
from minigrad.look import step_through

from .run_code import own_traceback, remember

MOST_NUMBERS = 12  # of one gradient that are shown
STEP = 1e-6  # of the differences that are shown; gradcheck chooses its own
# For the reader who wants to see a wrong gradient found.
MISTAKE = Operation("mistake", lambda x: (1 * x, ()), lambda dy, saved: (1.001 * dy,))


class Expression:
    """The reader's expression as a function of Tensors, and `values`, its arrays by name.

    With a mistake, the gradient of the first input is 0.1 % too large.
    """

    def __init__(self, inputs: str, expression: str, mistake: bool = False):
        self.names = {"np": np, "F": F, "rng": np.random.default_rng(0)}
        exec(compile(remember(inputs, "your inputs"), "your inputs", "exec"), self.names)
        self.__name__, self.mistake = expression.strip(), mistake
        tree = ast.parse(remember(self.__name__, "your expression"), "your expression", "eval")
        self.code = compile(tree, "your expression", "eval")
        words = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
        found = {word: _array(self.names.get(word)) for word in dict.fromkeys(words)}
        arrays = {name: array for name, array in found.items() if array is not None}
        self.names |= arrays
        floats = {name: a for name, a in arrays.items() if a.dtype.kind == "f"}
        self.values = {name: a.astype(np.float64) for name, a in floats.items()}
        if not self.values:
            raise ValueError(
                "the expression uses no input with a gradient; name one, such as x, and write "
                "its numbers with a point: x = [1.0, -2.0]"
            )

    def __call__(self, *tensors: Tensor) -> Tensor:
        first, *others = tensors
        first = apply(MISTAKE, first) if self.mistake else first
        given = dict(zip(self.values, [first, *others], strict=True))
        y = eval(self.code, self.names | given)
        if not isinstance(y, Tensor):
            raise TypeError(f"the expression gives {type(y).__name__}, expected a Tensor")
        return y

    def leaves(self) -> list[Tensor]:
        """A new Tensor of each input."""
        return [Tensor(a.copy(), requires_grad=True, name=n) for n, a in self.values.items()]

    def loss(self, leaves: list[Tensor]) -> Tensor:
        """One number: the sum of all that the expression gives."""
        y = self(*leaves)
        return y if y.size == 1 else y.sum()


def _array(value):
    """The array of a number, a list of numbers or an array; None for anything else."""
    if not isinstance(value, (int, float, list, tuple, np.ndarray)):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "iuf" else None


def check(inputs: str, expression: str, mistake: bool = False) -> dict:
    """Check the gradient, and compare its numbers with differences.

    Returns: `answer`, "right", "wrong", "undecided" or "error"; `text`, the checker's words or
    Python's; `rows` of name, index, backward and difference.
    """
    try:
        f = Expression(inputs, expression, mistake)
        answer, text = "right", str(gradcheck(f, *f.leaves()))
    except GradientError as error:
        answer, text = "wrong", str(error)
    except InconclusiveError as error:
        answer, text = "undecided", str(error)
    except Exception as error:
        return {"answer": "error", "text": own_traceback(error), "rows": []}
    return {"answer": answer, "text": text, "rows": list(_rows(f))}


def _rows(f):
    """(name, index, gradient by backward, by differences) of the first numbers."""
    leaves = f.leaves()
    loss = f.loss(leaves)
    if loss.requires_grad:
        loss.backward()
    for place, leaf in enumerate(leaves):
        gradient = np.zeros(leaf.shape) if leaf.grad is None else np.asarray(leaf.grad)
        for index in list(np.ndindex(leaf.shape))[:MOST_NUMBERS]:
            yield leaf.name, str(list(index)), float(gradient[index]), _slope(f, place, index)


def _slope(f, place, index):
    """(L(x + h) - L(x - h)) / 2h for one number of one input."""
    sides = []
    for step in (STEP, -STEP):
        leaves = f.leaves()
        leaves[place].data[index] += step
        sides.append(f.loss(leaves).item())
    return (sides[0] - sides[1]) / (2 * STEP)


def picture(inputs: str, expression: str) -> dict:
    """The page of step_through: `page`, or `error`."""
    try:
        f = Expression(inputs, expression)
        steps = step_through(lambda: f.loss(f.leaves()), title=expression.strip())
        return {"page": steps.html, "error": None}
    except Exception as error:
        return {"page": None, "error": own_traceback(error)}
