"""The MatMul-free model: its sizes, names, initial weights, forms, causality and gradients."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from flashlm_np.model.matmul_free.head import BIT_HEAD
from flashlm_np.model.matmul_free.options import FIXED
from flashlm_np.model.matmul_free.shapes import (
    PUBLISHED,
    matrix_shapes,
    parameter_count,
    parameter_shapes,
    published_config,
    ratio_for,
)
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE, PRESETS
from flashlm_np.model.weights import model_with_weights
from minigrad import Tensor, no_grad
from minigrad.gradcheck import gradcheck

V, D, L, H = 31, 8, 3, 13
CONFIG = replace(MATMUL_FREE, vocab_size=V, d_model=D, blocks=L, glu_ratio=ratio_for(H, D))
FORMS = {"code": {}, "paper": {"gru_gate": "paper", "lower_bounds": False}}
every_form = pytest.mark.parametrize("form", FORMS)
IDS = np.random.default_rng(3).integers(0, V, (2, 12))


def small_model(dtype=np.float64, **changes):
    """Make a model with random numbers also where they start constant."""
    rng = np.random.default_rng(5)
    model = new_model(replace(CONFIG, **changes), rng, dtype)
    for p in model.parameters():
        p.data += (0.1 * rng.standard_normal(p.shape)).astype(dtype)
    return model


# -- sizes and names -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "count", "ternary"),
    [
        ("370M", 374_108_160, 0.912),
        ("1.3B", 1_364_779_008, 0.952),
        ("2.7B", 2_702_357_504, 0.969),
    ],
)
def test_the_published_sizes_have_the_parameters_of_the_authors_code(size, count, ternary):
    config = published_config(size, MATMUL_FREE)
    assert parameter_count(config) == count  # no array is made
    D, _, H = PUBLISHED[size]
    assert config.glu_width == H == -(-int(8 * D / 3) // 256) * 256  # 8D/3, rounded up
    share = sum(map(math.prod, matrix_shapes(config).values())) / count
    assert share == pytest.approx(ternary, abs=5e-4)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2_734_592),
        ({"blocks": 4}, 4_444_672),
        ({"blocks": 4, "vocab_size": 50257}, 29_152_256),
    ],
)
def test_the_preset_has_the_stated_parameters(changes, count):
    assert parameter_count(replace(MATMUL_FREE, **changes)) == count


@every_form
def test_a_model_has_the_stated_shapes_and_the_names_of_the_authors(form):
    config = replace(CONFIG, **FORMS[form])
    model = new_model(config, np.random.default_rng(0))
    shapes = {name: p.shape for name, p in model.named_parameters()}
    assert shapes == parameter_shapes(config)
    assert sum(p.size for p in model.parameters()) == parameter_count(config)
    known = r"model\.(embeddings\.weight|lower_bounds|norm\.weight)|lm_head\.(norm\.)?weight"
    parts = r"attn_norm|mlp_norm|attn\.g_norm|(attn\.[ifgo]|mlp\.(gate|down))_proj(\.norm)?"
    pattern = rf"{known}|model\.layers\.\d\.({parts})\.weight"
    assert [name for name in shapes if not re.fullmatch(pattern, name)] == []
    assert ("model.lower_bounds" in shapes) == config.lower_bounds
    assert ("model.layers.0.attn.g_norm.weight" in shapes) == (config.gru_gate == "code")


def test_the_initial_weights_have_the_sizes_of_the_authors():
    config = replace(CONFIG, d_model=128, glu_ratio=2.0, blocks=2, vocab_size=300)
    weights = new_model(config, np.random.default_rng(0)).state_dict()
    stds = {
        "model.embeddings": 0.02,
        "lm_head": 0.02,
        "model.layers.1.mlp.gate_proj": 0.02,
        "model.layers.1.mlp.down_proj": 0.01,
    }
    for name, std in stds.items():
        assert weights[f"{name}.weight"].std() == pytest.approx(std, rel=0.02)
    for name in "ifgo":
        w, most = weights[f"model.layers.1.attn.{name}_proj.weight"], 2**-2.5 * (3 / 128) ** 0.5
        assert 0.99 * most < np.abs(w).max() <= most
        assert w.std() == pytest.approx(most / 3**0.5, rel=0.02)
    assert not weights["model.lower_bounds"].any()
    gains = [w for name, w in weights.items() if "norm" in name]
    assert len(gains) == 2 * (3 + 6) + 2
    assert all((w == 1).all() for w in gains)


def test_the_lower_bounds_start_evenly_spread_and_rise():
    model = new_model(replace(CONFIG, blocks=4), np.random.default_rng(0), np.float64).model
    np.testing.assert_allclose([b.data[0] for b in model.bounds()], [0, 0.25, 0.5, 0.75])
    model.lower_bounds.data[...] = np.random.default_rng(1).standard_normal((4, D))
    bounds = np.array([b.data for b in model.bounds()])
    assert not bounds[0].any()
    assert (np.diff(bounds, axis=0) > 0).all()
    assert (bounds < 1).all()


# -- the function --------------------------------------------------------------------------


class Slow:
    """The model for one text, token after token, written from its formulas."""

    def __init__(self, weights, config):
        self.weights, self.config = weights, config
        self.states = np.zeros((L, D))

    def norm(self, x, name):
        return x / math.sqrt(np.dot(x, x) / len(x) + 1e-6) * self.weights[f"{name}.weight"]

    def bit_linear(self, x, name):
        w, y = self.weights[f"{name}.weight"], self.norm(x, f"{name}.norm")
        scale, mean = 127 / max(np.abs(y).max(), 1e-5), max(np.abs(w).mean(), 1e-5)
        q = np.clip(np.round(y * scale), -128, 127) / scale
        return mean * np.clip(np.round(w / mean), -1, 1) @ q

    def bound(self, l):
        """p_1 + ... + p_l of the softmax over the blocks."""
        if not self.config.lower_bounds:
            return np.zeros(D)
        e = np.exp(self.weights["model.lower_bounds"])
        return (e / e.sum(axis=0))[1 : l + 1].sum(axis=0)

    def mixer(self, x, l, name):
        a, z, g = (self.bit_linear(x, f"{name}.{part}_proj") for part in "ifg")
        f = self.bound(l) + (1 - self.bound(l)) / (1 + np.exp(-z))
        h = self.states[l] = f * self.states[l] + (1 - f) * a / (1 + np.exp(-a))
        if self.config.gru_gate == "paper":
            return self.bit_linear(h / (1 + np.exp(-g)), f"{name}.o_proj")
        gated = self.norm(g, f"{name}.g_norm") * h / (1 + np.exp(-h))
        return self.bit_linear(gated, f"{name}.o_proj")

    def logits(self, token):
        x = self.weights["model.embeddings.weight"][token]
        for l in range(L):
            name = f"model.layers.{l}"
            x = x + self.mixer(self.norm(x, f"{name}.attn_norm"), l, f"{name}.attn")
            both = self.bit_linear(self.norm(x, f"{name}.mlp_norm"), f"{name}.mlp.gate_proj")
            u, v = both[:H], both[H:]
            x = x + self.bit_linear(u / (1 + np.exp(-u)) * v, f"{name}.mlp.down_proj")
        return self.bit_linear(self.norm(x, "model.norm"), "lm_head")


@every_form
def test_the_logits_are_those_of_the_formulas(form):
    model, config = small_model(**FORMS[form]), replace(CONFIG, **FORMS[form])
    for ids, logits in zip(IDS, model(IDS).data, strict=True):
        slow = Slow(model.state_dict(), config)
        expected = [slow.logits(token) for token in ids]
        np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-12)


@every_form
def test_a_prediction_depends_on_all_tokens_before_it_and_on_no_later_one(form):
    model = small_model(**FORMS[form])
    logits = model(IDS).data
    for t in range(12):
        changed = IDS.copy()
        changed[:, t] = (changed[:, t] + 1) % V
        moved = (model(changed).data != logits).any(axis=(0, 2))
        assert moved.tolist() == [False] * t + [True] * (12 - t)


@every_form
def test_a_text_can_be_read_in_parts(form):
    model = small_model(**FORMS[form])
    with no_grad():
        whole, last = model.run(IDS)
        parts, states = [], None
        for part in (IDS[:, :5], IDS[:, 5:6], IDS[:, 6:]):
            h, states = model.run(part, states)
            parts.append(h.data)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole.data, rtol=1e-12)
    np.testing.assert_allclose(states, last, rtol=1e-12)
    assert np.shape(states) == (L, 2, D)


@every_form
def test_the_gradients_of_the_loss_pass_the_check(form):
    model = small_model(**FORMS[form])
    model.lm_head.fused = False  # only the composed form is of operations with surrogates

    def loss(*_):
        return model.loss(IDS[:, :-1], IDS[:, 1:], label_smoothing=0.1, z_loss=0.01)

    report = gradcheck(loss, *model.parameters())
    assert "bit_linear is piecewise constant" in str(report)


def test_the_two_forms_of_the_gate_differ():
    code, paper = small_model(), small_model(gru_gate="paper")
    weights = {n: a for n, a in code.state_dict().items() if not n.endswith("g_norm.weight")}
    paper.load_state_dict(weights)
    assert np.abs(code(IDS).data - paper(IDS).data).max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "z_loss": 0.01}])
@pytest.mark.parametrize("parts", [1, 3])
def test_the_fused_head_equals_the_composed_one(options, parts):
    model, rng = small_model(), np.random.default_rng(8)
    y, found = rng.integers(0, V, 7), {}
    rows = rng.standard_normal((7, D))
    for fused in (True, False):
        head, h = model.lm_head, Tensor(rows, requires_grad=True)
        head.fused = fused
        work = {"parts": parts, "buffers": {}} if fused else {}
        loss = head.loss(h, head.weight, y, **options, **work)
        (3 * loss).backward(into=(gradients := {}))
        found[fused] = [loss.data, *(gradients[x] for x in (h, head.weight, head.norm.weight))]
    for one, other in zip(found[True], found[False], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-15)


def test_the_fused_head_keeps_the_stated_bytes_and_float32():
    rng = np.random.default_rng(8)
    h, w, g = (rng.standard_normal(s).astype("f4") for s in [(7, D), (V, D), (D,)])
    loss, saved = BIT_HEAD.forward(h, w, g, rng.integers(0, V, 7), eps=1e-6)
    arrays = [*saved[:3], *saved[3]]
    assert sum(a.nbytes for a in arrays) == 4 * (2 * 7 * D + 7 + D + V * D)
    gradients = BIT_HEAD.backward(np.float32(2), saved)
    assert {a.dtype for a in [loss, *arrays, *gradients[:3]]} == {np.dtype("f4")}


def test_the_losses_of_the_rows_are_those_of_the_head():
    model, y = small_model(), IDS[0, 1:]
    h = model.hidden(IDS[:1, :-1]).data[0]
    head, table = model.lm_head, model.lm_head.weight
    losses = head.losses(Tensor(h), table, y).data
    np.testing.assert_allclose(losses, head.nll(h, table.data, y))
    log_p = head.log_prob(h, table.data)
    np.testing.assert_allclose(losses, -log_p[np.arange(11), y])
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1)
    np.testing.assert_allclose(head.next_scores(h[3], table.data), model(IDS[:1]).data[0, 3])


# -- weights and options -------------------------------------------------------------------


def test_weights_of_other_sizes_are_refused_before_a_model_is_made():
    weights = small_model(np.float32).state_dict()
    again = model_with_weights(CONFIG, weights)
    np.testing.assert_array_equal(again(IDS).data, small_model(np.float32)(IDS).data)
    for name in weights:
        with pytest.raises(ValueError, match=f"^{re.escape(name)} has shape None, but"):
            model_with_weights(CONFIG, {n: a for n, a in weights.items() if n != name})
    text = (
        r"model\.embeddings\.weight has shape \(31, 8\), but the configuration says \(31, 9\)"
    )
    with pytest.raises(ValueError, match=f"^{text}"):
        model_with_weights(replace(CONFIG, d_model=9), weights)


OTHERS = {
    "mixer": "attention",
    "mixer_width": 4,
    "recursions": 2,
    "activation": "relu_squared",
    "ternary_mixer": False,
    "ternary_threshold": 1.0,
    "ternary_scale": "none",
    "head": "tree",
    "prior": "trigram",
    "output_gains": True,
    "first_skip": True,
    "bigram_rows": 5,
    "logit_scale": 0.5,
    "initial_weights": "fan_out",
}


def test_parts_of_flashlm_are_refused():
    assert OTHERS.keys() == FIXED.keys()
    for name, value in OTHERS.items():
        option = f"--{name.replace('_', '-')} is {value}, and the model matmul_free has "
        with pytest.raises(ValueError, match=f"^{re.escape(option)}{FIXED[name]} only; begin"):
            replace(CONFIG, **{name: value})


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "matmul_free"])
def test_lower_bounds_are_refused_where_there_is_no_recurrence_with_them(preset):
    with pytest.raises(ValueError, match=r"^--no-lower-bounds needs --model matmul_free"):
        replace(PRESETS[preset], lower_bounds=False)
