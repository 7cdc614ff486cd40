"""A run folder and an export of version 0.1 still load, evaluate, generate and resume.

Version 0.1 printed the expected numbers and texts.
"""

import shutil
from pathlib import Path

import pytest

from flashlm_np.cli import main
from flashlm_np.runs import checkpoint
from flashlm_np.runs.metrics import read_metrics

SAVED = Path(__file__).resolve().parents[2] / "runs_of_version_0_1"


def printed(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["last", "best"])
@pytest.mark.parametrize("folder", ["run", "packed"])
def test_a_checkpoint_loads(folder, name):
    saved = checkpoint.load(SAVED / folder, name)
    assert (saved.step, saved.config.d_model, saved.config.dilations) == (12, 8, (1, 4))


def test_a_run_is_evaluated(capsys):
    assert printed(capsys, "eval", SAVED / "run") == (
        "true loss        7.5505 ± 0.0213 nats per token, perplexity 1901.67, "
        "2.8227 bits per byte\n"
        "label-smoothed   7.5557 ± 0.0191 (v3's number)\n"
        "best possible    0.3209, which is 7.2296 lower\n"
        "baselines        uniform 7.6009, unigram 5.8713, bigram 3.7534, trigram 3.3234\n"
        "scored           532 tokens\n"
    )


@pytest.mark.parametrize(
    ("arguments", "losses"),
    [
        (["run", "--ema"], ("7.6054 ± 0.0022", "7.6051 ± 0.0020")),
        (["packed"], ("7.5505 ± 0.0213", "7.5558 ± 0.0191")),
    ],
)
def test_averaged_and_packed_weights_are_evaluated(capsys, arguments, losses):
    folder, *options = arguments
    text = printed(capsys, "eval", SAVED / folder, *options)
    assert f"true loss        {losses[0]}" in text
    assert f"label-smoothed   {losses[1]}" in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["run"],
            " crane cloennel neck high blackbird climbed day egg lips3ubbJustooked longunately "
            "brus G stady\n",
        ),
        (
            ["packed", "--prompt", "Once", "--activations", "int8"],
            "OnceUn fishRThe scarec o relieved Byng sunny squWhry we chickasyth practiced "
            "crows sor\n",
        ),
    ],
)
def test_the_same_text_is_generated(capsys, arguments, text):
    folder, *options = arguments
    assert printed(capsys, "generate", SAVED / folder, "--tokens", "20", *options) == text


def test_a_resumed_run_has_the_same_losses(tmp_path, capsys):
    run = shutil.copytree(SAVED / "run", tmp_path / "run")
    text = printed(capsys, "train", "--resume", run, "--steps", "14")
    assert "step 14: validation 7.5126 ± 0.0322 nats per token, 7.192 above" in text
    *_, thirteen, fourteen = read_metrics(run / "metrics.csv")
    assert thirteen["train_loss"] == pytest.approx(7.4506754875183105, rel=1e-6)
    assert thirteen["grad_norm"] == pytest.approx(5.670064578115042, rel=1e-4)
    assert fourteen["train_loss"] == pytest.approx(7.391691207885742, rel=1e-6)
    assert fourteen["valid_loss"] == pytest.approx(7.512605907325458, rel=1e-6)
