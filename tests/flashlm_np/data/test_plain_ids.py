import numpy as np
import pytest
from tiny import small_model

from flashlm_np.data.tokenizers.base import PlainIds
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.evaluate import evaluate, token_bytes
from flashlm_np.inference.text_generator import TextGenerator


def test_numbers_in_a_text_are_ids():
    numbers = PlainIds(64)
    ids = numbers.encode(" 3 17\n5\t63 ")
    np.testing.assert_array_equal(ids, [3, 17, 5, 63])
    assert ids.dtype == numbers.dtype == np.uint16
    assert PlainIds(2**16 + 1).dtype == np.uint32
    assert numbers.decode(ids) == " 3 17 5 63"
    assert list(numbers.decode_stream(iter([3, 17]))) == [" 3", " 17"]
    np.testing.assert_array_equal(numbers.encode(numbers.decode(ids)), ids)


@pytest.mark.parametrize("text", ["64", "-1", "3 x", "1_0", "3.0", "٣", "007", "9" * 5000])
def test_other_texts_are_an_error_of_one_sentence(text):
    with pytest.raises(ValueError, match=r"is no id; .* write numbers from 0 to 63, such as"):
        PlainIds(64).encode(text)


@pytest.mark.parametrize("wrong", [-1, 64])
def test_an_id_outside_the_vocabulary_is_an_error(wrong):
    with pytest.raises(ValueError, match=f"id {wrong} at position 1 is outside the voc"):
        PlainIds(64).decode([0, wrong])


def test_the_fingerprint_depends_on_the_size():
    assert PlainIds(64).fingerprint == PlainIds(64).fingerprint != PlainIds(65).fingerprint


def test_it_has_the_interface_of_a_tokenizer():
    vocab = {bytes([b]): b for b in range(256)}
    other, numbers = Tokenizer("bytes", vocab), PlainIds(64)
    for public in ("name", "vocab_size", "end_of_text", "dtype", "fingerprint", "tokens"):
        assert hasattr(other, public)
        assert hasattr(numbers, public)
    assert len(numbers.tokens) == numbers.vocab_size


def test_a_model_generates_and_is_scored_with_plain_ids():
    model, config = small_model(np.float32)
    numbers = PlainIds(config.vocab_size)
    generator = TextGenerator(model, numbers, has_separators=False)
    written = "".join(generator.generate("1 2 3", 8))
    assert len(numbers.encode(written)) == 8
    ids = np.arange(20) % 7
    assert evaluate(model, config, ids, numbers).tokens == 19
    assert b"".join(token_bytes(numbers, ids)).decode() == numbers.decode(ids)
