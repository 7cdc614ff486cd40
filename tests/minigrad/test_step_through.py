"""step_through records the steps of backward, and its page displays them."""

import contextlib
import html
import json
import re
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from collections import Counter

import numpy as np
import pytest
from browser import opened
from cases import CASES

from minigrad import TABLE, GraphError, Module, Operation, ShapeError, Tensor, apply, no_grad
from minigrad import functional as F
from minigrad.gradcheck.inputs import argument_names
from minigrad.layers import Dropout, LayerNorm, Linear, RMSNorm, Sequential
from minigrad.look import record, step_through
from minigrad.look.array_tables import number_text, table
from minigrad.look.operation_docs import local_rule, operation_sections
from minigrad.look.recorder import ENTRIES

rng = np.random.default_rng(5)


def leaf(values, name=None):
    return Tensor(np.array(values, np.float64), requires_grad=True, name=name)


def broadcast_loss():
    """mean((x b + x)²), where x is used twice and b is broadcast."""
    x, b = leaf([[1.0, 2, 3], [4, 5, 6]], "x"), leaf([0.5, -1.0, 2.0], "b")
    return ((x * b + x) ** 2).mean()


def chain(operations, apart=TABLE["tanh"]):
    """A loss of so many operations: a recurrence by a plain loop, x = tanh(x w)."""
    x, w = leaf([0.5, -0.3, 0.8], "x"), leaf([1.0, 0.9, 1.1], "w")

    def loss():
        h = x
        for _ in range((operations - 1) // 2):
            h = apply(apart, h * w)
        return h.sum()

    return loss


class Block(Module):
    """The model applies this block twice, as FlashLM does."""

    def __init__(self):
        self.norm = RMSNorm(3, dtype=np.float64)
        self.linear = Linear(3, 3, rng=np.random.default_rng(1), dtype=np.float64)

    def forward(self, x):
        return F.relu_squared(self.linear(self.norm(x)))


class Model(Module):
    def __init__(self):
        self.block = Block()
        self.out = Linear(3, 1, rng=np.random.default_rng(2), dtype=np.float64)

    def loss(self, x):
        return self.out(self.block(self.block(x) + x)).mean()


def value_named(data, name):
    (found,) = [value for value in data["values"] if value["name"] == name]
    return found


def steps_to(data, name):
    """Return the backward steps that give a gradient to the value of this name."""
    return [
        step
        for step in data["steps"]
        if "target" in step and data["values"][step["target"]]["name"] == name
    ]


def totals_of(data, value):
    """The tables of a value's gradient after each contribution that arrives."""
    for arrival in value["arrivals"]:
        total = arrival.get("total", data["steps"][arrival["step"]]["contribution"])
        yield value["table"] | total


# -- the record ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_operation_is_recorded_as_backward_computes_it(case):
    tensors = [leaf(a) if a.dtype.kind == "f" else a for a in case.arrays]
    weights = rng.standard_normal(apply(case.operation, *tensors, **case.options).shape)
    with record():
        loss = (apply(case.operation, *tensors, **case.options) * weights).sum()
    data = step_through(loss).data
    loss.backward()
    leaves = [value for value in data["values"] if value["kind"] == "leaf"]
    for value, tensor in zip(
        leaves, [t for t in tensors if isinstance(t, Tensor)], strict=True
    ):
        *_, total = totals_of(data, value)
        rows = [_row_number(label, tensor.shape) for label in total["rows"] if label]
        assert total == table(tensor.grad, rows or None)
        assert len(value["arrivals"]) == value["expected"]
    for value in data["values"]:
        assert all(check["agree"] is not False for check in value["checks"]), value


def _row_number(label, shape):
    return int(np.ravel_multi_index([int(i) for i in label.split(",")], shape[:-1]))


def test_every_value_of_a_small_graph_is_checked_element_by_element():
    data = step_through(broadcast_loss).data
    sizes = {"x": 6, "b": 3, "multiply 1": 6, "add 2": 6, "power 3": 6, "mean 4": 1}
    checks = {
        value["name"]: len(value["checks"]) for value in data["values"] if value["checks"]
    }
    assert checks == sizes


def test_a_wrong_backward_is_marked():
    wrong = Operation(
        "wrong", TABLE["tanh"].forward, lambda dy, saved: (dy * (1 + saved[0] ** 2),)
    )
    x = leaf([0.5, -1.0], "x")
    data = step_through(lambda: apply(wrong, x).sum()).data
    assert [check["agree"] for check in value_named(data, "x")["checks"]] == [False, False]


def test_a_large_graph_is_checked_where_each_gradient_is_largest():
    x = Tensor(rng.standard_normal((20, 30)).astype(np.float32), requires_grad=True, name="x")
    data = step_through(lambda: (x * x).sum()).data
    (check,) = value_named(data, "x")["checks"]
    largest = np.unravel_index(np.abs(x.data).argmax(), x.shape)
    assert check["at"] == f"[{largest[0]}, {largest[1]}]"
    assert check["agree"]


def test_step_through_does_not_change_the_graph_or_the_gradients():
    x, b = leaf([[1.0, 2, 3], [4, 5, 6]], "x"), leaf([0.5, -1.0, 2.0], "b")
    x.grad = np.full((2, 3), 7.0)
    with record():
        loss = ((x * b + x) ** 2).mean()
    step_through(loss)
    assert b.grad is None
    assert x.grad.tolist() == np.full((2, 3), 7.0).tolist()
    loss.backward()
    assert (x.grad - 7).tolist() == [[0.75, 0, 9], [3, 0, 18]]


def test_a_weight_that_was_changed_since_the_forward_is_an_error():
    x = leaf([1.0, 2.0], "x")
    with record():
        loss = (x * x).sum()
    x.data += 1
    with pytest.raises(GraphError, match="Tensor 'x' was changed after multiply saved it"):
        step_through(loss)


def test_small_tables_are_whole_and_large_ones_begin_with_nonzero_rows():
    x, wide = leaf(np.ones((3, 2)), "x"), leaf(np.ones((9, 2)), "wide")
    data = step_through(lambda: x[2].sum() + wide[7].sum()).data
    (small,), (large,) = (totals_of(data, value_named(data, n)) for n in ("x", "wide"))
    assert small["cells"] == [["0", "0"], ["0", "0"], ["1", "1"]]
    assert (large["rows"], large["cells"]) == (["7"], [["1", "1"]])
    assert large["cut"] == "Cut: the first nonzero 1 of 9 rows."


def test_where_is_broadcast_and_its_condition_counted():
    a, b = leaf(np.ones((2, 3)), "a"), leaf([1.0, 2, 3], "b")
    condition = np.array([[True, False, True], [True, False, False]])
    data = step_through(lambda: F.where(condition, a, b).sum()).data
    wide, summed = steps_to(data, "b")
    assert wide["contribution"]["cells"] == [["0", "1", "0"], ["0", "1", "1"]]
    assert (summed["kind"], summed["contribution"]["cells"]) == ("sum", [["0", "2", "1"]])
    assert value_named(data, "condition")["table"]["about"] == "3 of 6 are true"


def test_the_generator_of_dropout_is_named_without_its_address():
    x = leaf([1.0, 2, 3], "x")
    data = step_through(lambda: F.dropout(x, p=0.5, rng=np.random.default_rng(0)).sum()).data
    assert data["operations"][0]["options"] == "p = 0.5, rng = Generator(PCG64)"


def test_a_record_is_freed_with_the_graph():
    x = leaf([1.0, 2.0])
    before = len(ENTRIES)
    with record():
        loss = (Linear(2, 1, rng=rng, dtype=np.float64)(x.reshape(1, 2)) * 2).sum()
    kept = weakref.ref(loss.node)
    assert len(ENTRIES) == before + 4
    del loss
    assert kept() is None
    assert len(ENTRIES) == before


# -- large graphs --------------------------------------------------------------------------


def collected(operations):
    """A recurrence that keeps each result, and one operation that takes them all."""
    w, start = leaf(np.eye(3), "w"), leaf(np.ones((1, 3)), "start")

    def loss():
        results = [start]
        for _ in range((operations - 2) // 2):
            results.append(F.tanh(results[-1] @ w))
        return F.concatenate(results).mean()

    return loss


def many_modules(operations):
    r = np.random.default_rng(0)
    own = [Linear(3, 3, rng=r) for _ in range(operations // 4)]  # no model holds them
    pair = Sequential(Linear(3, 3, rng=r), F.tanh)  # applied many times

    def loss():
        h = Tensor(np.ones((2, 3), np.float32))
        for linear in own:
            h = pair(linear(h)) + h
        return h.sum()

    return loss


def calls_of(function):
    """How many functions are called while this one runs, those of C included."""
    count = 0

    def event(frame, kind, argument):
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(event)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("graph", [chain, collected, many_modules])
def test_the_work_is_proportional_to_the_graph(graph):
    step_through(graph(300))  # what is remembered of each operation is computed here
    small, large = (calls_of(lambda n=n: step_through(graph(n))) for n in (300, 600))
    assert large < 2.15 * small


def test_each_operation_runs_equally_often_in_a_graph_of_any_size():
    runs = Counter()

    def forward(x):
        runs["forward"] += 1
        return TABLE["tanh"].forward(x)

    def backward(dy, saved):
        runs["backward"] += 1
        return TABLE["tanh"].backward(dy, saved)

    for operations in (201, 401, 801):
        runs.clear()
        step_through(chain(operations, Operation("counted", forward, backward)))
        # The computation, again to compare it, in float64, and twice with a changed number.
        assert runs["forward"] == 5 * (operations // 2)
        assert runs["backward"] == 3 * (operations // 2)


def test_a_page_of_6001_operations_is_smaller_than_5_megabytes(large_page):
    _, steps = large_page
    assert len(steps.data["operations"]) == 6001
    assert len(steps.html.encode()) < 5e6
    assert len(steps.svg.encode()) < 1e5
    fifth = step_through(deep_model(1201))
    assert len(fifth.data["operations"]) == 1201
    assert 5 * len(fifth.html.encode()) < 5e6


@pytest.fixture(scope="module")
def large_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.html"
    return path, step_through(chain(6001), path)


def deep_model(operations):
    """Wide enough that each table is cut."""
    r = np.random.default_rng(0)
    blocks = [Sequential(LayerNorm(8), Linear(8, 8, rng=r), F.gelu) for _ in range(20)]
    model, x = Sequential(*blocks), Tensor(r.standard_normal((2, 4, 8)).astype(np.float32))

    def loss():
        h = x
        for _ in range(operations // 60):
            h = model(h)
        return h.sum()

    return loss


def test_no_level_of_a_large_graph_has_many_rows():
    data = step_through(chain(2001), check=False).data
    assert [box["title"] for box in data["boxes"] if box["within"] is None] == [
        "multiply 1 to tanh 400",
        "multiply 401 to tanh 800",
        "multiply 801 to tanh 1200",
        "multiply 1201 to tanh 1600",
        "multiply 1601 to sum 2001",
    ]
    rows = Counter(operation["box"] for operation in data["operations"])
    rows += Counter(box["within"] for box in data["boxes"])
    assert max(rows.values()) <= 40
    assert data["boxes"][1]["within"] == 0
    assert data["boxes"][1] | {"title": "multiply 1 to tanh 20", "last": 19} == data["boxes"][1]


def test_many_modules_are_grouped_and_named_by_the_first_and_the_last():
    r = np.random.default_rng(0)
    deep = Sequential(*(Linear(3, 3, rng=r, dtype=np.float64) for _ in range(45)))
    data = step_through(lambda: deep(leaf(np.ones((1, 3)))).sum(), model=deep).data
    assert [box["title"] for box in data["boxes"] if box["within"] == 0] == [
        "layers.0 to layers.19",
        "layers.20 to layers.39",
        "layers.40 to layers.44",
    ]
    names = [data["values"][i]["name"] for i in data["boxes"][-1]["leaves"]]
    assert names == ["layers.44.weight", "layers.44.bias"]


def test_a_large_graph_opens_in_few_rows_and_a_small_one_as_a_whole():
    for operations in (25, 39, 101, 1001, 5001):
        data = step_through(chain(operations), check=False).data
        assert bool(data["folded"]) == (operations > 40)
        rows = [
            *(o for o in data["operations"] if o["box"] is None),
            *(box for box in data["boxes"] if box["within"] is None),
        ]
        assert len(rows) <= 40
        folded = {*range(len(data["boxes"]))} - {*data["folded"]}
        assert all(data["boxes"][i]["within"] not in data["folded"] for i in folded)


def test_in_a_large_graph_the_check_marks_the_wrong_operation_alone():
    wrong = Operation("wrong", TABLE["tanh"].forward, lambda dy, saved: (1.01 * dy,))
    x = leaf([0.5, -1.0], "x")

    def loss():
        h = x
        for i in range(200):
            h = apply(wrong, h) if i == 150 else h * 1.001
        return h.sum()

    data = step_through(loss).data
    verdicts = {v["name"]: c["agree"] for v in data["values"] for c in v["checks"]}
    assert [name for name, agree in verdicts.items() if not agree] == ["multiply 150"]
    assert "each operation that uses it runs again alone" in data["method"]
    assert "Every number is checked" not in data["method"]


def test_of_an_operation_with_many_inputs_the_first_are_checked():
    data = step_through(collected(400)).data
    unchecked = [v["name"] for v in data["values"] if v["expected"] and not v["checks"]]
    assert len(unchecked) == 200 - 16
    assert "more than 16 inputs, only the first 16 are checked" in data["method"]
    before = next(s["before"] for s in data["steps"] if "concatenate runs" in s["before"])
    assert before.endswith("and 192 more.")
    assert "Every number is checked" in step_through(broadcast_loss).data["method"]


# -- names ---------------------------------------------------------------------------------


def test_two_calls_of_one_module_have_different_names():
    norm, x = RMSNorm(3, dtype=np.float64), leaf([[1.0, -2, 3]])
    data = step_through(lambda: norm(norm(x)).sum()).data
    assert [box["title"] for box in data["boxes"]] == [
        "RMSNorm, pass 1 of 2",
        "RMSNorm, pass 2 of 2",
    ]
    assert [operation["box"] for operation in data["operations"]] == [0, 1, None]


def test_a_step_names_the_second_path_and_its_order():
    data = step_through(broadcast_loss).data
    first, second = steps_to(data, "x")
    assert "path 1 of 2: the gradient of x is not complete" in first["after"]
    assert "added (+=)" in second["after"]
    assert "path 2 of 2: the gradient of x is complete" in second["after"]
    assert [*totals_of(data, value_named(data, "x"))][1]["cells"] == [
        ["0.75", "0", "9"],
        ["3", "0", "18"],
    ]


def test_the_sum_that_undoes_a_broadcast_is_a_step():
    data = step_through(broadcast_loss).data
    wide, summed = steps_to(data, "b")
    assert (wide["kind"], wide["rule"], wide["contribution"]["shape"]) == (
        "backward",
        "db = dy a",
        "(2, 3)",
    )
    assert wide["contribution"]["cells"] == [["0.5", "0", "9"], ["8", "0", "36"]]
    assert (summed["kind"], summed["contribution"]["cells"]) == ("sum", [["8.5", "0", "45"]])
    assert "used 2 times" in summed["before"]
    assert len(value_named(data, "b")["arrivals"]) == 1


def test_saved_values_have_their_names_in_the_source():
    x, w = leaf(np.ones((2, 3)), "x"), leaf(np.ones((5, 3)), "w")
    (linear, _) = step_through(lambda: F.linear(x, w).sum()).data["operations"]
    assert linear["saved"] == [
        ["x", "(2, 3) float64, 48 bytes"],
        ["w", "(5, 3) float64, 120 bytes"],
    ]
    assert linear["saved_bytes"] == 168


def test_names_passes_and_shared_weights_of_a_model():
    model, x = Model(), leaf([[1.0, -2, 3]], "x")
    data = step_through(lambda: model.loss(x), model=model).data
    assert [box["title"] for box in data["boxes"]] == [
        "block, pass 1 of 2",
        "norm, pass 1 of 2",
        "linear, pass 1 of 2",
        "block, pass 2 of 2",
        "norm, pass 2 of 2",
        "linear, pass 2 of 2",
        "out",
    ]
    assert value_named(data, "block.linear.weight")["expected"] == 2
    cards = [card["name"] for card in data["layout"]["cards"]]
    assert {"block.linear.weight", "again: …linear.weight"} <= set(cards)


def test_places_in_a_sequential_have_their_class_and_cards_the_ends_of_paths():
    r = np.random.default_rng(3)
    blocks = Sequential(
        LayerNorm(3), Sequential(Linear(3, 2, rng=r), F.gelu), Dropout(0.5, rng=r)
    )
    data = step_through(lambda: blocks(np.ones((1, 3), np.float32)).sum()).data
    assert [box["title"] for box in data["boxes"]] == [
        "Sequential",
        "layers.0 (LayerNorm)",
        "layers.1 (Sequential)",
        "layers.0 (Linear)",
        "layers.2 (Dropout)",
    ]
    names = [card["name"] for card in data["layout"]["cards"]]
    assert names[-2:] == ["…1.layers.0.weight", "…1.layers.0.bias"]


def test_without_the_model_modules_are_named_by_their_class():
    model, x = Model(), leaf([[1.0, -2, 3]], "x")
    data = step_through(lambda: model.loss(x)).data
    assert value_named(data, "Block.linear.weight")["expected"] == 2
    assert value_named(data, "Linear.weight")["expected"] == 1


def test_frozen_parameters_and_ids_are_constants():
    model, x = Model(), leaf([[1.0, -2, 3]], "x")
    model.block.linear.weight.requires_grad = False
    data = step_through(lambda: model.loss(x), model=model).data
    frozen = value_named(data, "block.linear.weight")
    assert (frozen["kind"], frozen["arrivals"]) == ("constant", [])


def test_an_operation_without_docstring_is_recorded():
    double = Operation("double", lambda x: (2 * x, ()), lambda dy, saved: (2 * dy,))
    data = step_through(lambda: apply(double, leaf([1.5], "x")).sum()).data
    assert steps_to(data, "x")[0]["contribution"]["cells"] == [["2"]]
    assert data["documentation"]["double"]["title"] == ""


def test_a_constant_among_the_saved_values_is_named_by_its_place():
    x, w, b = leaf(np.ones((2, 3)), "x"), leaf(np.ones((5, 3)), "w"), leaf(np.ones(5), "b")
    (linear, _) = step_through(lambda: F.linear(x, w, b).sum()).data["operations"]
    assert linear["saved"][2] == ["saved[2]", "True"]


def test_buffers_are_not_written_again():
    h, w, buffers = leaf(np.ones((2, 3))), leaf(np.ones((4, 3))), {}
    with record():
        loss = apply("tied_head", h, w, np.array([1, 2]), buffers=buffers)
    kept = buffers["dw"].copy()
    step_through(loss)
    assert buffers["dw"].tolist() == kept.tolist()


@pytest.mark.parametrize("name", [name for name in TABLE if name not in ("sum", "mean")])
def test_each_edge_has_its_formula_from_the_docstring(name):
    operation = TABLE[name]
    backward = operation_sections(operation)["backward"]
    inputs = CASES[[case.operation_name for case in CASES].index(name)].arrays
    for position, argument in enumerate(argument_names(operation.forward, len(inputs))):
        if position not in operation.integer_inputs:
            rule = local_rule(operation, argument)
            assert rule
            assert rule in backward


# -- errors --------------------------------------------------------------------------------


def test_errors_give_the_remedy():
    with record():
        loss = broadcast_loss()
    loss.backward()
    with pytest.raises(GraphError, match="compute the loss again, and step through it before"):
        step_through(loss)
    x = leaf([[1.0, 2, 3]])
    with pytest.raises(ShapeError, match=r"shape \(1, 3\), expected one number"):
        step_through(x * 2)
    for loss in (Tensor([1.0]), leaf([1.0])):
        with pytest.raises(GraphError, match="no operation was recorded"):
            step_through(loss)
    for wrong in (3.0, lambda: 3.0):
        with pytest.raises(TypeError, match="the loss is of type float, expected a Tensor"):
            step_through(wrong)
    with pytest.raises(TypeError, match="model is 'block', expected a Module"):
        step_through(x.sum, model="block")


def test_a_loss_without_a_record_gets_both_remedies():
    x = leaf([1.0, 2.0])
    early = x * x
    remedies = r"step_through\(lambda: \.\.\.\), or .*`with minigrad\.look\.record\(\):`"
    for loss in (early.sum(), early.sum):
        with pytest.raises(GraphError, match=f"was not recorded.*{remedies}"):
            step_through(loss)


def test_an_invalid_path_for_the_page_is_an_error(tmp_path):
    never = pytest.fail  # the path is refused before the computation

    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere for out\.html"):
        step_through(never, tmp_path / "nowhere" / "out.html")
    for name in ("out.svg", "out.png", "out", "", ".", "..", "/", ".html"):
        with pytest.raises(ValueError, match=r"path is .*, expected the name of a page"):
            step_through(never, name)
    for name in ("page.html", "picture.svg"):
        (tmp_path / name).mkdir()
        with pytest.raises(IsADirectoryError, match=f"{name} is a folder"):
            step_through(never, (tmp_path / name).with_suffix(".html"))


def test_a_recorded_loss_can_be_stepped_through_within_no_grad():
    with record():
        loss = broadcast_loss()
    with no_grad():
        data = step_through(loss).data
    assert data["steps"] == step_through(loss).data["steps"]


def test_a_page_that_cannot_be_written_leaves_no_other_files(tmp_path):
    (tmp_path / "out.html").mkdir()
    with pytest.raises(OSError, match=r"out\.html"):
        step_through(broadcast_loss, tmp_path / "out.html")
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_nan_and_infinity_are_marked():
    with np.errstate(all="ignore"):
        data = step_through(lambda: F.log(leaf([-1.0, 0.0, 1.0], "x")).sum()).data
    assert value_named(data, "log 1")["table"]["cells"] == [["NaN", "−∞", "0"]]
    assert value_named(data, "log 1")["table"]["about"].startswith(
        "1 NaN! 1 infinite. Of the rest: norm 0"
    )
    assert number_text(np.float32("inf")) == "∞"


# -- the files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the pages of the broadcast and of the model; return them with their records."""
    folder = tmp_path_factory.mktemp("step through")
    model, x = Model(), leaf([[1.0, -2, 3]], "x")
    return {
        "small": (folder / "a b.html", step_through(broadcast_loss, folder / "a b.html")),
        "model": (
            folder / "model.html",
            step_through(lambda: model.loss(x), folder / "model.html", model=model),
        ),
    }


def test_a_page_loads_no_other_file(written):
    for path, steps in written.values():
        text = path.read_text(encoding="utf-8")
        assert text == steps.html
        assert not re.search(r"(src|href)\s*=|@import|url\((?!#)", text)


STRANGE = {  # names, and how they are shown
    "</script><b>": "</script><b>",
    "]]> & \"'<!--": "]]> & \"'<!--",
    "@DATA@": "@DATA@",
    "bell\x07 and \x00": "bell\\x07 and \\x00",
    "two\nlines\t": "two\\nlines\\t",
    "half \ud83d": "half \\ud83d",
    "other half \udc80": "other half \\udc80",
    "no character \ufffe": "no character \\ufffe",
    "\u202ebackwards": "\\u202ebackwards",
    "größe 😀": "größe 😀",
    3: "3",
    0: "0",
    -2: "-2",
}


def strange_steps(name, **options):
    """A graph in which a tensor, a module, its class and the title have this name."""
    kind = type(ascii(name), (Block,), {})
    model, x = Module(), leaf([[1.0, -2, 3]], name)
    model.parts = {name: kind()}
    return step_through(lambda: model.parts[name](x).sum(), title=name, model=model, **options)


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_any_name_gives_a_valid_page_and_picture(name, tmp_path):
    steps, shown = strange_steps(name, path=tmp_path / "strange.html"), STRANGE[name]
    page = (tmp_path / "strange.html").read_bytes().decode("utf-8")
    (text,) = re.findall(r'id="data">(.*?)</script>', page)
    assert json.loads(text) == steps.data
    names = [value["name"] for value in steps.data["values"]]
    assert shown in names
    assert f"parts.{shown}.linear.weight" in names
    assert steps.data["boxes"][0]["title"].startswith(f"parts.{shown}")
    assert page.count(f"<title>{html.escape(shown)}</title>") == 1
    tree = ElementTree.parse(tmp_path / "strange.svg")
    texts = [e.text for e in tree.iter() if e.tag.endswith(("}text", "}title"))]
    assert texts[0] == shown
    assert steps.data["boxes"][0]["title"] in texts


def test_a_name_of_half_a_character_within_an_option_is_valid_too(tmp_path):
    class Mode(str):
        def __repr__(self):
            return "half \ud83d"

    double = Operation("double", lambda x, mode: (2 * x, ()), lambda dy, _: (2 * dy,))
    x = leaf([1.0], "x")
    step_through(lambda: apply(double, x, mode=Mode()).sum(), tmp_path / "option.html")
    (text,) = re.findall(
        r'id="data">(.*?)</script>', (tmp_path / "option.html").read_text("utf-8")
    )
    assert json.loads(text)["operations"][0]["options"] == "mode = half \ud83d"


def test_the_picture_has_every_value_and_shape(written):
    for path, steps in written.values():
        tree = ElementTree.parse(path.with_suffix(".svg"))
        texts = [element.text for element in tree.iter() if element.tag.endswith("}text")]
        for operation in steps.data["operations"]:
            assert steps.data["values"][operation["output"]]["name"] in texts
            for argument, value in zip(
                operation["arguments"], operation["inputs"], strict=True
            ):
                assert f"{argument} {steps.data['values'][value]['shape']}" in texts


# -- the page in a browser -----------------------------------------------------------------


@pytest.fixture
def small(browser, written):
    with opened(browser, written["small"][0].as_uri()) as page:
        yield page


@pytest.fixture
def model(browser, written):
    with opened(browser, written["model"][0].as_uri()) as page:
        yield page


def text(page, selector):
    return page.inner_text(selector)


def cells(page, caption):
    """Return the cells of the table with this caption."""
    tables = page.locator("table", has=page.locator("caption", has_text=caption))
    return [row.split("\t") for row in tables.first.locator("tbody").inner_text().split("\n")]


def test_each_step_displays_its_values(small):
    assert text(small, "#heading") == "Forward 1 of 4: multiply 1"
    assert cells(small, "multiply 1") == [["0", "0.5", "-2", "6"], ["1", "2", "-5", "12"]]
    assert "gradient of multiply 1: not yet" in text(small, "#tables")
    assert "a * b" in text(small, "#source")
    small.click("#next")
    assert text(small, "#heading") == "Forward 2 of 4: add 2"
    small.click("#last")
    assert text(small, "#heading") == "Backward 8 of 8: sum over the copies of b"
    assert cells(small, "gradient of b") == [["8.5", "0", "45"]]
    small.click("#previous")
    assert "not yet" in text(small, "#tables")
    assert text(small, "#where") == "step 11 of 12"


def test_the_keyboard_and_the_slider_change_the_step(small):
    for key, step in [("End", 12), ("ArrowLeft", 11), ("Home", 1), ("ArrowRight", 2)]:
        small.keyboard.press(key)
        assert text(small, "#where") == f"step {step} of 12"
    small.fill("#slider", "9")
    assert "added (+=)" in text(small, "#consequence")
    assert cells(small, "gradient of x") == [["0", "0.75", "0", "9"], ["1", "3", "0", "18"]]


def test_the_address_holds_the_step(browser, written):
    url = written["small"][0].as_uri()
    with opened(browser, f"{url}#step=9") as page:
        assert text(page, "#where") == "step 9 of 12"
        page.keyboard.press("ArrowRight")
        assert page.url.endswith("#step=10")
        page.evaluate("location.hash = 'step=3'")
        page.wait_for_function("document.getElementById('where').textContent[5] === '3'")
    for nonsense in ("#step=999", "#step=-4", "#step=x"):
        with opened(browser, url + nonsense) as page:
            assert re.match(r"step (1|12) of 12", text(page, "#where"))


def test_play_runs_and_stops(small):
    small.keyboard.press(" ")
    small.wait_for_function("document.getElementById('where').textContent.startsWith('step 2')")
    small.keyboard.press(" ")
    assert small.get_attribute("#play", "aria-pressed") == "false"


def test_prediction_hides_the_result_until_an_answer_is_given(small):
    small.check("#predict")
    assert not small.is_visible("#answer")
    assert "What is element [" in text(small, "#question")
    small.fill("#given", "999")
    small.press("#given", "Enter")
    assert small.is_visible("#answer")
    assert text(small, "#question [role=status]").startswith("Not quite: you said 999, it is")
    small.click("#next")
    assert not small.is_visible("#answer")
    small.fill("#slider", "8")
    answer = small.evaluate("questionOf(steps[current])")
    assert answer["first"] == "="
    small.fill("#given", answer["answer"])
    small.press("#given", "Enter")
    assert text(small, "#question [role=status]") == "Right, and yes, =."


def test_prediction_works_with_the_keyboard_alone(small):
    small.keyboard.press("p")
    for step in range(1, 12):
        assert text(small, "#where") == f"step {step} of 12"
        assert not small.is_visible("#answer")
        small.keyboard.type(small.evaluate("questionOf(steps[current]).answer"))
        small.keyboard.press("Enter")
        assert text(small, "#question [role=status]").startswith("Right")
        small.keyboard.press("Enter")
    small.keyboard.press("ArrowLeft")  # the field is empty
    assert text(small, "#where") == "step 11 of 12"


def test_checks_are_displayed_beside_the_gradients(small):
    small.fill("#slider", "11")
    assert "by differences" not in text(small, "#checks")
    small.check("#check")
    assert [row[1:3] for row in cells(small, "complete")[1:]] == [
        ["8.5", "8.5"],
        ["0", "0"],
        ["45", "45"],
    ]


def test_a_value_can_be_pinned(small):
    small.click("#canvas button:has-text('power 3')")
    assert text(small, "#pinned").startswith("Pinned: power 3")
    small.click("#last")
    assert "gradient of power 3" in text(small, "#pinned")


def test_folded_modules_are_skipped(model, written):
    data = written["model"][1].data
    total = len(data["steps"])
    model.click("#fold")
    seen = [text(model, "#where")]
    for _ in range(total):
        model.keyboard.press("ArrowRight")
        seen.append(text(model, "#where"))
    assert len(set(seen)) < total / 2
    assert seen[-1] == f"step {total} of {total}"
    assert model.locator(".module.folded").count() == 3
    assert "block, pass 1 of 2\n3 operations" in text(model, "#canvas")
    model.click("#canvas button:has-text('block, pass 1 of 2')")
    assert model.locator(".module", has_text="linear, pass 1 of 2").count() == 1


def test_the_unfolded_graph_has_the_positions_of_the_picture(model, written):
    path, _ = written["model"]
    tree = ElementTree.parse(path.with_suffix(".svg"))
    drawn = sorted(
        (float(e.get("x")), float(e.get("y")))
        for e in tree.iter()
        if e.get("class") in ("operation", "leaf", "again", "constant")
    )
    displayed = model.eval_on_selector_all(
        "#canvas button:not(.module)",
        "all => all.map((b) => [parseFloat(b.style.left), parseFloat(b.style.top)])",
    )
    assert sorted(map(tuple, displayed)) == drawn


def test_the_positions_are_the_same_in_every_step(model):
    where = "all => all.map((b) => [b.dataset.key, b.style.left, b.style.top])"
    before = model.eval_on_selector_all("#canvas button", where)
    for _ in range(25):
        model.keyboard.press("ArrowRight")
    assert model.eval_on_selector_all("#canvas button", where) == before


def test_a_narrow_screen_shows_the_whole_step_below_the_graph(browser, written):
    narrow = {"width": 390, "height": 800}
    with opened(browser, written["small"][0].as_uri(), viewport=narrow) as page:
        page.check("#check")
        hidden = "e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth]"
        assert page.eval_on_selector(".details", hidden) == [0, 0]
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["small", "model", "large"])
def test_on_a_phone_all_is_in_sight(browser, written, large_page, which, scheme):
    path, _ = large_page if which == "large" else written[which]
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    with opened(browser, path.as_uri(), **phone) as page:
        page.wait_for_selector("#canvas .leaf")
        page.check("#check")
        for key in ("Home", "End"):
            page.keyboard.press(key)
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            assert page.eval_on_selector(".graph", "e => e.scrollWidth - e.clientWidth") == 0
            ends = "all => all.map((e) => e.getBoundingClientRect()).map((r) => [r.x, r.right])"
            for left, right in page.eval_on_selector_all("body :not(.hidden, option)", ends):
                assert 0 <= left <= right <= 390
            cut = "all => all.filter((e) => e.scrollWidth > e.clientWidth).length"
            assert page.eval_on_selector_all("#canvas b, #canvas i", cut) == 0
        assert page.locator("#canvas .leaf").first.is_visible()
        leaves = page.eval_on_selector_all(
            "#canvas .leaf", "all => all.map((e) => e.innerText)"
        )
        assert all("∂" in text for text in leaves)


def test_a_large_page_opens_folded_and_box_by_box(browser, large_page):
    path, steps = large_page
    with opened(browser, path.as_uri()) as page:
        page.wait_for_selector("#canvas button")
        assert page.locator("#canvas .folded").count() == 15
        assert text(page, "#where") == "step 400 of 15003"  # the end of the first box
        page.keyboard.press("ArrowRight")
        assert text(page, "#heading") == "Forward 800 of 6001: tanh 800"
        page.keyboard.press("End")
        assert "This is path 3000 of 3000" in text(page, "#consequence")
        *_, total = totals_of(steps.data, value_named(steps.data, "w"))
        assert cells(page, "gradient of w") == total["cells"]
        for _ in range(2):
            page.locator("#canvas .folded").first.click()
        assert page.locator("#canvas .operation").count() == 20
        assert page.locator("#canvas button").count() < 100
        page.check("#check")
        assert "runs again alone" in text(page, "#checks")
        page.locator("#canvas .leaf").nth(2).click()
        assert "gradient of w" in text(page, "#pinned")
        page.click("#fold")
        assert page.locator("#canvas button:not(.leaf)").count() == 15
        assert text(page, "#fold") == "fold all"
    with opened(browser, f"{path.as_uri()}#step=7777") as page:
        page.wait_for_selector("#canvas .now")
        assert text(page, "#where") == "step 7777 of 15003"


def test_the_leaves_of_a_folded_module_are_listed(model):
    model.click("#fold")
    model.keyboard.press("End")
    model.click("#canvas .leaf:has-text('4 leaves')")
    assert text(model, "#pinned h3") == "Pinned: 4 leaves"
    lines = model.eval_on_selector_all("#pinned p", "all => all.map((e) => e.textContent)")
    assert lines[0].startswith("x (1,\u00a03) · ∂ complete: norm")
    model.click("#pinned button:has-text('block.linear.weight')")
    assert "gradient of block.linear.weight" in text(model, "#pinned")


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_the_page_shows_any_name(browser, name, tmp_path):
    strange_steps(name, path=tmp_path / "strange.html")
    with opened(browser, (tmp_path / "strange.html").as_uri()) as page:
        page.keyboard.press("f")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("f")
        assert STRANGE[name] in page.eval_on_selector_all(
            "#canvas b", "all => all.map((e) => e.textContent)"
        )
        assert page.title().split() == STRANGE[name].split()
    with opened(browser, (tmp_path / "strange.svg").as_uri()) as page:
        assert page.locator("text").first.is_visible()


def test_the_page_works_in_a_notebook(browser, written):
    _, steps = written["small"]
    markup = steps._repr_html_()
    assert html.unescape(markup.split('"')[1]) == steps.html
    with contextlib.closing(browser.new_page()) as page:
        page.set_content(markup)
        frame = page.frame_locator("iframe")
        frame.locator("#next").click()
        assert frame.locator("#where").inner_text() == "step 2 of 12"


def test_the_page_is_accessible_without_a_mouse_and_by_screen_readers(small):
    unnamed = small.eval_on_selector_all(
        "button, input",
        "all => all.filter((e) => !(e.textContent || e.ariaLabel || e.labels?.length)).length",
    )
    assert unnamed == 0
    assert small.get_attribute("#sentence", "aria-live") == "polite"
    small.focus("#canvas button:has-text('add 2')")
    small.keyboard.press("Enter")
    assert text(small, "#pinned").startswith("Pinned: add 2")
    focused = small.evaluate("document.activeElement.textContent")
    assert "add 2" in focused
    assert small.locator("[aria-current=step]").count() == 1
