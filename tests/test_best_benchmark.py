"""benchmarks/best.py on a tiny model: minutes mean the same on each machine."""

from dataclasses import fields

import pytest
from prepared_stories import prepared_stories

from benchmarks import best
from benchmarks.best_trial.contenders import BASES, OF_ALL, TINY, trial_of
from benchmarks.best_trial.minutes import minutes_here, steps_in, tasks
from benchmarks.trial.equal_time import size
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from flashlm_np.errors import UserError
from flashlm_np.model.presets import BEST, V3

TRIAL = trial_of(TINY)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results.jsonl")


def timed(results, name, seconds, evaluation):
    phase = size(TRIAL.config(name).phases[1 if name == "v3" else 0])
    results.add("time", contender=name, phase=phase, seconds=seconds, work=TRIAL.work[name])
    results.add("evaluation", contender=name, seconds=evaluation)


def test_the_contenders_are_the_preset_and_the_published_v3():
    trial = trial_of(BASES["best"])
    v3, own = trial.config("v3", seed=7), trial.config("best", seed=7)
    for found, preset in ((v3, V3), (own, BEST)):
        other = {
            f.name for f in fields(preset) if getattr(found, f.name) != getattr(preset, f.name)
        }
        assert other <= OF_ALL
    assert v3.embedding == own.embedding == "corpus"
    assert trial.config("prior").prior == "trigram"


def test_a_slower_machine_has_longer_minutes_and_as_many_steps(tmp_path):
    found = []
    for number, slower in enumerate((1, 2)):
        results = Results(tmp_path / f"{number}.jsonl")
        timed(results, "v3", 0.45 * slower, 1.0)
        timed(results, "convs", 0.2 * slower, 3.0 * slower)
        assert minutes_here(results, 10) == pytest.approx(10 * slower)
        found.append(steps_in(results, TRIAL, "convs", 10))
    # 3,000 steps less three evaluations and the last one, of 15 steps each
    assert TRIAL.config("convs").eval_every == 1000
    assert found == [2940, 2940]


def test_a_contender_may_be_timed_later_on_another_machine(results):
    timed(results, "v3", 0.45, 1.0)
    timed(results, "convs", 0.2, 3.0)
    phases = {
        "phase": size(TINY.phases[0]),
        "beside_phase": size(TRIAL.config("convs").phases[0]),
    }
    about = phases | {"work": TRIAL.work["prior"]}
    results.add("time", contender="prior", seconds=0.44, beside=0.4, **about)
    results.add("evaluation", contender="prior", seconds=8.0, beside=6.0)
    # Steps of 0.22 s in 600 s, less three evaluations of 4 s
    assert steps_in(results, TRIAL, "prior", 10) == 588 / 0.22 // 1


def test_a_run_that_is_not_timed_is_not_trained(results):
    timed(results, "convs", 0.2, 1.0)
    with pytest.raises(UserError, match="need the seconds of a step of v3; measure them"):
        list(tasks(TRIAL, results, ["convs"], [1], [1]))


def test_a_run_with_a_curve_is_judged_on_the_way():
    steps = Task(Run("best", 1, minutes=1.0), 100, curve=True).judgements
    assert steps == [(64, "curve"), (91, "curve"), (100, "curve"), (100, "loss")]
    assert Task(Run("best", 1, minutes=1.0), 100).judgements == [(100, "loss")]


def test_the_command_times_trains_and_reports(tmp_path, capsys):
    data = prepared_stories(tmp_path)
    file = tmp_path / "results.jsonl"
    common = ["--size", "tiny", "--data", data, "--results", file, "--work", tmp_path / "work"]
    common += ["--minutes", "0.02", "--plotted", "0.02", "--plots", tmp_path / "plots"]
    common += ["--runs", "best", "prior", "--seeds", "1", "--steps", "1", "--threads", "1"]
    best.main(list(map(str, common)))
    text = capsys.readouterr().out
    assert "| best, with a trigram |" in text
    assert (tmp_path / "plots" / "best.png").stat().st_size > 10_000
    lines = Results(file).lines
    assert [len(lines(kind)) for kind in ("data", "counted", "loss", "evaluation")] == [
        1,
        1,
        2,
        3,
    ]
    (own,) = lines("loss", contender="best")
    assert own["minutes"] == 0.02
    assert len(own["blocks"]) == TINY.eval_tokens // 128
    before = file.read_text()
    best.main(list(map(str, common)))  # there is nothing to do
    assert file.read_text() == before
    best.main([*map(str, common), "--time", "--runs", "full"])
    assert file.read_text().startswith(before)
    assert len(lines("time", contender="full")) == len(lines("time", contender="best")) == 1
