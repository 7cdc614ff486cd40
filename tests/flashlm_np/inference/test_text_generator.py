"""Generation of text; the fast forms equal the plain ones of generate.py."""

from itertools import product

import numpy as np
import pytest
from tiny import small_model

from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.inference import text_generator
from flashlm_np.inference.generate import generate, sample_token
from flashlm_np.inference.text_generator import (
    TextGenerator,
    generate_fast,
    sample_token_fast,
)
from minigrad.errors import ShapeError

MODEL, CONFIG = small_model()
PROMPT = np.random.default_rng(0).integers(0, 31, 40)  # the receptive field is 25


@pytest.mark.parametrize("likely", [text_generator.LIKELY, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("temperature", [0, 0.5, 3.0, 30.0])
def test_sorting_only_likely_tokens_gives_the_same_samples(likely, temperature, monkeypatch):
    monkeypatch.setattr(text_generator, "LIKELY", likely)
    logits = np.random.default_rng(0).standard_normal(100).round(1) * 5  # some are equal
    fast, plain = np.random.default_rng(1), np.random.default_rng(1)
    for top_k, top_p in product([0, 1, 7, 40, 1000], [0.0, 0.3, 0.99, 1.0]):
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        for _ in range(40):
            expected = sample_token(logits, plain, **options)
            assert sample_token_fast(logits, fast, **options) == expected


@pytest.mark.parametrize("length", [1, 3, 24, 25, 26, 40])
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_the_fast_form_generates_the_tokens_of_the_plain_form(length, temperature):
    plain, fast = (
        list(
            form(MODEL, PROMPT[:length], 60, np.random.default_rng(3), temperature=temperature)
        )
        for form in (generate, generate_fast)
    )
    assert fast == plain


def test_an_invalid_prompt_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="the prompt is empty"):
        next(generate_fast(MODEL, np.array([], np.int64), 5, rng))
    with pytest.raises(ShapeError, match="generate: prompt holds -1"):
        next(generate_fast(MODEL, np.array([3, -1]), 5, rng))


@pytest.mark.parametrize("has_separators", [True, False])
def test_a_prompt_starts_with_a_separator_if_the_texts_have_one(has_separators):
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    generator = TextGenerator(MODEL, tokenizer, has_separators)
    separator = [256] if has_separators else []
    assert generator.prompt_ids("hi").tolist() == [*separator, 104, 105]
    assert generator.prompt_ids("").tolist() == (separator or [10])
