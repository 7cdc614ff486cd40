"""Preparing a dataset: the files, the errors, and atomic writing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from itertools import count, product

import numpy as np
import pytest
from documents import GOOD, TEXTS, lines, table
from hub_server import Fault, HubServer
from shared import shared

from flashlm_np import commands
from flashlm_np.data import prepare as page
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.texts.documents import Skipped
from flashlm_np.data.token_file import load_tokens
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.data.tokenizers.vocab_file import format_vocab
from flashlm_np.errors import UserError

STORIES = Tokenizer.embedded()
FILES = ["stories.bpe", "tokens.bin", "tokens.json"]


def run(path, out, tokenizer=STORIES, min_characters=50, **options):
    """Prepare a file or a folder; return the record and the ids that were written."""
    source = DocumentSource((str(path),), min_characters=min_characters)
    record = prepare(source, tokenizer, out, **options)
    assert json.loads((out / "tokens.json").read_text()).items() >= record.items()
    return record, load_tokens(out).ids


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def joined(texts, end=()):
    return np.concatenate([part for text in texts for part in (STORIES.encode(text), end)])


@pytest.fixture
def path(tmp_path):
    return lines(tmp_path / "a.jsonl", *GOOD)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "deep" / "out"


# -- the files -----------------------------------------------------------------------------


def test_documents_follow_each_other_in_their_order(path, out):
    _, ids = run(path, out)
    np.testing.assert_array_equal(ids, joined(TEXTS))
    data = (out / "tokens.bin").read_bytes()
    assert data == joined(TEXTS).astype("<u2").tobytes()
    written = json.loads((out / "tokens.json").read_text())
    assert len(written.pop("checksum")) == 64
    assert written == {
        "format": "flashlm-np tokens 2",
        "dataset": "a.jsonl",
        "config": None,
        "split": None,
        "column": "text",
        "min_characters": 50,
        "documents": len(TEXTS),
        "skipped": {},
        "other_files": [],
        "bytes": len("".join(TEXTS).encode()),
        "separator": False,
        "tokens": len(ids),
        "dtype": "uint16",
        "sha256": hashlib.sha256(data).hexdigest(),
        "tokenizer": {
            "name": "stories",
            "fingerprint": STORIES.fingerprint,
            "vocab_size": 2000,
        },
    }
    assert names_in(out) == FILES


def test_a_separator_ends_each_document(path, out):
    record, ids = run(path, out, separator=True)
    np.testing.assert_array_equal(ids, joined(TEXTS, [STORIES.end_of_text]))
    assert (record["documents"], record["tokens"]) == (len(TEXTS), len(ids))
    assert record["bytes"] == len("".join(TEXTS).encode())


def test_the_name_of_the_separator_in_a_text_is_plain_text(tmp_path, out):
    text = "The owl said <|endoftext|> and nothing happened to her at all."
    _, ids = run(lines(tmp_path / "a.jsonl", {"text": text}), out)
    assert STORIES.end_of_text not in ids
    assert STORIES.decode(ids) == text


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("ahead", [0, 3, 64])
def test_the_number_of_threads_does_not_change_the_files(
    path, out, monkeypatch, threads, ahead
):
    monkeypatch.setattr(page, "DOCUMENTS_AHEAD", ahead)
    _, ids = run(path, out, threads=threads)
    np.testing.assert_array_equal(ids, joined(TEXTS))


def test_a_limit_counts_the_documents_that_are_kept(tmp_path, out):
    rows = [
        row for good in GOOD for row in ({"text": "short"}, b"{", {"text": "\ud800" * 60}, good)
    ]
    record, ids = run(lines(tmp_path / "a.jsonl", *rows), out, documents=3)
    np.testing.assert_array_equal(ids, joined(TEXTS[:3]))
    assert record["documents"] == 3
    assert record["skipped"] == {"too short": 3, "malformed": 3, "not text": 3}
    assert str(Skipped(record["skipped"])) == "skipped 3 malformed, 3 not text, 3 too short"


def test_the_bytes_are_those_of_utf_8(tmp_path, out):
    record, ids = run(lines(tmp_path / "a.jsonl", {"text": "漢é😀"}), out, min_characters=3)
    assert record["bytes"] == 9
    assert STORIES.decode(ids) == "漢é😀"


def test_empty_documents_are_kept_if_the_minimum_is_0(tmp_path, out):
    rows = [{"text": ""}] * 5000 + GOOD
    path = lines(tmp_path / "a.jsonl", *rows)
    record, ids = run(path, out, min_characters=0)
    assert record["documents"] == 5000 + len(TEXTS)
    np.testing.assert_array_equal(ids, joined(TEXTS))


def test_a_large_vocabulary_is_written_in_32_bits(tmp_path, out):
    vocab = {bytes([b]): b for b in range(256)}
    vocab |= {bytes(pair): 256 + i for i, pair in enumerate(product(range(256), repeat=2))}
    vocab |= {b"the": 65_792, b"xyz": 65_793}
    (tmp_path / "large.tiktoken").write_bytes(format_vocab(vocab))
    tokenizer = Tokenizer.named(str(tmp_path / "large.tiktoken"))
    text = "the cat and the dog"
    path = lines(tmp_path / "a.jsonl", {"text": text})
    record, ids = run(path, out, tokenizer, min_characters=0, separator=True)
    assert record["dtype"] == "uint32"
    assert ids.dtype == np.dtype("<u4")
    assert (out / "tokens.bin").stat().st_size == 4 * len(ids)
    assert {65_792, 65_794} <= set(ids.tolist())
    assert load_tokens(out).tokenizer.decode(ids[:-1]) == text


def test_temporary_files_of_an_earlier_try_are_removed(path, out):
    out.mkdir(parents=True)
    for name in ("tokens.bin", "tokens.bin.tmp-7", "tokens.json.tmp-7", "stories.bpe.tmp-7"):
        (out / name).write_bytes(b"half")
    (out / "mine").touch()
    run(path, out)
    assert names_in(out) == ["mine", *FILES]


# -- errors --------------------------------------------------------------------------------


def refused(path, out, left=(), **options):
    """Return the error message of a failing prepare, which must leave no complete files."""
    with pytest.raises(UserError) as caught:
        run(path, out, **options)
    if out.is_dir():
        assert names_in(out) == sorted(left)
    return str(caught.value)


def test_a_prepared_corpus_is_not_overwritten(path, out):
    run(path, out)
    before = (out / "tokens.bin").read_bytes()
    message = refused(path, out, FILES, separator=True)
    assert "holds a prepared dataset already; give --data" in message
    assert (out / "tokens.bin").read_bytes() == before


def test_the_error_without_usable_texts_gives_the_reasons(tmp_path, out):
    path = lines(tmp_path / "a.jsonl", {"text": "short"}, b"{", {"text": "shorter"})
    assert (
        refused(path, out) == "a.jsonl holds no usable text (skipped 1 malformed, 2 too short)"
    )
    (tmp_path / "a.jsonl").write_bytes(b"\n\n")
    assert refused(path, out) == "a.jsonl holds no usable text (nothing skipped)"


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS * 20])
def test_an_error_in_the_middle_leaves_no_files(tmp_path, tmp_path_factory, texts, monkeypatch):
    out = tmp_path_factory.mktemp("out")
    monkeypatch.setattr(page, "DOCUMENTS_AHEAD", 3)
    for i, text in enumerate(texts):
        (tmp_path / f"{i:04}.txt").write_text(text)
    (tmp_path / "last.txt").write_bytes(b"0123456\xff")
    assert "last.txt is not UTF-8 text (byte 7)" in refused(tmp_path, out)


def test_an_out_that_is_a_file_is_refused(path, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file"
    assert f"{out} is a file; name a folder" in refused(path, out)
    assert f"cannot write to {out / 'below'}: " in refused(path, out / "below")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_out_that_is_read_only_is_refused(path, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    assert "Permission denied" in refused(path, tmp_path / "out")


def test_an_out_inside_the_source_is_refused(path, tmp_path):
    for out in (tmp_path, tmp_path / "x" / "y"):
        with pytest.raises(UserError, match="is in the folder that is read; choose another"):
            run(tmp_path, out)
    assert names_in(tmp_path) == ["a.jsonl"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize("room", [0, 100, 4096])
def test_a_full_disk_is_an_error_of_one_sentence(path, out, room):
    import resource

    lines(path, *GOOD * 50)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        message = refused(path, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert message == f"cannot write {out}/tokens.bin: File too large; nothing there was lost"
    run(path, out)


# -- interruptions -------------------------------------------------------------------------


def killed_at(call_number, path, out):
    """Prepare in a child process that is killed at a numbered call; return whether it was."""
    child = os.fork()
    if child == 0:
        numbers = count(1)

        def killing(real):
            def call(*arguments):
                if next(numbers) == call_number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments)

            return call

        os.fsync, os.replace = killing(os.fsync), killing(os.replace)
        Tokenizer.encode = killing(Tokenizer.encode)
        run(path, out)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_prepare_that_was_killed_can_be_repeated(tmp_path):
    path, killed = lines(tmp_path / "a.jsonl", *GOOD[:3]), 0
    for number in count(1):
        out = tmp_path / f"out-{number}"
        if not killed_at(number, path, out):
            break
        killed += 1
        if not (out / "tokens.json").exists():
            with pytest.raises(
                UserError, match=r"holds no tokens.json, so it is not a prepared"
            ):
                load_tokens(out)
            run(path, out)
            assert names_in(out) == FILES
        np.testing.assert_array_equal(load_tokens(out).ids, joined(TEXTS[:3]))
    assert killed == 3 + 3 * 3  # documents; fsync, replace and fsync of the folder


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-X", "utf8", "-m", "flashlm_np", "prepare", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **options,
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_a_second_prepare_is_refused_and_ctrl_c_leaves_no_files(tmp_path, out):
    path = lines(tmp_path / "a.jsonl", *GOOD * 10_000)
    process = command(path, "--out", out, "--tokenizer", "stories")
    deadline = time.monotonic() + 60
    while not list(out.glob("tokens.bin.tmp-*")):
        assert time.monotonic() < deadline, "it does not begin"
        time.sleep(0.005)
    with pytest.raises(UserError, match="in use: another flashlm command writes to it"):
        run(path, out)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert (process.returncode, printed, error) == (130, "", "flashlm: interrupted\n")
    assert not out.exists()


# -- whole commands ------------------------------------------------------------------------

CARD = """---
configs:
- config_name: sample-10BT
  data_files: [{split: train, path: sample/10BT/*}]
- config_name: other
  data_files: [{split: train, path: other/*}]
---
"""


def test_the_default_is_streamed_from_the_hub(tmp_path, out):
    folder = tmp_path / "data" / "sample" / "10BT"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "README.md").write_text(CARD)
    table(folder / "000.parquet", [*TEXTS[:10], "short"], row_group_size=4)
    table(folder / "001.parquet", TEXTS[10:])
    with HubServer() as hub:
        hub.publish("HuggingFaceFW/fineweb-edu", tmp_path / "data", kind="datasets")
        hub.faults = [Fault(), Fault(status=503)]  # importing it takes a second
        apart = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
        process = command("--out", out, "--tokenizer", "stories", env=os.environ | apart)
        printed, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    tokens = load_tokens(out)
    np.testing.assert_array_equal(tokens.ids, joined(TEXTS))
    assert tokens.record["dataset"] == "HuggingFaceFW/fineweb-edu"
    assert (tokens.record["config"], tokens.record["split"]) == ("sample-10BT", "train")
    assert f"{len(tokens.ids):,} tokens of 20 documents" in printed
    assert "skipped 1 too short" in printed


def test_without_a_network_the_command_fails_in_one_sentence(tmp_path, out):
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    process = command("--out", out, "--tokenizer", "stories", env=os.environ | offline)
    printed, error = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert error.startswith("flashlm: cannot read HuggingFaceFW/fineweb-edu from the Hugging")
    typed = commands.command("prepare", "FILE.txt", "--out", "DIR")
    assert error.endswith(f"prepare texts that you have: {typed}\n")
    assert error.count("\n") == 1
    assert not out.exists()


def test_the_sample_in_fineweb_edus_layout_has_the_known_tokens(out, monkeypatch):
    folder = shared("data/fineweb-edu")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(shared("tokenizer")))
    source = DocumentSource((str(folder),), "sample-10BT")
    record = prepare(source, Tokenizer.gpt2(), out, threads=2)
    assert (record["documents"], record["tokens"]) == (1778, 4_934_888)
    assert record["skipped"] == {}
