import numpy as np
import pytest
from tiny import small_model

from flashlm_np.inference.generate import generate, sample_token
from flashlm_np.inference.text_generator import generate_fast

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
