"""Modules: names, tied parameters and state dicts; and the layers."""

import re

import numpy as np
import pytest

from minigrad import Module, Parameter, StateError, Tensor, layers
from minigrad import functional as F


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


@pytest.mark.parametrize(
    "layer",
    [
        make(layers.Linear, 3, 5, dtype=np.float64),
        make(layers.TernaryLinear, 3, 5, dtype=np.float64),
        make(layers.CausalConv1d, 3, 5, 2, dtype=np.float64),
        make(layers.Embedding, 3, 5, dtype=np.float64),
        layers.RMSNorm(3, dtype=np.float64),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_in_float64(layer):
    assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
