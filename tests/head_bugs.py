"""Common mistakes in output layers. A check of head_checks.py must find each of them.

Some are mistakes of a backward pass. Others change forward and backward alike, so that no
comparison of a gradient with a difference can find them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from flashlm_np.model.heads import (
    adaptive,
    exact,
    hybrid,
    sampled,
    short_list,
    slices,
    tree,
    two_level,
)
from flashlm_np.training import optimizers
from minigrad import Operation
from minigrad.ops import RowGradient
from minigrad.ops.cross_entropy import log_sum_exp

OPERATIONS = {  # where the head's method `loss` finds its operation
    "exact": (exact, "TIED_HEAD"),
    "two_level": (two_level, "TWO_LEVEL"),
    "tree": (tree, "TREE"),
    "adaptive": (adaptive, "ADAPTIVE"),
    "sampled": (sampled, "SAMPLED"),
    "hybrid": (hybrid, "HYBRID"),
}


@dataclass(frozen=True)
class HeadBug:
    head: str
    mistake: str
    plant: Callable[[pytest.MonkeyPatch], None]

    def __str__(self):
        return f"{self.head}: {self.mistake}"


HEAD_BUGS: list[HeadBug] = []


def bug(head, mistake):
    """Add the decorated plant(patch) to HEAD_BUGS."""

    def add(plant):
        HEAD_BUGS.append(HeadBug(head, mistake, plant))
        return plant

    return add


def operation_of(head) -> Operation:
    return getattr(*OPERATIONS[head])


def changed(head, mistake, change):
    """Add a bug: the right backward, then change(*gradients)."""
    right = operation_of(head)

    def backward(dy, saved):
        return change(*right.backward(dy, saved))

    wrong = dataclasses.replace(right, backward=backward)
    bug(head, mistake)(lambda patch: patch.setattr(*OPERATIONS[head], wrong))


def with_options(head, mistake, change):
    """Add a bug: the right forward with other options, so backward fits it."""
    right = operation_of(head)

    def forward(*arrays, **options):
        return right.forward(*arrays, **change(options))

    wrong = dataclasses.replace(right, forward=forward)
    bug(head, mistake)(lambda patch: patch.setattr(*OPERATIONS[head], wrong))


def not_optimized(head, *names):
    """Add a bug: no group of the optimizers has the parameters of these names."""

    def plant(patch, right=optimizers.Optimizers.__init__):
        def without_some(self, model, config):
            right(self, model, config)
            for optimizer in self.by_group.values():
                for name in names:
                    optimizer.parameters.pop(f"lm_head.{name}", None)

        patch.setattr(optimizers.Optimizers, "__init__", without_some)

    bug(head, f"never given to the optimizer: {' and '.join(names)}")(plant)


def moved_by_one(starts):
    """The inner cut-offs one row too high."""
    starts = np.array(starts)
    starts[1:-1] += np.diff(starts)[1:] > 1
    return starts


# -- backward passes -----------------------------------------------------------------------

changed(
    "exact", "the output gives the tied table no gradient", lambda dh, dw, _: (dh, 0 * dw, _)
)
changed("exact", "dw is one row too low", lambda dh, dw, _: (dh, np.roll(dw, 1, axis=0), _))
changed(
    "two_level", "the bias of the classes has no gradient", lambda *d: (*d[:3], 0 * d[3], None)
)
changed(
    "two_level", "dc is one class too low", lambda *d: (*d[:2], np.roll(d[2], 1, 0), *d[3:])
)
changed(
    "adaptive", "the biases of the tails have no gradient", lambda *d: (*d[:3], 0 * d[3], None)
)
changed("adaptive", "dt has the wrong sign", lambda *d: (*d[:2], -d[2], *d[3:]))
changed("hybrid", "the classes' bias has no gradient", lambda *d: (*d[:5], 0 * d[5], None))
changed(
    "hybrid", "dt is a sum over the rows, not a mean", lambda *d: (*d[:2], 11 * d[2], *d[3:])
)
changed("sampled", "dh is a sum over the rows, not a mean", lambda dh, *d: (len(dh) * dh, *d))
changed(
    "sampled",
    "the rows of dw are numbered among the candidates, not in the table",
    lambda dh, dw, _: (dh, RowGradient(np.arange(len(dw.ids)), dw.rows, dw.shape), _),
)
changed(
    "tree",
    "the biases of the nodes have no gradient",
    lambda dh, dn, db, _: (dh, dn, 0 * db, _),
)
changed(
    "tree",
    "dn has the wrong sign",
    lambda dh, dn, *d: (dh, RowGradient(dn.ids, -dn.rows, dn.shape), *d),
)


@bug("two_level", "a class without a target keeps the gradient of the last step")
def _(patch):
    patch.setattr(two_level, "unwritten", lambda groups, V: [])


@bug("adaptive", "a tail without a target keeps the gradient of the last step")
def _(patch):
    patch.setattr(adaptive, "unwritten", lambda groups, V: [])


# -- probabilities -------------------------------------------------------------------------


@bug("exact", "log-softmax is taken twice, and between them e^x")
def _(patch):
    right = exact.ExactHead.log_prob

    def log_prob(self, h, table):
        p = np.exp(right(self, h, table))
        return p - log_sum_exp(p)[:, None]

    patch.setattr(exact.ExactHead, "log_prob", log_prob)


@bug("two_level", "log-softmax is taken twice: over the class, then over all words")
def _(patch):
    def class_log_prob(u, starts, right=two_level.class_log_prob):
        u = right(u, starts)
        return u - log_sum_exp(u)[:, None]

    patch.setattr(two_level, "class_log_prob", class_log_prob)


def short_list_twice(patch):
    def nll_and_softmax(s, k, right=short_list.nll_and_softmax):
        s[:, 0] = 0  # the log-sum-exp of logits whose log-softmax was taken already
        return right(s, k)

    patch.setattr(short_list, "nll_and_softmax", nll_and_softmax)


for head in ("adaptive", "hybrid"):
    bug(head, "log-softmax is taken twice: of the short list, then with the ways out")(
        short_list_twice
    )

with_options(
    "two_level",
    "a cut-off is off by one, in training",
    lambda options: options | {"starts": moved_by_one(options["starts"])},
)
with_options(
    "adaptive",
    "a cut-off is off by one, in training",
    lambda options: options | {"cutoffs": tuple(c + 1 for c in options["cutoffs"])},
)
with_options(
    "hybrid",
    "a cut-off is off by one, in training",
    lambda options: (
        options | {"starts": np.array([options["starts"][0] + 1, *options["starts"][1:]])}
    ),
)


@bug("adaptive", "a cut-off is off by one: row c_j belongs to the part before it")
def _(patch):
    def part_of(y, starts):
        return np.maximum(np.searchsorted(starts, y, side="left") - 1, 0)

    patch.setattr(adaptive, "part_of", part_of)


@bug("adaptive", "a cut-off is off by one, in log_prob")
def _(patch):
    right = adaptive.AdaptiveHead.log_prob

    def log_prob(self, h, table):
        cutoffs = self.cutoffs
        self.cutoffs = tuple(c + 1 for c in cutoffs)
        try:
            return right(self, h, table)
        finally:
            self.cutoffs = cutoffs

    patch.setattr(adaptive.AdaptiveHead, "log_prob", log_prob)


@bug("tree", "a path ends one node too early")
def _(patch):
    def pairs_of(y, tree, right=tree.pairs_of):
        row, node, sign = right(y, tree)
        last = np.append(row[1:] != row[:-1], True) & np.append(False, row[1:] == row[:-1])
        return row[~last], node[~last], sign[~last]

    patch.setattr(tree, "pairs_of", pairs_of)


@bug("tree", "left and right are exchanged in log_prob")
def _(patch):
    right = tree.TreeHead._log_prob

    def log_prob(self, h):
        signs = np.array([-1.0], h.dtype)
        nodes, bias = self.nodes.data, self.bias.data
        self.nodes.data, self.bias.data = signs * nodes, signs * bias
        try:
            return right(self, h)
        finally:
            self.nodes.data, self.bias.data = nodes, bias

    patch.setattr(tree.TreeHead, "_log_prob", log_prob)


# -- sampled -------------------------------------------------------------------------------


def with_correction(mistake, change):
    """Add a bug: change(ln P) in place of ln P."""

    def plant(patch, right=sampled.sampled_forward):
        def forward(h, w, y, *, log_p, **options):
            return right(h, w, y, log_p=change(log_p), **options)

        patch.setattr(sampled, "SAMPLED", dataclasses.replace(sampled.SAMPLED, forward=forward))

    bug("sampled", mistake)(plant)


with_correction("the correction is forgotten", lambda log_p: 0 * log_p)
with_correction("the correction has the wrong sign", lambda log_p: -log_p)


@bug("sampled", "a target that is drawn, too, is a rival of itself")
def _(patch):
    patch.setattr(sampled.np, "isin", lambda y, candidates: np.zeros(len(y), bool))


# -- optimizers ----------------------------------------------------------------------------

not_optimized("adaptive", "tails")
not_optimized("adaptive", "bias")
not_optimized("two_level", "classes")
not_optimized("hybrid", "rest", "rest_bias")
not_optimized("tree", "nodes")

# -- a filter of small gradients -----------------------------------------------------------


def without_small_rows(dh, dw, *others):
    """Drop what is less than a hundredth of the largest: the words that are no targets."""
    return dh, np.where(np.abs(dw) < 0.01 * np.abs(dw).max(), 0, dw), *others


FILTER = "a filter drops negligible gradients: all, while the softmax is flat"
for head in ("exact", "adaptive", "hybrid"):
    changed(head, FILTER, without_small_rows)


def filtered(*modules):
    def plant(patch, right=slices.nll_and_softmax):
        def nll_and_softmax(z, y):
            nll, p = right(z, y)
            return nll, np.where(p < 2 / p.shape[1], 0, p)

        for module in modules:
            patch.setattr(module, "nll_and_softmax", nll_and_softmax)

    return plant


bug("two_level", FILTER)(filtered(slices, two_level))
changed(
    "sampled",
    FILTER,
    lambda dh, dw, _: (
        dh,
        RowGradient(dw.ids, without_small_rows(dh, dw.rows)[1], dw.shape),
        None,
    ),
)
