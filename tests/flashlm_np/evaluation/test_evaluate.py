import math

import numpy as np
import pytest
from tiny import small_model

from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation import evaluate as ev


def test_windows_do_not_change_the_losses(monkeypatch):
    model, config = small_model()
    tokens = np.random.default_rng(3).integers(0, 31, 200)
    whole = ev.token_losses(model, tokens, context=0)
    monkeypatch.setattr(ev, "WINDOW", 13)
    monkeypatch.setattr(ev, "ROWS", 5)
    cut = ev.token_losses(model, tokens, context=config.receptive_field - 1)
    np.testing.assert_allclose(cut, whole, rtol=1e-10)
    short = ev.token_losses(model, tokens, context=config.receptive_field - 2)
    assert np.abs(np.array(short) - whole).max() > 1e-6  # one token less changes them


@pytest.mark.parametrize("mixer", ["attention", "mlgru"])
def test_a_model_that_sees_all_reads_windows_as_long_as_in_training(mixer, monkeypatch):
    model, config = small_model(mixer=mixer)  # its longest window has 32 tokens
    lengths, hidden = [], type(model).hidden
    monkeypatch.setattr(
        type(model), "hidden", lambda self, ids: lengths.append(ids.shape) or hidden(self, ids)
    )
    tokens = np.random.default_rng(3).integers(0, 31, 101)
    true, _ = ev.token_losses(model, tokens, **config.window_options())
    assert lengths == [(1, 16), *[(1, 32)] * 5, (1, 20)]
    for token in (0, 15, 16, 31, 99):
        first = max(0, token // 16 * 16 - 16)  # at least 16 tokens before it, if there are any
        alone, _ = ev.token_losses(model, tokens[first : token + 2], context=100)
        assert true[token] == pytest.approx(alone[-1], rel=1e-10)


def test_losses_equal_those_of_the_logits():
    model, _ = small_model()
    tokens = np.random.default_rng(3).integers(0, 31, 50)
    z = model(tokens[None, :-1]).data[0]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    true, smoothed = ev.token_losses(model, tokens, context=49)
    np.testing.assert_allclose(true, -np.log(p[np.arange(49), tokens[1:]]), rtol=1e-10)
    np.testing.assert_allclose(smoothed, 0.9 * true - 0.1 * np.log(p).mean(axis=1), rtol=1e-10)


def test_an_evaluation_has_the_means_of_the_losses():
    model, config = small_model()
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    tokens = np.random.default_rng(3).integers(0, 31, 301)
    result = ev.evaluate(model, config, tokens, tokenizer)
    true, smoothed = ev.token_losses(model, tokens, context=301)
    assert result.tokens == 300
    assert result.loss == pytest.approx(true.mean())
    assert result.perplexity == pytest.approx(math.exp(true.mean()))
    assert result.bits_per_byte == pytest.approx(true.mean() / math.log(2))  # 1 byte each
    assert result.smoothed == pytest.approx(smoothed.mean())


def test_the_end_of_text_has_no_bytes():
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    assert ev.token_bytes(tokenizer, np.array([104, 256, 105])) == [b"h", b"", b"i"]


def test_the_standard_error_is_that_of_blocks():
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal(64)
    mean, error = ev.mean_and_error(np.repeat(blocks, ev.TOKENS_PER_BLOCK))
    assert mean == pytest.approx(blocks.mean())
    assert error == pytest.approx(blocks.std(ddof=1) / 8)
    assert math.isnan(ev.mean_and_error(np.ones(ev.TOKENS_PER_BLOCK))[1])


@pytest.mark.parametrize(
    ("count", "scored"),
    [
        (1, "1 tokens, too few for a standard error, which needs 256"),
        (255, "255 tokens, too few for a standard error, which needs 256"),
        (256, "256 tokens"),
    ],
)
def test_too_few_tokens_for_an_error_are_told_and_not_nan(count, scored):
    model, config = small_model()
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    tokens = np.random.default_rng(3).integers(0, 31, count + 1)
    result = ev.evaluate(model, config, tokens, tokenizer)
    assert result.scored == scored
    assert str(result).endswith(f" nats per token ({scored})")
    assert ("±" in str(result)) == (count == 256)
    assert "nan" not in str(result)
    assert ev.with_error(0.50214, 0.00896) == "0.5021 ± 0.0090"
