"""The answers of the tasks are those that a slow reader of each window finds."""

import numpy as np
import pytest

from flashlm_np.data import known_answers as ka

RNG = np.random.default_rng
DISTANCES = [9, 9, 20, 33, 8, 51]
every_task = pytest.mark.parametrize("task", ka.TASKS)


def drawn(task, T=64, distances=DISTANCES, seed=0):
    return ka.TASKS[task](RNG(seed), T, distances)


def read(task, ids, t):
    """The answer after the tokens ids[: t + 1], and the distance to what it needs."""
    ids = ids[: t + 1].tolist()
    if task == "name":
        place = ids.index(ka.NAME) + 1
        return ids[place], t - place
    if task == "key":
        assert ids[-2] == ka.ASK
        place = ids.index(ids[-1]) + 1
        return ids[place], t - place
    if task == "copy":
        start = next(i for i, token in enumerate(ids) if ka.WORDS <= token < ka.KEYS)
        place = start + t - ids.index(ka.COPY)
        return ids[place], t - place
    since = ids[ids.index(ka.START) + 1 :]
    return ka.WORDS + sum(token - ka.WORDS for token in since) % 3, len(since)


@every_task
@pytest.mark.parametrize("seed", range(5))
def test_each_answer_is_the_one_that_a_reader_finds(task, seed):
    questions = drawn(task, seed=seed)
    assert questions.ids.shape == questions.targets.shape == (6, 64)
    assert questions.ids.min() >= 0
    assert questions.ids.max() < ka.TOKENS
    asked = [divmod(int(p), 64) for p in questions.positions]
    found = [read(task, questions.ids[row], t) for row, t in asked]
    assert [answer for answer, _ in found] == questions.answers.tolist()
    assert [distance for _, distance in found] == questions.distances.tolist()
    last = {row: d for (row, _), d in zip(asked, questions.distances.tolist(), strict=True)}
    assert [last[row] for row in range(6)] == DISTANCES


@every_task
def test_a_window_asks_as_often_as_its_task_says(task):
    per_window = {"name": 1, "key": 1, "copy": ka.SPAN, "count": None}[task]
    questions = drawn(task)
    expected = sum(DISTANCES) if per_window is None else 6 * per_window
    assert len(questions.positions) == len(questions.distances) == expected
    ids, targets, positions = questions.batch
    np.testing.assert_array_equal(targets.reshape(-1)[positions], questions.answers)
    assert ids is questions.ids


@every_task
def test_the_answer_cannot_be_known_without_what_is_asked(task):
    """All answers are about equally frequent, so a guess is right as often as CHANCE says."""
    answers = drawn(task, T=32, distances=[12] * 2000).answers
    counts = np.bincount(answers)[ka.WORDS :]
    assert len(counts) == round(1 / ka.CHANCE[task])
    shares = counts / counts.sum()
    assert np.abs(shares - ka.CHANCE[task]).max() < 0.25 * ka.CHANCE[task]


def test_the_keys_of_a_window_are_different_and_their_words_are_not_the_answer():
    questions = drawn("key", T=100, distances=[50] * 40)
    for row, answer in zip(questions.ids, questions.answers, strict=True):
        keys = row[:-2][(row[:-2] >= ka.KEYS) & (row[:-2] < ka.NOISE)]
        words = row[(row >= ka.WORDS) & (row < ka.KEYS)]
        assert len(keys) == len(set(keys.tolist())) == len(words) == ka.PAIRS
        assert answer in words
        assert row[-1] in keys
    assert any(len(set(row[row < ka.KEYS].tolist())) > 3 for row in questions.ids)


@every_task
def test_the_same_seed_draws_the_same(task):
    one, same, other = drawn(task), drawn(task), drawn(task, seed=1)
    np.testing.assert_array_equal(one.ids, same.ids)
    assert (one.ids != other.ids).any()


@every_task
@pytest.mark.parametrize("distance", [0, 63, 1000])
def test_a_distance_that_does_not_fit_is_refused(task, distance):
    if (task, distance) == ("count", 63):  # START may be the first token
        assert drawn(task, distances=[63]).distances.tolist() == list(range(1, 64))
        return
    with pytest.raises(ValueError, match=rf"the distances are \[{distance}\], expected \d"):
        drawn(task, distances=[distance])
    with pytest.raises(ValueError, match=r"the distances are \[\], expected"):
        drawn(task, distances=[])
