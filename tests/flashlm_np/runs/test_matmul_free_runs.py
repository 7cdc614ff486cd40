"""Whole runs of the MatMul-free model: stopped and resumed, used, exported, and refused."""

import numpy as np
import pytest

from flashlm_np.cli import main
from flashlm_np.runs import checkpoint
from flashlm_np.runs.saved_run import SavedRun

OPTIONS = """
    --preset matmul_free --d-model 16 --blocks 3 --glu-ratio 2 --stories 20 --steps 6
    --schedule-steps 7 --warmup-steps 2 --phases 1:24:2:2:frozen 3:32:2:1 --position-share 0.5
    --eval-every 3 --eval-tokens 300 --save-every 2
""".split()  # noqa: SIM905 (as a user types them)
FORMS = {
    "code": [],
    "paper": ["--gru-gate", "paper", "--no-lower-bounds", "--matrix-optimizer", "normuon"],
}


@pytest.fixture(scope="module", params=FORMS)
def folder(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("runs")
    command = ["train", *OPTIONS, *FORMS[request.param], "--threads", "1"]
    assert main([*command, "--out", str(folder / "whole")]) == 0
    assert main([*command, "--out", str(folder / "parts"), "--steps", "1"]) == 0
    resume = ["train", "--resume", str(folder / "parts"), "--threads", "1", "--steps"]
    assert main([*resume, "4"]) == 0  # after a step with the embedding frozen
    assert main([*resume, "6"]) == 0
    return folder


def test_a_resumed_run_ends_with_the_same_bits(folder):
    whole, parts = (checkpoint.load(folder / name, "last") for name in ("whole", "parts"))
    assert (whole.step, parts.step) == (6, 6)
    assert whole.arrays.keys() == parts.arrays.keys()
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(parts.arrays[name], array, err_msg=name)


def test_each_parameter_has_its_optimizer(folder):
    saved = checkpoint.load(folder / "whole", "last")
    groups = {}
    for name in saved.weights():
        groups[name] = {k.split("/")[0] for k in saved.arrays if f"/{name}/" in k}
    normuon = saved.config.matrix_optimizer == "normuon"
    for name, found in groups.items():
        expected = "adamw_no_decay"
        if name in ("model.embeddings.weight", "lm_head.weight"):
            expected = "adamw"
        elif name.endswith("_proj.weight"):
            expected = "normuon" if normuon else "adamw_matrices"
        assert found == {expected}, name


def test_the_run_learns_all_its_parameters(folder):
    first = SavedRun.load(folder / "whole").config
    whole = checkpoint.load(folder / "whole", "last")
    assert first.model == "matmul_free"
    for name, array in whole.weights().items():
        start = 1 if "norm" in name else 0
        assert (array != start).any(), name


@pytest.mark.parametrize("command", ["eval", "eval --ema", "generate --tokens 5", "inspect"])
def test_the_commands_take_the_run(folder, command, capsys):
    name, *others = command.split()
    assert main([name, str(folder / "whole"), *others]) == 0
    assert capsys.readouterr().out


def test_an_export_has_nearly_the_same_loss(folder, tmp_path, capsys):
    assert main(["export", str(folder / "whole"), str(tmp_path / "packed")]) == 0
    text = capsys.readouterr().out
    difference = float(text.rsplit("packed: ")[-1].split()[0])
    assert abs(difference) < 0.01
    for command in ("eval", "inspect", "generate"):
        assert main([command, str(tmp_path / "packed")]) == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            "train --model matmul_free",
            "--mixer is attention, and the model matmul_free has mlgru only; begin with "
            "--preset matmul_free, and leave this option out",
        ),
        (
            "train --preset matmul_free --taps 3",
            "only the mixers gated_convs and depthwise are convolutions; leave out --taps",
        ),
        (
            "train --preset matmul_free --prior trigram",
            "--prior is trigram, and the model matmul_free has none only; begin with --preset "
            "matmul_free, and leave this option out",
        ),
    ],
)
def test_options_without_effect_are_refused(command, sentence, capsys):
    assert main(command.split()) == 1
    assert capsys.readouterr().err.strip() == f"flashlm: {sentence}"


def test_8_bit_activations_are_no_choice(folder, capsys):
    assert main(["generate", str(folder / "whole"), "--activations", "int8"]) == 1
    assert (
        "the activations of the model matmul_free always have 8 bits" in capsys.readouterr().err
    )
