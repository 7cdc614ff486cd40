"""The lines of a run: evaluations, samples, and the time that is left."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from flashlm_np.data.dataset import DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.evaluation.evaluate import Evaluation
from flashlm_np.model.presets import V3
from flashlm_np.progress import about
from flashlm_np.runs import run_progress, trainer
from flashlm_np.runs.run_progress import (
    RunProgress,
    evaluation_is_due,
    evaluations_left,
    tokens_left,
)

CONFIG = replace(tiny.CONFIG, steps=9, eval_every=8)


def trained(out: Path, **changes):
    config = replace(CONFIG, **changes)
    out.mkdir()
    run = trainer.Trainer(config, *load_dataset(DataSource(), **config.data_options()), out)
    run.run()
    return run


def test_each_evaluation_is_followed_by_a_text_of_the_model(tmp_path, capsys):
    run = trained(tmp_path / "run")
    lines = capsys.readouterr().out.splitlines()
    found = [re.match(r"step (\d+): validation", line) for line in lines]
    steps = [int(match[1]) for match in found if match]
    assert steps == [1, 2, 8, 9]
    texts = [line for line in lines if line.startswith("  writes: ")]
    assert len(texts) == len(steps)
    assert texts[-1] == f"  writes: {run._sample()}"  # the same draws each time
    assert len(texts[-1]) > 30
    assert any(re.fullmatch(r"3 more steps: about \d+ seconds?", line) for line in lines)


def test_samples_change_no_bit_of_the_run(tmp_path, monkeypatch):
    with_samples = trained(tmp_path / "with")
    monkeypatch.setattr(trainer.Trainer, "_sample", lambda self: "")
    without = trained(tmp_path / "without")
    assert with_samples.rng.bit_generator.state == without.rng.bit_generator.state
    pairs = zip(with_samples.model.parameters(), without.model.parameters(), strict=True)
    assert all(np.array_equal(a.data, b.data) for a, b in pairs)


def test_a_sample_of_a_model_that_diverged_says_so(tmp_path):
    run = trained(tmp_path / "run", steps=1)
    run.model.embedding.weight.data[...] = np.nan
    assert run._sample().startswith("(nothing; ")


def test_a_sample_is_one_line_without_control_characters():
    class Generator:
        def sample(self, _tokens):
            return "one\n\ntwo \x1b[31m three\t"

    assert (
        run_progress.sample_line(Generator()) == "one two \N{REPLACEMENT CHARACTER}[31m three"
    )


@pytest.mark.parametrize("every", [1, 2, 3, 4, 7, 8, 9, 40, 100])
@pytest.mark.parametrize("steps", [1, 2, 9, 25])
def test_what_is_left_is_counted_as_the_run_counts_it(steps, every):
    config = replace(tiny.CONFIG, steps=steps, eval_every=every)
    for step in range(1, steps + 1):
        later = range(step + 1, steps + 1)
        assert evaluations_left(config, step) == sum(
            evaluation_is_due(config, s) for s in later
        )
        assert tokens_left(config, step) == sum(config.phase(s).tokens for s in later)


def test_the_tokens_of_a_billion_steps_are_counted_at_once():
    config = replace(V3, steps=10**9)
    assert tokens_left(config, 10**6) == (10**9 - 10**6) * config.phase(10**6).tokens


def test_the_time_left_counts_the_evaluations(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(run_progress.time, "perf_counter", lambda: now[0])
    config = replace(tiny.CONFIG, steps=60, eval_every=20)  # at 1, 5, 20, 40 and 60
    shown = RunProgress(config, 0, (0, 0.0), None, lambda: "a text")
    evaluation = Evaluation(5.0, 0.1, 6.0, 0.1, 2.0, 300)
    for step in range(1, 7):
        now[0] += 2 + 10 * (step in (1, 5))  # 2 seconds of training, 10 of an evaluation
        due = evaluation if evaluation_is_due(config, step) else None
        tokens = sum(config.phase(s).tokens for s in range(1, step + 1))
        shown.show(step, (tokens, 2.0 * step), 4.0, due)
    shown.close()
    printed = capsys.readouterr().out
    assert "step 5: validation 5.0000 ± 0.1000 nats per token\n  writes: a text\n" in printed
    # The steps after the first have 72 tokens and then 64 in 2 s; 54 with 64 are left.
    assert about(54 * 64 / ((96 + 4 * 64) / 10) + 3 * 10) in printed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "about 1 second"),
        (1.4, "about 1 second"),
        (42.3, "about 42 seconds"),
        (100, "about 2 minutes"),
        (3000, "about 50 minutes"),
        (9000, "about 2.5 hours"),
        (36000, "about 10 hours"),
    ],
)
def test_a_duration_is_said_in_words(seconds, text):
    assert about(seconds) == text
