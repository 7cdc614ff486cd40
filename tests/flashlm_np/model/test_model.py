import numpy as np
import pytest
from tiny import small_model

from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import QUICKSTART, SMALL_V3, V3, V4
from minigrad.gradcheck import gradcheck

IDS = np.random.default_rng(1).integers(0, 31, (2, 40))
TARGETS = np.random.default_rng(2).integers(0, 31, (2, 40))
LOSS = {"label_smoothing": 0.1, "z_loss": 1e-4}


@pytest.fixture(scope="module")
def v3():
    return FlashLM(V3, np.random.default_rng(0))


def test_v3_has_exactly_the_published_parameters(v3):
    assert sum(p.size for p in v3.parameters()) == 13_555_969
    mixer = "block.token_mixer"
    convs = [
        f"{mixer}.layers.{i}.conv_{k}.conv.weight" for i in range(3) for k in ("gate", "value")
    ]
    expected = {
        "embedding.weight": (50_257, 256),
        "lm_head.weight": (50_257, 256),
        "final_norm.scale": (256,),
        "block.norm1.scale": (256,),
        "block.norm2.scale": (256,),
        **{f"{mixer}.norms.{i}.scale": (256,) for i in range(3)},
        **dict.fromkeys(convs, (256, 16, 4)),
        f"{mixer}.out_proj.weight": (256, 256),
        "block.glu.gate_proj.weight": (683, 256),
        "block.glu.up_proj.weight": (683, 256),
        "block.glu.down_proj.weight": (256, 683),
        "block.router.linear.weight": (1, 256),
        "block.router.linear.bias": (1,),
    }
    assert {name: array.shape for name, array in v3.state_dict().items()} == expected


def test_v3_starts_with_the_published_standard_deviations(v3):
    std = {name: float(array.std()) for name, array in v3.state_dict().items()}
    assert std["block.glu.gate_proj.weight"] == pytest.approx(256**-0.5, rel=0.01)
    assert std["block.glu.down_proj.weight"] == pytest.approx(0.01, rel=0.01)
    assert std["block.token_mixer.out_proj.weight"] == pytest.approx(0.01, rel=0.02)
    assert std["block.token_mixer.layers.0.conv_gate.conv.weight"] == pytest.approx(
        1 / 8, rel=0.03
    )


def test_v4_has_exactly_the_parameters_of_its_author():
    """Of 6 blocks of width 192, as in the author's train.py with --small."""
    state = FlashLM(V4, np.random.default_rng(0)).state_dict()
    block = {
        "norm1.scale": (192,),
        "token_mixer.in_proj.weight": (384, 192),
        "token_mixer.conv.weight": (192, 1, 8),
        "token_mixer.out_proj.weight": (192, 192),
        "norm2.scale": (192,),
        "glu.gate_proj.weight": (512, 192),
        "glu.up_proj.weight": (512, 192),
        "glu.down_proj.weight": (192, 512),
    }
    names = ["block", *(f"more_blocks.{i}" for i in range(5))]
    assert {name: array.shape for name, array in state.items()} == {
        "embedding.weight": (10_000, 192),
        **{f"{name}.{part}": block[part] for name in names for part in block},
        "final_norm.scale": (192,),
        "lm_head.weight": (10_000, 192),
    }
    del state["lm_head.weight"]  # the embedding's table again
    assert sum(w.size for w in state.values()) == 4_364_736
    assert (V4.glu_width, V4.receptive_field) == (512, 1 + 6 * 7)
    std = {name: float(w.std()) for name, w in state.items()}
    assert std["embedding.weight"] == pytest.approx(0.02, rel=0.01)
    assert std["block.token_mixer.conv.weight"] == pytest.approx((2 / 1536) ** 0.5, rel=0.05)
    assert std["block.glu.up_proj.weight"] == pytest.approx((2 / 512) ** 0.5, rel=0.01)


@pytest.mark.parametrize(("config", "count"), [(QUICKSTART, 779_328), (SMALL_V3, 1_202_177)])
def test_the_small_presets_have_about_a_million_parameters(config, count):
    model = FlashLM(config, np.random.default_rng(0))
    assert sum(p.size for p in model.parameters()) == count


@pytest.mark.parametrize("convs", [False, True])
@pytest.mark.parametrize("fused", [True, False])
def test_the_gradients_of_the_whole_model_are_right(fused, convs):
    model, _ = small_model(fused=fused, ternary_mixer=convs)
    names, parameters = zip(
        *[(n, p) for n, p in model.named_parameters() if "router" not in n], strict=True
    )
    positions = np.array([3, 70, 11, 40])

    def loss(*_):
        return model.loss(IDS, TARGETS, positions, **LOSS)

    report = gradcheck(loss, *parameters)
    assert len(report.compared) == len(names)
    assert "ternary_linear is piecewise constant" in str(report)
    assert ("ternary_weights is piecewise constant" in str(report)) == convs


@pytest.mark.parametrize("convs", [False, True])
def test_fused_and_composed_agree(convs):
    losses, gradients = [], []
    for fused in (True, False):
        model, _ = small_model(fused=fused, ternary_mixer=convs)
        loss = model.loss(IDS, TARGETS, **LOSS)
        loss.backward()
        losses.append(loss.item())
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradient, gradients[1][name], rtol=1e-9, atol=1e-14)


def test_later_tokens_do_not_change_earlier_logits():
    model, _ = small_model()
    changed = IDS.copy()
    changed[:, 25:] = (changed[:, 25:] + 1) % 31
    before, after = model(IDS).data, model(changed).data
    np.testing.assert_array_equal(before[:, :25], after[:, :25])
    assert (before[:, 25:] != after[:, 25:]).any(axis=-1).all()


def test_the_receptive_field_has_the_stated_width():
    model, config = small_model()
    reach = config.receptive_field
    assert reach == 1 + 2 * 3 * (1 + 3)
    changed = IDS.copy()
    changed[:, 5] = (changed[:, 5] + 1) % 31
    differs = (model(IDS).data != model(changed).data).any(axis=(0, 2))
    assert np.flatnonzero(differs).tolist() == list(range(5, 5 + reach))


def test_the_receptive_field_of_v3_has_holes():
    """V3's taps reach only the lags that are 0 to 30 after a multiple of 64."""
    assert V3.receptive_field == 415
    once = {a + b + c for a in range(4) for b in range(0, 16, 4) for c in range(0, 256, 64)}
    twice = {a + b for a in once for b in once}
    assert twice == {lag for lag in range(415) if lag % 64 <= 30}


def test_the_loss_of_some_positions_uses_their_logits_alone():
    model, _ = small_model()
    positions = np.array([7, 7, 0, 79])
    logits = model(IDS).data.reshape(-1, 31)[positions]
    lse = np.log(np.exp(logits).sum(axis=1))
    expected = (lse - logits[np.arange(4), TARGETS.ravel()[positions]]).mean()
    assert model.loss(IDS, TARGETS, positions).item() == pytest.approx(expected, rel=1e-12)


def test_only_the_router_gets_no_gradient():
    model, _ = small_model()
    model.loss(IDS, TARGETS).backward()
    assert {n for n, p in model.named_parameters() if p.grad is None} == {
        "block.router.linear.weight",
        "block.router.linear.bias",
    }


def test_next_logits_are_those_of_the_last_position():
    model, _ = small_model()
    np.testing.assert_array_equal(model.next_logits(IDS), model(IDS).data[:, -1])
