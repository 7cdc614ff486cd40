"""A packed model: what it weighs, that it says the same, and what it refuses."""

import json
import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tiny

from flashlm_np.analysis.costs import TERNARY, ternary_of
from flashlm_np.cli import main
from flashlm_np.inference.export import packed_checkpoint, unpacked
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training import checkpoint
from flashlm_np.training.runs import Run
from flashlm_np.training.trainer import load_weights


@pytest.fixture(scope="module", params=[[], ["--ternary-convs"]], ids=["v3", "ternary convs"])
def run(tmp_path_factory, request):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *tiny.OPTIONS, *request.param, "--out", str(out)]) == 0
    return out


def exported(run, out, *options):
    assert main(["export", str(run), str(out), *options]) == 0
    return out


def fails(capsys, *arguments):
    assert main([str(a) for a in arguments]) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["base-3", "2-bit"])
def test_the_ternary_weights_are_exactly_those_of_the_run(run, tmp_path, encoding):
    before = Run.load(run)
    after = Run.load(exported(run, tmp_path / "out", "--encoding", encoding))
    old = ternary_of(before.writer.model, before.saved.config)
    new = ternary_of(after.writer.model, after.saved.config)
    for name in TERNARY:
        np.testing.assert_array_equal(new[name][0], old[name][0])
        assert new[name][1] == pytest.approx(old[name][1], rel=1e-6)
    for a, b in zip(
        before.writer.model.block.token_mixer.layers,
        after.writer.model.block.token_mixer.layers,
        strict=True,
    ):
        for x, y in zip(a.kernels(), b.kernels(), strict=True):
            np.testing.assert_allclose(y.data, x.data, rtol=1e-3, atol=1e-4)


def test_what_it_weighs_and_costs_is_told(run, tmp_path, capsys):
    capsys.readouterr()
    out = exported(run, tmp_path / "out")
    printed = capsys.readouterr().out
    size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    assert f"{size:,} bytes" in printed
    change = float(re.search(r"packed: ([+-][\d.]+) nats", printed).group(1))
    assert abs(change) < 0.01
    half = exported(run, tmp_path / "half", "--head", "float16")
    assert sum(path.stat().st_size for path in half.glob("*.safetensors")) > size


def test_an_export_is_evaluated_writes_and_is_inspected(run, tmp_path, capsys):
    out = str(exported(run, tmp_path / "out"))
    for command in (["eval", out], ["generate", out, "--tokens", "5"], ["inspect", out]):
        assert main(command) == 0
    assert "is packed already" in fails(capsys, "export", out, tmp_path / "again")
    assert "is an export, for use only" in fails(capsys, "train", "--resume", out)
    assert "holds no averaged weights" in fails(capsys, "eval", out, "--ema")
    assert "holds a run already" in fails(capsys, "export", run, out)


def test_the_average_can_be_exported(run, tmp_path):
    out = exported(run, tmp_path / "out", "--ema", "--checkpoint", "last")
    average = Run.load(run, "last", ema=True).writer.model.state_dict()
    got = Run.load(out).writer.model.state_dict()
    np.testing.assert_array_equal(got["final_norm.scale"], average["final_norm.scale"])


def test_an_int8_head_changes_the_loss_little(run, capsys):
    losses = []
    for head in ("float32", "int8"):
        assert main(["eval", str(run), "--head", head]) == 0
        losses.append(
            float(re.search(r"true loss +([\d.]+)", capsys.readouterr().out).group(1))
        )
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    small = ["--head", "int8", "--activations", "int8", "--packed"]
    assert main(["generate", str(run), *small, "--tokens", "4"]) == 0


def test_all_zero_matrices_stay_silent():
    model, config = tiny.small_model(np.float32)
    for name, parameter in model.named_parameters():
        if name in TERNARY:
            parameter.data.fill(0)
    state = {"tokenizer": {}, "corpus": {}}
    saved = checkpoint.Checkpoint(config, 1, {}, state)
    small = packed_checkpoint(saved, model)
    again = FlashLM(small.config, np.random.default_rng(1))
    load_weights(again, unpacked(small))
    for name in TERNARY:
        assert not again.state_dict()[name].any()


DAMAGE = {
    "codes": lambda a: a | {k: v | 0xFF for k, v in a.items() if k.startswith("packed/")},
    "scale": lambda a: a | {k: v * np.nan for k, v in a.items() if k.startswith("scale/")},
    "no scale": lambda a: {k: v for k, v in a.items() if not k.startswith("scale/")},
    "no rows": lambda a: {k: v for k, v in a.items() if not k.startswith("rows/")},
    "shape": lambda a: a | {k: v[:-1] for k, v in a.items() if k.startswith("packed/")},
    "unknown": lambda a: a | {"packed/who": np.zeros((2, 2), np.uint8)},
    "missing": lambda a: {k: v for k, v in a.items() if not k.startswith("packed/")},
    "type": lambda a: a | {k: v.astype(float) for k, v in a.items() if k.startswith("packed/")},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_export_is_one_sentence(run, tmp_path, capsys, damage):
    out = exported(run, tmp_path / "out")
    saved = checkpoint.load(out)
    saved.arrays = DAMAGE[damage](saved.arrays)
    checkpoint.save(out, saved, ["last", "best"])
    capsys.readouterr()
    error = fails(capsys, "generate", out, "--tokens", "2")
    assert error.startswith(f"flashlm: {out}: ")
    assert "Traceback" not in error


CLAIMS = {"vocab_size": 10**12, "glu_ratio": 1e7, "taps": 64, "dilations": [1] * 900}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_configuration_alone_cannot_ask_for_memory(run, tmp_path, capsys, packed, claim):
    folder = exported(run, tmp_path / "out") if packed else tmp_path / "copy"
    if not packed:
        shutil.copytree(run, folder)
    for path in (folder / "last.json", folder / "best.json"):
        record = json.loads(path.read_text())
        record["config"][claim] = CLAIMS[claim]
        path.write_text(json.dumps(record))
    capsys.readouterr()
    tracemalloc.start()
    commands = (
        [["eval", folder]] if packed else [["eval", folder], ["train", "--resume", folder]]
    )
    for command in commands:
        assert "Traceback" not in fails(capsys, *command)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


def test_an_unknown_encoding_is_refused(run, tmp_path, capsys):
    out = exported(run, tmp_path / "out")
    for path in (out / "last.json", out / "best.json"):
        record = json.loads(Path(path).read_text())
        record["state"]["packed"]["encoding"] = "base-4"
        path.write_text(json.dumps(record))
    assert "base-4" in fails(capsys, "eval", out)
