"""benchmarks/heads.py on a tiny model: runs go on, share their work, and are read right."""

import math
from dataclasses import replace

import numpy as np
import pytest
from prepared_stories import prepared_stories, with_tables

from benchmarks.heads_trial.contenders import BASE, CONTENDERS, TINY, trial_of
from benchmarks.heads_trial.plan import CHOICE_SEED, Plan
from benchmarks.heads_trial.report import report
from benchmarks.trial import tasks
from benchmarks.trial.curves import Curves, all_curves
from benchmarks.trial.equal_time import Pace, positions_pace, seconds_pace
from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.plots import draw
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task, marks
from benchmarks.trial.timing import time_steps
from benchmarks.trial.training import InUse, exclusive, train_and_judge
from flashlm_np.errors import UserError
from flashlm_np.model.phase import V3_PHASES

TRIAL = trial_of(TINY)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_stories(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def shared(data, tmp_path_factory):
    return Laboratory.open(TRIAL, data, tmp_path_factory.mktemp("shared"), threads=1)


@pytest.fixture
def laboratory(shared, tmp_path):
    return replace(shared, work=with_tables(shared, tmp_path))


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results.jsonl")


def losses(results, kind="loss", **wanted):
    return {line["step"]: line["loss"] for line in results.lines(kind, **wanted)}


# -- equal time ------------------------------------------------------------------------------


def test_steps_and_seconds_are_inverse_across_phases():
    pace = Pace([(1, 10, 2.0), (11, math.inf, 0.5)])
    assert [pace.total(step) for step in (1, 10, 12)] == [2.0, 20.0, 21.0]
    assert [pace.steps_in(seconds) for seconds in (2.0, 20.0, 21.0)] == [1, 10, 12]


def test_positions_of_v3s_phases_are_a_quarter_of_its_tokens():
    trial = trial_of(replace(BASE, phases=V3_PHASES))
    assert positions_pace(trial, "v3").total(1000) == 999 * 256 + 512
    assert positions_pace(trial, "exact").total(1000) == 999 * 1024 + 2048


def test_measured_seconds_replace_the_guess(results):
    trial = trial_of(BASE)
    assert seconds_pace(results, trial, "v3").total(1) == 0.55
    results.add("time", contender="v3", phase="128:4:4", seconds=0.4)
    results.add("time", contender="v3", phase="128:4:4", seconds=0.3)  # the last one counts
    assert seconds_pace(results, trial, "v3").total(2) == 0.6


def test_marks_are_two_for_each_doubling_and_the_end():
    assert marks(200) == [64, 91, 128, 181, 200]
    assert marks(10) == [10]


# -- runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exact", "two_level_meaning", "sampled"])
def test_a_run_that_goes_on_is_the_run_without_interruption(
    name, laboratory, results, tmp_path, monkeypatch
):
    monkeypatch.setattr(tasks, "FIRST_MARK", 3)
    other = replace(laboratory, work=with_tables(laboratory, tmp_path / "other"))
    for end in (2, 5):
        train_and_judge(laboratory, results, Task(Run(name, 1, 3.0), end))
    whole = Results(tmp_path / "whole.jsonl")
    train_and_judge(other, whole, Task(Run(name, 1, 3.0), 5))
    assert losses(results) == {2: pytest.approx(losses(results)[2])} | losses(whole)


def test_a_measured_mark_is_not_measured_again(laboratory, results):
    for _ in range(2):
        train_and_judge(laboratory, results, Task(Run("v3", 1), 2))
    assert len(results.lines("loss")) == 1


def test_a_run_is_trained_by_one_process(laboratory, results):
    task = Task(Run("v3", 1), 2)
    folder = task.run.folder(laboratory.work, TRIAL, laboratory.dataset.fingerprint, 2)
    with exclusive(folder), pytest.raises(InUse):
        train_and_judge(laboratory, results, task)
    assert not results.lines("loss")


def test_a_factor_moves_the_rate_of_the_table_and_not_of_the_convolutions():
    plain, fast = (CONTENDERS["two_level"].config(BASE, factor=factor) for factor in (1, 10))
    assert fast.adamw_lr == pytest.approx(10 * plain.adamw_lr)
    rates = [c.adamw_lr * c.conv_lr_ratio for c in (plain, fast)]
    assert rates[0] == pytest.approx(rates[1])
    assert fast.normuon_lr == plain.normuon_lr


def test_contenders_differ_from_v3_in_the_head_and_its_loss_alone():
    allowed = {"head", "class_order", "tree", "classes", "cutoffs", "candidates"}
    allowed |= {"position_share", "label_smoothing", "z_loss"}
    v3 = vars(CONTENDERS["v3"].config(BASE))
    for name, contender in CONTENDERS.items():
        config = vars(contender.config(BASE))
        assert {key for key in v3 if config[key] != v3[key]} <= allowed, name


@pytest.mark.parametrize("name", CONTENDERS)
def test_each_contender_starts_near_or_below_the_uniform_loss(name, laboratory):
    state = laboratory.state(name, TRIAL.config(name))
    state.one_step()
    loss = laboratory.losses(name, state, laboratory.for_choices).mean()
    assert loss < math.log(TINY.vocab_size) + 0.3


# -- the plan --------------------------------------------------------------------------------


def test_a_plan_chooses_the_rate_with_the_lowest_loss_on_other_tokens(laboratory, results):
    for factor, loss in ((1.0, 5.0), (3.0, 4.0), (10.0, math.nan)):  # NaN: it diverged
        entries = Run("v3", CHOICE_SEED, factor).entries(TRIAL)
        results.add("rate", **entries, step=2, loss=loss)
    Plan(["v3"], [1e-3], [1], [1.0, 3.0, 10.0]).carry_out(laboratory, results)
    assert {line["factor"] for line in results.lines("loss")} == {3.0}
    assert len(laboratory.reported) == TINY.eval_tokens + 1
    assert laboratory.reported[-1] == laboratory.for_choices[0]  # it is not scored


def test_a_plan_does_short_times_first_and_extends_their_runs(laboratory, results):
    Plan(["v3", "exact"], [2e-3, 1e-3], [1, 2], [1.0], slack=1).carry_out(laboratory, results)
    order = [(line["contender"], line["seed"], line["step"]) for line in results.lines("loss")]
    runs = [("v3", 1), ("exact", 1), ("v3", 2), ("exact", 2)]
    ends = {"v3": (2, 4), "exact": (1, 2)}
    assert order == [(*run, ends[run[0]][i]) for i in (0, 1) for run in runs]


# -- results and report ----------------------------------------------------------------------


def test_a_line_that_a_kill_left_incomplete_is_ignored(results):
    results.add("loss", step=1, loss=1.0)
    with open(results.path, "a", encoding="utf-8") as file:
        file.write('{"kind": "loss", "st')
    results.add("loss", step=2, loss=math.nan)
    assert losses(results) == {1: 1.0, 2: None}


def test_results_of_other_data_are_refused(laboratory, results):
    laboratory.describe(results)
    laboratory.describe(results)
    assert len(results.lines("data")) == 1
    with pytest.raises(UserError, match="holds results on other data"):
        results.expect_data(name="other", fingerprint="0", train=1, tokens=512)


def curves_of(runs):
    pace = Pace([(1, math.inf, 2.0)])
    arrays = {seed: tuple(map(np.array, run)) for seed, run in runs.items()}
    return Curves("exact", CONTENDERS["exact"], 1.0, arrays, pace, Pace([(1, math.inf, 100)]))


def test_curves_are_read_on_a_line_over_the_logarithm_of_steps():
    curves = curves_of(
        {1: ([10, 40], [6.0, 4.0], [0.1, 0.1]), 2: ([10, 20], [7.0, 6.0], [1, 1])}
    )
    assert curves.after_seconds(40) == pytest.approx([5.0, 6.0])
    assert curves.after_positions(4000) == pytest.approx([4.0])  # seed 2 ended before
    assert curves.after_seconds(2) == []
    assert curves.seconds_to(5.0) == pytest.approx(40.0)
    assert curves.seconds_to(3.9) == math.inf


def test_the_report_has_a_row_for_each_head_and_two_plots(laboratory, results, tmp_path):
    laboratory.describe(results)
    names = ["v3", "sampled"]
    time_steps(laboratory, results, names, minutes=1e-3, steps=1)
    for name in names:
        for step, loss in ((64, 6.0), (1000, 5.0)):
            entries = Run(name, 1, 3.0).entries(TRIAL)
            results.add("loss", **entries, step=step, positions=1, loss=loss, error=0.1)
    text = report(results, TRIAL, [1e-6, 100])
    for name in names:
        assert text.count(f"| {CONTENDERS[name].label} |") == 4  # times, losses, parts, answers
    assert "trigram" in text
    for path in draw(results, all_curves(results, TRIAL), tmp_path, "heads", "title"):
        assert path.stat().st_size > 10_000
