"""Resumed runs: their schedule, their best checkpoint, other machines, and refusals."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.model.presets import V3
from flashlm_np.runs import checkpoint
from flashlm_np.runs import machine as machine_page
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.saved_run import SavedRun
from flashlm_np.training.learning_rates import rate_factor


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    options = [*tiny.OPTIONS, "--decay-share", "0.5", "--threads", "1", "--out", str(out)]
    assert main(["train", *options]) == 0
    return out


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def resume(capsys, run, *more, code=0):
    """Go on with a run, and return what is printed on both streams."""
    assert main(["train", "--resume", str(run), *map(str, more)]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out + captured.err


# -- the schedule ----------------------------------------------------------------------------


def test_the_last_step_learns_and_the_next_one_would_not():
    config = replace(tiny.CONFIG, steps=6, warmup_steps=2, decay_share=0.5)
    factors = [rate_factor(config, step) for step in range(1, 8)]
    assert factors == [0.5, 1, 1, 0.75, 0.5, 0.25, 0]


def test_the_schedule_of_v3_is_the_published_one():
    factors = [rate_factor(V3, step) for step in (1, 200, 9000, 9500, 9999, 10_000)]
    assert factors == pytest.approx([0.005, 1, 1, 0.5, 0.001, 0])


def test_more_steps_follow_the_schedule_of_so_many_and_say_so(run, capsys):
    before = read_metrics(run / "metrics.csv")[-1]["lr_factor"]
    text = resume(capsys, run, "--steps", 10)
    rows = read_metrics(run / "metrics.csv")
    expected = [
        rate_factor(replace(tiny.CONFIG, steps=10, decay_share=0.5), step)
        for step in (7, 8, 9, 10)
    ]
    assert [row["lr_factor"] for row in rows[6:]] == expected
    assert before == 0.25
    assert (
        "The learning rates now follow the schedule of 10 steps: their factor was 0.25 at step "
        "6, and is 0.667 at step 7" in text
    )


def test_a_change_is_mentioned_also_where_it_comes_later(tmp_path, capsys):
    options = ["--steps", "3", "--decay-share", "0.1", "--out", str(tmp_path)]
    assert main(["train", *tiny.OPTIONS, *options, "--schedule-steps", "30"]) == 0
    text = resume(capsys, tmp_path, "--steps", 4, "--schedule-steps", 20)
    assert "the schedule of 20 steps: their factor was 1 at step 3, and is 1 at step 4" in text


def test_a_run_of_version_0_1_keeps_its_schedule(run, capsys):
    saved = checkpoint.load(run)
    del saved.state["machine"]  # version 0.1 did not know it
    checkpoint.save(run, saved, ["last"])
    text = resume(capsys, run, "--steps", 8)
    assert "their factor was 0 at step 6, and is 0.25 at step 7" in text
    assert [row["lr_factor"] for row in read_metrics(run / "metrics.csv")[6:]] == [0.25, 0]
    assert "learning rates are 0 after step 8;" in resume(capsys, run, "--steps", 9)


def test_an_unchanged_schedule_is_not_mentioned(tmp_path, capsys):
    options = ["--steps", "4", "--schedule-steps", "9", "--out", str(tmp_path)]
    assert main(["train", *tiny.OPTIONS, *options]) == 0
    assert "learning rates" not in resume(capsys, tmp_path, "--steps", 6)


def test_steps_after_the_end_of_the_schedule_are_announced(run, capsys, tmp_path):
    options = [*tiny.OPTIONS, "--schedule-steps", "4", "--out", str(tmp_path / "new")]
    assert main(["train", *options]) == 0
    expected = "The learning rates are 0 after step 4; --schedule-steps 0 lets them fall"
    assert expected in capsys.readouterr().out
    text = resume(capsys, tmp_path / "new", "--steps", 8, "--schedule-steps", 0)
    assert "rates are 0" not in text
    assert read_metrics(tmp_path / "new" / "metrics.csv")[-1]["lr_factor"] > 0


# -- what cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "0"], "--steps is 0, expected 1 "),
        (["--save-every", "0"], "--save-every is 0, expected 1 "),
        (["--eval-every", "-1"], "--eval-every is -1, expected 1 "),
        (["--steps", "5"], "has already taken 6 steps; --steps 5 is fewer"),
        (["--minutes", "1"], "leave out --minutes, or start a new run"),
    ],
)
def test_an_impossible_change_is_an_error_of_one_sentence(run, capsys, options, message):
    before = sorted(run.iterdir())
    assert message in resume(capsys, run, *options, code=1)
    assert sorted(run.iterdir()) == before


def test_a_finished_run_writes_its_report_again(run, capsys):
    last, report = (run / "last.json").read_bytes(), (run / "report.md").read_text("utf-8")
    (run / "report.md").unlink()
    text = resume(capsys, run, "--threads", 1)
    assert f"{run} has taken all of its 6 steps; --steps N goes on to step N" in text
    assert (run / "last.json").read_bytes() == last
    losses = [line for line in report.splitlines() if line.startswith("|")]
    assert losses == [
        line for line in (run / "report.md").read_text("utf-8").splitlines() if line[:1] == "|"
    ]


def test_a_folder_that_is_not_there_is_not_made(tmp_path, capsys):
    text = resume(capsys, tmp_path / "nothing", code=1)
    assert str(tmp_path / "nothing") in text
    assert not (tmp_path / "nothing").exists()


# -- the best checkpoint -----------------------------------------------------------------------


def best_loss(run):
    return checkpoint.load(run, "best").state["counts"]["best_loss"]


def test_the_best_checkpoint_decides_which_loss_is_the_best(run, capsys):
    """A run that was killed between both records remembers an older best loss."""
    saved = checkpoint.load(run)
    saved.state["counts"]["best_loss"] = 99.0
    checkpoint.save(run, saved, ["last"])
    before = SavedRun.load(run, "best").checkpoint
    other = replace(before, step=4)
    other.state["counts"]["best_loss"] = 0.1  # which no further step reaches
    checkpoint.save(run, other, ["best"])
    resume(capsys, run, "--steps", 8)
    assert checkpoint.load(run, "best").step == 4


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
def test_a_lost_best_checkpoint_is_made_anew(run, capsys, damage):
    damage(run / "best.json")
    text = resume(capsys, run, "--steps", 8)
    assert "The next evaluation makes a new best checkpoint, because " in text
    assert checkpoint.load(run, "best").step in (7, 8)


# -- other machines ----------------------------------------------------------------------------


def test_another_number_of_threads_is_mentioned(run, capsys):
    expected = "because threads was 1 and is 2; --threads 1 keeps them"
    assert expected in resume(capsys, run, "--steps", 7, "--threads", 2)
    assert expected not in resume(capsys, run, "--steps", 8, "--threads", 2)


def test_another_numpy_or_processor_is_mentioned(run, capsys, monkeypatch):
    other = {"numpy": "9.9", "blas": "openblas 7", "processor": "Linux riscv64"}
    monkeypatch.setattr(machine_page, "_libraries", lambda: other)
    text = resume(capsys, run, "--threads", 1)
    assert "The last digits will differ from those of a run without interruption" in text
    assert f"numpy was {np.__version__} and is 9.9; blas was " in text
    assert text.count(" and is ") == 3
    assert "keeps them" not in text


def test_the_same_machine_is_not_mentioned(run, capsys):
    assert "last digits" not in resume(capsys, run, "--steps", 7, "--threads", 1)
    record = json.loads((run / "last.json").read_text("utf-8"))
    assert set(record["state"]["machine"]) == {
        "threads",
        "processes",
        "numpy",
        "blas",
        "processor",
    }


# -- damage ------------------------------------------------------------------------------------


def test_damaged_metrics_do_not_end_a_resumed_run(run, capsys):
    path = run / "metrics.csv"
    path.write_bytes(path.read_bytes().replace(b"\n2,", b"\n2,\xff\xfe") + b"7,0.")
    text = resume(capsys, run, "--steps", 7)
    assert f"{path} has 2 damaged and 0 repeated lines" in text
    assert [row["step"] for row in read_metrics(path)] == [1, 3, 4, 5, 6, 7]
