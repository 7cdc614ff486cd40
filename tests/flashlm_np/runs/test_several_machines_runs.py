"""Runs of several processes: the same bits again and after a stop, one writer, and faults."""

import json
import shutil
import sys

import mpi_program
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.runs import checkpoint
from flashlm_np.runs.metrics import read_metrics

pytestmark = pytest.mark.skipif(
    bool(mpi_program.missing()), reason=mpi_program.missing() or "it is there"
)
# The schedule does not depend on --steps, so that a run may be stopped early.
# Its steps have three windows, for three processes.
OPTIONS = [*tiny.OPTIONS, "--schedule-steps", "7"]
OPTIONS[OPTIONS.index("3:32:2:1")] = "3:32:3:1"


def train(count, *arguments):
    """`mpiexec -n COUNT flashlm train ARGUMENTS`, perhaps with a planted fault before them."""
    return mpi_program.start(count, "train", "-", *arguments)


def arrays_of(folder):
    """The name of the arrays' file of the last checkpoint, which holds a hash of them."""
    return json.loads((folder / "last.json").read_text("utf-8"))["arrays"]


def rows(folder):
    """The metrics, without the times."""
    found = read_metrics(folder / "metrics.csv")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of two processes that was not stopped, and the finished mpiexec."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return out, train(2, *OPTIONS, "--out", out)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The same run, which Ctrl-C in the other process has stopped after step 4."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    return out, train(2, "ctrl-c:1:4", *OPTIONS, "--save-every", "100", "--out", out)


def test_only_process_0_prints_and_writes(whole, tmp_path):
    out, done = whole
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("6 steps; writing to") == 1
    assert done.stdout.count("Report, curve and samples") == 1
    assert main(["train", *OPTIONS, "--out", str(tmp_path / "one")]) == 0
    names, of_one = ({p.name[:12] for p in d.iterdir()} for d in (out, tmp_path / "one"))
    assert names == of_one
    one, two = (read_metrics(folder / "metrics.csv") for folder in (tmp_path / "one", out))
    assert [r["train_loss"] for r in one] == pytest.approx([r["train_loss"] for r in two])
    assert [r["positions_scored"] for r in one] == [r["positions_scored"] for r in two]


def test_ctrl_c_in_one_process_stops_all_and_saves_once(stopped):
    out, done = stopped
    assert done.returncode == 130
    assert done.stdout.count("Stopped after step 4; everything is saved.") == 1
    assert "mpiexec -n 2 " in done.stdout  # the command that goes on
    assert done.stderr == ""
    assert checkpoint.load(out).step == 4


def test_a_stopped_run_goes_on_with_the_same_bits(whole, stopped, tmp_path):
    """So the same number of processes repeats bit for bit, too."""
    out = shutil.copytree(stopped[0], tmp_path / "run")
    done = train(2, "--resume", out, "--save-every", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "last digits" not in done.stdout
    assert arrays_of(out) == arrays_of(whole[0])
    assert rows(out) == rows(whole[0])


def test_another_number_of_processes_goes_on_with_nearly_the_same_numbers(
    whole, stopped, tmp_path, capsys
):
    runs = [shutil.copytree(stopped[0], tmp_path / name) for name in ("one", "three")]
    assert main(["train", "--resume", str(runs[0])]) == 0
    done = train(3, "--resume", runs[1])
    assert (done.returncode, done.stderr) == (0, "")
    for out, count, printed in zip(
        runs, (1, 3), (capsys.readouterr().out, done.stdout), strict=True
    ):
        assert f"processes was 2 and is {count}" in printed
        for name in ("train_loss", "grad_norm", "positions_scored"):
            expected = [row[name] for row in rows(whole[0])]
            assert [row[name] for row in rows(out)] == pytest.approx(expected, rel=1e-4)


def test_a_killed_process_ends_the_run_with_a_sentence_and_the_run_goes_on(whole, tmp_path):
    out = tmp_path / "run"
    done = train(2, "kill:1:5", *OPTIONS, "--out", out)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("flashlm")]
    assert line.startswith(
        "flashlm: a process was killed, or its machine was lost, which ends the run; "
        "the last checkpoint is kept: mpiexec -n 2 "
    )
    assert checkpoint.load(out).step == 4
    assert train(2, "--resume", out).returncode == 0
    assert arrays_of(out) == arrays_of(whole[0])


def test_nan_in_one_process_stops_all_with_its_name(tmp_path):
    out = tmp_path / "run"
    done = train(3, "nan:2:4", *OPTIONS, "--out", out)
    assert done.returncode == 1
    expected = "the loss is nan and the gradients' norm nan, because of process 2 on "
    assert done.stderr.startswith(f"flashlm: at step 5 {expected}")
    assert done.stderr.count("\n") == 1
    assert checkpoint.load(out).step == 4


def test_local_steps_stop_at_the_end_of_a_round_and_go_on(tmp_path):
    out = tmp_path / "run"
    done = train(2, "ctrl-c:1:3", *OPTIONS, "--local-steps", "2", "--out", out)
    assert done.returncode == 130
    assert "Stopped after step 4; everything is saved." in done.stdout
    assert any(name.startswith("others/normuon/") for name in checkpoint.load(out).arrays)
    done = train(2, "--resume", out)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_that_only_one_process_meets_ends_all(tmp_path):
    done = train(2, "bug:1:2", *OPTIONS, "--out", tmp_path / "run")
    assert done.returncode != 0
    assert "AttributeError: 'Trainer' object has no attribute 'no_such_name'" in done.stderr
    assert "\nflashlm: process 1 on " in done.stderr


def test_a_folder_that_holds_a_run_is_refused_once(whole):
    done = train(2, *OPTIONS, "--out", whole[0])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("flashlm: process 0 on ")
    assert "holds a run already; go on with mpiexec -n 2 " in done.stderr
    assert done.stderr.count("\n") == 1


def copied_packages(folder):
    """Both packages with one comment more: another version."""
    for package in ("flashlm_np", "minigrad"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(mpi_program.ROOT / package, folder / package, ignore=ignore)
    with (folder / "minigrad" / "engine.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")


def flashlm(path):
    """The command of the packages in a folder."""
    start = f"import sys; sys.path.insert(0, {str(path)!r}); import flashlm_np.cli as c"
    return [sys.executable, "-c", f"{start}; c.command()"]


@pytest.mark.parametrize("difference", ["--seed", "training text", "source code"])
def test_a_process_with_another_run_is_refused_at_the_start(tmp_path, difference):
    texts = [tmp_path / name for name in ("a.txt", "b.txt")]
    for text in texts:
        text.write_text("a fox and a hen, " * 200 + text.name, "utf-8")
    own, path = ["--text", texts[0]], mpi_program.ROOT
    if difference == "--seed":
        own += ["--seed", "1"]
    elif difference == "training text":
        own = ["--text", texts[1]]
    else:
        copied_packages(path := tmp_path)
    options = ["train", *tiny.TEXT_OPTIONS, "--out", tmp_path / "run"]
    first = [*flashlm(mpi_program.ROOT), *options, "--text", texts[0]]
    second = [*flashlm(path), *options, *own]
    done = mpi_program.start_parts([["-n", 1, *first], ["-n", 1, *second]])
    assert done.returncode == 1
    assert f"has another {difference} than process 0: " in done.stderr
    assert done.stderr.startswith("flashlm: process 1 on ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
