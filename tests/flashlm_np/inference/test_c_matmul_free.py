"""The C program of the MatMul-free model chooses the tokens that the packed model chooses."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from c_program import compile_c, generated, skip_without_compiler

from flashlm_np.errors import UserError
from flashlm_np.inference.c_source import c_source
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE
from flashlm_np.model.weights import model_with_weights

V, FEWER = 61, 50  # tokens of the model and of its tokenizer
FORMS = {
    "code": {"blocks": 3, "glu_ratio": 2.5},
    "paper": {"blocks": 1, "gru_gate": "paper", "lower_bounds": False},
}


def packed_model(form, **settings):
    config = replace(MATMUL_FREE, vocab_size=V, d_model=16, embedding_std=0.5, **FORMS[form])
    rng = np.random.default_rng(0)
    model = new_model(config, rng)
    for p in model.parameters():
        p.data += 0.2 * rng.standard_normal(p.shape, np.float32)
    return pack_weights(config, model.state_dict(), **settings), model.layout


@pytest.mark.parametrize("form", FORMS)
def test_both_programs_choose_the_same_tokens(form, tmp_path):
    skip_without_compiler()
    packed, layout = packed_model(form)
    (tmp_path / "model.c").write_text(c_source(packed, FEWER, layout))
    program = compile_c(tmp_path)
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    model, rng = model_with_weights(packed.config, weights), np.random.default_rng(1)
    seen = set()
    for length in (1, 2, 5, 70):
        prompt = rng.integers(0, FEWER, length)
        ids = generate_fast(model, prompt, 60, rng, vocab_size=FEWER, temperature=0)
        expected = list(ids)
        assert generated(program, prompt, 60) == expected
        seen |= set(expected)
    assert len(seen) > 9  # several different tokens


def test_logits_that_are_not_finite_give_no_token(tmp_path):
    skip_without_compiler()
    packed, layout = packed_model("code")
    source = c_source(packed, V, layout)
    assert "norm_eps = 0x" in source
    (tmp_path / "model.c").write_text(source.replace("norm_eps = ", "norm_eps = NAN + "))
    command = [str(compile_c(tmp_path)), "3", "1"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "the logits are not finite: the model has diverged\n"


@pytest.mark.parametrize("settings", [{"encoding": "2-bit"}, {"head": "float16"}])
def test_the_c_file_needs_base_3_codes_and_an_int8_table(settings):
    packed, layout = packed_model("code", **settings)
    with pytest.raises(UserError, match="the C program needs base-3 codes and an int8 head"):
        c_source(packed, V, layout)
