"""Kills, Ctrl-C and clocks that stand still, at any moment of a run."""

import errno
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny

from flashlm_np import files
from flashlm_np import start_run as start_page
from flashlm_np.analysis.step_profile import measure, measure_heads, step_table
from flashlm_np.cli import main
from flashlm_np.commands import command
from flashlm_np.model.config import Phase
from flashlm_np.runs import checkpoint, metrics, minutes, report, trainer
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.run_state import RunState

ROOT = Path(__file__).resolve().parents[3]


def train(out, *more):
    return main(["train", *tiny.OPTIONS, "--out", str(out), *more])


@pytest.mark.skipif(sys.platform != "linux", reason="os.fork is safe on Linux only")
def test_a_run_killed_before_any_operation_on_its_files_ends_with_the_same_bits():
    done = subprocess.run(
        [sys.executable, "benchmarks/kills.py", "--operations"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    good = re.fullmatch(r"(\d+) of \1 runs ended bit for bit\n", done.stdout)
    assert good, done.stdout + done.stderr
    assert int(good[1]) > 40


# -- Ctrl-C ----------------------------------------------------------------------------------

IMPORTS = """
import signal, sys
module = sys.argv[1]
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
from flashlm_np.cli import command
sys.argv[1:] = ["stories"]
command()
"""


@pytest.mark.parametrize("module", ["numpy", "tqdm", "safetensors", "flashlm_np.cli.weights"])
def test_ctrl_c_while_the_command_is_imported_is_one_line(module):
    command = [sys.executable, "-c", IMPORTS, module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "flashlm: interrupted\n"


def press_ctrl_c(*arguments, **options):
    signal.raise_signal(signal.SIGINT)


MOMENTS = {  # before the first checkpoint
    "reading the text": (start_page, "load_dataset"),
    "timing steps": (RunState, "one_step"),
    "making the trainer": (start_page, "Trainer"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_new_run_that_is_interrupted_leaves_nothing_and_starts_again(
    tmp_path, monkeypatch, capsys, moment
):
    out = tmp_path / "run"
    options = [option for option in tiny.OPTIONS if option not in ("--steps", "6")]
    command = ["train", *options, "--out", str(out), "--minutes", "0.001"]
    with monkeypatch.context() as patch:
        patch.setattr(*MOMENTS[moment], press_ctrl_c)
        assert main(command) == 130
    assert capsys.readouterr().err == "flashlm: interrupted\n"
    assert not out.exists()
    assert main(command) == 0


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_ctrl_c_during_an_evaluation_stops_after_the_step(tmp_path, monkeypatch, capfd, steps):
    real, evaluations = trainer.evaluate, itertools.count()

    def evaluate(*arguments):
        if next(evaluations) == (1, 3, 6).index(steps):
            press_ctrl_c()
        return real(*arguments)

    monkeypatch.setattr(trainer, "evaluate", evaluate)
    assert train(tmp_path / "run") == 130
    captured = capfd.readouterr()
    assert f"Stopped after step {steps}; everything is saved." in captured.out
    at_once = "\nStopping after this step; a second Ctrl-C stops at once.\n"
    assert captured.err == at_once
    assert checkpoint.load(tmp_path / "run").step == steps
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize("steps", [1, 6])
def test_ctrl_c_while_a_checkpoint_is_written_loses_no_step(
    tmp_path, monkeypatch, capsys, steps
):
    real = checkpoint.save

    def save(out, saved, names):
        real(out, saved, names)
        if saved.step == steps:
            press_ctrl_c()

    monkeypatch.setattr(checkpoint, "save", save)
    assert train(tmp_path / "run", "--save-every", "50") == 130
    stopped = min(steps + 1, 6)
    assert f"Stopped after step {stopped}; everything is saved." in capsys.readouterr().out
    assert checkpoint.load(tmp_path / "run").step == stopped


def test_rows_are_on_the_disk_before_the_checkpoint_that_covers_them(tmp_path, monkeypatch):
    out, real_append, real_save = tmp_path / "run", metrics.append, checkpoint.save
    synced = []

    def append(path, data, durable):
        real_append(path, data, durable)
        if durable:
            synced.append(read_metrics(path)[-1]["step"])

    def save(out, saved, names):
        assert synced[-1] == saved.step
        real_save(out, saved, names)

    monkeypatch.setattr(metrics, "append", append)
    monkeypatch.setattr(checkpoint, "save", save)
    assert train(out) == 0


@pytest.mark.parametrize("part", ["baselines", "write_plot"])
def test_ctrl_c_during_the_report_is_one_line(tmp_path, monkeypatch, capsys, part):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(report, part, press_ctrl_c)
        assert train(out) == 130
    captured = capsys.readouterr()
    assert captured.err == "flashlm: interrupted\n"
    assert captured.out.endswith(f"Go on with\n  {command('train', '--resume', out)}\n")
    assert not (out / "report.md").exists()
    assert not list(out.glob("*.tmp-*"))
    assert main(["train", "--resume", str(out)]) == 0
    assert (out / "report.md").exists()


@pytest.mark.parametrize("name", ["loss.png", "report.md", "last.json"])
def test_a_file_that_cannot_be_written_ends_with_the_command_to_go_on(
    tmp_path, monkeypatch, capsys, name
):
    out = tmp_path / "run"
    replace = os.replace

    def refuse(old, new):
        if os.path.basename(new) == name:
            raise PermissionError(errno.EACCES, "Permission denied")
        replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        patch.setattr(files, "WAITS", ())
        assert train(out) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"flashlm: cannot write {out / name}: Permission denied")
    assert captured.out.endswith(f"Go on with\n  {command('train', '--resume', out)}\n")
    assert main(["train", "--resume", str(out)]) == 0
    assert (out / "report.md").exists()


# -- clocks ----------------------------------------------------------------------------------


@pytest.fixture(params=["stands still", "goes back"])
def clock(request, monkeypatch):
    seconds = (
        itertools.repeat(5.0) if request.param == "stands still" else itertools.count(5, -1)
    )
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    monkeypatch.setattr(time, "monotonic", time.perf_counter)


@pytest.mark.usefixtures("clock")
def test_a_wrong_clock_does_not_end_a_run(tmp_path):
    assert train(tmp_path / "run") == 0
    assert checkpoint.load(tmp_path / "run").state["counts"]["seconds"] == 0
    assert main(["train", "--resume", str(tmp_path / "run"), "--steps", "7"]) == 0


@pytest.mark.usefixtures("clock")
def test_minutes_need_a_clock(tmp_path, capsys):
    options = [option for option in tiny.OPTIONS if option not in ("--steps", "6")]
    assert main(["train", *options, "--out", str(tmp_path / "run"), "--minutes", "1"]) == 1
    error = capsys.readouterr().err
    assert (
        error
        == "flashlm: the clock of this machine stands still; give --steps, not --minutes\n"
    )


@pytest.mark.usefixtures("clock")
def test_a_profile_survives_a_wrong_clock():
    phase = Phase(1, 24, 2)
    assert "a step" in step_table(measure(tiny.CONFIG, phase, 2, threads=1))
    assert all(step.ceiling >= 0 for step in measure_heads(tiny.CONFIG, phase, 1, threads=1))


def test_more_minutes_than_a_run_can_have_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(minutes, "_seconds_per_step", lambda state, step: 1e-3)
    options = [option for option in tiny.OPTIONS if option not in ("--steps", "6")]
    assert main(["train", *options, "--out", str(tmp_path / "run"), "--minutes", "1e9"]) == 1
    assert "--minutes 1e+09 is too many: --steps is " in capsys.readouterr().err
