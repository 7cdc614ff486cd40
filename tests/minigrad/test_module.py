"""Modules: names, tied parameters and state dicts; and the layers."""

import re
from collections import ChainMap, OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

from minigrad import Module, Parameter, ShapeError, StateError, Tensor, layers
from minigrad import functional as F
from minigrad.optim import SGD, AdamW

RNG = np.random.default_rng(0)


def exactly(text):
    return f"^{re.escape(text)}$"


class Block(Module):
    def __init__(self):
        self.norms = [layers.RMSNorm(3), layers.RMSNorm(5)]
        self.gain = Parameter(np.ones(2, np.float32))
        self.shape = (2, 3)
        self.nothing = None


class Net(Module):
    """A table under two names, a list, a list of lists, and a list of parameters."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.table = layers.Embedding(7, 3, rng=rng)
        self.block = Block()
        self.grid = [[layers.RMSNorm(2)], (layers.RMSNorm(3), layers.RMSNorm(5))]
        self.loose = [Parameter(np.ones(2, np.float32)), Parameter(np.ones(3, np.float32))]
        self.head = layers.Linear(3, 7, rng=rng)
        self.head.weight = self.table.weight


NAMES = [
    "loose.0",
    "loose.1",
    "table.weight",
    "block.gain",
    "block.norms.0.scale",
    "block.norms.1.scale",
    "grid.0.0.scale",
    "grid.1.0.scale",
    "grid.1.1.scale",
    "head.bias",
]


@pytest.fixture
def net():
    return Net()


def copied(state):
    return {name: array.copy() for name, array in state.items()}


# -- names ---------------------------------------------------------------------------------


def test_names_follow_the_attributes_and_a_tied_parameter_is_named_once(net):
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]


def test_both_names_of_a_tied_parameter_are_given_on_request(net):
    tied = dict(net.named_parameters(tied=True))
    assert set(tied) == {*NAMES, "head.weight"}
    assert tied["head.weight"] is tied["table.weight"]


def test_children(net):
    assert [name for name, _ in net.named_children()] == [
        *("table", "block", "grid.0.0", "grid.1.0", "grid.1.1", "head"),
    ]


def test_a_module_used_twice_is_tied():
    norm = layers.RMSNorm(3)
    twice = Module()
    twice.first, twice.second = norm, norm
    assert [name for name, _ in twice.named_parameters()] == ["first.scale"]
    assert set(twice.state_dict()) == {"first.scale", "second.scale"}


def test_zero_grad_clears_every_buffer_in_place(net):
    for p in net.parameters():
        p.accumulate(np.ones_like(p.data))
    buffers = [p.grad for p in net.parameters()]
    net.zero_grad()
    assert all(p.grad is b for p, b in zip(net.parameters(), buffers, strict=True))
    assert not any(b.any() for b in buffers)


def test_a_parameter_requires_a_gradient_until_it_is_frozen():
    p = Parameter([1.0, 2.0], name="p")
    assert (p.requires_grad, p.name, p.dtype) == (True, "p", np.float32)
    p.requires_grad = False
    assert (p * 2.0).node is None


def test_the_repr_of_a_module(net):
    assert repr(net) == "Net with 53 parameters"
    with pytest.raises(NotImplementedError, match=r"^Net has no forward$"):
        net(1)


class Holder(Module):
    """A module with one attribute."""

    def __init__(self, held, name="held"):
        setattr(self, name, held)


def norm():
    return layers.RMSNorm(2)


def names(module):
    return [name for name, _ in module.named_parameters()]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ({"left": norm(), "right": norm()}, ["held.left.scale", "held.right.scale"]),
        ({"a": [norm(), {"b": (norm(),)}]}, ["held.a.0.scale", "held.a.1.b.0.scale"]),
        ({0: norm(), 7: norm()}, ["held.0.scale", "held.7.scale"]),
        (OrderedDict(a=Parameter([1.0])), ["held.a"]),
        (Tensor([1.0], requires_grad=True), ["held"]),
        ([Tensor([1.0], requires_grad=True), Parameter([1.0])], ["held.0", "held.1"]),
        (Tensor([1.0]), []),  # a constant
        (Parameter([1.0]) * 2.0, []),  # computed from a parameter
        ({"a.b": 1, 2.5: "other"}, []),
        ({1, 2}, []),
    ],
)
def test_parameters_are_found_in_dicts_and_as_tensors(held, found):
    module = Holder(held)
    assert names(module) == found
    assert set(module.state_dict()) == set(found)


def test_a_tensor_in_a_module_is_trained_and_loaded():
    module = Holder({"w": Tensor([1.0, 2.0], requires_grad=True)})
    module.load_state_dict({"held.w": np.array([3.0, 4.0])})
    (module.held["w"] * 2.0).sum().backward()
    SGD(module, lr=0.5).step()
    assert module.held["w"].data.tolist() == [2.0, 3.0]


@dataclass(frozen=True)
class Parts:
    norm: Module


@dataclass(frozen=True)
class Sizes:
    width: int


HIDDEN = "that holds parameters, which are not found there; keep them in an attribute, a list, "
ONCE = "which gives its items only once; make it a list, so that the parameters in it are found"


@pytest.mark.parametrize(
    ("held", "text"),
    [
        *[
            (held, f"held is a {kind} {HIDDEN}a tuple or a dict")
            for held, kind in [
                ({norm()}, "set"),
                (frozenset([norm()]), "frozenset"),
                ({Parameter([1.0])}, "set"),
                (deque([norm()]), "deque"),
                ({"a": norm()}.values(), "dict_values"),
                (MappingProxyType({"a": norm()}), "mappingproxy"),
                (ChainMap({"a": norm()}), "ChainMap"),
                (SimpleNamespace(a=norm()), "SimpleNamespace"),
                (Parts(norm()), "Parts"),
                (deque([[{"a": norm()}]]), "deque"),
            ]
        ],
        ([{"a": {norm()}}], f"held.0.a is a set {HIDDEN}a tuple or a dict"),
        ((norm() for _ in range(2)), f"held is a generator, {ONCE}"),
        (map(layers.RMSNorm, [2, 3]), f"held is a map, {ONCE}"),
    ],
)
def test_a_place_where_parameters_are_not_found_is_an_error(held, text):
    for use in (names, repr, str, Module.state_dict, Module.zero_grad, Module.eval, AdamW):
        with pytest.raises(TypeError, match=f"^Holder: {re.escape(text)}$"):
            use(Holder(held))


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (iter([norm()]), "list_iterator"),
        (enumerate([norm()]), "enumerate"),
        (reversed([norm()]), "list_reverseiterator"),
        (chain([norm()]), "chain"),
    ],
)
def test_an_iterator_with_parameters_is_an_error(held, kind):
    with pytest.raises(TypeError, match=exactly(f"Holder: held is a {kind}, {ONCE}")):
        names(Holder(held))


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "replace",
    [lambda w: w - 1.0, lambda w: Tensor(w.data), lambda w: w.data - 1],
    ids=["computed", "constant", "array"],
)
def test_a_parameter_cannot_be_replaced_by_something_that_is_not_trained(replace, frozen):
    module = Holder(Parameter([1.0, 2.0]))
    module.held.requires_grad = not frozen
    text = (
        "Holder: held is a parameter, and the new value is none, so it would not be trained; "
        "write held.data[...] = array to change its numbers, or use Parameter(array)"
    )
    with pytest.raises(TypeError, match=exactly(text)):
        module.held = replace(module.held)
    assert module.held.data.tolist() == [1, 2]


@pytest.mark.parametrize("new", [None, Parameter([3.0]), norm(), [Parameter([3.0])]])
def test_a_parameter_can_be_replaced_by_what_is_trained_or_removed(new):
    module = Holder(Parameter([1.0, 2.0]))
    module.held = new
    assert module.held is new


class Plain:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class Slotted(Module):
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


def of_the_class(held):
    return type("Holder", (Module,), {"held": [held]})()


def closure(held):
    return lambda x: held(x) if callable(held) else x * held


NOT_FOUND = (
    "SGD: held holds a Parameter (2,) that named_parameters() does not find there, so it would "
    "not be trained; keep it in an attribute, a list, a tuple or a dict"
)
COMPUTED = (
    "SGD: held was computed by {} from a Parameter (2,) that is not in the model, so it would "
    "not be trained; compute with arrays first, as in Parameter(0.1 * array)"
)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: Holder(Plain(p)), NOT_FOUND),
        (lambda p: Holder([Plain(Holder(p))]), NOT_FOUND),
        (lambda p: Holder(Holder(p).forward), NOT_FOUND),
        (lambda p: Holder(partial(F.add, p)), NOT_FOUND),
        (lambda p: Holder(closure(p)), NOT_FOUND),
        (Slotted, NOT_FOUND),
        (of_the_class, NOT_FOUND),
        (lambda p: Holder(0.1 * p), COMPUTED.format("multiply")),
        (lambda p: Holder(F.exp(p + 1)), COMPUTED.format("exp")),
    ],
)
def test_an_optimizer_refuses_a_model_with_a_parameter_that_is_not_found(make, text):
    module, p = make(Parameter([1.0, 2.0])), Parameter([3.0])
    object.__setattr__(module, "first", p)
    with pytest.raises(ValueError, match=exactly(text)):
        SGD(module)


def test_what_is_found_elsewhere_or_frozen_may_be_used_from_any_place():
    module, teacher = Holder(Parameter([1.0, 2.0])), Parameter([3.0])
    teacher.requires_grad = False
    module.call = lambda x: module.held * x * teacher
    module.plain, module.output = Plain(module), module.held * 2.0
    assert list(SGD(module).parameters) == ["held"]


def test_containers_of_other_things_are_no_error():
    for held in (deque([1]), SimpleNamespace(a=1), Sizes(3), Sizes, range(10**12), [[]]):
        assert names(Holder(held)) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (Holder({"a.b": norm()}), "'a.b'"),
        (Holder(norm(), "a.b"), "'a.b'"),
        (Holder({"": norm()}), "''"),
        (Holder({(1, 2): norm()}), "(1, 2)"),
        (Holder({True: norm()}), "True"),
        (Holder({"0": norm(), 0: norm()}), "0"),  # both would be "0"
    ],
)
def test_a_name_that_is_not_clear_is_an_error(module, name):
    text = (
        f"Holder: {name} cannot be a part of a parameter's name; use strings without a dot, or "
        "integers, all different"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        names(module)


def test_a_parameter_of_the_class_is_an_error():
    class Shared(Module):
        weight = Parameter([1.0])

    text = (
        "Shared: weight is an attribute of the class; set self.weight in __init__, so that "
        "each module has its own"
    )
    with pytest.raises(TypeError, match=f"^{text}$"):
        Shared().parameters()


def test_a_module_inside_of_itself_is_an_error():
    outer = Holder(Holder(None))
    outer.held.parent = outer
    text = (
        "Holder: held.parent is a module that holds it; keep no link from a module to the one "
        "that it is in"
    )
    with pytest.raises(ValueError, match=f"^{text}$"):
        outer.parameters()


def test_modules(net):
    assert [name for name, _ in net.named_modules()] == [
        *("", "table", "block", "block.norms.0", "block.norms.1"),
        *("grid.0.0", "grid.1.0", "grid.1.1", "head"),
    ]
    assert dict(net.named_modules())["block.norms.1"] is net.block.norms[1]


def test_a_module_is_printed_as_a_tree_that_counts_a_tied_parameter_once(net):
    net.block.gain.requires_grad = False
    assert (
        str(net)
        == """\
Net                   53  parameters: loose.0 (2,), loose.1 (3,)
  table: Embedding    21  weight (7, 3)
  block: Block        10  gain (2,) frozen
    norms.0: RMSNorm   3  scale (3,)
    norms.1: RMSNorm   5  scale (5,)
  grid.0.0: RMSNorm    2  scale (2,)
  grid.1.0: RMSNorm    3  scale (3,)
  grid.1.1: RMSNorm    5  scale (5,)
  head: Linear         7  weight (7, 3) = table.weight, bias (7,)"""
    )
    assert str(Module()) == "Module  0  parameters"
    drop = layers.Dropout(0.1, rng=np.random.default_rng(0))
    chain = layers.Sequential(F.gelu, layers.Sequential(drop, partial(F.clip, low=0.0)))
    assert (
        str(chain)
        == """\
Sequential              0  parameters; layers.0 is gelu
  layers.1: Sequential  0  layers.1 is partial
    layers.0: Dropout   0  p=0.1"""
    )
    big = Holder({"a": layers.Embedding(1000, 20, rng=np.random.default_rng(0))})
    assert (
        str(big)
        == """\
Holder               20,000  parameters
  held.a: Embedding  20,000  weight (1000, 20)"""
    )


def test_training_and_evaluation(net):
    assert net.training
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    assert net.block.train() is net.block
    modes = {name: module.training for name, module in net.named_modules()}
    assert {name for name, mode in modes.items() if mode} == {
        *("block", "block.norms.0", "block.norms.1"),
    }
    assert set(net.state_dict()) == {*NAMES, "head.weight"}
    with pytest.raises(TypeError, match=r"^train: mode is 'eval', expected True or False$"):
        net.train("eval")


# -- state dicts ---------------------------------------------------------------------------


def test_the_state_holds_the_parameters_own_arrays(net):
    state = net.state_dict()
    assert set(state) == {*NAMES, "head.weight"}
    assert state["head.weight"] is net.table.weight.data
    assert state["block.gain"] is net.block.gain.data


def test_loading_copies_into_the_arrays_and_keeps_their_dtype(net):
    state = {
        name: np.asarray(array + 1.0, np.float64) for name, array in net.state_dict().items()
    }
    arrays = net.state_dict()
    net.load_state_dict(state)
    for name, array in net.state_dict().items():
        assert array is arrays[name]
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, state[name].astype(np.float32))
        assert not np.shares_memory(array, state[name])


def test_a_state_that_does_not_fit_is_refused_with_all_differences(net):
    state = {name: array + 1 for name, array in net.state_dict().items()}
    del state["block.gain"], state["grid.0.0.scale"]
    state |= {"extra": np.ones(3), "block.more": np.ones(1)}
    state |= {"head.bias": np.ones((7, 1)), "loose.0": np.ones(1), "loose.1": 1.0}
    state["head.weight"] = state["table.weight"] + 1
    before = copied(net.state_dict())
    text = """load_state_dict: Net does not fit this state:
  missing: block.gain (2,)
  missing: grid.0.0.scale (2,)
  unexpected: extra
  unexpected: block.more
  wrong shape: loose.0 is (1,), expected (2,)
  wrong shape: loose.1 is (), expected (3,)
  wrong shape: head.bias is (7, 1), expected (7,)
  tied parameters differ: table.weight and head.weight"""
    with pytest.raises(StateError, match=f"^{re.escape(text)}$"):
        net.load_state_dict(state)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("bias", "text"),
    [
        (np.array(["a", "b"]), "wrong dtype: bias is <U1, expected float32 or its like"),
        (np.array([None, None]), "wrong dtype: bias is object, expected float32 or its like"),
        (np.ones(2) * 1j, "wrong dtype: bias is complex128, expected float32 or its like"),
        (
            np.ma.array([1.0, 2.0]),
            "masked: bias has a mask, which would be lost; use .filled(0.0)",
        ),
        (
            [[1.0], [2.0, 3.0]],
            "no array: bias: setting an array element with a sequence. The "
            "requested array has an inhomogeneous shape after 1 dimensions. The detected shape "
            "was (2,) + inhomogeneous part.",
        ),
        (
            Parameter([1.0, 2.0]),
            "no array: bias: NumPy would make an array of a tensor that "
            "requires a gradient, and lose the gradient; use .data for the numbers, or "
            "minigrad.functional, such as stack",
        ),
    ],
)
def test_an_array_that_cannot_be_copied_changes_nothing(bias, text):
    linear = layers.Linear(3, 2, rng=np.random.default_rng(0))
    before = copied(linear.state_dict())
    with pytest.raises(
        StateError, match=exactly(f"load_state_dict: Linear does not fit this state:\n  {text}")
    ):
        linear.load_state_dict({"weight": np.ones((2, 3)), "bias": bias})
    for name, array in linear.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_tied_parameters_are_compared_only_if_both_are_arrays(net):
    state = copied(net.state_dict()) | {"head.weight": Parameter(np.ones((7, 3)))}
    with pytest.raises(StateError, match=r"\n  no array: head.weight: NumPy would .*stack$"):
        net.load_state_dict(state)


def test_a_state_that_is_no_dict_and_an_array_that_is_read_only_are_refused():
    norm = layers.RMSNorm(2)
    start = "load_state_dict: RMSNorm does not fit this state:\n  "
    with pytest.raises(
        StateError, match=exactly(start + "it is None, expected a dict of arrays")
    ):
        norm.load_state_dict(None)
    norm.scale.data.flags.writeable = False
    text = "read-only: scale is to be changed, but is read-only; make it from a copy"
    with pytest.raises(StateError, match=exactly(start + text)):
        norm.load_state_dict({"scale": np.ones(2)})


def test_numbers_of_another_precision_and_integers_can_be_loaded():
    norm = layers.RMSNorm(2)
    for array in (np.array([1, 2]), np.array([1.0, 2.0]), np.float16([1, 2]), [1, 2]):
        norm.load_state_dict({"scale": array})
        assert (norm.scale.data.tolist(), norm.scale.dtype) == ([1, 2], np.float32)


def test_tied_parameters_may_hold_nan(net):
    state = copied(net.state_dict())
    for name in ("table.weight", "head.weight"):
        state[name][0] = np.nan
    net.load_state_dict(state)
    assert np.isnan(net.head.weight.data[0]).all()


def test_the_state_of_another_module_can_be_loaded(net):
    other = Net()
    for p in other.parameters():
        p.data += 1
    net.load_state_dict(other.state_dict())
    for (name, a), (same, b) in zip(
        net.named_parameters(), other.named_parameters(), strict=True
    ):
        assert name == same
        np.testing.assert_array_equal(a.data, b.data)


# -- layers --------------------------------------------------------------------------------

x = Tensor(np.random.default_rng(1).standard_normal((2, 5, 6)).astype(np.float32))
ids = np.array([[1, 0, 3], [3, 3, 2]])


def make(layer, *sizes, **options):
    return layer(*sizes, rng=np.random.default_rng(0), **options)


@pytest.mark.parametrize(
    ("layer", "inputs", "shapes", "result"),
    [
        (make(layers.Linear, 6, 7), x, {"weight": (7, 6), "bias": (7,)}, (2, 5, 7)),
        (make(layers.Linear, 6, 7, bias=False), x, {"weight": (7, 6)}, (2, 5, 7)),
        (make(layers.TernaryLinear, 6, 7), x, {"weight": (7, 6)}, (2, 5, 7)),
        (make(layers.CausalConv1d, 6, 4, 3, groups=2), x, {"weight": (4, 3, 3)}, (2, 5, 4)),
        (make(layers.Embedding, 4, 3), ids, {"weight": (4, 3)}, (2, 3, 3)),
        (layers.RMSNorm(6), x, {"scale": (6,)}, (2, 5, 6)),
        (layers.LayerNorm(6), x, {"scale": (6,), "bias": (6,)}, (2, 5, 6)),
        (
            layers.Sequential(make(layers.Linear, 6, 7), F.relu, layers.LayerNorm(7)),
            x,
            {
                "layers.0.weight": (7, 6),
                "layers.0.bias": (7,),
                "layers.2.scale": (7,),
                "layers.2.bias": (7,),
            },
            (2, 5, 7),
        ),
    ],
)
def test_shapes_and_dtypes(layer, inputs, shapes, result):
    y = layer(inputs)
    assert {name: p.shape for name, p in layer.named_parameters()} == shapes
    assert (y.shape, y.dtype) == (result, np.float32)
    y.sum().backward()
    assert all(p.grad.shape == p.shape for p in layer.parameters())


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (make(layers.Linear, 6, 7), lambda m: F.linear(x, m.weight, m.bias)),
        (
            make(layers.TernaryLinear, 6, 7, threshold=0.5, scale="mean"),
            lambda m: F.ternary_linear(x, m.weight, threshold=0.5, scale="mean"),
        ),
        (
            make(layers.CausalConv1d, 6, 4, 2, groups=2, dilation=3),
            lambda m: F.causal_conv(x, m.weight, groups=2, dilation=3),
        ),
        (layers.RMSNorm(6, eps=0.5), lambda m: F.rms_norm(x, m.scale, eps=0.5)),
        (
            layers.LayerNorm(6, eps=0.5),
            lambda m: F.layer_norm(x, m.scale, m.bias, eps=0.5),
        ),
        (
            layers.Sequential(layers.RMSNorm(6), F.tanh, layers.RMSNorm(6)),
            lambda m: F.rms_norm(F.tanh(m.layers[0](x)), m.layers[2].scale),
        ),
    ],
)
def test_a_layer_is_its_operation_with_its_options(layer, function):
    np.testing.assert_array_equal(layer(x).data, function(layer).data)


@pytest.mark.parametrize(
    ("layer", "sizes", "options", "std"),
    [
        (layers.Linear, (400, 300), {}, 1 / 20),
        (layers.TernaryLinear, (400, 300), {}, 1 / 20),
        (layers.CausalConv1d, (200, 300, 4), {"groups": 2}, 1 / 20),
        (layers.Embedding, (400, 300), {}, 1.0),
        (layers.Linear, (400, 300), {"std": 0.25}, 0.25),
        (layers.TernaryLinear, (400, 300), {"std": 0.25}, 0.25),
        (layers.CausalConv1d, (200, 300, 4), {"std": 0.25}, 0.25),
        (layers.Embedding, (400, 300), {"std": 0.25}, 0.25),
    ],
)
def test_initial_weights(layer, sizes, options, std):
    w = make(layer, *sizes, **options).weight.data
    error = 5 * std / w.size**0.5
    assert w.std() == pytest.approx(std, abs=error)
    assert w.mean() == pytest.approx(0, abs=error)
    np.testing.assert_array_equal(w, make(layer, *sizes, **options).weight.data)


def test_other_initial_values():
    assert not make(layers.Linear, 3, 5).bias.data.any()
    assert (layers.RMSNorm(3).scale.data == 1).all()
    assert (layers.LayerNorm(3).scale.data == 1).all()
    assert (layers.LayerNorm(3).bias.data == 0).all()


@pytest.mark.parametrize(
    "layer",
    [
        make(layers.Linear, 3, 5, dtype=np.float64),
        make(layers.TernaryLinear, 3, 5, dtype=np.float64),
        make(layers.CausalConv1d, 3, 5, 2, dtype=np.float64),
        make(layers.Embedding, 3, 5, dtype=np.float64),
        layers.RMSNorm(3, dtype=np.float64),
        layers.LayerNorm(3, dtype=np.float64),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_in_float64(layer):
    assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}


# -- dropout, chains of layers, the mean squared error --------------------------------------


def test_dropout_acts_in_training_only_and_draws_from_its_generator():
    p, ones = 0.3, Tensor(np.ones((50, 40), np.float32))
    dropout = layers.Dropout(p, rng=np.random.default_rng(5))
    expected = [F.dropout(ones, p=p, rng=rng).data for rng in [np.random.default_rng(5)] * 2]
    found = [dropout(ones).data for _ in range(2)]
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(*found)  # each call draws anew
    assert {*np.unique(found)} == {np.float32(0), np.float32(1) / np.float32(1 - p)}
    assert np.mean(np.equal(found, 0)) == pytest.approx(p, abs=5 * (p * (1 - p) / 4000) ** 0.5)
    state = dropout.rng.bit_generator.state
    assert dropout.eval()(ones) is ones
    assert dropout.rng.bit_generator.state == state


def test_the_mode_of_a_model_reaches_the_dropout_in_it():
    chain = layers.Sequential(
        layers.Sequential(layers.Dropout(0.5, rng=np.random.default_rng(0))), F.relu
    )
    ones = Tensor(np.ones(64))
    assert (chain(ones).data == 0).any()
    assert (chain.eval()(ones).data == 1).all()
    assert (chain.train()(ones).data == 0).any()


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, np.nan, "0.5", None, True])
def test_an_impossible_dropout_is_refused(p):
    is_number = type(p) in (int, float)
    wanted = "0 or more and less than 1" if is_number else "a number"
    text = f"Dropout: p is {p!r}, expected {wanted}"
    with pytest.raises(ValueError if is_number else TypeError, match=f"^{re.escape(text)}$"):
        layers.Dropout(p, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("where", "create"),
    [
        ("Dropout", lambda rng: layers.Dropout(0.5, rng=rng)),
        ("a layer's weights", lambda rng: layers.Linear(2, 3, rng=rng)),
        ("a layer's weights", lambda rng: layers.Embedding(2, 3, rng=rng)),
    ],
)
@pytest.mark.parametrize("rng", [0, None])
def test_something_else_than_a_generator_is_refused(where, create, rng):
    text = f"{where}: rng is {rng}, expected a generator; use np.random.default_rng(0)"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        create(rng)


@pytest.mark.parametrize("layer", [None, [layers.RMSNorm(3)], layers.RMSNorm, "relu"])
def test_a_chain_of_something_else_than_layers_is_refused(layer):
    text = (
        f"Sequential: layer 1 is {layer!r}, expected a module or a function; pass the layers "
        "one by one, as in Sequential(Linear(...), F.relu)"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        layers.Sequential(F.relu, layer)


def test_an_empty_chain_is_the_identity():
    assert layers.Sequential()(x) is x


def test_mean_squared_error():
    a = Tensor(np.array([[1.0, 2.0], [3.0, -1.0]]), requires_grad=True)
    b = Tensor(np.array([[0.0, 2.0], [5.0, 1.0]]), requires_grad=True)
    loss = F.mse(a, b)
    assert loss.item() == (1 + 0 + 4 + 4) / 4
    loss.backward()
    np.testing.assert_array_equal(a.grad, (a.data - b.data) / 2)
    np.testing.assert_array_equal(b.grad, (b.data - a.data) / 2)
    assert F.mse(a, b.data).item() == F.mse(a, b.data.tolist()).item() == loss.item()
    with pytest.raises(
        ShapeError, match=r"^mse: x has shape \(2, 2\), expected y's shape \(2,\)$"
    ):
        F.mse(a, np.ones(2))


@pytest.mark.parametrize(
    ("create", "text"),
    [
        (
            lambda v: layers.TernaryLinear(3, 2, rng=RNG, threshold=v),
            "TernaryLinear: threshold",
        ),
        (lambda v: layers.Linear(3, 2, rng=RNG, std=v), "a layer's weights: std"),
        (lambda v: layers.RMSNorm(3, eps=v), "RMSNorm: eps"),
        (lambda v: layers.LayerNorm(3, eps=v), "LayerNorm: eps"),
    ],
)
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "1"])
def test_an_impossible_number_is_refused_when_a_layer_is_made(create, text, value):
    wanted = {np.inf: "a finite number", "1": "a number"}.get(value, "0 or more")
    text = f"{text} is {value!r}, expected {wanted}"
    with pytest.raises((TypeError, ValueError), match=exactly(text)):
        create(value)
