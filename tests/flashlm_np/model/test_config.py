import re
from dataclasses import replace

import pytest

from flashlm_np.model.config import PRESETS, V3, Config, Phase


@pytest.mark.parametrize("text", ["1:64:4:4:frozen", "1000:128:4:4"])
def test_a_phase_can_be_parsed_from_its_text(text):
    assert str(Phase.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1:2:3", "1:2:3:4:thawed", "a:b:c:d", "0:64:4:4", "1:64:-4:4"]
)
def test_an_invalid_phase_is_refused(text):
    with pytest.raises(ValueError, match=re.escape(f"phase {text!r}: ")):
        Phase.parse(text)


def test_v3_has_the_published_phases():
    at = {step: V3.phase(step) for step in (1, 999, 1000, 3999, 4000, 7000, 10_000)}
    assert [p.sequence for p in at.values()] == [64, 64, 128, 128, 256, 512, 512]
    assert [p.micro_batches for p in at.values()] == [4, 4, 4, 4, 8, 8, 8]
    assert [p.frozen_embedding for p in at.values()] == [True] * 2 + [False] * 5
    seen = sum(V3.phase(step).tokens for step in range(1, 4051))
    assert round(seen / 1e6, 2) == 7.58  # V3.md, for the 4,050 steps that were run


def test_v3_has_the_published_sizes():
    assert (V3.d_model, V3.glu_width, V3.vocab_size) == (256, 683, 50_257)
    assert (V3.ternary_threshold, V3.ternary_scale, V3.normuon_form) == (1.0, "none", "v3")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_configuration_can_be_made_from_its_dictionary(preset):
    assert Config.from_dict(PRESETS[preset].to_dict()) == PRESETS[preset]
    assert PRESETS[preset].preset == preset


def test_the_error_for_unknown_fields_names_them():
    with pytest.raises(ValueError, match="unknown fields colour, size"):
        Config.from_dict({"size": 1, "colour": 2})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 0}, "--d-model is 0, expected 1 or more"),
        ({"dilations": (1, 0)}, "--dilations is 0, expected 1 to 65536"),
        ({"label_smoothing": 1.5}, "--label-smoothing is 1.5, expected 0 to 1"),
        ({"normuon_lr": float("nan")}, "--normuon-lr is nan, expected 0 or more"),
        ({"adamw_lr": float("inf")}, "--adamw-lr is inf, expected a finite number"),
        (
            {"ternary_scale": "max"},
            "--ternary-scale is 'max', expected one of none, mean, kept",
        ),
        ({"normuon_form": "v4"}, "--normuon-form is 'v4', expected one of v3, published"),
        ({"d_model": 250}, "--conv-groups is 16, which does not divide --d-model 250"),
        ({"glu_ratio": 0.001}, "--glu-ratio is 0.001, which gives no possible width"),
        ({"ema_decay": 1.0}, "--ema-decay is 1.0, expected less than 1: it would never move"),
        ({"phases": (Phase(2, 8, 1),)}, "--phases: the first phase must begin at step 1"),
    ],
)
def test_invalid_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(V3, **changes)
