"""Parameters in every form: accepted and trained, or refused in one sentence."""

import re

import numpy as np
import pytest

from minigrad import Module, Parameter, Tensor, layers
from minigrad.optim import (
    EMA,
    SGD,
    Adam,
    AdamW,
    LazyAdamW,
    NorMuon,
    blocks,
    clip_grad_norm,
    grad_norm,
)


class Pair(Module):
    def __init__(self):
        self.a = Parameter(np.ones((2, 3)))
        self.b = Parameter(np.ones((3, 2)))
        self.tied = [self.a]


FORMS = {
    "a model": (lambda m: m, ["a", "b"]),
    "its parameters": (lambda m: m.parameters(), ["0", "1"]),
    "its named parameters": (lambda m: m.named_parameters(), ["a", "b"]),
    "a dict": (lambda m: {"x": m.a, "y": m.b}, ["x", "y"]),
    "the items of a dict": (lambda m: {"x": m.a, "y": m.b}.items(), ["x", "y"]),
    "the values of a dict": (lambda m: {"x": m.a, "y": m.b}.values(), ["0", "1"]),
    "a list": (lambda m: [m.a, m.b], ["0", "1"]),
    "a tuple": (lambda m: (m.a, m.b), ["0", "1"]),
    "a generator": (lambda m: (p for p in [m.a, m.b]), ["0", "1"]),
    "an iterator": (lambda m: iter([m.a, m.b]), ["0", "1"]),
    "a zip": (lambda m: zip("xy", [m.a, m.b], strict=True), ["x", "y"]),
    "names for some": (lambda m: [m.a, ("y", m.b)], ["0", "y"]),
}
every_form = pytest.mark.parametrize(("form", "names"), FORMS.values(), ids=FORMS)


def with_gradients():
    pair = Pair()
    pair.a.grad, pair.b.grad = np.full((2, 3), 3.0), np.full((3, 2), 4.0)
    return pair


@every_form
@pytest.mark.parametrize("optimizer", [SGD, Adam, AdamW, LazyAdamW, NorMuon])
def test_an_optimizer_takes_every_form(form, names, optimizer):
    pair = with_gradients()
    running = optimizer(form(pair), lr=0.1)
    assert list(running.parameters) == names
    running.step()
    assert (pair.a.data < 1).all()
    assert (pair.b.data < 1).all()


@every_form
def test_the_other_functions_take_every_form(form, names):
    pair = with_gradients()
    assert grad_norm(form(pair)) == pytest.approx(150**0.5, rel=1e-15)
    assert blocks.grad_norm_in_blocks(form(pair)) == pytest.approx(150**0.5, rel=1e-15)
    assert clip_grad_norm(form(pair), 1.0) == pytest.approx(150**0.5, rel=1e-15)
    assert grad_norm(form(pair)) == pytest.approx(1.0, rel=1e-6)
    average = EMA(form(pair), 0.5)
    pair.a.data += 1
    average.update()
    assert list(average.average) == names
    assert (average.average[names[0]] == 1.5).all()


def test_one_tensor_and_its_name():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    (w * w).sum().backward()
    running = SGD(w, lr=0.25)
    assert list(running.parameters) == ["w"]
    running.step()
    assert w.data.tolist() == [0.5, 1.0]
    assert list(SGD([("other", w)], lr=0.25).parameters) == ["other"]


def test_running_numbers_are_stable_so_a_state_can_be_loaded():
    pair, other = with_gradients(), Pair()
    one, again = AdamW(pair.parameters()), AdamW(other.parameters())
    one.step()
    again.load_state_dict(one.state_dict())
    assert list(again.state_dict()) == ["0/m", "0/v", "1/m", "1/v", "0/t", "1/t"]
    np.testing.assert_array_equal(again.state["1"]["m"], one.state["1"]["m"])


def test_equal_names_are_refused_only_where_a_name_is_needed():
    same = [Tensor([3.0], requires_grad=True, name="w") for _ in range(2)]
    for w in same:
        w.grad = w.data
    assert grad_norm(same) == pytest.approx(18**0.5)
    text = "SGD: two parameters have the name 'w'; give each its own, as "
    with pytest.raises(ValueError, match=f"^{text}"):
        SGD(same, lr=0.1)
    assert list(SGD([("x", same[0]), same[1]], lr=0.1).parameters) == ["x", "w"]


def used_up():
    parameters = Pair().named_parameters()
    list(parameters)
    return parameters


def frozen():
    pair = Pair()
    for p in pair.parameters():
        p.requires_grad = False
    return pair


NOTHING = (
    "there are no parameters; pass a model, or a list, because an iterator is empty after its "
    "first use"
)
FORM = "expected a model, a tensor, or an iterable of tensors or of pairs (name, tensor)"
PAIR = "expected a Tensor or (name, Tensor)"
leaf, BUFFER = Parameter([1.0]), np.ones(6)
REFUSED = {
    "an iterator that was used": (used_up, NOTHING),
    "an empty list": (list, NOTHING),
    "an empty dict": (dict, NOTHING),
    "a model without parameters": (Module, NOTHING),
    "a frozen model": (
        frozen,
        "all parameters are frozen; set requires_grad to True on what is to learn",
    ),
    "None": (lambda: None, f"parameters is None, {FORM}"),
    "a number": (lambda: 0.1, f"parameters is a float, {FORM}"),
    "a text": (lambda: "weight", f"parameters is 'weight', {FORM}"),
    "an array": (lambda: np.ones(3), f"parameters is an array, {FORM}"),
    "a method": (lambda: Pair().parameters, f"parameters is a method; call it, {FORM}"),
    "a set": (lambda: {leaf}, "parameters is a set, which has no order; use a list"),
    "a list of arrays": (lambda: [np.ones(3)], f"parameter 0 is an array, {PAIR}"),
    "a state dict": (lambda: Pair().state_dict(), f"a is an array, {PAIR}"),
    "a list of models": (lambda: [Pair()], f"parameter 0 is a Pair, {PAIR}"),
    "groups": (lambda: [{"params": [leaf]}], f"parameter 0 is a dict, {PAIR}"),
    "a list of lists": (lambda: [[leaf]], f"parameter 0 is a list, {PAIR}"),
    "names that are numbers": (
        lambda: enumerate([leaf]),
        "the name of parameter 0 is an int, expected a string",
    ),
    "a constant": (
        lambda: [leaf, Tensor([1.0])],
        "parameter 1 is a constant without a gradient; make it a Parameter, or create it with "
        "requires_grad=True",
    ),
    "a computed tensor": (
        lambda: [("y", leaf * 2.0)],
        "y was computed by multiply; pass the tensors that it was computed from, because only "
        "these keep a gradient",
    ),
    "complex numbers": (
        lambda: [Parameter(np.ones(2, np.complex64))],
        "parameter 0 is complex64, expected real numbers",
    ),
    "one tensor twice": (
        lambda: [leaf, leaf],
        "parameter 0 and parameter 1 are one tensor; pass it once",
    ),
    "one tensor under two names": (
        lambda: Pair().named_parameters(tied=True),
        "a and tied.0 are one tensor; pass it once",
    ),
}
FUNCTIONS = {
    "AdamW": lambda p: AdamW(p, lr=0.1),
    "SGD": lambda p: SGD(p, lr=0.1),
    "EMA": lambda p: EMA(p),
    "grad_norm": grad_norm,
    "clip_grad_norm": lambda p: clip_grad_norm(p, 1.0),
    "grad_norm_in_blocks": blocks.grad_norm_in_blocks,
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_cannot_be_trained_is_refused(function, make, text):
    with pytest.raises((TypeError, ValueError), match=f"^{function}: {re.escape(text)}$"):
        FUNCTIONS[function](make())


@pytest.mark.parametrize("function", ["AdamW", "EMA"])
def test_one_array_in_two_tensors_is_refused(function):
    """It would be moved twice. Their gradients are different arrays, so a norm takes both."""
    pair = [("a", Parameter(BUFFER)), ("b", Parameter(BUFFER[2:]))]
    text = "a and b share memory; use one tensor for both, or make one from a copy"
    with pytest.raises(ValueError, match=f"^{function}: {text}$"):
        FUNCTIONS[function](pair)
    assert grad_norm(pair) == 0


def test_different_parts_of_one_array_are_accepted():
    parts = [Parameter(part) for part in (BUFFER[:3], BUFFER[3:], BUFFER[:0], BUFFER[:0])]
    assert len(AdamW(parts).parameters) == 4
    assert len(AdamW([Parameter(BUFFER[::2]), Parameter(BUFFER[1::2])]).parameters) == 2


def test_some_frozen_parameters_are_accepted():
    pair = with_gradients()
    pair.a.requires_grad = False
    running = SGD(pair, lr=0.1)
    running.step()
    assert (pair.a.data == 1).all()
    assert pair.b.data == pytest.approx(0.6)


def test_a_step_without_any_gradient_is_an_error():
    """The optimizer has the parameters of another model than the loss."""
    one, other = (layers.Linear(3, 1, rng=np.random.default_rng(0)) for _ in range(2))
    running = AdamW(one)
    other(np.ones((2, 3), np.float32)).sum().backward()
    text = (
        "AdamW: no parameter has a gradient; call backward() before step(), on a loss that was "
        "computed from these parameters"
    )
    for step in (running.step, lambda: blocks.step_in_blocks([running])):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            step()
    one.weight.requires_grad = one.bias.requires_grad = False  # frozen since: nothing to do
    running.step()
    blocks.step_in_blocks([running])


@pytest.mark.parametrize(
    ("gradient", "text"),
    [
        (np.ones(3), "has shape (3,), expected (2,)"),
        (np.ones((1, 2)), "has shape (1, 2), expected (2,)"),
        ([1.0, 1.0], "is a list, expected an array of real numbers"),
        (
            np.ma.array([1.0, 1.0]),
            "is an array with a mask, expected an array of real numbers",
        ),
        (np.ones(2, complex), "is an array of complex128, expected an array of real numbers"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused(gradient, text):
    w = Parameter([1.0, 2.0])
    w.grad = gradient
    running = SGD([("w", w)], lr=0.1)
    for step in (running.step, lambda: blocks.step_in_blocks([running])):
        with pytest.raises(
            (TypeError, ValueError), match=f"^SGD: the gradient of w {re.escape(text)}$"
        ):
            step()
    assert w.data.tolist() == [1.0, 2.0]
    assert running.steps == {}


def test_an_array_that_is_read_only_is_refused():
    w = Parameter(np.broadcast_to(np.float32(1), (3,)))
    w.grad = np.ones(3, np.float32)
    running = AdamW({"w": w})
    with pytest.raises(
        ValueError, match=r"^AdamW: the array of w is read-only; make w from a "
    ):
        running.step()
    assert running.steps == running.state == {}


def test_an_optimizer_clears_the_gradients_of_its_parameters():
    w, unused = Parameter([3.0]), Parameter([1.0])
    running = SGD([w, unused], lr=0.1)
    (w * w).sum().backward()
    running.step()
    buffer = w.grad
    running.zero_grad()
    assert w.grad is buffer
    assert (w.grad.tolist(), unused.grad) == ([0.0], None)
