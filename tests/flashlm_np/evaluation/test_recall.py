"""The accuracy of readers whose reach is known, and of a model that learns a task."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import CONFIG, small_model

from flashlm_np.data import known_answers as ka
from flashlm_np.evaluation.recall import Accuracy, accuracy_by_distance, is_right
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.phase import Phase
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import Tensor


class Reader:
    """Names the last word before each position, if it is at most `reach` tokens back."""

    def __init__(self, reach):
        self.reach = reach

    def __call__(self, ids):
        logits = np.zeros((*ids.shape, ka.TOKENS))
        for b, t in np.ndindex(ids.shape):
            seen = ids[b, max(0, t - self.reach) : t + 1]
            words = seen[(seen >= ka.WORDS) & (seen < ka.KEYS)]
            logits[b, t, words[-1] if len(words) else ka.ASK] = 1.0
        return Tensor(logits)


def test_a_reader_is_right_as_far_as_it_sees():
    found = accuracy_by_distance(Reader(20), "name", [1, 8, 20, 21, 60], RNG(), questions=40)
    assert [a.right for a in found.values()] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert [*found] == [1, 8, 20, 21, 60]
    assert all(a.questions >= 40 for a in found.values())


def RNG():
    return np.random.default_rng(3)


def test_the_last_word_is_the_right_one_as_often_as_chance_says():
    """The last word answers `key` and `count` by chance, and `copy` at distance SPAN never."""
    for task, low, high in [("key", 0.0, 0.25), ("count", 0.2, 0.45)]:
        found = accuracy_by_distance(Reader(99), task, [40], RNG(), questions=400)[40]
        assert low < found.right < high
    assert str(Accuracy(0.5, 100)) == "50.0% ± 5.0%"


@pytest.mark.parametrize("task", ka.TASKS)
def test_only_the_questions_at_the_distance_are_counted(task):
    found = accuracy_by_distance(Reader(9), task, [16], RNG(), questions=10, length=40)[16]
    windows = 4096 // 40
    assert found.questions == windows * (ka.SPAN if task == "copy" else 1)


def test_the_likeliest_token_of_a_model_is_its_answer():
    model, _ = small_model(mixer="mlgru")
    model.embedding.weight.data[:] = np.random.default_rng(0).standard_normal((31, 16))
    ids = np.random.default_rng(1).integers(0, 31, (2, 9))
    answers = model(ids).data.argmax(axis=-1)
    targets = answers.copy()
    targets[0, 3] = (targets[0, 3] + 1) % 31
    questions = ka.Questions(ids, targets, np.array([3, 4, 17]), np.ones(3))
    assert is_right(model, questions).tolist() == [False, True, True]


def test_a_model_learns_to_recall_a_name():
    changes = {"mixer": "attention", "embedding_std": 0.3, "warmup_steps": 5, "steps": 1000}
    changes |= {"normuon_lr": 0.02, "adamw_lr": 0.02, "phases": (Phase(1, 12, 32),)}
    config = replace(CONFIG, vocab_size=ka.TOKENS, **changes)
    model, rng = FlashLM(config, np.random.default_rng(0)), RNG()
    optimizers, before = Optimizers(model, config), recalled(model)
    for step in range(1, 61):
        questions = ka.name(rng, 12, rng.integers(1, 9, 32))
        train_step(model, optimizers, step, [questions.batch])
    assert before < 0.2
    assert recalled(model) > 0.9


def recalled(model):
    return accuracy_by_distance(model, "name", [5], RNG(), questions=200, length=12)[5].right
