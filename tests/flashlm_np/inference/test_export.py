"""A packed model: its size, its weights, and damaged files."""

import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tiny
from damaged import edit_record, put

from flashlm_np.analysis.components import ternary_matrices
from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.inference.export import pack_weights, ternary_shapes, unpack_weights
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import load_weights
from flashlm_np.runs import checkpoint
from flashlm_np.runs.saved_run import SavedRun


@pytest.fixture(scope="module", params=[[], ["--ternary-mixer"]], ids=["v3", "ternary convs"])
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


def test_an_export_has_the_bytes_that_version_0_1_wrote(tmp_path):
    old = Path(__file__).parents[2] / "runs_of_version_0_1"
    new = exported(old / "run", tmp_path / "new")
    (arrays,) = new.glob("step-000012-*.safetensors")
    assert arrays.read_bytes() == (old / "packed" / "step-000012.safetensors").read_bytes()


@pytest.mark.parametrize("encoding", ["base-3", "2-bit"])
def test_the_ternary_weights_are_exactly_those_of_the_run(run, tmp_path, encoding):
    before = SavedRun.load(run)
    after = SavedRun.load(exported(run, tmp_path / "out", "--encoding", encoding))
    old = ternary_matrices(before.model, before.config)
    new = ternary_matrices(after.model, after.config)
    assert len(old) == 4
    for name in old:
        np.testing.assert_array_equal(new[name][0], old[name][0])
        assert new[name][1] == pytest.approx(old[name][1], rel=1e-6)
    layers = before.model.block.token_mixer.layers, after.model.block.token_mixer.layers
    for a, b in zip(*layers, strict=True):
        for x, y in ((a.conv_gate, b.conv_gate), (a.conv_value, b.conv_value)):
            np.testing.assert_allclose(y.kernel().data, x.kernel().data, rtol=1e-3, atol=1e-4)


def test_its_size_and_the_change_of_the_loss_are_printed(run, tmp_path, capsys):
    capsys.readouterr()
    out = exported(run, tmp_path / "out")
    printed = capsys.readouterr().out
    size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    assert f"{size:,} bytes" in printed
    change = float(re.search(r"packed: ([+-][\d.]+) nats", printed).group(1))
    assert abs(change) < 0.01
    half = exported(run, tmp_path / "half", "--head", "float16")
    assert sum(path.stat().st_size for path in half.glob("*.safetensors")) > size


def test_an_export_is_evaluated_generates_and_is_inspected(run, tmp_path, capsys):
    out = str(exported(run, tmp_path / "out"))
    generate = ["generate", out, "--tokens", "5"]
    for command in (["eval", out], generate, ["inspect", out]):
        assert main(command) == 0
    assert main([*generate, "--activations", "int8"]) == 0
    assert "is packed already" in fails(capsys, "export", out, tmp_path / "again")
    assert "is an export, for use only" in fails(capsys, "train", "--resume", out)
    assert "holds no averaged weights" in fails(capsys, "eval", out, "--ema")
    assert "holds a run already" in fails(capsys, "export", run, out)


def test_the_average_can_be_exported(run, tmp_path):
    out = exported(run, tmp_path / "out", "--ema", "--checkpoint", "last")
    average = SavedRun.load(run, "last", average=True).model.state_dict()
    got = SavedRun.load(out).model.state_dict()
    np.testing.assert_array_equal(got["final_norm.scale"], average["final_norm.scale"])


def test_matrices_of_zeros_stay_zero():
    model, config = tiny.small_model(np.float32)
    weights, names = model.state_dict(), ternary_shapes(config)
    packed = pack_weights(config, weights | {n: np.zeros_like(weights[n]) for n in names})
    again = FlashLM(packed.config, np.random.default_rng(1))
    load_weights(again, unpack_weights(packed.config, packed.arrays, packed.encoding))
    for name in names:
        assert not again.state_dict()[name].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_not_packed(bad):
    model, config = tiny.small_model(np.float32)
    for name, weight in model.state_dict().items():
        weights = model.state_dict() | {name: np.full_like(weight, bad)}
        if name == "embedding.weight":
            weights["lm_head.weight"] = weights[name]
        with pytest.raises(UserError, match=f"^{re.escape(name)} holds NaN or an infinity; "):
            pack_weights(config, weights)


DAMAGE = {
    "codes": lambda a: a | {k: v | 0xFF for k, v in a.items() if k.startswith("packed/")},
    "scale": lambda a: a | {k: v * np.nan for k, v in a.items() if k.startswith("scale/")},
    "no scale": lambda a: {k: v for k, v in a.items() if not k.startswith("scale/")},
    "no rows": lambda a: {k: v for k, v in a.items() if not k.startswith("rows/")},
    "shape": lambda a: a | {k: v[:-1] for k, v in a.items() if k.startswith("packed/")},
    "unknown": lambda a: a | {"packed/who": np.zeros((2, 2), np.uint8)},
    "scalar": lambda a: a | {k: v[0, 0] for k, v in a.items() if k.startswith("int8/")},
    "rows": lambda a: a | {k: v * np.inf for k, v in a.items() if k.startswith("rows/")},
    "overflow": lambda a: (
        a | {k: np.full_like(v, 3e38) for k, v in a.items() if k.startswith("rows/")}
    ),
    "missing": lambda a: {k: v for k, v in a.items() if not k.startswith("packed/")},
    "type": lambda a: a | {k: v.astype(float) for k, v in a.items() if k.startswith("packed/")},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_export_is_an_error_of_one_sentence(run, tmp_path, capsys, damage):
    out = exported(run, tmp_path / "out")
    saved = checkpoint.load(out)
    saved.arrays = DAMAGE[damage](saved.arrays)
    checkpoint.save(out, saved, ["last", "best"])
    capsys.readouterr()
    error = fails(capsys, "generate", out, "--tokens", "2")
    assert error.startswith(f"flashlm: {out}: ")
    assert "Traceback" not in error


FALSE_SIZES = {"vocab_size": 10**7, "glu_ratio": 1e3, "taps": 64, "dilations": [1] * 90}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("field", FALSE_SIZES)
def test_a_configuration_alone_cannot_ask_for_memory(run, tmp_path, capsys, packed, field):
    folder = exported(run, tmp_path / "out") if packed else tmp_path / "copy"
    if not packed:
        shutil.copytree(run, folder)
    for path in (folder / "last.json", folder / "best.json"):
        edit_record(path, lambda record: put(record, ("config", field), FALSE_SIZES[field]))
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
        edit_record(path, lambda r: put(r, ("state", "packed", "encoding"), "base-4"))
    assert "base-4" in fails(capsys, "eval", out)
