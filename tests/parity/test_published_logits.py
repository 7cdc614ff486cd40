"""The converted published checkpoint gives the logits of the notebook."""

import numpy as np
import pytest
from parity.golden import close, golden, golden_path

from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import load_weights
from flashlm_np.published.convert import convert
from flashlm_np.published.torch_file import read_torch_file
from flashlm_np.runs import checkpoint
from minigrad import no_grad


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    out = tmp_path_factory.mktemp("converted") / "run"
    convert(golden_path("flashlm_final_tiny.pt"), out)
    return checkpoint.load(out)


def model_of(loaded, which):
    model = FlashLM(loaded.config, np.random.default_rng(0))
    load_weights(model, loaded.weights(which))
    return model


def test_the_logits_are_those_of_the_notebook(loaded):
    g = golden("flashlm_final_tiny_logits")
    with no_grad():
        logits = model_of(loaded, "model")(g["input_ids"]).data
    close(logits, g["logits"], 1e-5)


@pytest.mark.parametrize(
    ("which", "key"), [("model", "model_state_dict"), ("ema", "ema_state")]
)
def test_both_sets_of_weights_are_those_of_the_file(loaded, which, key):
    expected = read_torch_file(golden_path("flashlm_final_tiny.pt"))[key]
    state = model_of(loaded, which).state_dict()
    assert state.keys() == expected.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_the_step_the_loss_and_the_settings_are_kept(loaded):
    published = read_torch_file(golden_path("flashlm_final_tiny.pt"))
    assert loaded.step == published["last_step"]
    assert loaded.state["published"]["val_loss"] == published["val_loss"]
    assert loaded.config.label_smoothing == published["config"]["label_smoothing"]


def test_torch_reads_the_same_values(loaded):
    torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")
    path = golden_path("flashlm_final_tiny.pt")
    ours, theirs = read_torch_file(path), torch.load(path)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if not key.endswith(("_state", "_state_dict")):
            assert ours[key] == value
            continue
        for name, tensor in value.items():
            np.testing.assert_array_equal(ours[key][name], tensor.numpy(), err_msg=name)
