import argparse
import json
import pickle
import random
import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_zip import Code, save, save_old

from flashlm_np.data.tokenizers.base import PlainIds
from flashlm_np.errors import UserError
from flashlm_np.folders import locked
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import V3
from flashlm_np.model.weights import load_weights
from flashlm_np.published.convert import convert
from flashlm_np.published.torch_file import read_torch_file
from flashlm_np.runs import checkpoint

CONFIG = replace(V3, vocab_size=11, d_model=6, conv_groups=3, taps=2, glu_ratio=1.5)
NUMBERS = {
    "d_model": 6,
    "vocab_size": 11,
    "n_recursions": 2,
    "glu_expansion": 1.5,
    "USE_ROUTER": True,
    "adamw_betas": (0.9, 0.95),
    "max_grad_norm": 2,
}


def weights(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    state = FlashLM(CONFIG, rng).state_dict()
    return {name: array.astype(dtype) for name, array in state.items()}


def published(**changes):
    """The dict that the author's notebook saves; a change to None removes the key."""
    value = {
        "model_state_dict": weights(0),
        "ema_state": weights(1),
        "config": NUMBERS,
        "val_loss": 6.8,
        "last_step": 4050,
        "note": "stopped",
    } | changes
    return {key: item for key, item in value.items() if item is not None}


def converted(tmp_path, value, tokenizer=None):
    path = save(tmp_path / "final.pt", value)
    return convert(path, tmp_path / "runs" / "out", tokenizer)


def model_of(loaded, which="model"):
    model = FlashLM(loaded.config, np.random.default_rng(9))
    load_weights(model, loaded.weights(which))
    return model


def test_the_published_file_becomes_a_checkpoint(tmp_path):
    returned = converted(tmp_path, published())
    loaded = checkpoint.load(tmp_path / "runs" / "out", "best")
    assert (loaded.config, loaded.step) == (returned.config, 4050)
    assert loaded.config == replace(CONFIG, clip_norm=2.0)
    assert loaded.state["published"]["val_loss"] == 6.8
    assert loaded.state["published"]["file"] == "final.pt"
    assert re.fullmatch("[0-9a-f]{64}", loaded.state["published"]["sha256"])
    assert loaded.state["tokenizer"]["fingerprint"] == PlainIds(11).fingerprint
    for which, seed in (("model", 0), ("ema", 1)):
        assert "lm_head.weight" not in loaded.weights(which)
        for name, array in model_of(loaded, which).state_dict().items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, weights(seed)[name], err_msg=name)


def test_the_average_may_be_missing(tmp_path):
    arrays = converted(tmp_path, published(ema_state=None)).arrays
    assert {name.split("/")[0] for name in arrays} == {"model"}


def test_the_remarks_may_be_missing_or_of_any_type(tmp_path):
    state = converted(tmp_path, published(val_loss=None, note=["x"])).state
    assert state["published"].keys() == {"file", "sha256"}
    json.dumps(state)


def test_other_precisions_become_float32(tmp_path):
    for dtype in (np.float64, np.float16):
        folder = tmp_path / dtype.__name__
        folder.mkdir()
        arrays = converted(folder, published(model_state_dict=weights(0, dtype))).arrays
        expected = weights(0, dtype)["final_norm.scale"].astype(np.float32)
        np.testing.assert_array_equal(arrays["model/final_norm.scale"], expected)
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def altered(**arrays):
    """The model's weights with some replaced or removed."""
    state = weights() | {name.replace("__", "."): a for name, a in arrays.items()}
    return {"model_state_dict": {name: a for name, a in state.items() if a is not None}}


NAN = np.full(6, np.nan, np.float32)
WIDE = np.zeros((11, 7), np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_state_dict": None}, "it has no 'model_state_dict' that is a dict"),
        ({"model_state_dict": [1]}, "it has no 'model_state_dict' that is a dict"),
        ({"config": None}, "it has no 'config' that is a dict"),
        ({"last_step": None}, "it has no 'last_step' that is a int"),
        ({"last_step": -1}, "its last_step is -1"),
        ({"last_step": 10**300}, "its last_step is 1000"),
        ({"config": NUMBERS | {"d_model": 7}}, "--conv-groups is 3"),
        ({"config": NUMBERS | {"d_model": 9}}, "d_model 9 and GLU width 13, but its weights"),
        ({"config": NUMBERS | {"vocab_size": 12}}, "its config has vocabulary 12"),
        ({"config": NUMBERS | {"glu_expansion": 2}}, "GLU width 12, but its weights have 11"),
        ({"config": NUMBERS | {"glu_expansion": float("nan")}}, "--glu-ratio is nan"),
        (
            {"config": NUMBERS | {"n_recursions": 10**9}},
            "--recursions is 1000000000, expected",
        ),
        ({"config": NUMBERS | {"n_recursions": 0}}, "--recursions is 0, expected 1 to 100"),
        ({"config": NUMBERS | {"n_recursions": "2"}}, "no 'n_recursions' that is a number"),
        ({"config": NUMBERS | {"weight_decay": 10**400}}, "too large"),
        ({"config": {}}, "its config has no 'd_model' that is a number (int)"),
        (altered(embedding__weight=None), "it lacks embedding.weight"),
        (
            altered(embedding__weight=np.array(1, np.float32)),
            "embedding.weight is (), expected (V, D)",
        ),
        (altered(embedding__weight=WIDE), "out_proj.weight is (6, 6), expected (D, D); V = 11"),
        (altered(lm_head__weight=weights(1)["lm_head.weight"]), "tied parameters differ"),
        (altered(lm_head__weight=None), "missing: lm_head.weight (11, 6)"),
        (altered(final_norm__scale=NAN), "final_norm.scale of the model weights is not finite"),
        (altered(final_norm__scale=np.full(6, 1e300)), "final_norm.scale of the model weights"),
        (altered(final_norm__scale=np.ones(5, np.float32)), "wrong shape: final_norm.scale"),
        (
            altered(final_norm__scale=np.ones(6, np.int32)),
            "'final_norm.scale' in 'model_state_",
        ),
        (altered(final_norm__scale=[1.0] * 6), "is no array of floating-point numbers"),
        (altered(extra=np.float32([1])), "unexpected: extra"),
        (altered(**{"\x1b[2J": np.float32([1])}), r"'\x1b[2J' in 'model_state_dict' is no"),
        ({"ema_state": altered(final_norm__scale=NAN)["model_state_dict"]}, "the ema weights"),
    ],
)
def test_a_file_that_does_not_fit_is_an_error_of_one_sentence(tmp_path, changes, message):
    with pytest.raises(UserError, match=re.escape(message)) as error:
        converted(tmp_path, published(**changes))
    assert f"{tmp_path / 'final.pt'} is not a checkpoint of FlashLM v3: " in str(error.value)
    assert not (tmp_path / "runs" / "out").exists()


def test_a_file_without_a_dict_is_an_error(tmp_path):
    with pytest.raises(UserError, match="it has no 'model_state_dict' that is a dict"):
        converted(tmp_path, [1, 2])


def test_sizes_cannot_ask_for_a_model_larger_than_the_file(tmp_path):
    """One row of a million numbers would make a model with a million by a million weights."""
    row = np.zeros((1, 10**6), np.float32)
    changes = altered(embedding__weight=row, lm_head__weight=row)
    with pytest.raises(UserError, match=r"out_proj.weight is \(6, 6\), expected \(D, D\)"):
        converted(tmp_path, published(**changes))


def test_a_tokenizer_with_more_tokens_than_the_model_is_an_error(tmp_path):
    with pytest.raises(
        UserError, match="has a vocabulary of 11, but the tokenizer stories has"
    ):
        converted(tmp_path, published(), "stories")
    assert converted(tmp_path, published(), "numbers").step == 4050


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    converted(tmp_path, published())
    before = (tmp_path / "runs" / "out" / "last.json").read_bytes()
    with pytest.raises(UserError, match="holds a run already; choose another folder"):
        converted(tmp_path, published(last_step=1))
    assert (tmp_path / "runs" / "out" / "last.json").read_bytes() == before


def test_no_run_begins_in_the_folder_while_the_file_is_read(tmp_path, monkeypatch):
    def read(path):
        with pytest.raises(UserError, match="in use"), locked(tmp_path / "runs" / "out"):
            pass
        return read_torch_file(path)

    monkeypatch.setattr("flashlm_np.published.convert.read_torch_file", read)
    converted(tmp_path, published())


def wrapped(change):
    """The weights with changed names."""
    return {"model_state_dict": {change(name): array for name, array in weights().items()}}


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module._orig_mod.{name}",
        lambda name: f"_orig_mod.module.{name}",
        lambda name: name.replace("block.glu.", "block._orig_mod.glu.module."),
        lambda name: name.replace("block.", "_fsdp_wrapped_module.block."),
    ],
)
def test_the_prefixes_of_wrappers_are_removed(tmp_path, change):
    """DataParallel, torch.compile and FSDP add them, also to a part of the model."""
    changes = wrapped(change)
    changes["model_state_dict"]["n_averaged"] = np.array(7)  # of AveragedModel
    loaded = converted(tmp_path, published(**changes))
    for name, array in model_of(loaded).state_dict().items():
        np.testing.assert_array_equal(array, weights()[name], err_msg=name)


def pickled(value):
    return Code(pickle.dumps(value, 2)[2:-1])


FOREIGN = {
    "losses": [0.5] * 100_000,
    "numpy_losses": pickled([np.float64(0.5)] * 1000),
    "python_rng": pickled(random.Random(0).getstate()),
    "numpy_rng": pickled(np.random.RandomState(0)),
    "small": pickled([1, 300, 70_000, 2**70, 1 + 2j]),
    "args": pickled(argparse.Namespace(lr=1.0, path=PurePosixPath("x"))),
    "history": pickled(defaultdict(list, {(0, 1): [{2}, datetime(2026, 2, 1)]})),
}


def test_what_the_model_does_not_need_is_passed_over(tmp_path):
    changes = FOREIGN | {"config": NUMBERS | {"betas": pickled({1, (2, 3)})}}
    assert converted(tmp_path, published(**changes)).step == 4050


def test_numbers_of_numpy_and_of_tensors_are_numbers(tmp_path):
    config = NUMBERS | {"d_model": pickled(np.int64(6)), "glu_expansion": pickled(1.5)}
    changes = {"last_step": np.array(12), "val_loss": pickled(np.float32(0.5))}
    made = converted(tmp_path, published(config=config, **changes))
    assert (made.step, made.config.d_model) == (12, 6)
    assert made.state["published"]["val_loss"] == 0.5


def test_the_settings_may_be_an_object(tmp_path):
    made = converted(tmp_path, published(config=pickled(argparse.Namespace(**NUMBERS))))
    assert made.config == replace(CONFIG, clip_norm=2.0)


def test_remarks_that_json_cannot_hold_are_shortened_or_left_out(tmp_path):
    changes = {"val_loss": float("nan"), "note": "long " * 10_000}
    about = converted(tmp_path, published(**changes)).state["published"]
    assert about.keys() == {"file", "sha256", "note"}
    assert about["note"] == "long " * 200


@pytest.mark.parametrize("protocol", ["new", "old"])
def test_both_formats_are_converted(tmp_path, protocol):
    write = {"new": save, "old": save_old}[protocol]
    made = convert(write(tmp_path / "final.pt", published()), tmp_path / "out")
    np.testing.assert_array_equal(
        model_of(made, "ema").state_dict()["final_norm.scale"], weights(1)["final_norm.scale"]
    )


OBJECT = pickled(argparse.Namespace(weight=1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (OBJECT, "the file holds an object of 'argparse.Namespace'; save a dict, such as"),
        (published(model_state_dict=OBJECT), "it is an object of 'argparse.Namespace'"),
        (weights(), "its 20 entries: 'embedding.weight, block.norm1.scale, "),
        (published(last_step=1.5), "it has no 'last_step' that is a int: it is a float"),
        (
            published(**altered(final_norm__scale=np.ones(6, np.int32))),
            "it is an array of int32",
        ),
        (published(**altered(final_norm__scale=OBJECT)), "it is an object of 'argparse"),
        (
            published(**altered(module__final_norm__scale=np.ones(6, np.float32))),
            "'model_state_dict' has 'final_norm.scale' twice, with and without a prefix",
        ),
    ],
)
def test_an_error_says_what_is_there_instead(tmp_path, value, message):
    with pytest.raises(UserError, match=re.escape(message)):
        converted(tmp_path, value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(key=st.sampled_from([*published(), *NUMBERS, *weights()]), value=VALUES)
def test_any_value_in_any_place_is_accepted_or_refused(tmp_path, key, value):
    changes = {
        **({key: value} if key in published() else {}),
        **({"config": NUMBERS | {key: value}} if key in NUMBERS else {}),
        **(altered(**{key: value}) if key in weights() else {}),
    }
    path = save(tmp_path / "x", published() | changes)
    out = tmp_path / "out"
    (out / "last.json").unlink(missing_ok=True)
    try:
        loaded = convert(path, out)
    except UserError:
        return
    assert loaded.step == checkpoint.load(out).step
