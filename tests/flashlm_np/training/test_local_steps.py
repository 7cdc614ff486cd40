"""Local steps: the outer step by hand, few bits with error feedback, and planted bugs."""

import inspect
import types
from dataclasses import replace

import mpi_program
import numpy as np
import pytest
from simulated_mpi import simulated
from tiny import CONFIG, OPTIONS

from flashlm_np.cli import main
from flashlm_np.data.dataset import Dataset
from flashlm_np.data.tokenizers.base import PlainIds
from flashlm_np.model.config import Phase
from flashlm_np.runs.run_state import RunState
from flashlm_np.training import local_steps, quantization
from flashlm_np.training.processes import AgreedError
from minigrad import Module, Parameter

V3 = mpi_program.CASES["v3"]
TOKENS = np.random.default_rng(0).integers(0, 31, 400)
DATA = Dataset("random", TOKENS, TOKENS[:40])
TINY = replace(
    CONFIG, vocab_size=31, phases=(Phase(1, 12, 3, 2),), steps=8, local_steps=2, eval_tokens=30
)


class TwoParts(Module):
    """A model for the outer step: an embedding, and a gain."""

    def __init__(self):
        self.embedding = Module()
        self.embedding.weight = Parameter(np.ones((2, 5)))
        self.gain = Parameter(np.ones(5))


def after(ways, page=local_steps, **options):
    """The weights of process 0 after exchanges in which process r went ways[k][r]."""
    options = {"outer_lr": 0.5, "outer_momentum": 0.5, "difference_bits": 32} | options
    phases = options.pop("phases", (Phase(1, 12, 3),))
    config = replace(V3, local_steps=1, phases=phases, **options)

    def work(processes):
        model = TwoParts()
        steps = page.LocalSteps(model, config, processes)
        for number, way in enumerate(ways, 1):
            for p in model.parameters():
                p.data -= way[processes.rank]
            steps.exchange([number])
        processes.expect_equal_bits("at the end", model.state_dict())
        return model.state_dict()

    return simulated(len(ways[0]), work)[0]


# -- checks, each of which a planted bug must fail -------------------------------------------


def the_outer_step_by_hand(page):
    # Δ = 0.3: m = 0.3, a = 1 - 0.5 (0.3 + 0.15) = 0.775.
    assert after([(0.2, 0.4)], page)["gain"] == pytest.approx(np.full(5, 0.775))
    # Then Δ = 0.1: m = 0.25, a = 0.775 - 0.5 (0.1 + 0.125) = 0.6625.
    found = after([(0.2, 0.4), (0.1, 0.1)], page)
    for array in found.values():
        np.testing.assert_allclose(array, 0.6625)


def without_momentum_it_is_plain_averaging(page):
    options = {"outer_lr": 1.0, "outer_momentum": 0.0}
    found = after([(0.5, -0.2, 0.3)], page, **options)["gain"]
    np.testing.assert_allclose(found, np.mean([1 - 0.5, 1 + 0.2, 1 - 0.3]))


def error_feedback_loses_nothing(page):
    """50 ways of few bits go as far as 50 exact ones, but for the last error."""
    rng = np.random.default_rng(2)
    ways = [[rng.normal(size=5) * 0.1 for _ in range(2)]] * 50
    options = {"outer_lr": 1.0, "outer_momentum": 0.0}
    exact = after(ways, page, **options)["gain"]
    for bits, error in ((8, 0.002), (2, 0.1)):
        found = after(ways, page, **options, difference_bits=bits)["gain"]
        np.testing.assert_allclose(found, exact, atol=error)


def a_frozen_embedding_stays(page):
    frozen = (Phase(1, 12, 3), Phase(2, 12, 3, frozen_embedding=True))
    one = after([(0.2, 0.4)], page)["embedding.weight"]
    two = after([(0.2, 0.4), (0.0, 0.0)], page, phases=frozen)
    np.testing.assert_array_equal(two["embedding.weight"], one)
    assert (two["gain"] < 0.775).all()  # its momentum goes on


def few_bits_are_near(page):
    x = np.random.default_rng(1).normal(size=20_000)  # 78 blocks, and a short one
    for bits, size in ((8, 79 * (256 + 4)), (2, 79 * (64 + 4))):
        message = page.quantized(x, bits)
        assert (message.dtype, message.nbytes) == (np.uint8, size)
        got = page.dequantized(message, bits, len(x), x.dtype)
        assert got.shape == x.shape
        if bits == 8:
            assert np.abs(got - x).max() < 1.0001 * np.abs(x).max() / 127 / 2
            extreme = np.abs(x).argmax()
            assert got[extreme] == pytest.approx(x[extreme], rel=1e-6)
        else:
            assert 0.11 < ((got - x) ** 2).mean() / (x**2).mean() < 0.125  # 0.119 by theory
            assert (np.sign(got) == np.sign(x)).all()
    short = page.dequantized(page.quantized(np.ones(5), 2), 2, 5, np.float64)
    assert np.abs(short - 1).max() < 0.5
    nothing = page.dequantized(page.quantized(np.zeros(5), 2), 2, 5, np.float32)
    assert (nothing == 0).all()
    assert nothing.dtype == np.float32


CHECKS = {
    local_steps: (
        the_outer_step_by_hand,
        without_momentum_it_is_plain_averaging,
        error_feedback_loses_nothing,
        a_frozen_embedding_stays,
    ),
    quantization: (few_bits_are_near,),
}


@pytest.mark.parametrize(
    ("page", "check"),
    [(page, check) for page, checks in CHECKS.items() for check in checks],
    ids=lambda value: value.__name__,
)
def test_the_pages_pass_their_checks(page, check):
    check(page)


BUGS = {
    local_steps: (
        ("the way has the other sign", "self.anchor[name] - p", "-self.anchor[name] + p"),
        ("the sum in place of the mean", "total / len(messages)", "total"),
        ("no look ahead", "nesterov=True", "nesterov=False"),
        ("the momentum starts again", "self.momentum[name], **", "0 * mean, **"),
        ("the weights stay where they went", "name].data[...] = a", "name]"),
        ("the error is dropped", "self.errors |= _parts(errors, ways)", "pass"),
        ("the error has the other sign", "x - dequantized", "-x + dequantized"),
        ("the error is not sent", "x += _flat", "_flat"),
        ("the error is sent twice", "x += _flat", "x += 2 * _flat"),
        ("an old momentum moves a frozen table", "return frozen and", "return 0 and"),
    ),
    quantization: (
        ("a step too narrow", "axis=1) / 127", "axis=1) / 128"),
        ("two codes change places", "codes[:, 1] << 2", "codes[:, 3] << 2"),
        ("levels without their middle", "BLOCK) - 1.5", "BLOCK) - 2"),
        ("down, not to the nearest", "np.rint(steps)", "np.floor(steps)"),
        ("the width of other numbers", "WIDTH = 0.9957", "WIDTH = 0.6"),
        ("the zeros of the last block count", " / sizes)", " / BLOCK)"),
        ("the widths are lost", ", s.view(np.uint8)]", ", 0 * s.view(np.uint8)]"),
    ),
}


@pytest.mark.parametrize(
    ("page", "bug"),
    [(page, bug) for page, bugs in BUGS.items() for bug in bugs],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_planted_bug_is_found(page, bug):
    _, right, wrong = bug
    source = inspect.getsource(page)
    assert source.count(right) == 1
    broken = types.ModuleType(page.__name__)
    broken.__package__ = page.__package__
    exec(compile(source.replace(right, wrong), "a bug", "exec"), broken.__dict__)
    with pytest.raises((AssertionError, AgreedError, ValueError)):
        all_checks(CHECKS[page], broken)


def all_checks(checks, page):
    for check in checks:
        check(page)


# -- whole steps -----------------------------------------------------------------------------


def steps(processes, config, count, saved=None):
    """A run in memory after `count` steps, perhaps from a checkpoint on."""
    state = RunState(config, DATA, PlainIds(31), 1, processes=processes)
    if saved is not None:
        state.restore(saved)
    while state.step < count:
        state.one_step()
    return state


@pytest.mark.parametrize("every", [1, 3])
def test_averaging_is_that_of_runs_that_trained_alone(every):
    """One round, without an outer momentum: the mean of the processes' own weights."""
    config = replace(TINY, local_steps=every, outer_lr=1.0, outer_momentum=0.0)
    alone = replace(config, local_steps=100)

    def weights(config):
        found = simulated(2, lambda ps: steps(ps, config, every).model.state_dict())
        return [{name: array.copy() for name, array in one.items()} for one in found]

    apart, (one, two) = weights(alone), weights(config)
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name])
        mean = (apart[0][name] + apart[1][name]) / 2
        np.testing.assert_allclose(array, mean, atol=1e-7)
        assert not np.array_equal(apart[0][name], apart[1][name]) or "router" in name


@pytest.mark.parametrize("bits", [32, 8, 2])
def test_a_run_goes_on_from_its_checkpoint_with_the_same_bits(bits):
    config = replace(TINY, difference_bits=bits)

    expected = simulated(2, lambda processes: steps(processes, config, 8).checkpoint())[0]
    saved = simulated(2, lambda processes: steps(processes, config, 4).checkpoint())[0]
    found = simulated(2, lambda processes: steps(processes, config, 8, saved).checkpoint())[0]
    assert {name for name in found.arrays if name.startswith("others/")}
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)
    three = simulated(3, lambda processes: steps(processes, config, 8, saved).checkpoint())[0]
    assert three.step == 8


def test_the_message_of_two_bits_is_a_fifteenth():
    def sent(bits):
        config = replace(TINY, difference_bits=bits)
        return simulated(2, lambda ps: steps(ps, config, 2).processes.sent["differences"])[0]

    assert 15 * sent(2) < 1.1 * sent(32)
    assert 3.5 * sent(8) < sent(32)


def test_one_process_takes_outer_steps_too(tmp_path):
    options = [*OPTIONS, "--local-steps", "4", "--outer-momentum", "0.5"]
    assert main(["train", *options, "--out", str(tmp_path / "run")]) == 0
    assert "local_steps" in (tmp_path / "run" / "report.md").read_text("utf-8")
