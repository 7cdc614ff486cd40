"""The C program of each mixer chooses the tokens that the Python model chooses."""

import numpy as np
import pytest
from c_program import compile_c, generated, skip_without_compiler
from tiny import small_model

from flashlm_np.inference.c_source import c_source
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.weights import model_with_weights

TOKENIZER, COUNT = 31, 9  # tokens of the model, and generated ones
# The longest do not fit into the first room of the table of keys and values.
PROMPTS = [np.random.default_rng(i).integers(0, TOKENIZER, 1 + 9 * i) for i in range(16)]
NARROW = {"mixer_width": 12, "attention_heads": 3}
MIXERS = {
    "gated_convs": {},
    "ternary convs": {"ternary_mixer": True},
    "attention": {"mixer": "attention"},
    "narrow attention": {"mixer": "attention", **NARROW},
    "attention with taps": {"mixer": "attention", "attention_taps": 3, **NARROW},
    "ternary attention": {"mixer": "attention", "ternary_mixer": True, "attention_taps": 2},
    "wide attention": {"mixer": "attention", "mixer_width": 72},  # wider than the gated layer
}


def exported(mixer):
    """The C program of a model with random weights, and the model with the packed weights."""
    model, config = small_model(np.float32, **MIXERS[mixer])
    model.embedding.weight.data *= 4  # logits far from each other: rounding decides nothing
    packed = pack_weights(config, model.state_dict())
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    again = model_with_weights(packed.config, weights)
    return c_source(packed, TOKENIZER, model.layout), again


def compiled(source, folder):
    skip_without_compiler()
    (folder / "model.c").write_text(source)
    return compile_c(folder)


def expected(model, prompt):
    options = {"vocab_size": TOKENIZER, "temperature": 0, "int8_activations": True}
    return list(generate_fast(model, prompt, COUNT, np.random.default_rng(0), **options))


@pytest.mark.parametrize("mixer", MIXERS)
def test_both_programs_choose_the_same_tokens(mixer, tmp_path):
    source, model = exported(mixer)
    program = compiled(source, tmp_path)
    chosen = [expected(model, prompt) for prompt in PROMPTS]
    assert [generated(program, prompt, COUNT) for prompt in PROMPTS] == chosen
    assert len({token for tokens in chosen for token in tokens}) > 9


MISTAKES = [
    ("a * c - b * s", "a * c + b * s"),
    ("-(double)i / HALF", "-(double)i / INNER"),
    ("g < 2 * HEADS", "g < HEADS"),
    ("1.0f / sqrtf(2 * HALF)", "1.0f / sqrtf(INNER)"),
    ("t <= position; t++) {\n        float score", "t < position; t++) {\n        float score"),
    ("y[i] /= total", "y[i] /= 1"),
    ("(position + 1 + k) % K", "(position + k) % K"),
    ("ring[r][position % K][o] = sum", "ring[0][position % K][o] = sum"),
    ("grown(rows[r], room * 2 * INNER)", "realloc(NULL, room * 8 * INNER)"),
]


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_a_mistake_in_the_program_shows(right, wrong, tmp_path):
    source, model = exported("attention with taps")
    assert right in source
    program = compiled(source.replace(right, wrong), tmp_path)
    assert any(generated(program, p, COUNT) != expected(model, p) for p in PROMPTS)
