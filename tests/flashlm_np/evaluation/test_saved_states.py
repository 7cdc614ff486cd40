"""Rounded weights are named; a resumed run differs where a part of its state is missing."""

import numpy as np
import pytest
from tiny import optimizers_and_step, small_model

from flashlm_np.evaluation.saved_states import already_ternary, resumed
from minigrad.ops.ternary import SCALES, ternarize

IDS = np.random.default_rng(0).integers(0, 31, (12, 2, 25))


@pytest.mark.parametrize("scale", SCALES)
def test_rounded_weights_are_named(scale):
    w = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32)
    T, s = ternarize(w, threshold=0.5, scale=scale)
    weights = {"learned": w, "rounded": T * np.float32(s), "gain": np.ones(20)}
    assert already_ternary(weights) == ["rounded"]


def test_a_second_rounding_shrinks_by_the_density():
    w = np.random.default_rng(0).standard_normal((300, 300))
    T, s = ternarize(w, threshold=0.5, scale="mean")
    _, again = ternarize(s * T, threshold=0.5, scale="mean")
    assert again / s == pytest.approx(np.abs(T).mean())
    assert again / s == pytest.approx(0.69, abs=0.005)  # normal weights


class Run:
    """A model, its optimizers and the number of its steps, with a batch for each step."""

    def __init__(self):
        self.model, config = small_model()
        self.optimizers, self.take = optimizers_and_step(self.model, config)
        self.steps = 0

    def step(self):
        self.steps += 1
        windows = IDS[self.steps]
        return self.take(self.steps, [(windows[:, :-1], windows[:, 1:], None)]).loss

    def save(self):
        return self.model.state_dict(), self.optimizers.state_dict(), self.steps

    def load(self, state):
        self.model.load_state_dict(state[0])
        self.optimizers.load_state_dict(state[1], state[2])
        self.steps = state[2]

    def load_weights_only(self, state):
        self.model.load_state_dict(state[0])
        self.steps = state[2]


def test_a_whole_state_resumes_exactly():
    found = resumed(Run, Run.step, Run.save, Run.load)
    assert len(found.straight) == 5
    assert found.straight == found.resumed
    assert found.difference == 0


def test_missing_optimizer_state_shows():
    found = resumed(Run, Run.step, Run.save, Run.load_weights_only)
    assert found.straight[0] == found.resumed[0]  # the first loss is before any update
    assert found.difference > 1e-3
