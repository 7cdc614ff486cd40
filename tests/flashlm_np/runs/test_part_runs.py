"""A whole run with the model's parts beside v3's: stopped and resumed, used, exported."""

import numpy as np
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.runs import checkpoint

PARTS = {
    "all parts": """
        --mixer depthwise --taps 3 --blocks 2 --recursions 2 --activation silu
        --output-gains --first-skip --bigram-rows 50 --logit-scale 0.5
        --initial-weights fan_out --matrix-optimizer adamw --decay-gains --schedule cosine
        --schedule-floor 0.1 --schedule-steps 7""",
    "attention": """
        --mixer attention --mixer-width 12 --attention-heads 3 --attention-taps 2
        --schedule-steps 7""",
    "mlgru": """
        --mixer mlgru --mixer-width 10 --gru-gate paper --ternary-mixer
        --schedule-steps 7""",
}
V3S = ("--dilations", "--conv-groups", "--decay-share")  # without effect here


def options(parts):
    """Those of a tiny run, without the ones that the parts do not have."""
    words, kept = iter(tiny.OPTIONS), []
    for word in words:
        if word in V3S:
            skipping = True
        elif word.startswith("--"):
            skipping = False
        if not skipping:
            kept.append(word)
    return [*kept, *PARTS[parts].split()]


@pytest.fixture(scope="module", params=PARTS)
def folder(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("runs")
    command = ["train", *options(request.param), "--threads", "1"]
    assert main([*command, "--out", str(folder / "whole")]) == 0
    assert main([*command, "--out", str(folder / "parts"), "--steps", "3"]) == 0
    resume = ["train", "--resume", str(folder / "parts"), "--steps", "6", "--threads", "1"]
    assert main(resume) == 0
    return folder


def test_a_resumed_run_ends_with_the_same_bits(folder):
    whole, parts = (checkpoint.load(folder / name, "last") for name in ("whole", "parts"))
    assert (whole.step, parts.step) == (6, 6)
    assert whole.arrays.keys() == parts.arrays.keys()
    if whole.config.bigram_rows:
        assert {"adamw_pairs/bigrams.weight/m", "model/first_skip.b"} <= whole.arrays.keys()
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(parts.arrays[name], array, err_msg=name)


@pytest.mark.parametrize("command", ["eval", "generate --tokens 5", "inspect", "export"])
def test_the_commands_take_the_run(folder, command, capsys):
    name, *others = command.split()
    out = [str(folder / "packed")] if name == "export" else []
    assert main([name, str(folder / "whole"), *out, *others]) == 0
    assert capsys.readouterr().out


def test_an_export_to_c_names_the_first_part_that_c_has_not(folder, capsys):
    config = checkpoint.load(folder / "whole", "last").config
    command = ["export", str(folder / "whole"), "--c", str(folder / "x.c")]
    if config.mixer == "attention":
        assert main(command) == 0
        return
    first = "--blocks is 2" if config.blocks == 2 else f"--mixer is {config.mixer}"
    assert main(command) == 1
    assert f"{first}, which the C program does not have" in capsys.readouterr().err
