"""Cases for the test of an operation: inputs of every kind, made from the shapes alone.

    both signs, positive, negative    gradients in random directions
    each element                      every element by itself
    complex step                      the last digits, if the forward is analytic
    one row, no element               the first size becomes 1, or 0
    view, transposed layout           strides that are negative, or in another order
    float32                           results of float32, near those of float64
    repeated ids, one id, short ids   for inputs that hold ids

An operation is also held to its contract (contract.py). `gradient_test` in pytest_plugin.py
makes a test of each case; without pytest, run `case.check()` of each.
"""

from collections.abc import Callable
from itertools import product

from ..ops import Operation
from .case_checks import GradientCase
from .case_inputs import KINDS, Inputs
from .declarations import is_analytic
from .inputs import argument_names, as_function, name_of

# A function of Tensors has no contract: it is not the function that makes arrays.
OF_OPERATIONS = ("no element", "view", "transposed layout", "float32", "short ids")

Shapes = dict[str, tuple[int, ...]]


def gradient_cases(
    f: Operation | str | Callable | tuple[Callable, Callable],
    *,
    shapes: Shapes | list[Shapes],
    ids: dict[str, int] | None = None,
    domain: dict[str, tuple[float, float]] | None = None,
    options: dict | list[dict] | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> list[GradientCase]:
    """The cases for an operation, one of each kind for each layout of shapes and each option.

    Args:
        f: an Operation, the name of one in the table, a pair (forward, backward) of functions
            of arrays, or a function of Tensors.
        shapes: the shape of each input by its name, or a list of such layouts. Let sizes that
            mean different things differ; equal sizes stand for the same size.
        ids: the inputs that hold ids, and the number that all ids are below.
        domain: inputs that must lie in an interval (low, high), such as those of a logarithm.
        options: the options of f, or a list of them.
        tolerance, seed: of gradcheck; the seed also draws the inputs.

    Example:
        >>> cases = gradient_cases("rms_norm", shapes={"x": (2, 3, 5), "w": (5,)})
        >>> for case in cases:
        ...     case.check()
        >>> [case.name for case in cases][:4]
        ['both signs', 'positive', 'negative', 'each element']
    """
    ids, domain = ids or {}, domain or {}
    layouts = shapes if isinstance(shapes, list) else [shapes]
    all_options = options if isinstance(options, list) else [options or {}]
    f = _as_operation(f, layouts, ids)
    cases = []
    for layout, chosen in product(layouts, all_options):
        _expect_layout(f, layout, ids, domain)
        inputs = Inputs(layout, ids, domain, seed)
        parts = [_layout_name(layout)] if len(layouts) > 1 else []
        parts += [_options_name(chosen)] if len(all_options) > 1 else []
        for kind in filter(_kinds_of(f).__contains__, inputs.kinds()):
            name = ", ".join([kind, *parts])
            cases.append(GradientCase(name, f, kind, inputs, chosen, tolerance))
    return cases


def _kinds_of(f):
    """The kinds of cases that exist for f, whatever its inputs are."""
    if not isinstance(f, Operation):
        return set(KINDS) - {*OF_OPERATIONS, "complex step"}
    return set(KINDS) - (set() if is_analytic(f) else {"complex step"})


def _as_operation(f, layouts, ids):
    """An Operation of a pair; everything else as gradcheck takes it."""
    if not isinstance(f, tuple):
        return as_function(f)
    if len(f) != 2 or not all(map(callable, f)):
        raise TypeError(
            "gradient_cases: a tuple must be a pair (forward, backward) of functions of arrays"
        )
    positions = tuple(k for k, name in enumerate(layouts[0]) if name in ids)
    name = name_of(f[0]).removesuffix("_forward")
    return Operation(name, *f, integer_inputs=positions)


def _expect_layout(f, layout, ids, domain):
    """Raise unless the names are those of f's inputs in their order, and the values fit."""
    if not isinstance(layout, dict):
        raise _refusal(f"shapes holds {layout!r}, expected a dict such as {{'x': (2, 3)}}")
    function, name = (f.forward if isinstance(f, Operation) else f), name_of(f)
    names = argument_names(function, len(layout))
    if list(layout) != names:
        raise _refusal(
            f"shapes names {list(layout)}, but the inputs of {name} are {names}, in this order"
        )
    if unknown := sorted((set(ids) | set(domain)) - set(names)):
        raise _refusal(
            f"ids and domain name {unknown}, which is no input of {name}; its inputs are "
            f"{names}"
        )
    for argument, shape in layout.items():
        if not (isinstance(shape, tuple) and all(isinstance(n, int) for n in shape)):
            raise _refusal(f"the shape of {argument} is {shape!r}, expected a tuple of sizes")
    for argument, below in ids.items():
        if not (isinstance(below, int) and below > 0):
            raise _refusal(f"ids says {below!r} for {argument}, expected the number of ids")
    for argument, interval in domain.items():
        if not (isinstance(interval, tuple) and interval == tuple(sorted(interval)[:2])):
            raise _refusal(f"the domain of {argument} is {interval!r}, expected (low, high)")


def _refusal(sentence):
    return ValueError(f"gradient_cases: {sentence}")


def _layout_name(layout):
    return " ".join("x".join(map(str, shape)) or "scalar" for shape in layout.values())


def _options_name(options):
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "no option"
