import numpy as np
import pytest
from tiny import small_model

from flashlm_np.inference.generate import generate, sample_token
from flashlm_np.inference.text_generator import generate_fast, sample_token_fast

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))
FORMS = [generate, generate_fast]


def frequencies(**options):
    rng = np.random.default_rng(0)
    drawn = [sample_token(LOGITS, rng, **options) for _ in range(4000)]
    return np.bincount(drawn, minlength=4) / len(drawn)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, np.array([1, 16, 4, 9]) / 30),
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 99}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.5}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.0}, [0, 1, 0, 0]),
        ({"top_p": 0.8, "top_k": 1}, [0, 1, 0, 0]),
    ],
)
def test_tokens_follow_the_distribution(options, expected):
    np.testing.assert_allclose(frequencies(**options), expected, atol=0.03)


@pytest.mark.parametrize("form", FORMS)
def test_generation_ends_at_the_stop_token_and_stays_in_the_vocabulary(form):
    model, _ = small_model()

    def ids(tokens=60, **options):
        rng = np.random.default_rng(1)
        return list(form(model, np.array([1]), tokens, rng, temperature=3.0, **options))

    assert len(ids()) == 60
    assert ids(7) == ids()[:7]
    stop = ids()[40]
    assert ids(stop=stop) == ids()[: ids().index(stop)]
    assert set(ids(vocab_size=5)) == {0, 1, 2, 3, 4}


SAMPLERS = [sample_token, sample_token_fast]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": -1}, "temperature is -1, expected 0 or more, and finite"),
        ({"temperature": np.nan}, "temperature is nan, expected 0 or more, and finite"),
        ({"temperature": np.inf}, "temperature is inf, expected 0 or more, and finite"),
        ({"top_k": -1}, "top_k is -1, expected 0 or a whole number above it"),
        ({"top_k": 2.5}, "top_k is 2.5, expected 0 or a whole number above it"),
        ({"top_p": -0.1}, "top_p is -0.1, expected 0 to 1"),
        ({"top_p": 1.1}, "top_p is 1.1, expected 0 to 1"),
        ({"top_p": np.nan}, "top_p is nan, expected 0 to 1"),
    ],
)
def test_an_impossible_option_is_refused(sampler, options, text):
    with pytest.raises(ValueError, match=f"sample_token: {text}"):
        sampler(LOGITS, np.random.default_rng(0), **options)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("temperature", [0, 0.7])
@pytest.mark.parametrize(
    ("logits", "largest"),
    [
        ([0, np.nan, 1], "nan"),
        ([np.nan] * 3, "nan"),
        ([0, np.inf, 1], "inf"),
        ([-np.inf] * 3, "-inf"),
        ([], "-inf"),
    ],
)
def test_logits_without_a_distribution_are_refused(sampler, temperature, logits, largest):
    with pytest.raises(ValueError, match=f"the largest logit is {largest}, expected a finite"):
        sampler(np.array(logits), np.random.default_rng(0), temperature=temperature)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_logit_of_minus_infinity_is_never_drawn(sampler):
    logits, rng = np.array([-np.inf, 1.0, -np.inf, 1.5]), np.random.default_rng(0)
    assert {sampler(logits, rng) for _ in range(50)} == {1, 3}
    assert sampler(logits, rng, temperature=0) == 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("temperature", [0, 0.7])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_model_that_diverged_generates_no_token(form, temperature):
    model, _ = small_model()
    model.block.norm1.scale.data[0] = np.nan
    ids = form(model, np.array([1]), 5, np.random.default_rng(0), temperature=temperature)
    with pytest.raises(ValueError, match="the model has diverged"):
        next(ids)
