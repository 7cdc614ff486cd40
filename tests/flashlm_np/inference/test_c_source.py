"""The C program chooses the tokens that the Python model chooses."""

import shutil
import subprocess

import numpy as np
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.training import checkpoint
from flashlm_np.training.runs import SavedRun

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


TRAINED = {
    "tiny": [*tiny.OPTIONS, "--steps", "12", "--adamw-lr", "0.05"],
    "ternary convs": [*tiny.OPTIONS, "--steps", "12", "--adamw-lr", "0.05", "--ternary-convs"],
    "quickstart": ["--stories", "200", "--steps", "12", "--eval-tokens", "300"],
}


@pytest.fixture(scope="module", params=TRAINED)
def run(tmp_path_factory, request):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *TRAINED[request.param], "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def program(run, tmp_path_factory):
    if COMPILER is None:
        pytest.skip("no C compiler (cc, gcc or clang) on this machine")
    folder = tmp_path_factory.mktemp("c")
    assert main(["export", str(run), "--c", str(folder / "model.c")]) == 0
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(
        [COMPILER, *flags, "model.c", "-o", "model", "-lm"], cwd=folder, check=True, timeout=60
    )
    return folder / "model"


def generated(program, prompt, count):
    command = [str(program), str(count), *map(str, prompt)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [int(line) for line in found.stdout.split()]


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


def test_wrong_ids_are_an_error_of_one_sentence(program):
    for arguments in (["3"], ["3", "x"], ["3", "-1"], ["3", "2000"]):
        found = subprocess.run([str(program), *arguments], capture_output=True, text=True)
        assert found.returncode == 2
        assert "usage" in found.stderr or "is not an id, expected 0 to 1999" in found.stderr


def test_the_c_file_needs_an_int8_head(run, tmp_path, capsys):
    command = ["export", str(run), "--c", str(tmp_path / "x.c"), "--head", "float16"]
    assert main(command) == 1
    assert "base-3 codes and an int8 head" in capsys.readouterr().err
    assert main(["export", str(run)]) == 1
    assert "give a folder OUT, or --c FILE" in capsys.readouterr().err
    assert checkpoint.load(run).step == 12
