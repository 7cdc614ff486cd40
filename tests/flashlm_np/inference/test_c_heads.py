"""The C program of each output layer chooses the tokens that the Python model chooses."""

import subprocess

import numpy as np
import pytest
from c_program import compile_c, generated, skip_without_compiler
from head_cases import HEAD_CASES, V, cases_of, head_model

from flashlm_np.inference.c_source import c_source
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.weights import model_with_weights

every_case = pytest.mark.parametrize("case", HEAD_CASES, ids=str)
TOKENIZER = 37  # tokens; the model has V = 61
PROMPTS = [np.random.default_rng(i).integers(0, TOKENIZER, 1 + i) for i in range(12)]
COUNT = 15
FILES = {head: cases_of(head)[0] for head in ("exact", "two_level", "tree")}


def exported(case, zeros=False, **changes):
    """The C program of a model with random weights, and the model with the packed weights."""
    model, config = head_model(case, np.float32, **changes)
    for name, p in model.named_parameters():
        if name.startswith(("lm_head.", "embedding.")):
            # Logits far from each other, so that rounding decides nothing.
            p.data *= 0 if zeros else 8 if p.ndim > 1 else 1
    packed = pack_weights(config, model.state_dict())
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    again = model_with_weights(packed.config, weights, model.layout.arrays())
    return c_source(packed, TOKENIZER, model.layout), again


def compiled(source, folder):
    skip_without_compiler()
    (folder / "model.c").write_text(source)
    return compile_c(folder)


def expected(model, prompt, vocab_size=TOKENIZER):
    options = {"vocab_size": vocab_size, "temperature": 0, "int8_activations": True}
    return list(generate_fast(model, prompt, COUNT, np.random.default_rng(0), **options))


@every_case
def test_each_head_chooses_the_tokens_of_the_model(case, tmp_path):
    source, model = exported(case)
    program = compiled(source, tmp_path)
    seen = set()
    for prompt in PROMPTS:
        ids = expected(model, prompt)
        assert generated(program, prompt, COUNT) == ids
        seen |= set(ids)
    assert len(seen) > 5
    # The model prefers ids that the tokenizer does not have, but the program passes them over.
    assert max(max(expected(model, prompt, V)) for prompt in PROMPTS) >= TOKENIZER


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_numbers_that_are_not_finite_give_no_token(case, tmp_path):
    source, _ = exported(case)
    source = source.replace("norm_eps = ", "norm_eps = NAN * ")
    command = [str(compiled(source, tmp_path)), "3", "1"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "the logits are not finite: the model has diverged\n"


@every_case
def test_of_equally_likely_tokens_the_smallest_id_is_chosen(case, tmp_path):
    source, model = exported(case, zeros=True)
    assert generated(compiled(source, tmp_path), [5], COUNT) == expected(model, np.array([5]))


MISTAKES = [
    ("two_level", "log_p[s] - top - logf(sum)", "-top - logf(sum)"),
    ("two_level", "log_p[s] - top - logf(sum)", "log_p[s] - top"),
    ("two_level", "hidden(row[id]", "hidden(id + 0 * row[id]"),
    ("two_level", "likeliest = token[r]", "likeliest = r"),
    ("two_level", "if (token[r] >= V)", "if (r >= V)"),
    ("two_level", "z = way_bias[k]", "z = 0 * way_bias[k]"),
    ("two_level", "if (log_p[s] < highest) break", "if (opened == 2) break"),
    ("hybrid", "log_p[k + 1] += change", "log_p[k + 1] += 0 * change"),
    ("hybrid", "*sum *= expf(*top - z)", "*sum = 0"),
    ("tree", "right ? z : -z", "right ? -z : z"),
    ("tree", "log_p - lost", "-lost"),
    ("tree", "+ nodes_bias[node]", "+ 0 * nodes_bias[node]"),
    ("tree", "if (word >= V)", "if (0)"),
]


@pytest.mark.parametrize(("head", "right", "wrong"), MISTAKES)
def test_a_mistake_in_the_program_shows(head, right, wrong, tmp_path):
    source, model = exported(cases_of(head)[0])
    assert right in source
    program = compiled(source.replace(right, wrong), tmp_path)
    assert any(generated(program, p, COUNT) != expected(model, p) for p in PROMPTS)
