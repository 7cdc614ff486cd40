"""A short vocabulary: its ids, its files, and the cost of UNK."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.data.dataset import DataSource, TextSize
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.token_file import load_tokens
from flashlm_np.data.tokenizers.frequent import FrequentTokens
from flashlm_np.data.tokenizers.saving import load_tokenizer, save_tokenizer
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.evaluation.evaluate import evaluate
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.runs.saved_run import SavedRun

STORIES = Tokenizer.embedded()
OPTIONS = """
    --vocab-size 20 --d-model 16 --blocks 2 --phases 1:24:2:1 --steps 6 --warmup-steps 2
    --eval-every 3 --eval-tokens 300 --save-every 2
""".split()  # noqa: SIM905 (as a user types them)
TEXT = "The owl saw the red moon. The moon saw the owl. " * 30 + "The zebra waited. " * 4


def short(size=12, text=TEXT):
    return FrequentTokens.of_text(STORIES, STORIES.encode(text), size)


def small_model(V):
    config = replace(tiny.CONFIG, vocab_size=V)
    return FlashLM(config, np.random.default_rng(0)), config


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    source = DocumentSource((str(tmp_path / "a.txt"),))
    prepare(source, STORIES, tmp_path / "data", separator=True, most_frequent=12)
    return tmp_path / "data"


def test_the_most_frequent_tokens_are_kept_in_their_order():
    tokenizer, ids = short(), STORIES.encode(TEXT)
    counts = np.bincount(ids, minlength=STORIES.vocab_size)
    assert counts[tokenizer.kept].tolist() == sorted(counts, reverse=True)[:8]
    assert tokenizer.vocab_size == 12
    for i, j in itertools.pairwise(tokenizer.kept.tolist()):
        assert (counts[i], -i) > (counts[j], -j)  # of equal ones, the lower id is first


def test_an_id_is_that_of_the_token_or_of_unk():
    tokenizer, ids = short(), STORIES.encode(TEXT)
    for old, new in zip(ids, tokenizer.encode(TEXT), strict=True):
        places = np.flatnonzero(tokenizer.kept == old)
        assert new == (4 + places[0] if len(places) else 1)
    assert tokenizer.shorten(np.array([STORIES.end_of_text])).tolist() == [3]
    assert tokenizer.decode([0, 1, 2, 3]) == "\ufffd<|endoftext|>"
    assert tokenizer.decode(tokenizer.encode(" owl zebra")) == " owl" + 5 * "\ufffd"


def test_a_text_with_few_tokens_has_a_small_vocabulary():
    tokenizer = short(100, "aaaa")
    assert tokenizer.vocab_size == 4 + len(set(STORIES.encode("aaaa").tolist()))


def test_two_vocabularies_have_two_fingerprints():
    same, other = short(), short(11)
    assert short().fingerprint == same.fingerprint != other.fingerprint
    assert (same.name, other.name) == ("stories-12", "stories-11")


def test_a_saved_vocabulary_is_loaded_again(tmp_path):
    tokenizer = short()
    save_tokenizer(tmp_path, tokenizer)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stories-12.kept", "stories.bpe"]
    again = load_tokenizer(tmp_path, tokenizer.identity, 0)
    np.testing.assert_array_equal(again.encode(TEXT), tokenizer.encode(TEXT))
    (tmp_path / "stories-12.kept").write_text("5\n6\n")
    with pytest.raises(UserError, match=r"stories-12.kept is not the tokenizer that"):
        load_tokenizer(tmp_path, tokenizer.identity, 0)
    for damage in ("5\n5\n", "5\nx\n", "-1\n", f"{STORIES.end_of_text}\n"):
        (tmp_path / "stories-12.kept").write_text(damage)
        with pytest.raises(UserError, match="expected different ids below 1999, one a line"):
            load_tokenizer(tmp_path, tokenizer.identity, 0)


def test_a_prepared_folder_holds_all_of_the_text(folder):
    tokens = load_tokens(folder)
    ids = np.append(STORIES.encode(TEXT), STORIES.end_of_text)
    np.testing.assert_array_equal(tokens.in_file, ids)
    np.testing.assert_array_equal(tokens.ids, tokens.tokenizer.shorten(ids))
    assert (tokens.tokenizer.vocab_size, tokens.ids[-1]) == (12, 3)
    train = ids[: int(len(ids) * 0.95)]
    expected = FrequentTokens.of_text(STORIES, train, 12)
    assert tokens.tokenizer.fingerprint == expected.fingerprint


def test_the_size_of_the_validation_text_counts_what_unk_stands_for(folder):
    options = {"vocab_size": 12, "seed": 0, "stories": 1, "longest_sequence": 8}
    source = DataSource.at(data=str(folder))
    dataset, _ = load_dataset(source, **options, validation_share=0.1, eval_tokens=30)
    ids = load_tokens(folder).in_file[len(dataset.train) :][1:31]
    text = STORIES.decode(ids)
    assert dataset.valid_size == TextSize(len(text.encode()), len(text))
    assert (dataset.valid[1:] == 1).any()


# -- the cost of UNK -----------------------------------------------------------------------


def test_the_probabilities_of_all_texts_sum_to_1_or_less():
    """Of two tokens, with p of each id as a model gives it: all ids, special ones included."""
    tokenizer = short()
    p = np.random.default_rng(0).dirichlet(np.ones(tokenizer.vocab_size))
    stands_for = math.exp(tokenizer.spelling_nats)
    cost = np.where(np.arange(tokenizer.vocab_size) == 1, 1 / stands_for, 1.0)
    of_tokens = (p * cost)[tokenizer.shorten(np.arange(STORIES.vocab_size))]
    assert np.count_nonzero(tokenizer.shorten(np.arange(STORIES.vocab_size)) == 1) == round(
        stands_for
    )
    total = np.outer(of_tokens, of_tokens).sum()
    assert total == pytest.approx((1 - p[0] - p[2]) ** 2)  # PAD and BOS are in no text


def test_unk_costs_the_choice_among_the_tokens_that_it_stands_for():
    tokenizer = short()
    model, config = small_model(12)
    ids = tokenizer.encode("\n" + TEXT)
    found = evaluate(model, config, ids, tokenizer, TextSize.of([TEXT]))
    unknown = np.count_nonzero(ids[1:] == 1)
    assert found.unknown == unknown > 0
    nats = found.loss * (len(ids) - 1)
    honest = nats + unknown * math.log(STORIES.vocab_size - 1 - 8)
    characters = len(TEXT)
    assert found.bits_per_byte == pytest.approx(honest / math.log(2) / characters)
    assert found.bits_per_character == pytest.approx(honest / math.log(2) / characters)
    assert found.credited_bits_per_character == pytest.approx(nats / math.log(2) / characters)


def test_a_run_on_a_short_vocabulary(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = [f"The owl {n} saw the {'red' if n % 3 else 'old'} moon." for n in range(600)]
    (tmp_path / "a.txt").write_text(" ".join(text))
    command = "prepare a.txt --out data --tokenizer stories --most-frequent 20 --separator"
    assert main(command.split()) == 0
    assert "train --preset v4 --data data" in capsys.readouterr().out
    assert main(["train", "--preset", "v4", "--data", "data", "--out", "run", *OPTIONS]) == 0
    capsys.readouterr()
    report = (tmp_path / "run" / "report.md").read_text()
    assert "UNK for free, as v4's author counts" in report
    for source in ([], ["--text", "a.txt"]):
        assert main(["eval", "run", *source]) == 0
        assert "with UNK for free, as FlashLM v4's author counts" in capsys.readouterr().out
    assert main(["generate", "run", "--tokens", "5", "--prompt", "The owl"]) == 0
    assert main(["train", "--resume", "run", "--steps", "8"]) == 0
    assert isinstance(SavedRun.load(tmp_path / "run").tokenizer, FrequentTokens)
    assert main(["export", "run", "packed"]) == 0
    assert main(["eval", "packed", "--text", "a.txt"]) == 0
