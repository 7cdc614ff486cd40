"""The interface of the output layers: each sentence holds for each head, and is not empty.

The sentences are in head_checks.py, the cases in head_cases.py. Heads with planted mistakes, in
head_bugs.py, test the sentences. The files beside this one have what is special to one head.
"""

import numpy as np
import pytest
from head_bugs import HEAD_BUGS, OPERATIONS
from head_cases import HEAD_CASES, SAMPLED, cases_of, layout_of, made
from head_checks import CHECKS, SAMPLED_CHECKS

from flashlm_np.model.heads import HEADS
from flashlm_np.model.heads.head import Head
from minigrad import Tensor
from minigrad.gradcheck import InconclusiveError


def checks_of(case):
    return CHECKS + SAMPLED_CHECKS * (case.head == "sampled")


PAIRS = [(check, case) for case in HEAD_CASES for check in checks_of(case)]


@pytest.mark.parametrize(
    ("check", "case"), PAIRS, ids=[f"{case}: {check.__name__}" for check, case in PAIRS]
)
def test_of_each_head(check, case):
    check(case)


# -- the list is complete --------------------------------------------------------------------


def test_every_head_has_cases_an_operation_and_two_planted_bugs():
    assert {case.head for case in HEAD_CASES} == set(HEADS) == set(OPERATIONS)
    for head in HEADS:
        assert len({b.mistake for b in HEAD_BUGS if b.head == head}) >= 2, head


@pytest.mark.parametrize(
    "mistake",
    [
        "correction is forgotten",
        "correction has the wrong sign",
        "never given to the optimizer",
        "cut-off is off by one",
        "log-softmax is taken twice",
        "filter drops negligible gradients",
    ],
)
def test_mistakes_that_others_made_are_planted(mistake):
    assert any(mistake in bug.mistake for bug in HEAD_BUGS)


def test_the_order_of_the_words_in_the_cases_is_no_identity():
    for case in HEAD_CASES:
        layout = layout_of(case.config())
        assert layout.is_identity == (case.head == "exact")


# -- planted bugs ----------------------------------------------------------------------------


@pytest.mark.parametrize("bug", HEAD_BUGS, ids=str)
def test_a_check_finds_a_planted_bug(bug, monkeypatch):
    bug.plant(monkeypatch)
    assert any(fails(check, case) for case in cases_of(bug.head) for check in checks_of(case))


def fails(check, case):
    try:
        check(case)
    except AssertionError:
        return True
    except InconclusiveError:  # by what new memory holds; another check must find the bug
        return False
    return False


# -- the base class --------------------------------------------------------------------------


def test_a_head_without_a_method_says_which():
    head, h = Head(), np.zeros((1, 2))
    for name, arguments in (
        ("losses", (Tensor(h), Tensor(h), np.array([0]))),
        ("nll", (h, h, np.array([0]))),
        ("log_prob", (h, h)),
    ):
        with pytest.raises(NotImplementedError, match=f"^Head has no {name}$"):
            getattr(head, name)(*arguments)


def test_sampled_needs_a_generator():
    example = made(SAMPLED[0])
    with pytest.raises(
        TypeError, match=r"^sampled: rng is None, expected a generator that draws"
    ):
        example.head.loss(Tensor(example.h), Tensor(example.table), example.y, None)
