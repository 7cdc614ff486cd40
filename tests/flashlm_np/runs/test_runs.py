"""Whole runs through the command line: their files, interruptions, and errors."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny import OPTIONS, TEXT_OPTIONS

from flashlm_np.cli import main
from flashlm_np.commands import command
from flashlm_np.runs import checkpoint
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.trainer import Trainer

FILES = ["best.json", "last.json", "loss.png", "metrics.csv", "report.md", "sample.txt"]


def train(out, *more):
    options = TEXT_OPTIONS if "--text" in more else OPTIONS
    return main(["train", *options, "--out", str(out), *more])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert train(out) == 0
    return out


def weights(out):
    """Return the arrays of a run's last checkpoint."""
    return checkpoint.load(Path(out)).arrays


def assert_same_bits(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def fails(capsys, code, *arguments):
    """Run a command that must fail; return its error message."""
    assert main(list(arguments)) == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("flashlm: ")
    assert "Traceback" not in error
    return error.removeprefix("flashlm: ")


# -- the files of a run ---------------------------------------------------------------------


def test_a_run_ends_with_a_command_that_writes_more(tmp_path, capsys):
    assert train(tmp_path / "my run") == 0
    *_, words, line = capsys.readouterr().out.splitlines()
    assert words == "Let it go on with words of yours:"
    assert line.strip() == command(
        "generate", tmp_path / "my run", "--prompt", "Once upon a time"
    )


def test_a_run_writes_its_files(run):
    assert {path.name for path in run.iterdir()} >= {*FILES, "stories.bpe"}
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not list(run.glob("*.tmp*"))


def test_metrics_count_the_tokens_and_positions(run):
    rows = read_metrics(run / "metrics.csv")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["tokens_seen"] for row in rows] == [96, 192, 256, 320, 384, 448]
    assert [row["positions_scored"] for row in rows] == [48, 96, 128, 160, 192, 224]
    assert [row["valid_loss"] is not None for row in rows] == [
        True,
        False,
        True,
        False,
        False,
        True,
    ]
    assert [row["lr_factor"] for row in rows] == [0.5, 1, 1, 1, 1, 0.5]


def test_the_report_has_the_true_loss_and_its_baselines(run):
    report = (run / "report.md").read_text("utf-8")
    rows = read_metrics(run / "metrics.csv")
    assert f"**{rows[-1]['valid_loss']:.4f}" in report
    for words in (
        "best possible",
        "unigram",
        "bigram",
        "trigram",
        "448 tokens seen",
        "| d_model | 16 | 256 |",
    ):
        assert words in report
    assert "(nothing)" not in report or "> " in report


def test_the_same_seed_gives_the_same_bits_and_another_does_not(run, tmp_path):
    assert train(tmp_path / "again") == 0
    assert_same_bits(weights(run), weights(tmp_path / "again"))
    assert train(tmp_path / "other", "--seed", "1") == 0
    a, b = weights(run), weights(tmp_path / "other")
    assert not np.array_equal(a["model/embedding.weight"], b["model/embedding.weight"])


def test_threads_change_only_the_last_digits(run, tmp_path):
    assert train(tmp_path / "one", "--threads", "1") == 0
    a, b = weights(run), weights(tmp_path / "one")
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=1e-4, err_msg=name)


def test_an_embedding_is_trained_after_its_frozen_phase(tmp_path):
    assert train(tmp_path / "run", "--steps", "2") == 0
    arrays = weights(tmp_path / "run")
    assert "adamw/embedding.weight/m" not in arrays
    assert "normuon/block.glu.up_proj.weight/m" in arrays


def test_a_run_can_be_trained_on_a_text(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("The owl looked at the moon, and the moon looked at the owl. " * 60)
    out = tmp_path / "run"
    assert train(out, "--text", str(text)) == 0
    assert "best possible" not in capsys.readouterr().out
    assert main(["eval", str(out)]) == 0
    assert "unigram" in capsys.readouterr().out
    assert main(["generate", str(out), "--tokens", "5"]) == 0
    text.write_text("changed " * 600)
    assert "the text is not the one" in fails(capsys, 1, "train", "--resume", str(out))
    assert "the text is not the one" in fails(capsys, 1, "eval", str(out))
    text.unlink()
    assert f"{text} is no file or folder" in fails(capsys, 1, "eval", str(out))
    (tmp_path / "other.txt").write_text("The owl slept.")
    assert main(["eval", str(out), "--text", str(tmp_path / "other.txt")]) == 0
    assert "No training text to compare with: " in capsys.readouterr().out


def test_minutes_are_converted_to_steps(tmp_path, capsys):
    arguments = [a for a in OPTIONS if a not in ("--steps", "6")]
    assert main(["train", *arguments, "--out", str(tmp_path / "x"), "--minutes", "0.002"]) == 0
    steps = checkpoint.load(tmp_path / "x").config.steps
    assert len(read_metrics(tmp_path / "x" / "metrics.csv")) == steps
    assert f"{steps:,} steps" in capsys.readouterr().out


# -- eval and generate ----------------------------------------------------------------------


def test_eval_prints_the_numbers_of_the_report(run, capsys):
    assert main(["eval", str(run), "--checkpoint", "last"]) == 0
    printed = capsys.readouterr().out
    assert f"{read_metrics(run / 'metrics.csv')[-1]['valid_loss']:.4f}" in printed
    assert main(["eval", str(run), "--ema"]) == 0
    assert capsys.readouterr().out != printed


def test_generate_is_repeatable_and_starts_with_the_prompt(run, capsys):
    command = ["generate", str(run), "--prompt", "Once upon a time", "--tokens", "20"]
    texts = []
    for more in ([], [], ["--seed", "1"], ["--temperature", "0"]):
        assert main([*command, *more]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3
    assert all(text.startswith("Once upon a time") for text in texts)


def test_stories_are_printed_with_their_probability(capsys):
    assert main(["stories", "--count", "2", "--seed", "3"]) == 0
    assert len(re.findall(r"\[ln p = -\d+\.\d{3}\]", capsys.readouterr().out)) == 2


# -- interruptions --------------------------------------------------------------------------


def start(out, *more, **options):
    command = [sys.executable, "-m", "flashlm_np", "train", *OPTIONS, "--out", str(out), *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for_step(out, step):
    deadline = time.monotonic() + 60
    while not any(row["step"] >= step for row in read_metrics(out / "metrics.csv")):
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.005)


LONG = ("--steps", "200", "--save-every", "7", "--eval-every", "50")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert train(out, *LONG) == 0
    return out


@pytest.mark.parametrize("kills", [(9, 23), (30,)])
def test_a_killed_run_resumes_bit_for_bit(tmp_path, uninterrupted, kills):
    out = tmp_path / "run"
    process = start(out, *LONG)
    for step in kills:
        wait_for_step(out, step)
        process.kill()
        process.communicate()
        checkpoint.load(out)  # complete, at whatever time it was killed
        process = subprocess.Popen(
            [sys.executable, "-m", "flashlm_np", "train", "--resume", str(out)],
            stdout=subprocess.DEVNULL,
        )
    assert process.wait(timeout=120) == 0
    assert_same_bits(weights(uninterrupted), weights(out))
    seen, expected = (read_metrics(f / "metrics.csv") for f in (out, uninterrupted))
    for row in (*seen, *expected):
        del row["seconds"]
    assert seen == expected


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_ctrl_c_saves_and_prints_the_command_to_resume(tmp_path, uninterrupted):
    out = tmp_path / "run"
    process = start(out, *LONG)
    wait_for_step(out, 8)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "\nStopping after this step; a second Ctrl-C stops at once.\n"
    assert command("train", "--resume", out) in printed
    stopped = checkpoint.load(out).step
    assert f"Stopped after step {stopped}" in printed
    assert main(["train", "--resume", str(out)]) == 0
    assert_same_bits(weights(uninterrupted), weights(out))


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path, capsys):
    out = tmp_path / "run"
    assert train(out, "--steps", "2") == 0
    before = weights(out)
    assert "the loss is" in fails(
        capsys, 1, "train", *OPTIONS, "--out", str(tmp_path / "bad"), "--adamw-lr", "1e30"
    )
    assert_same_bits(before, weights(out))


def test_a_loss_of_nan_keeps_the_last_good_checkpoint(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    real = Trainer.one_step

    def fail_at_step_5(self):
        if self.step == 4:
            self.model.final_norm.scale.data[0] = np.nan
        return real(self)

    monkeypatch.setattr(Trainer, "one_step", fail_at_step_5)
    error = fails(capsys, 1, "train", *OPTIONS, "--out", str(out))
    assert error.startswith("at step 5 the loss is nan")
    assert error.endswith("start a new run with a lower --normuon-lr or --adamw-lr")
    monkeypatch.undo()
    assert checkpoint.load(out).step == 4
    assert main(["train", "--resume", str(out)]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_a_full_disk_is_an_error_and_keeps_the_checkpoint(tmp_path):
    out = tmp_path / "run"
    assert train(out, "--steps", "3") == 0
    before = weights(out)
    # The arrays no longer fit into the largest file that the process may write.
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
        f"from flashlm_np.cli import main; sys.exit(main(['train', '--resume', {str(out)!r}, "
        "'--steps', '5']))"
    )
    result = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True)
    assert result.returncode == 1
    assert re.fullmatch(
        r"flashlm: cannot write .*safetensors: File too large; nothing there was lost\n",
        result.stderr,
    )
    assert_same_bits(before, weights(out))
    assert not list(out.glob("*.tmp*"))


# -- errors of the user ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--d-model", "0"], "--d-model is 0, expected 1 to 65536"),
        (["--vocab-size", "100"], "--vocab-size is 100, but the tokenizer has 2000 tokens"),
        (["--text", "/nowhere.txt"], "nowhere.txt is no file or folder"),
        (["--minutes", "1", "--steps", "2"], "--minutes and --steps exclude each other"),
    ],
)
def test_a_wrong_value_is_an_error_of_one_sentence(tmp_path, capsys, arguments, message):
    error = fails(capsys, 1, "train", "--out", str(tmp_path / "x"), *arguments)
    assert message in error
    assert not (tmp_path / "x" / "last.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (
            ["train", "--phases", "1:2"],
            "argument --phases: phase '1:2': expected FIRST:SEQUENCE",
        ),
        (
            ["train", "--minutes", "-1"],
            "argument --minutes: -1 is not a number of minutes above 0",
        ),
        (["train", "--threads", "0"], "argument --threads: 0 is not between 1 and 256"),
        (["train", "--threads", "9999"], "argument --threads: 9999 is not between 1 and 256"),
        (["train", "--preset", "v5"], "argument --preset: invalid choice: 'v5'"),
        (["generate", "x", "--temperature", "-1"], "--temperature: -1 is no finite number"),
        (["generate", "x", "--top-p", "2"], "argument --top-p: 2 is not between 0 and 1"),
        (["generate", "x", "--tokens", "-3"], "argument --tokens: -3 is less than 0"),
        (["generate", "x", "--packed"], "unrecognized arguments: --packed"),
        (["eval", "x", "--head", "int8"], "unrecognized arguments: --head int8"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_argparse_explains_a_wrong_option(capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_with_a_run_is_not_overwritten(run, capsys):
    before = weights(run)
    assert "holds a run already" in fails(capsys, 1, "train", *OPTIONS, "--out", str(run))
    assert_same_bits(before, weights(run))


def test_resume_keeps_the_configuration(run, capsys):
    error = fails(capsys, 1, "train", "--resume", str(run), "--d-model", "8", "--text", "x")
    assert "leave out --d-model, --text" in error


def test_help_imports_no_large_library():
    code = (
        "import sys; from flashlm_np.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'matplotlib', 'datasets', 'pyarrow', 'huggingface_hub', 'torch'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_safetensors_readers_can_open_a_checkpoint(run):
    arrays = load_file(next(run.glob("step-000006-*.safetensors")))
    assert arrays["model/embedding.weight"].shape == (2000, 16)
