"""Sequences of commands: prepare, train, eval, generate, convert."""

import itertools
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from torch_zip import save

import flashlm_np
from flashlm_np.cli import main
from flashlm_np.commands import command
from flashlm_np.data.dataset import DataSource
from flashlm_np.data.loading import load_dataset, training_size
from flashlm_np.data.tokenizers.saving import save_tokenizer
from flashlm_np.data.tokenizers.vocab_file import format_vocab
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import V3
from flashlm_np.runs import checkpoint
from flashlm_np.training import initial_embedding as embeddings

TEXT = "The owl looked at the moon, and the moon looked at the owl. " * 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "text.txt").write_text(TEXT)
    source, out = str(folder / "text.txt"), str(folder / "tokens")
    assert main(["prepare", source, "--out", out, "--tokenizer", "stories"]) == 0
    return out


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    out = str(tmp_path_factory.mktemp("runs") / "run")
    assert train("--data", data, "--out", out) == 0
    return out


def train(*more):
    return main(["train", *tiny.TEXT_OPTIONS, *more])


def output(capsys, code, *arguments):
    """Run a command, and return its output on both streams."""
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


# -- prepared data ---------------------------------------------------------------------------


def test_training_maps_the_prepared_tokens(data):
    corpus, tokenizer = load_dataset(DataSource.at(data=data), **tiny.CONFIG.data_options())
    ids = tokenizer.encode(TEXT)
    assert isinstance(corpus.train, np.memmap)
    np.testing.assert_array_equal(corpus.train, ids[: int(0.95 * len(ids))])
    np.testing.assert_array_equal(corpus.valid, ids[len(corpus.train) :][:301])


def test_the_size_of_the_training_part_is_that_of_v3():
    assert training_size(31_992_942, V3.validation_share) == 30_393_294


def test_a_run_on_data_is_evaluated_generates_and_resumes(run, data, capsys, tmp_path):
    assert "unigram" in output(capsys, 0, "eval", run)
    assert output(capsys, 0, "generate", run, "--tokens", "5", "--prompt", "The").startswith(
        "The"
    )
    assert "Going on" in output(capsys, 0, "train", "--resume", run, "--steps", "7")
    other = tmp_path / "other.txt"
    other.write_text("The moon slept. " * 30)
    assert "unigram" in output(capsys, 0, "eval", run, "--text", str(other))
    assert "scored" in output(capsys, 0, "eval", run, "--data", data)


def test_a_run_does_not_resume_with_other_data(run, data, tmp_path, capsys):
    other = str(tmp_path / "tokens")
    (tmp_path / "other.txt").write_text(TEXT.replace("owl", "fox"))
    source = str(tmp_path / "other.txt")
    assert main(["prepare", source, "--out", other, "--tokenizer", "stories"]) == 0
    saved = checkpoint.load(Path(run), "last")
    saved.state["corpus"]["folder"] = other
    checkpoint.save(tmp_path, saved, ["last"])
    _, tokenizer = load_dataset(DataSource.at(data=data), **tiny.CONFIG.data_options())
    save_tokenizer(tmp_path, tokenizer)
    assert "the text is not the one" in output(capsys, 1, "train", "--resume", str(tmp_path))


def test_data_of_another_tokenizer_is_refused(run, tmp_path, capsys):
    vocab = tmp_path / "bytes.bpe"
    vocab.write_bytes(format_vocab({bytes([b]): b for b in range(256)}))
    (tmp_path / "text.txt").write_text(TEXT)
    out, source = str(tmp_path / "tokens"), str(tmp_path / "text.txt")
    assert main(["prepare", source, "--out", out, "--tokenizer", str(vocab)]) == 0
    assert "was prepared with" in output(capsys, 1, "eval", run, "--data", out)


def test_a_separator_stands_between_documents(tmp_path, capsys):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(TEXT)
    sources = [str(tmp_path / f"{name}.txt") for name in "ab"]
    out = str(tmp_path / "tokens")
    options = ["--separator", "--tokenizer", "stories"]
    assert main(["prepare", *sources, "--out", out, *options]) == 0
    corpus, tokenizer = load_dataset(DataSource.at(data=out), **tiny.CONFIG.data_options())
    ends = np.flatnonzero(np.fromfile(f"{out}/tokens.bin", "<u2") == tokenizer.end_of_text)
    length = len(tokenizer.encode(TEXT))
    assert corpus.has_separators
    assert not corpus.starts_at_documents
    np.testing.assert_array_equal(ends, [length, 2 * length + 1])


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
def test_a_model_that_diverged_generates_nothing(run, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    saved = checkpoint.load(folder, "best")
    saved.arrays["model/block.norm1.scale"][0] = np.nan
    checkpoint.save(folder, saved, ["last", "best"])
    for more in ([], ["--temperature", "0"], ["--activations", "int8"]):
        assert main(["generate", str(folder), "--prompt", "The", *more]) == 1
        found = capsys.readouterr()
        assert found.out == "The\n"
        assert found.err.startswith(f"flashlm: {folder}: ")
        assert "not finite" in found.err or "diverged" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data", "nowhere"],
            "nowhere holds no tokens.json, so it is not a prepared dataset",
        ),
        (["--data", "x", "--text", "y"], "--text and --data exclude each other"),
        (["--preset", "v3", "--stories", "20"], "needs GPT-2's tokens: give --data DIR"),
    ],
)
def test_a_wrong_combination_is_an_error_of_one_sentence(arguments, message, capsys, tmp_path):
    printed = output(capsys, 1, "train", *arguments, "--out", str(tmp_path / "run"))
    assert message in printed
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_that_is_too_small_is_an_error(data, capsys):
    printed = output(capsys, 1, "train", "--data", data, "--vocab-size", "100")
    assert "--vocab-size is 100, but the tokenizer has 2000 tokens" in printed


def test_a_terminal_gets_no_control_characters_of_a_text(run, capsys, monkeypatch):
    command = ["generate", run, "--tokens", "0", "--prompt", "\x1b[31m zw\u200dj\n"]
    assert output(capsys, 0, *command) == "\x1b[31m zw\u200dj\n\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert output(capsys, 0, *command) == "\ufffd[31m zw\u200dj\n\n"


def test_a_text_of_a_few_tokens_is_scored_without_an_error(run, capsys, tmp_path):
    (tmp_path / "a.txt").write_text("The owl.")
    told = output(capsys, 0, "eval", run, "--text", str(tmp_path / "a.txt"))
    assert "nan" not in told
    assert "±" not in told
    assert "scored           3 tokens, too few for a standard error, which needs 256" in told


def test_eval_reads_texts_as_prepare_does(run, capsys, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.replace(". ", ".\r\n").encode())
    (tmp_path / "b.txt").write_text(TEXT.replace(". ", ".\n"))
    (tmp_path / "rows.csv").write_text(f'text\n"{TEXT}"\n')
    told = [output(capsys, 0, "eval", run, "--text", str(tmp_path / f"{n}.txt")) for n in "ab"]
    assert told[0] == told[1]
    (tmp_path / "README.md").write_text("What these are.")
    told = output(capsys, 0, "eval", run, "--text", str(tmp_path))
    assert told.startswith("skipped 1 other files (README.md)\n")
    (tmp_path / "c.txt").write_bytes(b"caf\xe9")
    assert "is not UTF-8 text" in output(capsys, 1, "eval", run, "--text", str(tmp_path))


def test_texts_may_be_given_one_by_one(run, capsys, tmp_path):
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for name in names:
        Path(name).write_text(TEXT)
    together = output(capsys, 0, "eval", run, "--text", *names)
    assert output(capsys, 0, "eval", run, "--text", names[0], "--text", names[1]) == together
    assert output(capsys, 0, "eval", run, "--text", names[0]) != together


# -- the initial embedding -------------------------------------------------------------------


def test_training_begins_with_the_embedding_in_a_file(data, tmp_path, capsys):
    file, out = str(tmp_path / "embedding.safetensors"), tmp_path / "run"
    chosen = ["--width", "16", "--vocab-size", "2000", "--std", "0.7"]
    assert "0.7" in output(capsys, 0, "embed", "random", "--out", file, *chosen)
    assert train("--data", data, "--embedding", file, "--out", str(out), "--steps", "2") == 0
    arrays = checkpoint.load(out).arrays  # the embedding is frozen in both steps
    expected = embeddings.load_embedding(Path(file), 2000, 16)
    np.testing.assert_array_equal(arrays["model/embedding.weight"], expected)
    np.testing.assert_allclose(arrays["ema/embedding.weight"], expected, rtol=1e-6)


def test_training_begins_with_an_embedding_of_its_corpus(data, tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "CONTEXTS", 50)
    out = tmp_path / "run"
    assert (
        train("--data", data, "--embedding", "corpus", "--out", str(out), "--steps", "2") == 0
    )
    corpus, _ = load_dataset(DataSource.at(data=data), **tiny.CONFIG.data_options())
    table = embeddings.from_corpus(corpus.train, 2000, 16).table
    expected = embeddings.scaled_to_rms(table, 0.11)
    got = checkpoint.load(out).arrays["model/embedding.weight"]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-8)


# -- the published checkpoint ----------------------------------------------------------------


@pytest.fixture
def published(tmp_path):
    sizes = {"vocab_size": 2000, "d_model": 16, "conv_groups": 4, "recursions": 1}
    model = FlashLM(replace(V3, **sizes), np.random.default_rng(0))
    config = {"vocab_size": 2000, "d_model": 16, "n_recursions": 1, "glu_expansion": 2.67}
    state = {"model_state_dict": model.state_dict(), "config": config, "last_step": 4050}
    return str(save(tmp_path / "final.pt", state | {"note": "a\x1bb"}))


def test_a_published_checkpoint_is_evaluated_and_generates(published, tmp_path, capsys, data):
    out = str(tmp_path / "converted")
    printed = output(capsys, 0, "convert", published, out, "--tokenizer", "stories")
    assert "after step 4,050" in printed
    assert r"note: 'a\x1bb'" in printed  # a file cannot send escape codes to the terminal
    assert "unigram" in output(capsys, 0, "eval", out, "--data", data)
    (tmp_path / "text.txt").write_text(TEXT)
    printed = output(capsys, 0, "eval", out, "--text", str(tmp_path / "text.txt"))
    assert "No training text to compare with: " in printed
    assert len(output(capsys, 0, "generate", out, "--prompt", "The owl", "--tokens", "9")) > 9
    assert "holds no averaged weights" in output(capsys, 1, "generate", out, "--ema")
    assert "came without its training text" in output(capsys, 1, "eval", out)
    assert "it cannot be resumed" in output(capsys, 1, "train", "--resume", out)
    assert "holds a run already" in output(capsys, 1, "convert", published, out)


def test_a_model_without_tokenizer_reads_and_generates_ids(published, tmp_path, capsys):
    out = str(tmp_path / "converted")
    assert main(["convert", published, out]) == 0
    capsys.readouterr()
    words = output(capsys, 0, "generate", out, "--prompt", "3 17", "--tokens", "5").split()
    assert words[:2] == ["3", "17"]
    assert len(words) == 7
    assert all(0 <= int(word) < 2000 for word in words)
    assert len(output(capsys, 0, "generate", out, "--tokens", "4").split()) == 4
    assert "'owl' is no id" in output(capsys, 1, "generate", out, "--prompt", "owl")
    (tmp_path / "ids.txt").write_text("1 2 3 4 5")
    assert "scored           5" in output(
        capsys, 0, "eval", out, "--text", str(tmp_path / "ids.txt")
    )
    (tmp_path / "ids.txt").write_text("1 2 2000")
    assert "'2000' is no id" in output(
        capsys, 1, "eval", out, "--text", str(tmp_path / "ids.txt")
    )


@pytest.mark.parametrize(
    ("tokens", "options"), [(300, []), (2000, []), (3000, ["--vocab-size", "3000"])]
)
def test_prepare_prints_a_command_whose_model_fits_the_tokenizer(
    tokens, options, tmp_path, capsys
):
    texts, vocabulary = tmp_path / "text.txt", tmp_path / "own.bpe"
    texts.write_text(TEXT)
    pairs = itertools.product(range(256), repeat=2)
    pieces = [bytes([b]) for b in range(256)] + [bytes(pair) for pair in pairs]
    ranks = {piece: rank for rank, piece in enumerate(pieces[: tokens - 1])}
    vocabulary.write_bytes(format_vocab(ranks))
    out = tmp_path / "my tokens"
    printed = output(
        capsys, 0, "prepare", str(texts), "--out", str(out), "--tokenizer", str(vocabulary)
    )
    assert f"Train on them with: {command('train', *options, '--data', out)}\n" in printed


def test_an_embedding_that_is_missing_is_said_before_the_long_stages(tmp_path, capsys):
    missing = tmp_path / "no.safetensors"
    assert main(["train", "--embedding", str(missing), "--out", str(tmp_path / "run")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    none = "which is no file, and none of random, corpus, gpt2"
    assert printed.err == f"flashlm: --embedding is {missing}, {none}\n"


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"flashlm-np {flashlm_np.__version__}\n"
