"""The C program chooses the tokens that the Python model chooses."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import tiny
from c_program import compile_c, generated, skip_without_compiler

from flashlm_np.cli import main
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.runs import checkpoint
from flashlm_np.runs.saved_run import SavedRun

TRAINED = {
    "tiny": [*tiny.OPTIONS, "--steps", "12", "--adamw-lr", "0.05"],
    "ternary convs": [*tiny.OPTIONS, "--steps", "12", "--adamw-lr", "0.05", "--ternary-mixer"],
    "two levels": [*tiny.OPTIONS, "--steps", "12", "--adamw-lr", "0.05", "--head", "two_level"],
    "quickstart": ["--stories", "200", "--steps", "12", "--eval-tokens", "300"],
}


@pytest.fixture(scope="module", params=TRAINED)
def run(tmp_path_factory, request):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *TRAINED[request.param], "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def program(run, tmp_path_factory):
    skip_without_compiler()
    folder = tmp_path_factory.mktemp("c")
    assert main(["export", str(run), "--c", str(folder / "model.c")]) == 0
    return compile_c(folder)


def test_both_programs_choose_the_same_tokens(run, program, tmp_path):
    assert main(["export", str(run), str(tmp_path / "packed")]) == 0
    loaded = SavedRun.load(tmp_path / "packed")
    model, vocab_size = loaded.model, loaded.tokenizer.vocab_size
    rng = np.random.default_rng(0)
    seen = set()
    for length in (1, 2, 5, 70):
        prompt = rng.integers(0, vocab_size, length)
        options = {"vocab_size": vocab_size, "temperature": 0}
        options["int8_activations"] = True
        expected = list(generate_fast(model, prompt, 60, rng, **options))
        assert generated(program, prompt, 60) == expected
        seen |= set(expected)
    assert len(seen) > 2  # several different tokens


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "usage: PROGRAM COUNT ID [ID ...]"),
        (["3"], "usage: PROGRAM COUNT ID [ID ...]"),
        (["abc", "1"], "COUNT is 'abc', expected a number from 0 to 1000000000"),
        (["3x", "1"], "COUNT is '3x', expected a number from 0 to 1000000000"),
        (["", "1"], "COUNT is '', expected a number from 0 to 1000000000"),
        (["1.5", "1"], "COUNT is '1.5', expected a number from 0 to 1000000000"),
        (["-1", "1"], "COUNT is '-1', expected a number from 0 to 1000000000"),
        (["9" * 30, "1"], f"COUNT is '{'9' * 30}', expected a number from 0 to 1000000000"),
        (["3", "x"], "ID is 'x', expected a number from 0 to 1999"),
        (["3", "1", "-1"], "ID is '-1', expected a number from 0 to 1999"),
        (["3", "2000"], "ID is '2000', expected a number from 0 to 1999"),
        (["3", "1", ""], "ID is '', expected a number from 0 to 1999"),
        (["3", "x" * 1000], f"ID is '{'x' * 40}', expected a number from 0 to 1999"),
    ],
)
def test_a_wrong_argument_is_an_error_of_one_sentence(program, arguments, error):
    found = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    expected = error.replace("PROGRAM", str(program))
    assert (found.returncode, found.stdout, found.stderr) == (2, "", f"{expected}\n")


def test_no_tokens_are_wanted(program):
    assert generated(program, [1, 2], 0) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's full device")
def test_a_full_disk_is_an_error(program):
    with open("/dev/full", "w") as full:
        command = [str(program), "3", "1"]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 1
    assert found.stderr == "cannot write the ids: No space left on device\n"


def test_logits_that_are_not_finite_give_no_token(run, tmp_path):
    skip_without_compiler()
    assert main(["export", str(run), "--c", str(tmp_path / "model.c")]) == 0
    source = (tmp_path / "model.c").read_text()
    source = re.sub(r"(norm_eps = )[^;]*;", r"\1NAN;", source)
    (tmp_path / "model.c").write_text(source)
    compile_c(tmp_path)
    found = subprocess.run([str(tmp_path / "model"), "3", "1"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "the logits are not finite: the model has diverged\n"


def test_the_c_file_needs_an_int8_head(run, tmp_path, capsys):
    command = ["export", str(run), "--c", str(tmp_path / "x.c"), "--head", "float16"]
    assert main(command) == 1
    assert "base-3 codes and an int8 head" in capsys.readouterr().err
    assert main(["export", str(run)]) == 1
    assert "give a folder OUT, or --c FILE" in capsys.readouterr().err
    assert checkpoint.load(run).step == 12


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler named cc")
def test_the_printed_command_compiles_a_file_with_any_name(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run), "--c=-my model.c"]) == 0
    compiling, running = capsys.readouterr().out.strip().splitlines()
    subprocess.run(compiling.partition("compile with ")[2], shell=True, check=True, timeout=60)
    line = running.partition("of a text: ")[2]
    ids = subprocess.run(line, shell=True, check=True, capture_output=True, timeout=60).stdout
    assert len(ids.split()) == 100
