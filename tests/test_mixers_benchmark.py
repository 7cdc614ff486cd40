"""benchmarks/mixers.py on a tiny model: equal sizes, equal trials, and its measurements."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import pytest
from prepared_stories import prepared_stories

from benchmarks import mixers
from benchmarks.mixers_trial import costs, mentions, recall, sees
from benchmarks.mixers_trial.contenders import (
    BASES,
    HEADS,
    MIXERS,
    STORIES,
    TEXTS,
    TINY,
    equal_width,
    mixer_of,
    trial_of,
    variant,
)
from benchmarks.mixers_trial.plan import Plan
from benchmarks.mixers_trial.report import mentions_table, recall_means, report
from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from benchmarks.trial.training import train_and_judge
from flashlm_np.data.known_answers import SPAN, TASKS
from flashlm_np.data.story_ids import validation_stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.inference.streaming import Stream
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.phase import Phase
from flashlm_np.model.shapes import matrix_shapes, mixer_shapes

TRIAL = trial_of(TINY, (1.0, 2.0))
PLAN = Plan(list(MIXERS), [0.001], [1, 2], [1.0, 2.0], [1.0, 3.0], choice_minutes=0.0005)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results.jsonl")


# -- the contenders --------------------------------------------------------------------------


@pytest.mark.parametrize("base", [STORIES, TEXTS])
def test_the_mixers_have_equal_weights(base):
    assert equal_width(base) == 160
    for name, contender in trial_of(base).contenders.items():
        shapes = matrix_shapes(config := contender.config(base)) | mixer_shapes(config)
        of_mixer = [prod(s) for n, s in shapes.items() if "token_mixer" in n]
        assert sum(of_mixer) == 163_840, name


@pytest.mark.parametrize("base", BASES.values())
def test_the_mixers_differ_in_the_mixer_and_its_rates_only(base):
    fields = {"mixer", "mixer_width", "attention_heads", "gru_gate", "seed"}
    fields |= {"normuon_lr", "conv_lr_ratio"}
    for name, contender in trial_of(base).contenders.items():
        config = contender.config(base, seed=base.seed)
        differing = {n for n, v in vars(config).items() if v != getattr(base, n)}
        assert differing <= fields
        assert config.inner_width % (2 * HEADS) == 0 or mixer_of(name) == "convs"


def test_a_rate_moves_matrices_and_convolutions_and_a_factor_the_table():
    one, twice = (TRIAL.config(variant("convs", rate)) for rate in (1.0, 2.0))
    assert twice.normuon_lr == 2 * one.normuon_lr
    assert twice.conv_lr_ratio == 2 * one.conv_lr_ratio
    faster = TRIAL.config(variant("convs", 1.0), factor=3.0)
    assert faster.adamw_lr == pytest.approx(3 * one.adamw_lr)
    assert faster.normuon_lr == one.normuon_lr


# -- the plan --------------------------------------------------------------------------------


def test_each_mixer_has_equally_many_trials_and_the_best_one_runs(results):
    choices = list(PLAN.tasks(TRIAL, results))
    assert all(task.kind == "rate" and task.run.seed == 0 for task in choices)
    for mixer in MIXERS:
        assert sum(mixer_of(t.run.contender) == mixer for t in choices) == 4
    best = (variant("attention", 2.0), 3.0)
    for task in choices:
        name, factor = task.run.contender, task.run.factor
        if mixer_of(name) == "attention":
            loss = 1.0 if (name, factor) == best else 2.0
            results.add("rate", **task.run.entries(TRIAL), step=task.end, loss=loss)
    assert PLAN.chosen(TRIAL, results, "attention") == best
    assert PLAN.chosen(TRIAL, results, "mlgru") is None
    runs = [t for t in PLAN.tasks(TRIAL, results) if t.kind == "loss"]
    assert [(t.run.contender, t.run.factor) for t in runs] == [best] * 2
    assert [t.run.seed for t in runs] == [1, 2]


def test_a_mixer_that_always_diverged_does_not_run(results):
    for task in PLAN.tasks(TRIAL, results):
        results.add("rate", **task.run.entries(TRIAL), step=1, loss=float("nan"))
    assert PLAN.chosen(TRIAL, results, "convs") is None
    assert not [*PLAN.tasks(TRIAL, results)]


# -- sight, recall, costs --------------------------------------------------------------------


def test_a_run_is_trained_and_its_sight_is_measured(results, tmp_path, monkeypatch):
    data = prepared_stories(tmp_path)
    monkeypatch.setattr(sees, "TEXTS", 6)
    plan = replace(PLAN, mixers=["mlgru"], rates=[1.0], factors=[1.0], seeds=[1])
    laboratory = Laboratory.open(TRIAL, data, tmp_path / "work", threads=1)
    while tasks := [t for t in plan.tasks(TRIAL, results) if not t.is_done(TRIAL, results)]:
        train_and_judge(laboratory, results, replace(tasks[0], end=2))
        if tasks[0].kind == "loss":
            break
    sees.measure_sight(laboratory, results, plan)
    sees.measure_sight(laboratory, results, plan)  # is done
    (line,) = results.lines("sees")
    assert (line["contender"], line["step"]) == ("mlgru@1", 2)
    assert len(line["influence"]) == 32
    assert min(line["influence"]) > 0
    mentions.measure_mentions(laboratory, results, plan)
    (line,) = results.lines("mentions")
    assert sum(count for _, count in line["groups"].values()) > 5
    assert all(nats > 1 for nats, _ in line["groups"].values())  # after two steps
    table = mentions_table(results)
    assert table.startswith("| nats per mention | up to 8 back")


def test_a_mention_has_the_nats_of_its_tokens_and_the_distance_to_the_same_words():
    tokenizer = Tokenizer.embedded()
    tokens, _ = validation_stories(2000, tokenizer)
    ends = np.flatnonzero(tokens == tokenizer.end_of_text)
    ids = tokens[ends[0] + 1 : ends[1]]
    pieces = [tokenizer.tokens[i] for i in ids]
    found = mentions.of_story(pieces, np.arange(len(ids) + 1.0))  # a token's loss is its place
    names = [i for i, piece in enumerate(pieces) if piece.strip() == hero_of(pieces)]
    assert len(names) > 2
    expected = [(second - first, second) for first, second in pairwise(names)]
    assert set(expected) <= set(found)


def hero_of(pieces):
    """The name of the story's hero: the capitalized word that stands most often inside."""
    words = Counter(p.strip() for p in pieces if p.startswith(b" ") and p[1:2].isupper())
    return words.most_common(1)[0][0]


def test_mentions_are_grouped_by_distance():
    groups = mentions.grouped([(3, 1.0), (8, 3.0), (9, 5.0), (500, 7.0)])
    assert groups == {"8": [2.0, 2], "16": [5.0, 1], "10000": [7.0, 1]}


def test_the_mean_influence_is_that_of_all_windows():
    model = FlashLM(replace(TINY, mixer="mlgru"), np.random.default_rng(0))
    tokens = np.random.default_rng(1).integers(0, 2000, 300)
    one = [sees.mean_influence(model, tokens[s : s + 21], 20, texts=1) for s in (0, 139, 279)]
    together = sees.mean_influence(model, tokens, 20, texts=3)
    np.testing.assert_allclose(together, np.mean(one, axis=0), rtol=1e-4)


def test_the_steps_of_recall_take_the_tasks_in_turn_at_all_distances():
    rng, phase = np.random.default_rng(0), Phase(1, 64, 32)
    last = {task: [] for task in TASKS}
    for step in range(40):
        questions = recall.drawn(rng, step, phase)
        assert questions.ids.shape == (32, 64)
        task = list(TASKS)[step % 4]
        rows = questions.positions // 64
        last[task] += [questions.distances[rows == row].max() for row in range(32)]
    for distances in last.values():
        assert (min(distances), max(distances)) == (SPAN, 48)
        assert 0.4 < np.mean(np.array(distances) < np.sqrt(SPAN * 48)) < 0.6


def test_recall_is_measured_once_and_the_best_rate_has_the_other_seeds(results, monkeypatch):
    monkeypatch.setattr(recall, "DISTANCES", (8,))
    monkeypatch.setattr(recall, "TOKENS_PER_STEP", 64)
    names = [variant("mlgru", rate) for rate in (1.0, 2.0)]
    shared = TRIAL, results, names, [32], 2, [5]
    recall.measure_recall(*shared, threads=1)
    lines = results.lines("recall")
    recall.measure_recall(*shared, threads=1)
    assert len(results.lines("recall")) == len(lines) == 3
    best = recall.best_of(results, names, length=32, steps=2)
    assert (lines[2]["contender"], lines[2]["seed"]) == (best, 5)
    assert recall_means(results).keys() == {("mlgru", 32, task) for task in TASKS}
    assert lines[0]["right"].keys() == set(TASKS)


def test_the_costs_are_those_of_a_state_that_has_read_so_much():
    for mixer, nbytes in [("mlgru", [160] * 2), ("attention", [64 * 320, 300 * 320])]:
        model = FlashLM(TRIAL.config(variant(mixer, 1.0)), np.random.default_rng(0))
        found = list(costs.after_tokens(Stream(model), 2000, [30, 300]))
        assert [line["bytes"] for line in found] == nbytes
        assert [line["tokens"] for line in found] == [30, 300]
        assert all(line["seconds"] > 0 for line in found)


# -- the command -----------------------------------------------------------------------------


def test_the_report_of_a_file_has_tables_and_pictures(results, tmp_path, capsys):
    about = {"steps": 2, "length": 32}
    right = {task: {"8": [0.5, 10], "16": [0.25, 10]} for task in TASKS}
    for seed in (0, 1):
        results.add("recall", contender="attention@1", seed=seed, **about, right=right)
    results.add("stream", contender="mlgru@1", tokens=100, bytes=640, seconds=0.002)
    results.add("sees", contender="convs@1", influence=[1.0, 0.0, 0.25])
    options = ["--size", "tiny", "--results", str(results.path), "--report"]
    mixers.main([*options, "--plots", str(tmp_path / "plots")])
    printed = capsys.readouterr().out
    assert "| attention | 32 | name (guess 6%) | 50% | 25% |" in printed
    assert "| MLGRU, the code's gate | 0.6 kB, 2.00 ms |" in printed
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    assert drawn == {"mixers_recall.png", "mixers_sight.png"}


def test_a_report_without_measurements_says_so(results):
    assert report(results, TRIAL, PLAN) == "Nothing has been measured yet."


def test_the_other_parts_need_data(capsys):
    with pytest.raises(SystemExit):
        mixers.main(["--size", "tiny", "--recall", "--train"])
    assert "give --data" in capsys.readouterr().err


def test_the_command_measures_what_needs_no_data(results, monkeypatch):
    monkeypatch.setattr(recall, "DISTANCES", (8,))
    options = ["--size", "tiny", "--mixers", "mlgru", "--rates", "1", "--seeds", "1"]
    options += ["--recall", "--costs", "--lengths", "32", "--recall-steps", "1"]
    options += ["--text-lengths", "20", "--threads", "1"]
    mixers.main([*options, "--results", str(results.path)])
    kinds = [len(results.lines(kind)) for kind in ("recall", "stream", "time")]
    assert kinds == [2, 1, 0]
