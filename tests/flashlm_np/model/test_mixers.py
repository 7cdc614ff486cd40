"""Attention and MLGRU as mixers: their formulas by hand, planted mistakes, their sizes."""

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest
from tiny import small_model

from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.mixers import attention, mlgru
from flashlm_np.model.presets import V3
from flashlm_np.training.optimizers import Optimizers
from minigrad import Tensor
from minigrad.ops.ternary import ternarize

X = np.random.default_rng(1).standard_normal((2, 9, 16))
GATES = ("code", "paper")


def mixer_of(**changes):
    return small_model(**changes)[0].block.token_mixer


def weights(mixer, *names):
    return (getattr(mixer, f"{name}_proj").weight.data for name in names)


def out(mixer, y):
    layer = mixer.out_proj
    T, scale = ternarize(layer.weight.data, threshold=layer.threshold, scale=layer.scale)
    return y @ (scale * T).T


# -- attention -----------------------------------------------------------------------------


def attention_by_hand(mixer, x):
    """One position of one head after another; a pair of numbers is one complex number."""
    q, k, v = (x @ w.T for w in weights(mixer, "q", "k", "v"))  # (B, T, W) each
    B, T, W = q.shape
    C, y = W // mixer.heads, np.zeros(q.shape)
    for b, t, head in np.ndindex(B, T, mixer.heads):
        part = range(head * C, (head + 1) * C)
        scores = [score(q[b, t, part], k[b, u, part], t - u) for u in range(t + 1)]
        e = np.exp(np.array(scores) / math.sqrt(C))
        y[b, t, part] = (e / e.sum()) @ v[b, : t + 1, part].T
    return out(mixer, y)


def score(q, k, distance):
    half = len(q) // 2
    turns = (cmath.exp(1j * distance / 1e4 ** (i / half)) for i in range(half))
    pairs = zip(q[:half] + 1j * q[half:], k[:half] + 1j * k[half:], turns, strict=True)
    return sum((a * b.conjugate() * turn).real for a, b, turn in pairs)


@pytest.mark.parametrize("changes", [{}, {"mixer_width": 12, "attention_heads": 2}])
def test_attention_equals_its_formula(changes):
    mixer = mixer_of(mixer="attention", **changes)
    y = mixer(Tensor(X)).data
    np.testing.assert_allclose(y, attention_by_hand(mixer, X), rtol=1e-10, atol=1e-12)


class Mistaken:
    """The functional interface with one function replaced."""

    def __init__(self, module, name, function):
        self.functions = {"plain": module.F, name: function}
        self.module = module

    def __getattr__(self, name):
        return self.functions.get(name) or getattr(self.functions["plain"], name)


def shifted(x, by):
    """Each row moved `by` positions to the past."""
    return np.concatenate([x[:, by:], np.zeros_like(x[:, :by])], axis=1)


def attention_with(q, k, v, heads, scale=None, axis=-1, shift=0):
    B, T, W = q.shape
    scale = (W // heads) ** -0.5 if scale is None else scale
    q, k, v = (x.data.reshape(B, T, heads, -1).swapaxes(1, 2) for x in (q, k, v))
    s = q @ k.swapaxes(2, 3) * scale
    e = np.where(np.tri(T, k=shift, dtype=bool), np.exp(s), 0)
    p = e / e.sum(axis=axis, keepdims=True)
    return Tensor((p @ v).swapaxes(1, 2).reshape(B, T, W))


F = attention.F
MISTAKES = {
    "none": ("causal_attention", lambda q, k, v, heads: attention_with(q, k, v, heads)),
    "the mask shows the next position": (
        "causal_attention",
        lambda q, k, v, heads: attention_with(q, k, v, heads, shift=1),
    ),
    "the scale is missing": (
        "causal_attention",
        lambda q, k, v, heads: attention_with(q, k, v, heads, scale=1.0),
    ),
    "the scale is that of the whole width": (
        "causal_attention",
        lambda q, k, v, heads: attention_with(q, k, v, heads, scale=q.shape[-1] ** -0.5),
    ),
    "softmax runs over the questions": (
        "causal_attention",
        lambda q, k, v, heads: attention_with(q, k, v, heads, axis=-2),
    ),
    "one head": (
        "causal_attention",
        lambda q, k, v, heads: F.causal_attention(q, k, v),
    ),
    "v is turned, too": (
        "causal_attention",
        lambda q, k, v, heads: F.causal_attention(q, k, F.rotary(v, heads=heads), heads=heads),
    ),
    "no positions": ("rotary", lambda x, heads: x),
    "the pairs of one head": ("rotary", lambda x, heads: F.rotary(x)),
    "positions that run backward": (
        "rotary",
        lambda x, heads: Tensor(F.rotary(x[:, ::-1], heads=heads).data[:, ::-1]),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_formula_shows_each_mistake(mistake, monkeypatch):
    mixer = mixer_of(mixer="attention")
    monkeypatch.setattr(attention, "F", Mistaken(attention, *MISTAKES[mistake]))
    difference = np.abs(mixer(Tensor(X)).data - attention_by_hand(mixer, X)).max()
    assert (difference > 1e-3) == (mistake != "none")


# -- MLGRU ---------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mlgru_by_hand(mixer, x, gate, mistake=""):
    a, z, g = (x @ w.T for w in weights(mixer, "i", "f", "g"))  # (B, T, W) each
    f, c = sigmoid(z), a * sigmoid(a)
    if mistake == "f and 1 - f are exchanged":
        f = 1 - f
    h, states = 0.0, []
    for t in range(x.shape[1]):
        h = f[:, t] * h + (1 - f[:, t]) * (a if mistake == "no SiLU" else c)[:, t]
        states.append(h)
    h = np.stack(states, axis=1)
    if mistake == "g and h are exchanged":
        g, h = h, g
    if gate == "paper":
        return out(mixer, sigmoid(g) * h)
    norm = mixer.g_norm
    r = (np.mean(g * g, axis=-1, keepdims=True) + norm.eps) ** -0.5
    return out(mixer, g * r * norm.scale.data * h * sigmoid(h))


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(
    "mistake", ["", "f and 1 - f are exchanged", "no SiLU", "g and h are exchanged"]
)
def test_the_recurrence_equals_its_formula_and_no_mistake(gate, mistake):
    mixer = mixer_of(mixer="mlgru", gru_gate=gate, mixer_width=10)
    difference = np.abs(mixer(Tensor(X)).data - mlgru_by_hand(mixer, X, gate, mistake)).max()
    assert difference > 1e-3 if mistake else difference < 1e-11


# -- sizes ---------------------------------------------------------------------------------


def test_the_mixers_have_the_weights_of_v3s_at_a_width_of_160():
    for mixer in ("gated_convs", "attention", "mlgru"):
        config = replace(V3, vocab_size=50, mixer=mixer, mixer_width=160)
        model = FlashLM(config, np.random.default_rng(0))
        state = model.block.token_mixer.state_dict()
        assert sum(w.size for w in state.values() if w.ndim > 1) == 163_840


def test_a_mixer_with_a_wider_inside():
    model, config = small_model(mixer="mlgru", mixer_width=40)
    assert config.inner_width == 40
    assert model.block.token_mixer.out_proj.weight.shape == (16, 40)
    assert model.block.token_mixer.i_proj.weight.shape == (40, 16)


@pytest.mark.parametrize("by", ["normuon", "adamw"])
@pytest.mark.parametrize("mixer", ["attention", "mlgru"])
def test_the_projections_are_among_the_matrices(mixer, by):
    model, config = small_model(mixer=mixer, matrix_optimizer=by)
    groups = Optimizers(model, config).by_group
    matrices = groups["normuon" if by == "normuon" else "adamw_matrices"].parameters
    assert {n for n in matrices if "token_mixer" in n} == {
        f"block.token_mixer.{name}.weight"
        for name, layer in vars(model.block.token_mixer).items()
        if name.endswith("_proj")
    }
    assert sum("token_mixer" in n for n in matrices) == 4
    assert "adamw_conv" not in groups


def test_initial_weights_of_the_projections():
    for rule, std in [("v3", 256**-0.5), ("fan_out", (2 / 160) ** 0.5)]:
        config = replace(V3, vocab_size=50, mixer="mlgru", mixer_width=160)
        config = replace(config, initial_weights=rule)
        model = mlgru.GRUMixer(config, np.random.default_rng(0))
        assert float(model.f_proj.weight.data.std()) == pytest.approx(std, rel=0.02)
