"""Mutants: the solutions of the course with one usual mistake each, planted by syntax tree.

Each function below looks at one node of a syntax tree, and yields other nodes in its place. A
mutant is a solution with one node replaced.
"""

from __future__ import annotations

import ast
import copy
import inspect
import operator
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from flashlm_np.course.blanks import names_in, source_of
from flashlm_np.course.exercise import Exercise

# Statements with these words serve other callers, and no exercise asks for them: a matmul of
# vectors, a walk that collects gradients, the complex step, warnings.
NOT_ASKED = ("ndim == 1", "if collect(", "dtype.kind == 'f'", "np.errstate")


@dataclass(frozen=True)
class Mutant:
    """A function of an exercise with one change, described as `before -> after`."""

    exercise: Exercise
    name: str
    change: str
    function: Callable

    def __str__(self):
        return f"{self.name}: {self.change}"


def mutants_of(exercise: Exercise) -> Iterator[Mutant]:
    """All mutants of the functions of an exercise."""
    for function in exercise.functions:
        for changed in (function, *_helpers(exercise, function)):
            yield from _mutants_of(exercise, function, changed)


def _helpers(exercise, function):
    """The functions of the page that a function calls, but no check, and none that is given."""
    names = names_in(source_of(function)[1]) & vars(exercise.page).keys()
    values = [getattr(exercise.page, name) for name in sorted(names)]
    return [
        value
        for value in values
        if inspect.isfunction(value)
        and value.__module__ == exercise.page.__name__
        and value not in (*exercise.functions, *exercise.given)
        and "expect_" not in value.__name__
    ]


def _mutants_of(exercise, function, changed_function):
    (_, own), (_, tree) = source_of(function), source_of(changed_function)
    body, names = _required(tree), Names(tree, changed_function)
    nodes = list(ast.walk(tree))
    parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
    for node in nodes:
        if node not in body or not isinstance(node, (ast.expr, ast.stmt)):
            continue
        shown = parents[node] if isinstance(node, (ast.Constant, ast.Name)) else node
        before, seen = _text(shown), set()
        places = nodes.index(node), nodes.index(shown)
        for new in (new for mutation in MUTATIONS for new in mutation(node, names)):
            changed, place = _with(tree, new, *places)
            after = _text(place)
            if after != before and after not in seen:
                seen.add(after)
                found = _compiled([changed, own], exercise, function)
                yield Mutant(exercise, function.__name__, f"{before} -> {after}", found)


def _compiled(trees, exercise, function):
    """The function in a copy of its page's names, after the first tree, or made of that."""
    is_itself = trees[0].name == function.__name__
    module = ast.fix_missing_locations(ast.Module(trees[:1] if is_itself else trees, []))
    namespace = {"np": np, "operator": operator} | vars(exercise.page)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a number that is indexed, for example
        exec(compile(module, f"<mutant of {function.__name__}>", "exec"), namespace)
    return namespace[function.__name__]


def _with(tree, new, position, shown):
    """A copy of a function with another node at a position, and the node to show in it."""
    changed = copy.deepcopy(tree)
    nodes = list(ast.walk(changed))

    class Replace(ast.NodeTransformer):
        def visit(self, node):
            return new if node is nodes[position] else self.generic_visit(node)

    new = ast.fix_missing_locations(ast.copy_location(new, nodes[position]))
    return Replace().visit(changed), new if shown == position else nodes[shown]


def _text(node):
    """The source of a node in one line."""
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _required(tree):
    """The nodes of the body without the docstring and the checks of inputs."""
    waiting = [node for node in tree.body if not _is_check(node)]
    for node in waiting:  # the list grows
        waiting += [child for child in ast.iter_child_nodes(node) if not _is_check(child)]
    return set(waiting)


def _is_check(node):
    """A docstring, expect_shape(...) and its like, a raise, or what no exercise asks for."""
    if isinstance(node, ast.stmt) and any(words in _text(node) for words in NOT_ASKED):
        return True
    if isinstance(node, ast.Expr):
        is_text = isinstance(node.value, ast.Constant)
        return is_text or ast.unparse(node).lstrip("_").startswith("expect_")
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.If) and any(isinstance(n, ast.Raise) for n in node.body)
    )


class Names:
    """The defaults of a function's options, and the names of arrays that are not its own."""

    def __init__(self, tree, function):
        parameters = inspect.signature(function).parameters.values()
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.not_its_own = {p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.value) == "saved":
                self.not_its_own |= names_in(*node.targets)


# -- the mistakes ------------------------------------------------------------------------------


def expression(text: str, **nodes: ast.expr) -> ast.expr:
    """The syntax tree of `text`, with the names in it replaced by nodes."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node):
            return copy.deepcopy(nodes.get(node.id, node))

    return Fill().visit(ast.parse(text, mode="eval").body)


IN_PLACE = {ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.Div: "itruediv"}
OTHER = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mod],
    ast.Mod: [ast.FloorDiv],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}


def another_operator(node, _):
    """A wrong sign, a product for a quotient, a comparison off by one."""
    if isinstance(node, ast.BinOp):
        for kind in OTHER.get(type(node.op), []):
            yield ast.BinOp(node.left, kind(), node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in OTHER[type(node.ops[0])]:
            yield ast.Compare(node.left, [kind()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(OTHER[type(node.op)][0](), node.values)
    elif isinstance(node, ast.AugAssign):
        for kind in OTHER.get(type(node.op), []):
            yield ast.AugAssign(node.target, kind(), node.value)


def a_missing_part(node, _):
    """A missing term or factor, such as eps, or a missing sign."""
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.BoolOp):
        yield from node.values


def a_factor_or_a_sign_more(node, _):
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.MatMult)):
        yield expression("2 * x", x=node)
        yield expression("-x", x=node)


def another_number(node, _):
    """Off by one, twice as much, and a float64 where a Python number was."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in (node.value + 1, 2 * node.value):
            yield expression(repr(value))
        yield expression(f"np.float64({node.value!r})")
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)


def another_transposition(node, _):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)
        yield expression("a @ b.T", a=node.left, b=node.right)
        yield expression("(a @ b).T", a=node.left, b=node.right)
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value


def a_missing_call(node, _):
    """f(x) becomes x, and x.f() becomes x: a missing sum, root, copy, sign, reshape."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "np":
            yield node.func.value
        if node.args and not isinstance(node.args[0], ast.Starred):
            yield node.args[0]


def another_axis(node, _):
    """A sum for a mean, over other axes, with others kept."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        other = {"sum": "mean", "mean": "sum", "max": "min", "maximum": "minimum"}
        if name := other.get(node.func.attr):
            function = ast.Attribute(node.func.value, name, ast.Load())
            yield ast.Call(function, node.args, node.keywords)
        for i, keyword in enumerate(node.keywords):
            before, after = node.keywords[:i], node.keywords[i + 1 :]
            yield ast.Call(node.func, node.args, [*before, *after])
            if keyword.arg == "axis":
                for axis in ("0", "1", "-1", "None"):
                    other = ast.keyword("axis", expression(axis))
                    yield ast.Call(node.func, node.args, [*before, other, *after])


def an_ignored_option(node, names):
    is_read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    if is_read and names.defaults.get(node.id) is not None:
        yield expression(repr(names.defaults[node.id]))


def another_index(node, _):
    """Off by one in time, or another slice."""
    if isinstance(node, ast.Slice):
        for one, other in ((node.lower, node.upper), (node.upper, node.lower)):
            if one is not None:
                for text in ("x + 1", "x - 1"):
                    moved = expression(text, x=one)
                    yield (
                        ast.Slice(moved, other)
                        if one is node.lower
                        else ast.Slice(other, moved)
                    )
        yield ast.Slice(node.upper, node.lower)
        yield ast.Slice(None, None)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        yield expression("range(x - 1)", x=node.args[-1])
        yield expression("reversed(r)", r=node)


def a_write_in_place(node, names):
    """a * b becomes a *= b, where `a` is an input, dy or a saved array."""
    if isinstance(node, ast.BinOp) and ast.unparse(node.left) in names.not_its_own:
        if type(node.op) not in IN_PLACE:
            return
        name = IN_PLACE[type(node.op)]
        yield expression(f"operator.{name}(a, b)", a=node.left, b=node.right)


def a_missing_accumulation(node, _):
    """= for +=, and a new array instead of a change in place."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)
        target = copy.deepcopy(node.target)
        target.ctx = ast.Load()
        if isinstance(node.target, ast.Name):
            yield ast.Assign([node.target], ast.BinOp(target, node.op, node.value))


def a_missing_statement(node, _):
    if isinstance(node, (ast.AugAssign, ast.Expr, ast.Delete, ast.Continue)) or (
        isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)
    ):
        yield ast.Pass()
    elif isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, node.orelse)
        yield ast.If(ast.Constant(False), node.body, node.orelse)


def another_order(node, _):
    """Two values of a tuple are exchanged."""
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for i in range(len(node.elts) - 1):
            elements = list(node.elts)
            elements[i : i + 2] = elements[i + 1], elements[i]
            yield ast.Tuple(elements, node.ctx)


def another_precision(node, _):
    if isinstance(node, ast.Return) and node.value is not None:
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        leak = expression("np.float64(1) * x", x=values[0])
        value = ast.Tuple([leak, *values[1:]], ast.Load()) if len(values) > 1 else leak
        yield ast.Return(value)


MUTATIONS = (
    another_operator,
    a_missing_part,
    a_factor_or_a_sign_more,
    another_number,
    another_transposition,
    a_missing_call,
    another_axis,
    an_ignored_option,
    another_index,
    a_write_in_place,
    a_missing_accumulation,
    a_missing_statement,
    another_order,
    another_precision,
)
