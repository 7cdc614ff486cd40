"""Checkpoints of the MatMul-free model in their authors' form, made here, read and refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.model.matmul_free.shapes import ratio_for
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE
from flashlm_np.published.convert import convert
from flashlm_np.runs.saved_run import SavedRun

V, D, L, H = 19, 7, 3, 12
CONFIG = replace(MATMUL_FREE, vocab_size=V, d_model=D, blocks=L, glu_ratio=ratio_for(H, D))
SETTINGS = {  # as transformers writes them
    "architectures": ["HGRNBitForCausalLM"],
    "model_type": "hgrn_bit",
    "hidden_size": D,
    "num_hidden_layers": L,
    "vocab_size": V,
    "intermediate_size": None,
    "expand_ratio": 1,
    "use_lower_bound": True,
    "use_short_conv": False,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
}
IDS = np.random.default_rng(1).integers(0, V, (2, 9))


def model(**changes):
    made = new_model(replace(CONFIG, **changes), np.random.default_rng(0))
    for p in made.parameters():
        p.data += 0.1 * np.random.default_rng(p.size).standard_normal(p.shape, np.float32)
    return made


def weights(**changes):
    return model(**changes).state_dict()


def folder(tmp_path, arrays=None, settings=None, files=1):
    """Write a folder as the authors publish one, with the weights in so many files."""
    path = tmp_path / "published"
    path.mkdir()
    arrays = weights() if arrays is None else arrays
    for i in range(files):
        part = {name: arrays[name] for name in list(arrays)[i::files]}
        name = "model.safetensors" if files == 1 else f"model-{i + 1}-of-{files}.safetensors"
        (path / name).write_bytes(save(part))
    if settings is not None:
        (path / "config.json").write_text(json.dumps(settings))
    return path


def bfloat16(arrays):
    """The bytes of a safetensors file with these arrays, cut to bfloat16."""
    entries, data = {}, b""
    for name, array in arrays.items():
        part = (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        offsets = [len(data), len(data) + len(part)]
        entries[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": offsets}
        data += part
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


def expect_same_function(out, **changes):
    run = SavedRun.load(out)
    expected = model(**changes)(IDS).data
    np.testing.assert_array_equal(run.model(IDS).data, expected)
    return run


@pytest.mark.parametrize("files", [1, 3])
def test_a_folder_gives_the_same_function(tmp_path, files):
    convert(folder(tmp_path, settings=SETTINGS, files=files), tmp_path / "out")
    run = expect_same_function(tmp_path / "out")
    sizes = run.config.vocab_size, run.config.d_model, run.config.blocks, run.config.glu_width
    assert sizes == (V, D, L, H)
    assert run.tokenizer.name == "numbers"
    assert len(run.checkpoint.state["published"]["sha256"]) == 64


def test_a_file_alone_is_enough(tmp_path):
    path = tmp_path / "some.safetensors"
    path.write_bytes(save(weights(lower_bounds=False)))
    convert(path, tmp_path / "out")
    run = expect_same_function(tmp_path / "out", lower_bounds=False)
    assert not run.config.lower_bounds


def test_a_model_without_bounds_says_so_in_its_settings(tmp_path):
    settings = SETTINGS | {"use_lower_bound": False}
    path = folder(tmp_path, weights(lower_bounds=False), settings)
    convert(path, tmp_path / "out")
    expect_same_function(tmp_path / "out", lower_bounds=False)


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_numbers_of_other_types_become_float32(tmp_path, dtype):
    arrays, path = weights(), tmp_path / "some.safetensors"
    if dtype == "bfloat16":
        path.write_bytes(bfloat16(arrays))
        expected = {n: (a.view("u4") & 0xFFFF0000).view("f4") for n, a in arrays.items()}
    else:
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        path.write_bytes(save(arrays))
        expected = {name: array.astype(np.float32) for name, array in arrays.items()}
    found = convert(path, tmp_path / "out").weights()
    assert found.keys() == expected.keys()
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected[name])


def test_the_commands_take_it(tmp_path, capsys):
    path = folder(tmp_path, settings=SETTINGS)
    assert main(["convert", str(path), str(tmp_path / "out")]) == 0
    assert "holds published\n" in capsys.readouterr().out
    assert main(["generate", str(tmp_path / "out"), "--prompt", "5 2", "--tokens", "4"]) == 0
    assert len(capsys.readouterr().out.split()) == 6
    assert main(["inspect", str(tmp_path / "out")]) == 0
    assert main(["export", str(tmp_path / "out"), str(tmp_path / "packed")]) == 0


def refused(path, out):
    with pytest.raises(UserError) as error:
        convert(path, out)
    assert not out.exists()
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path} is no MatMul-free model: ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hidden_size": 8}, "its config.json has hidden_size 8, its weights 7"),
        ({"num_hidden_layers": 2}, "its config.json has num_hidden_layers 2, its weights 3"),
        ({"vocab_size": 20}, "its config.json has vocab_size 20, its weights 19"),
        ({"vocab_size": "19"}, 'config.json.vocab_size is "19", expected a whole number from'),
        ({"expand_ratio": 2}, "its expand_ratio is 2, and the model here has 1"),
        ({"use_short_conv": True}, "its use_short_conv is True, and the model here has False"),
        (
            {"use_lower_bound": False},
            "its use_lower_bound is False, and the model here has True",
        ),
        ({"rms_norm_eps": 1e-8}, "its rms_norm_eps is 1e-08, and the model here has 1e-06"),
        ({"tie_word_embeddings": True}, "its tie_word_embeddings is True, and the model here"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, changes, sentence):
    path = folder(tmp_path, settings=SETTINGS | changes)
    assert refused(path, tmp_path / "out").startswith(sentence)


def without(name):
    return {n: a for n, a in weights().items() if n != name}


def broken(name):
    arrays = {n: a.copy() for n, a in weights().items()}
    arrays[name].flat[-1] = np.nan
    return arrays


NORM = "model.layers.1.attn_norm.weight"
INNER = "model.layers.0.mlp.down_proj.norm.weight"


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (without("model.embeddings.weight"), "it has no matrix model.embeddings.weight"),
        (without(INNER), "it has no block model.layers.0"),
        (without(NORM), f"{NORM} has shape None, expected (7,)"),
        (weights() | {NORM: np.ones(8)}, f"{NORM} has shape (8,), expected (7,)"),
        (
            weights() | {"other": np.ones(8)},
            "it has weights that the model has not: other",
        ),
        (
            weights() | {"model.layers.999.x": np.ones(2)},
            "--blocks is 1000, expected 1 to 100",
        ),
        (broken(NORM), f"{NORM} is not finite everywhere"),
        (
            weights() | {NORM: np.ones(7, int)},
            f"{NORM} has the type I64, expected one of F64, F32, F16, BF16",
        ),
        (weights() | {NORM: np.full(7, 1e300)}, f"{NORM} is not finite everywhere"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_weights_that_do_not_fit_are_refused(tmp_path, arrays, sentence):
    path = folder(tmp_path, arrays, SETTINGS)
    assert refused(path, tmp_path / "out") == sentence


def test_files_that_are_missing_or_damaged_are_refused(tmp_path):
    out, path = tmp_path / "out", folder(tmp_path, settings=None)
    assert (
        refused(path, out) == f"cannot read {path / 'config.json'}: No such file or directory"
    )
    (path / "config.json").write_text("{")
    assert refused(path, out).startswith("its config.json is no JSON: ")
    (path / "config.json").write_text("[" * 100_000)
    assert refused(path, out).startswith("its config.json is no JSON: ")
    (path / "config.json").write_text("[1]")
    assert refused(path, out).startswith("config.json is [1], expected")
    shutil.copy(path / "model.safetensors", path / "model-2.safetensors")
    assert refused(path, out).startswith("two of its files hold ")
    (path / "model-2.safetensors").unlink()
    (path / "model.safetensors").write_bytes(save(weights())[:-1])
    assert refused(path, out).startswith("its weights cannot be read: ")
    (path / "model.safetensors").unlink()
    assert refused(path, out) == "the folder holds no model*.safetensors"
