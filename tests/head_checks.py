"""The sentences that hold for every output layer, as functions that raise an AssertionError.

test_heads.py runs them on every case, and on heads with planted bugs, which must be found.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
from cases import arrays_in, locked
from head_bugs import OPERATIONS, operation_of
from head_cases import FLAT_V, V, batches, head_model, made

from flashlm_np.model.heads.exact import EXACT_NLL
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import Tensor, observe
from minigrad.gradcheck import declare, gradcheck
from minigrad.ops import RowGradient

ALL_WORDS = {"candidates": V}  # all words are candidates of the head sampled
for name in OPERATIONS:
    declare(operation_of(name), analytic=True)  # the checker may use complex steps
declare(EXACT_NLL, analytic=True)


def generator(seed=3):
    return np.random.default_rng(seed)


def dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def close(found, expected, tolerance=1e-9):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


class Calls(list):
    """An observer: (operation, arrays, options) of each operation that runs, and its leaves."""

    def __init__(self):
        self.leaves = {}

    def forward(self, operation, arrays, options, y, node, seconds):
        self.append((operation, arrays, options))
        leaves = [p for p in node.parents if isinstance(p, Tensor)] if node else []
        self.leaves |= {id(leaf): leaf for leaf in leaves}

    def backward(self, node, dy, gradients, seconds):
        pass


def loss_of(example, frozen=False, **work):
    """The loss, and its leaves: h, the table and the head's own parameters."""
    leaves = [Tensor(example.h, requires_grad=True)]
    leaves.append(Tensor(example.table, requires_grad=not frozen))
    loss = example.head.loss(*leaves, example.y, generator(), **work)
    return loss, [*leaves, *example.head.parameters()]


def gradients_of(example, **work):
    """The loss, and the gradients of h, the table and the head's own parameters."""
    example.head.zero_grad()
    loss, leaves = loss_of(example, **work)
    loss.backward()
    return loss.item(), [
        np.zeros(leaf.shape) if leaf.grad is None else dense(leaf.grad).copy()
        for leaf in leaves
    ]


# -- probabilities -------------------------------------------------------------------------


def the_probabilities_of_all_words_sum_to_1(case):
    example = made(case)
    h, words = np.repeat(example.h, V, axis=0), np.tile(np.arange(V), len(example.h))
    nll = example.head.nll(h, example.table, words).reshape(-1, V)
    assert nll.dtype == np.float64
    close(np.exp(-nll).sum(axis=1), 1)
    assert (nll > 0).all()


def log_prob_agrees_with_nll(case):
    for flat in (False, True):
        example = made(case, flat=flat)
        log_p = example.head.log_prob(example.h, example.table)
        assert log_p.shape == (len(example.h), len(example.table))
        close(np.exp(log_p).sum(axis=1), 1)
        nll = example.head.nll(*example.arrays)
        assert nll.shape == example.y.shape
        close(-log_p[np.arange(len(nll)), example.y], nll)


def the_loss_is_the_mean_of_nll(case):
    """In training, the head sampled is exact where all words are candidates."""
    for flat in (False, True):
        example = made(case, flat=flat, candidates=FLAT_V)
        close(loss_of(example)[0].item(), example.head.nll(*example.arrays).mean())


def the_losses_of_the_rows_are_nll(case):
    """Those with a gradient, from which model/prior makes its own loss. Sampled has none."""
    example = made(case)
    losses = example.head.losses(Tensor(example.h), Tensor(example.table), example.y)
    close(losses.data, example.head.nll(*example.arrays))


# -- gradients -----------------------------------------------------------------------------


def gradients_are_right_where_the_softmax_is_flat(case):
    """Each gradient along a random direction, in which small numbers of many words count."""
    example = made(case, flat=True)
    _, gradients = gradients_of(example)
    own = [parameter.data for parameter in example.head.parameters()]
    for array, gradient in zip([example.h, example.table, *own], gradients, strict=True):
        direction = generator().standard_normal(array.shape)
        start, losses = array.copy(), []
        for step in (1e-4, -1e-4):
            array[...] = start + step * direction
            losses.append(loss_of(example)[0].item())
        array[...] = start
        close((losses[0] - losses[1]) / 2e-4, (direction * gradient).sum(), 1e-7)


def every_gradient_of_the_loss_passes_the_check(case):
    """Of the method `loss`, by h, the table and the own parameters; dy is random."""
    example = made(case)

    def loss(h, *_):
        return example.head.loss(h, table, example.y, generator())

    table = Tensor(example.table, requires_grad=True)
    with observe(Calls()) as calls:
        loss(Tensor(example.h))
    used = [leaf for leaf in (table, *example.head.parameters()) if id(leaf) in calls.leaves]
    gradcheck(loss, Tensor(example.h, requires_grad=True), *used)


def gradients_of_the_losses_of_the_rows_are_right(case):
    """With a random dy for each row: in a mixture, the rows have different weights."""
    example = made(case)
    head, table = example.head, Tensor(example.table, requires_grad=True)
    leaves = [Tensor(example.h, requires_grad=True), table, *head.parameters()]
    with observe(Calls()) as calls:
        head.losses(*leaves[:2], example.y)
    used = [leaf for leaf in leaves if id(leaf) in calls.leaves]
    gradcheck(lambda *_: head.losses(*leaves[:2], example.y), *used)


def every_element_of_a_gradient_equals_its_difference(case):
    for operation, arrays, options in recorded(case, d_model=3):
        gradcheck(operation, *arrays, mode="full", **options)


def recorded(case, **changes):
    """The operations of a loss, with their arrays and options."""
    example = made(case, **changes)
    with observe(Calls()) as calls:
        loss_of(example)
    return calls


def operations_keep_the_contract(case):
    """float32 stays float32; inputs, saved arrays and dy are only read; the same bits twice."""
    for operation, arrays, options in recorded(case, dtype=np.float32):
        arrays = locked(arrays)
        y, saved = operation.forward(*arrays, **options)
        again, _ = operation.forward(*arrays, **options)
        np.testing.assert_array_equal(y, again)
        held, kinds = arrays_in(saved), {y.dtype}
        before = [array.copy() for array in held]
        (dy,) = locked([generator().standard_normal(np.shape(y)).astype(np.float32)])
        first = [dense(g) for g in operation.backward(dy, saved)]
        first = [None if g is None else g.copy() for g in first]
        second = [dense(g) for g in operation.backward(dy, saved)]
        for i, (array, one, other) in enumerate(zip(arrays, first, second, strict=True)):
            assert (one is None) == (i in operation.integer_inputs)
            if one is not None:
                np.testing.assert_array_equal(one, other)
                assert one.shape == array.shape
                kinds.add(one.dtype)
        assert kinds == {np.dtype(np.float32)}
        for array, old in zip(held, before, strict=True):
            np.testing.assert_array_equal(array, old)


def float32_is_close_to_float64(case):
    results = []
    for dtype in (np.float32, np.float64):
        example = made(case, dtype)
        loss, gradients = gradients_of(example)
        nll = example.head.nll(*example.arrays)
        log_p = example.head.log_prob(example.h, example.table)
        assert {nll.dtype, log_p.dtype} == {np.dtype(dtype)}
        results.append([loss, nll, log_p, *gradients])
    for small, large in zip(*results, strict=True):
        close(small, large, 3e-5)


def work_options_do_not_change_the_result(case):
    """Buffers still hold the numbers of another batch. A frozen table has no gradient."""
    example = made(case)
    many, few = example.y, np.full_like(example.y, V - 1)  # few: of one class alone
    for y, last in ((many, few), (few, many)):
        example.y = y
        loss, expected = gradients_of(example)
        for parts in (1, 2, 3):
            work = {"parts": parts, "parallel_map": map, "buffers": {}}
            for example.y in (last, y):
                found = gradients_of(example, **work)
            close(found[0], loss, 1e-12)
            all_close(found[1], expected)
            for array in work["buffers"].values():
                array.fill(np.nan)  # memory that is new may hold the right numbers by chance
            _, found = gradients_of(example, **work)
            assert all(np.isfinite(gradient).all() for gradient in found)
            all_close(found, expected)
        expected[1] *= 0
        for options in ({"frozen": True}, {"frozen": True, "with_dw": False}):
            all_close(gradients_of(example, **options)[1], expected)


def all_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        close(one, other, 1e-12)


# -- training ------------------------------------------------------------------------------


@contextmanager
def watched_leaves():
    with observe(Calls()) as calls:
        yield calls.leaves


def every_parameter_moves_in_one_step(case):
    every_leaf_moves(case, fast=False)


def every_parameter_moves_in_one_fast_step(case):
    every_leaf_moves(case, fast=True)


def every_leaf_moves(case, fast):
    """Every parameter of the head, and every tensor that the loss is a function of."""
    model, config = head_model(case)
    if fast:
        fast_step = FastStep(model, config, threads=2)
        optimizers = fast_step.optimizers
    else:
        optimizers = Optimizers(model, config)
    with watched_leaves() as leaves:
        model.loss(*batches()[0], generator())
    own = {id(p): p for p in model.lm_head.parameters()}
    trained = [id(p) for o in optimizers.by_group.values() for p in o.parameters.values()]
    assert len(trained) == len(set(trained))
    assert {*leaves, *own} <= {*trained}, "a parameter is in no group of the optimizers"
    before = {key: leaf.data.copy() for key, leaf in (leaves | own).items()}
    if fast:
        fast_step.step(3, batches(), generator())
    else:
        train_step(model, optimizers, 3, batches(), generator())
    for key, leaf in (leaves | own).items():
        assert (leaf.data != before[key]).any(), f"{leaf} has not moved"


# -- the head sampled ----------------------------------------------------------------------


def with_all_words_sampled_is_exact(case):
    """The loss and all gradients, as those of the head exact on the same rows."""
    example = made(case, **ALL_WORDS)
    (loss, found), z = gradients_of(example), example.h @ example.table.T  # (N, V)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    close(loss, -np.log(p[rows, example.y]).mean())
    p[rows, example.y] -= 1
    close(found[0], p @ example.table / len(z))
    close(found[1], p.T @ example.h / len(z))


def the_expected_gradient_of_sampled_is_0_where_the_model_is_right(case):
    """If targets come from p, as the model has it, there is nothing to learn on average.

    The batch has each word in proportion to its p, and the mean is over draws of candidates.
    A wrong correction moves the words in spite of it, the rare ones most. With ln P, the share
    falls with the number of draws: 0.30 here, 0.15 with three times as many.
    """
    example = made(case, candidates=20)
    p = np.exp(example.head.log_prob(example.h[:1], example.table)[0])  # (V,)
    right = np.repeat(np.arange(V), np.round(1000 * p).astype(int))
    uniform = np.arange(V)  # targets of another distribution, for comparison

    def mean_gradient(y):
        h, draws, total = np.repeat(example.h[:1], len(y), axis=0), 100, 0.0
        for seed in range(draws):
            table = Tensor(example.table, requires_grad=True)
            example.head.loss(Tensor(h), table, y, generator(seed)).backward()
            total = total + dense(table.grad) / draws
        return np.linalg.norm(total)

    share = mean_gradient(right) / mean_gradient(uniform)
    assert share < 0.45, f"the mean gradient is {share:.3f} of that of other targets"


CHECKS = [
    the_probabilities_of_all_words_sum_to_1,
    log_prob_agrees_with_nll,
    the_loss_is_the_mean_of_nll,
    the_losses_of_the_rows_are_nll,
    gradients_of_the_losses_of_the_rows_are_right,
    float32_is_close_to_float64,
    gradients_are_right_where_the_softmax_is_flat,
    operations_keep_the_contract,
    work_options_do_not_change_the_result,
    every_parameter_moves_in_one_step,
    every_parameter_moves_in_one_fast_step,
    every_gradient_of_the_loss_passes_the_check,
    every_element_of_a_gradient_equals_its_difference,
]
SAMPLED_CHECKS = [
    with_all_words_sampled_is_exact,
    the_expected_gradient_of_sampled_is_0_where_the_model_is_right,
]
