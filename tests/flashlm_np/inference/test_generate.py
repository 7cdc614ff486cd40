import numpy as np
import pytest
from tiny import small_model

from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.inference.generate import Writer, choose, generate
from flashlm_np.model.flashlm import receptive_field

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))


def shares(**options):
    rng = np.random.default_rng(0)
    counts = np.bincount([choose(LOGITS, rng, **options) for _ in range(4000)], minlength=4)
    return counts / counts.sum()


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
def test_choices_follow_the_distribution(options, expected):
    np.testing.assert_allclose(shares(**options), expected, atol=0.03)


def test_only_what_can_be_seen_is_run_again():
    model, config = small_model()
    prompt = np.random.default_rng(0).integers(0, 31, 60)

    def write(context):
        return list(generate(model, prompt, 20, np.random.default_rng(1), context=context))

    assert write(receptive_field(config)) == write(1000)
    assert write(receptive_field(config)) != write(3)


def test_writing_stops_at_the_stop_and_never_leaves_the_tokenizer():
    model, _ = small_model()
    options = {"context": 50, "temperature": 3.0}
    ids = list(generate(model, np.array([1]), 300, np.random.default_rng(1), **options))
    assert len(ids) == 300
    stop = ids[100]
    until = list(
        generate(model, np.array([1]), 300, np.random.default_rng(1), stop=stop, **options)
    )
    assert until == ids[: ids.index(stop)]
    few = generate(model, np.array([1]), 300, np.random.default_rng(1), vocab_size=5, **options)
    assert set(few) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("separated", [True, False])
def test_a_writer_begins_where_a_text_begins(separated):
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    model, config = small_model()
    writer = Writer(model, config, tokenizer, separated)
    separator = [256] if separated else []
    assert writer.start(tokenizer.encode("hi")).tolist() == [*separator, 104, 105]
    assert writer.start(tokenizer.encode("")).tolist() == (separator or [10])
