import math
import re
from dataclasses import fields, replace

import pytest

from flashlm_np.model.config import Config, Phase
from flashlm_np.model.presets import PRESETS, V3


@pytest.mark.parametrize("text", ["1:64:4:4:frozen", "1000:128:4:4"])
def test_a_phase_can_be_parsed_from_its_text(text):
    assert str(Phase.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "1:2:3", "1:2:3:4:thawed", "a:b:c:d", "0:64:4:4", "1:64:-4:4", "1:1:1:9999999999"],
)
def test_an_invalid_phase_is_refused(text):
    with pytest.raises(ValueError, match=re.escape(f"phase {text!r}: ")):
        Phase.parse(text)


def test_a_phase_made_in_python_is_checked_as_well():
    with pytest.raises(ValueError, match=r"phase '1:64:2\.0:1': every number must be a whole"):
        Phase(1, 64, 2.0)
    with pytest.raises(ValueError, match="a step reads 1,048,576,000 tokens, expected at most"):
        Phase(1, 1024, 1024, 1000)


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


UNLIMITED = [("clip_norm", 1e300), ("clip_norm", 10**400)]  # a norm may have no limit
NUMBERS = ("dilations", "cutoffs")  # each a list of whole numbers
VALUES = (None, True, 4, 4.0, "4", [], [5], [True], [4.0], ["4"], [None], {}, [[1]], {"a": 1})


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_a_field_that_was_read_has_the_annotated_type(field):
    for value in VALUES:
        if field.type is float and type(value) is int:
            continue
        if type(value) is field.type or (field.name in NUMBERS and value in ([], [5])):
            continue  # of the right type
        with pytest.raises(ValueError, match=r"^(--|phase)") as refused:
            Config.from_dict(V3.to_dict() | {field.name: value})
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_a_field_that_was_read_is_bounded(field):
    far = {int: [10**20, -1], float: [math.nan, 1e300, 10**400, -1.0]}.get(field.type, [])
    lists = {name: [[10**12]] for name in NUMBERS} | {"phases": [["1:9:9:999999999999"]]}
    for value in lists.get(field.name, far):
        if (field.name, value) not in UNLIMITED:
            with pytest.raises(ValueError, match=r"expected|whole one") as refused:
                Config.from_dict(V3.to_dict() | {field.name: value})
            assert len(str(refused.value)) < 150


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"taps": 4.0}, "--taps is 4.0, expected a whole number"),
        ({"taps": True}, "--taps is True, expected a whole number"),
        ({"fused": 1}, "--fused is 1, expected True or False"),
        ({"glu_ratio": "2"}, "--glu-ratio is '2', expected a number"),
        ({"preset": 7}, "--preset is 7, expected a printable text"),
        ({"preset": "\ud800"}, "--preset is '\\ud800', expected a printable text"),
        ({"embedding": "a\0"}, "--embedding is 'a\\x00', expected a printable text"),
        ({"weight_decay": 1e9}, "--weight-decay is 1000000000.0, expected at most 1 / the"),
        ({"phases": [5]}, "phase 5: expected FIRST:SEQUENCE:BATCH:MICRO"),
        ({"phases": 5}, "--phases is 5, expected a tuple"),
        ({"dilations": [1, "4"]}, "--dilations is '4', expected a whole number"),
        ({"dilations": [1] * 900}, "--dilations is '900 values', expected at most 100"),
        ({"eval_tokens": 10**12}, "--eval-tokens is 1000000000000, expected 1 to 10000000"),
        ({"stories": 10**12}, "--stories is 1000000000000, expected 1 to 1000000"),
        ({"conv_identity": math.nan}, "--conv-identity is nan, expected 0 or more, and finite"),
        ({"clip_norm": math.nan}, "--clip-norm is nan, expected 1e-30 or more"),
    ],
)
def test_a_value_that_was_read_is_refused_by_name(values, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Config.from_dict(V3.to_dict() | values)


def test_a_mixer_without_groups_takes_any_width():
    for mixer in ("depthwise", "mlgru"):
        assert replace(V3, mixer=mixer, d_model=250).d_model == 250
    assert replace(V3, mixer="attention", d_model=250, mixer_width=40).inner_width == 40


def test_the_windows_of_an_evaluation():
    assert V3.window_options() == {"context": 414}
    for mixer in ("attention", "mlgru"):
        config = replace(V3, mixer=mixer)
        assert config.receptive_field == math.inf
        assert config.window_options() == {"context": 256, "window": 256}
        one = replace(config, phases=(Phase(1, 1, 1),))
        assert one.window_options() == {"context": 0, "window": 1}


def test_a_field_of_an_old_configuration_has_its_new_name():
    values = {name: v for name, v in V3.to_dict().items() if name != "ternary_mixer"}
    assert Config.from_dict(values | {"ternary_convs": True}).ternary_mixer
    assert Config.from_dict(V3.to_dict()) == V3


def test_a_whole_number_is_a_float_where_the_field_is_one():
    config = Config.from_dict({"glu_ratio": 3, "clip_norm": math.inf})
    assert repr(config.glu_ratio) == "3.0"
    assert config.clip_norm == math.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 0}, "--d-model is 0, expected 1 to 65536"),
        ({"dilations": (1, 0)}, "--dilations is 0, expected 1 to 65536"),
        ({"label_smoothing": 1.5}, "--label-smoothing is 1.5, expected 0 to 1"),
        ({"normuon_lr": float("nan")}, "--normuon-lr is nan, expected 0 or more, and finite"),
        ({"adamw_lr": float("inf")}, "--adamw-lr is inf, expected 0 or more, and finite"),
        (
            {"ternary_scale": "max"},
            "--ternary-scale is 'max', expected one of none, mean, kept",
        ),
        ({"normuon_form": "v4"}, "--normuon-form is 'v4', expected one of v3, published"),
        ({"d_model": 250}, "--conv-groups is 16, which does not divide --d-model 250"),
        ({"mixer": "lstm"}, "--mixer is 'lstm', expected one of gated_convs, depthwise, att"),
        ({"gru_gate": "own"}, "--gru-gate is 'own', expected one of code, paper"),
        ({"mixer_width": -1}, "--mixer-width is -1, expected 0 to 65536"),
        (
            {"mixer": "attention", "mixer_width": 36},
            "--attention-heads is 4 and the mixer's width is 36, expected an even number for",
        ),
        ({"blocks": 0}, "--blocks is 0, expected 1 to 100"),
        ({"bigram_rows": 10**8}, "--bigram-rows is 100000000, expected 0 to 10000000"),
        ({"schedule": "linear"}, "--schedule is 'linear', expected one of wsd, cosine"),
        (
            {"first_skip": True, "recursions": 1},
            "--first-skip acts before each application of a block but the first, and there is",
        ),
        ({"glu_ratio": 0.001}, "--glu-ratio is 0.001, which gives no width"),
        ({"ema_decay": 1.0}, "--ema-decay is 1.0, expected less than 1: it would never move"),
        ({"phases": ()}, "--phases: the first phase must begin at step 1"),
        (
            {"phases": (Phase(1, 8, 1), Phase(1, 9, 1))},
            "--phases: two phases begin at the same step",
        ),
        ({"phases": (Phase(2, 8, 1),)}, "--phases: the first phase must begin at step 1"),
    ],
)
def test_invalid_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(V3, **changes)
