"""The MatMul-free model in float64 equals the numbers of its authors' code to 1e-9.

`FLASHLM_MMFREE_DIR` names the folder of mmfree.safetensors; the default is `../shared/mmfree`.
All sizes are read off the arrays, so golden numbers of other sizes and seeds work as well.
"""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from parity.golden import close, close_gradients, under
from safetensors.numpy import load_file
from shared import FOLDER

from flashlm_np.model.config import Phase
from flashlm_np.model.matmul_free.layers import MLP, BitLinear, Mixer
from flashlm_np.model.matmul_free.lm import MatMulFreeLM
from flashlm_np.model.matmul_free.shapes import ratio_for
from flashlm_np.model.presets import MATMUL_FREE
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import Parameter, Tensor, no_grad
from minigrad import functional as F
from minigrad.ops.bit_linear import absmax, absmean

DOWN_NORM = "model.layers.0.mlp.down_proj.norm.weight"  # (H,)
SETTINGS = {"rng": np.random.default_rng(0), "dtype": np.float64}


@cache
def golden() -> dict[str, np.ndarray]:
    """Return the arrays of the golden file, or skip the test with the reason."""
    folder = Path(os.environ.get("FLASHLM_MMFREE_DIR") or FOLDER / "mmfree")
    path = folder / "mmfree.safetensors"
    if not path.exists():
        pytest.skip(f"no {path} (set FLASHLM_MMFREE_DIR to its folder)")
    return load_file(path)


def leaf(array):
    return Tensor(array, requires_grad=True)


def config(D, H=1, L=1, V=2, **changes):
    sizes = {"d_model": D, "glu_ratio": ratio_for(H, D), "blocks": L, "vocab_size": V}
    return replace(MATMUL_FREE, **sizes, **changes)


# -- operations ----------------------------------------------------------------------------


def test_activations_of_8_bits():
    g = under("activation_quant/", golden())
    k, s = absmax(g["x"])
    close(s * k, g["y"])


@pytest.mark.parametrize("small", ["", "_small"])
def test_ternary_weights(small):
    g = under("weight_quant/", golden())
    t, m = absmean(g[f"w{small}"])
    close(m * t, g[f"y{small}"])


OPERATIONS = {
    "rms_norm": (F.rms_norm, ["x", "weight"], {"eps": 1e-6}),
    "bit_linear": (F.bit_linear, ["x", "weight", "norm.weight"], {}),
    "bit_linear_plain": (F.bit_linear, ["x", "weight", "norm.weight"], {"eps": 1e-8}),
    "bit_linear_small_weight": (F.bit_linear, ["x", "weight", "norm.weight"], {}),
    "gated_norm": (F.gated_norm, ["x", "o", "weight"], {}),
    "swiglu": (F.silu_gate, ["g", "v"], {}),
    "mlgru": (F.mlgru, ["a", "z"], {}),
    "mlgru_bound": (F.mlgru, ["a", "z", "beta"], {}),
    "mlgru_state": (F.mlgru, ["a", "z", "beta", "h0"], {}),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_and_its_gradients(name):
    g = under(f"{name}/", golden())
    function, names, options = OPERATIONS[name]
    inputs = {n: leaf(g.get(n, g.get(f"param/{n}"))) for n in names}
    y = function(*inputs.values(), **options)
    y.backward(g["dy"])
    close(y.data, g["y"])
    for n, x in inputs.items():
        expected = g[f"d{n}"] if f"d{n}" in g else g[f"grad/{n}"]
        close(x.grad, expected, name=n)
    if "last" in g:
        close(y.data[:, -1], g["last"])


def test_lower_bounds():
    g = under("lower_bounds/", golden())
    L, D = g["gamma"].shape
    model = MatMulFreeLM(config(D, L=L), **SETTINGS).model
    model.lower_bounds.data[...] = g["gamma"]
    bounds = F.stack(model.bounds())
    bounds.backward(g["dbeta"])
    close(bounds.data, g["beta"])
    close(model.lower_bounds.grad, g["dgamma"])


# -- parts ---------------------------------------------------------------------------------


def check_part(part, g, *inputs):
    part.load_state_dict(under("param/", g))
    x = leaf(g["x"])
    y = part(x, *inputs)
    y = y[0] if isinstance(y, tuple) else y
    y.backward(g["dy"])
    close(y.data, g["y"])
    close(x.grad, g["dx"])
    close_gradients(part, under("grad/", g))


def test_mixer():
    g = under("mixer/", golden())
    bound = leaf(g["lower_bound"])
    check_part(Mixer(config(g["x"].shape[-1]), **SETTINGS), g, bound)
    close(bound.grad, g["dlower_bound"])


def test_mlp():
    g = under("mlp/", golden())
    D, H = g["param/down_proj.weight"].shape
    check_part(MLP(config(D, H), **SETTINGS), g)


def test_bit_linear_layer():
    g = under("bit_linear/", golden())
    weight = Parameter(np.zeros_like(g["param/weight"]))
    check_part(BitLinear(weight, config(g["x"].shape[-1])), g)


# -- model ---------------------------------------------------------------------------------


def new_model(**changes):
    """A model with the golden weights, and its configuration."""
    weights = under("model/param/", golden())
    V, D = weights["model.embeddings.weight"].shape
    L, H = len(weights["model.lower_bounds"]), len(weights[DOWN_NORM])
    settings = config(D, H, L, V, **changes)
    model = MatMulFreeLM(settings, **SETTINGS)
    model.load_state_dict(weights)
    return model, settings


def test_logits_loss_and_every_gradient():
    g = under("model/", golden())
    model, _ = new_model()
    close(model(g["input_ids"]).data, g["logits"])
    loss = model.loss(g["input_ids"], g["targets"])
    close(loss.data[None], g["loss"])
    loss.backward()
    close_gradients(model, under("grad/", g))


def test_hidden_rows_and_states():
    g = under("model/", golden())
    model, settings = new_model()
    backbone, L = model.model, settings.blocks
    with no_grad():
        x = model.embedding(g["input_ids"])
        for l, (block, b) in enumerate(zip(backbone.layers, backbone.bounds(), strict=True)):
            close(x.data, g[f"hidden/{l}"])
            x, state = block(x, b)
            close(state, g[f"state/{l}"])
        h, states = model.run(g["input_ids"])
    close(h.data, g[f"hidden/{L}"])
    for l, state in enumerate(states):
        close(state, g[f"state/{l}"])


@pytest.mark.parametrize("fast", [False, True])
def test_training_steps(fast):
    g = under("train/", golden())
    steps, B, T = g["tokens"].shape
    model, settings = new_model(
        phases=(Phase(1, T - 1, B),),
        steps=steps,
        schedule="wsd",
        warmup_steps=0,
        decay_share=0.0,
        clip_norm=1e30,
    )
    optimizers = None if fast else Optimizers(model, settings)
    fast_step = FastStep(model, settings, threads=1) if fast else None
    for step in range(1, steps + 1):
        ids = g["tokens"][step - 1]
        batches = [(ids[:, :-1], ids[:, 1:], None)]
        if fast:
            result = fast_step.step(step, batches)
        else:
            result = train_step(model, optimizers, step, batches)
        assert result.loss == pytest.approx(g["losses"][step - 1], rel=1e-9)
        assert result.grad_norm == pytest.approx(g["grad_norms"][step - 1], rel=1e-9)
        for name, expected in under(f"step{step}/", g).items():
            close(model.state_dict()[name], expected, name=f"{name} after step {step}")
