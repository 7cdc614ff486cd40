import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import CONFIG

from flashlm_np.data.dataset import Dataset, DataSource, sample_batch
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.stories import stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.model.config import Phase


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.embedded()


def sample(tokens, phase, share=1.0, rng=None, **options):
    corpus = Dataset("test", tokens, tokens, **options)
    shape = {"batch": phase.batch, "sequence": phase.sequence}
    rng = rng or np.random.default_rng(0)
    return sample_batch(corpus, position_share=share, rng=rng, **shape)


def test_a_batch_has_windows_of_tokens_and_their_next_tokens():
    tokens = np.arange(1000, dtype=np.uint16)
    ids, targets, positions = sample(tokens, Phase(1, 7, 5), 0.25)
    assert ids.shape == targets.shape == (5, 7)
    np.testing.assert_array_equal(targets, ids + 1)
    np.testing.assert_array_equal(np.diff(ids, axis=1), 1)
    assert len(positions) == len(set(positions.tolist())) == 8
    assert sample(tokens, Phase(1, 7, 5))[2] is None
    assert len(sample(tokens, Phase(1, 1, 1), 0.01)[2]) == 1


def test_windows_begin_at_every_possible_token():
    tokens, rng = np.arange(6), np.random.default_rng(0)
    batches = [sample(tokens, Phase(1, 3, 4), rng=rng) for _ in range(50)]
    assert min(ids.min() for ids, _, _ in batches) == 0
    assert max(targets.max() for _, targets, _ in batches) == 5


def test_windows_of_short_documents_begin_at_each_of_them():
    tokens = np.array([9, 1, 2, 9, 3, 9, 4, 5, 6, 9, 7, 9])
    rng = np.random.default_rng(0)
    batches = [
        sample(tokens, Phase(1, 3, 4), rng=rng, starts_at_documents=True)[0] for _ in range(50)
    ]
    rows = {tuple(row) for ids in batches for row in ids.tolist()}
    assert rows == {(9, 1, 2), (9, 3, 9), (9, 4, 5)}  # the fourth document is too short


def stories_of(config):
    return load_dataset(DataSource(), **config.data_options())[0]


def test_the_best_possible_loss_is_exact(tokenizer):
    corpus = stories_of(CONFIG)
    *texts, rest = tokenizer.decode(corpus.valid[1:]).split("<|endoftext|>")
    assert rest == ""
    nats = -sum(stories.score(text) for text in texts)
    assert corpus.best_possible_loss == pytest.approx(nats / (len(corpus.valid) - 1))
    assert CONFIG.eval_tokens <= len(corpus.valid) < CONFIG.eval_tokens + 400


def test_another_seed_changes_only_the_training_stories():
    one, two = (stories_of(replace(CONFIG, seed=seed)) for seed in (1, 2))
    np.testing.assert_array_equal(one.valid, two.valid)
    assert one.fingerprint != two.fingerprint
    assert one.fingerprint == stories_of(replace(CONFIG, seed=1)).fingerprint


def test_a_text_is_split_into_training_and_validation(tmp_path, tokenizer):
    paths = []
    for name in "ab":
        (tmp_path / name).write_text(f"The file {name} tells of a small bird. " * 30)
        paths.append(str(tmp_path / name))
    corpus, _ = load_dataset(DataSource.at(text=paths), **CONFIG.data_options())
    ids = np.concatenate([tokenizer.encode(Path(path).read_text()) for path in paths])
    np.testing.assert_array_equal(np.concatenate([corpus.train, corpus.valid]), ids)
    assert len(corpus.train) == int(0.95 * len(ids))
    assert corpus.best_possible_loss is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{path} is no file or folder; give texts or folders of texts"),
        (b"", "x.txt holds no usable text (skipped 1 empty)"),
        (b" \n", "x.txt holds no usable text (skipped 1 empty)"),
        (b"caf\xe9", "{path} is not UTF-8 text (byte 3)"),
        (b"too short", "--text: 2 training tokens are too few for sequences of 32"),
    ],
)
def test_an_unusable_text_is_an_error(tmp_path, content, message):
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message.format(path=path))):
        load_dataset(DataSource.at(text=[str(path)]), **CONFIG.data_options())


def test_too_few_stories_are_an_error():
    config = replace(CONFIG, stories=1, phases=(Phase(1, 512, 1),))
    with pytest.raises(UserError, match=r"--stories: [0-9]+ training tokens are too few for"):
        stories_of(config)
