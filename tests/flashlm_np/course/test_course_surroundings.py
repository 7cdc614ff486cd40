"""An answer that changes other code, or its settings, is named, and the change is undone."""

import builtins
import random
import warnings

import numpy as np
import pytest
from course_answers import graded

import minigrad
from flashlm_np.course import comparing
from minigrad import TABLE
from minigrad.ops import activations, elementwise

forward, backward = TABLE["sigmoid"].forward, TABLE["sigmoid"].backward
OTHERS = "Hint: other code uses it, too. Write a function of your own, with a name of its own."
CHANGED = {
    "numpy.abs": (np, "abs", lambda x: np.zeros(np.shape(x))),
    "numpy.testing.assert_allclose": (np.testing, "assert_allclose", lambda *_: None),
    "builtins.len": (builtins, "len", lambda x: 2),
    "warnings.warn": (warnings, "warn", lambda *_: None),
    "minigrad.ops.elementwise.sum_to_shape": (elementwise, "sum_to_shape", lambda dy, _: dy),
    "minigrad.tensor.Tensor.accumulate": (minigrad.Tensor, "accumulate", lambda *_: None),
    "minigrad.ops.activations.abs": (activations, "abs", lambda x: x),  # hides the builtin
    "flashlm_np.course.comparing.wrong_elements": (
        comparing,
        "wrong_elements",
        lambda expected, *_: np.zeros(expected.shape, bool),
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_of_other_code_is_named_and_undone(name):
    owner, attribute, value = CHANGED[name]
    before = getattr(owner, attribute, None)

    def sigmoid_forward(x):
        setattr(owner, attribute, value)
        return x, (x,)

    assert graded("sigmoid", sigmoid_forward).details == (
        f"sigmoid_forward: changes {name}",
        "for x = [0.0]",
        OTHERS,
    )
    assert getattr(owner, attribute, None) is before


def test_a_changed_table_is_named_and_undone():
    right = TABLE["sigmoid"]

    def sigmoid_forward(x):
        TABLE["sigmoid"] = TABLE["exp"]
        return np.exp(x), (x,)

    details = graded("sigmoid", sigmoid_forward).details
    assert details[0] == "sigmoid_forward: changes minigrad.ops.TABLE['sigmoid']"
    assert TABLE["sigmoid"] is right


def test_a_changed_setting_does_not_change_the_explanation():
    def sigmoid_backward(dy, saved):
        np.seterr(all="raise")
        (dx,) = backward(dy, saved)
        return (-dx,)

    assert graded("sigmoid", sigmoid_backward).details[-2:] == (
        "Hint: every element of dx has the wrong sign.",
        "Note: it changes np.seterr; the grader changed that back.",
    )


def test_a_changed_setting_is_noted_and_undone():
    before = np.geterr(), np.random.get_state()[1].tolist(), random.getstate()

    def sigmoid_forward(x):
        np.seterr(invalid="warn")
        np.random.seed(0)
        random.random()
        return forward(x)

    assert graded("sigmoid", sigmoid_forward).details == (
        "It gives the results of the package on 8 inputs, in float64 and float32.",
        "Note: it changes np.seterr and the state of np.random and the state of random; the "
        "grader changed that back.",
    )
    assert (np.geterr(), np.random.get_state()[1].tolist(), random.getstate()) == before
