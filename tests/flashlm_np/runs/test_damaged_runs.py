"""Damaged and odd files of a run and of a prepared dataset: each is refused in a sentence.

Bits are flipped in every file. A record is also changed and sealed again with the checksum that
it then should have, or written as version 0.1 did, without one. Then only the checks of types
and bounds can find the change.
"""

import functools
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from damaged import edit_record, entries, flipped, make_old, put, remove
from tiny import CONFIG

from flashlm_np.api import train
from flashlm_np.data.token_file import load_tokens, write_ids, write_record
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.data.tokenizers.vocab_file import parse_vocab
from flashlm_np.errors import UserError
from flashlm_np.runs import checkpoint
from flashlm_np.runs.resume import resume_run
from flashlm_np.runs.saved_run import SavedRun

FLIPS = 200  # of each file


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared dataset of 40,000 bytes."""
    folder = tmp_path_factory.mktemp("data")
    tokenizer = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    ids = np.random.default_rng(0).integers(0, 256, 40_000).astype(np.uint16)
    about = {"dataset": "noise", "documents": 1, "bytes": 40_000, "separator": False}
    write_record(folder, tokenizer, about | write_ids(folder, [ids], ids.dtype))
    return folder


@pytest.fixture(scope="module")
def good(data, tmp_path_factory):
    return train(CONFIG, out=tmp_path_factory.mktemp("runs") / "run", data=data).folder


@pytest.fixture
def run(good, tmp_path):
    return shutil.copytree(good, tmp_path / "run")


def resume(folder):
    with resume_run(folder, {"steps": 7}):
        pass


def refused(read, *arguments):
    """Whether a UserError of one line is raised; no other error may be."""
    message = ""
    try:
        read(*arguments)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    return message != ""


# -- flipped bits ----------------------------------------------------------------------------


def accepted_flips(path, *readings):
    """The flips of a file that a reading accepts, although they change its meaning."""
    data = path.read_bytes()
    bits = np.random.default_rng(0).choice(8 * len(data), FLIPS, replace=False)
    for bit in map(int, bits):
        path.write_bytes(flipped(data, bit))
        for reading in readings:
            if not refused(*reading) and not same_meaning(data, path):
                yield bit
    path.write_bytes(data)


def same_meaning(data, path):
    """1e-08 may become 1E-08, and base64 has bits without a meaning."""
    read = {".json": json.loads, ".bpe": parse_vocab}.get(path.suffix, bytes)
    return read(path.read_bytes()) == read(data)


def test_flipped_bits_of_a_run_are_refused(run):
    (arrays,) = run.glob("step-000006-*.safetensors")
    evaluating, resuming = (SavedRun.load, run, "best"), (resume, run)
    assert not list(accepted_flips(run / "best.json", evaluating))
    assert not list(accepted_flips(run / "last.json", resuming))
    assert not list(accepted_flips(arrays, evaluating, resuming))
    assert not list(accepted_flips(run / "bytes.bpe", evaluating, resuming))


def test_flipped_bits_of_a_dataset_are_refused(data):
    for name in ("tokens.json", "tokens.bin", "bytes.bpe"):
        assert not list(accepted_flips(data / name, (load_tokens, data)))


# -- records of other types ------------------------------------------------------------------

VALUES = (None, True, 7, 0.5, "x", "", "\0", "\ud800", [], [5], [None], [[1]], {}, {"a": 1})
MAY_BE = {  # values of another type that an entry may have
    ("state", "corpus", "folder"): [None],
    ("state", "counts", "seconds"): [7],
    ("state", "counts", "best_loss"): [7],
}
# Version 0.1 lacks a machine, and early versions its processes.
OPTIONAL = [("state", "machine"), ("state", "machine", "processes")]


def odd_records(folder):
    """The path of each entry that is not in the configuration, and odd values for it."""
    record = json.loads((folder / "last.json").read_bytes())
    for path in entries(record):
        if path[0] != "config" and path != ("checksum",):
            value = functools.reduce(dict.get, path, record)
            allowed = MAY_BE.get(path, [])
            yield (
                path,
                [odd for odd in VALUES if type(odd) is not type(value) and odd not in allowed],
            )


@pytest.mark.parametrize("old", [False, True], ids=["checksum", "version 0.1"])
def test_entries_of_another_type_are_refused(run, good, old):
    tried = 0
    for path, values in odd_records(good):
        for value in values:
            shutil.copy(good / "last.json", run)
            if old:
                make_old(run / "last.json")
            edit_record(run / "last.json", put, path, value)
            assert refused(resume, run), (path, value)
            assert refused(SavedRun.load, run, "last"), (path, value)
            tried += 1
    assert tried > 200


@pytest.mark.parametrize("old", [False, True], ids=["checksum", "version 0.1"])
def test_a_missing_entry_is_refused(run, good, old):
    for path, _ in odd_records(good):
        if path not in OPTIONAL:
            shutil.copy(good / "last.json", run)
            if old:
                make_old(run / "last.json")
            edit_record(run / "last.json", remove, path)
            assert refused(resume, run), path


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("step",), -5, "step is -5, expected a whole number from 0 to"),
        (("step",), 5, "the optimizers have taken 6 steps, expected 5"),
        (("step",), 10**12, "step is 1000000000000, expected a whole number from 0 to"),
        (("arrays",), "\0", 'arrays is "\\u0000", expected a text like step-'),
        (("arrays",), "step-000001.safetensors", "cannot read"),
        (("sha256",), "0" * 64, "its SHA-256 is not the one in last.json"),
        (("config", "phases"), [5], "phase 5: expected FIRST:SEQUENCE"),
        (("config", "taps"), 4.0, "--taps is 4.0, expected a whole number"),
        (("config", "eval_tokens"), 10**12, "--eval-tokens is 1000000000000, expected 1 to"),
        (("config", "colour"), 1, "unknown fields colour"),
        (("config", "c\n" * 5000), 1, "unknown fields c; c"),
        (("state", "packed"), "x", 'state.packed is "x", expected an object'),
        (("state", "counts", "best_loss"), None, "state.counts.best_loss is null, expected a"),
        (("state", "counts", "seconds"), float("nan"), "state.counts.seconds is NaN, expected"),
        (("state", "counts", "tokens_seen"), -1, "state.counts.tokens_seen is -1, expected a"),
        (("state", "generator"), {"bit_generator": "MT19937"}, "state.generator.bit_generator"),
        (("state", "generator", "state", "inc"), 2**130, "state.generator.state.inc is"),
        (("state", "tokenizer", "name"), "../bytes", "is no name of a tokenizer"),
        (("state", "tokenizer", "fingerprint"), "0" * 64, "is not the tokenizer that"),
        (("state", "corpus", "files"), ["a", 1], "state.corpus.files[1] is 1, expected a text"),
        (
            ("state", "corpus", "files"),
            ["\0"],
            'state.corpus.files[0] is "\\u0000", expected a',
        ),
        (("state", "corpus", "folder"), "\ud800", 'state.corpus.folder is "\\ud800", expected'),
        (("state", "corpus", "fingerprint"), "x", "the text is not the one"),
    ],
)
@pytest.mark.parametrize("old", [False, True], ids=["checksum", "version 0.1"])
def test_the_sentence_says_which_entry_is_wrong(run, path, value, message, old):
    if old:
        make_old(run / "last.json")
    edit_record(run / "last.json", put, path, value)
    with pytest.raises(UserError) as caught:
        resume(run)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_deep_nesting_and_long_numbers_are_refused(run):
    for deep in ("[" * 900 + "]" * 900, "[" * 30_000 + "]" * 30_000, "9" * 4000, "9" * 5000):
        for entry in ('"step": 6', '"taps": 4'):
            text = (run / "last.json").read_text(encoding="utf-8")
            key = entry.split(":")[0]
            (run / "best.json").write_text(text.replace(entry, f"{key}: {deep}"))
            assert refused(SavedRun.load, run, "best")


def test_an_export_does_not_hold_the_files_of_a_run_as_another_type(run):
    for name in ("last.json", "best.json"):
        edit_record(run / name, put, ("state", "packed"), {"encoding": "2-bit", "head": "int8"})
        edit_record(run / name, put, ("state", "corpus", "files"), 7)
    assert refused(SavedRun.load, run)


def test_a_model_with_fewer_tokens_than_its_tokenizer_is_refused(run):
    saved = checkpoint.load(run)
    saved.config = replace(saved.config, vocab_size=200)
    saved.arrays["model/embedding.weight"] = saved.arrays["model/embedding.weight"][:200]
    checkpoint.save(run, saved, ["last", "best"])
    with pytest.raises(UserError, match="the tokenizer has 257 tokens, but the model only 200"):
        SavedRun.load(run)


def test_a_checkpoint_without_the_optimizers_is_not_resumed(run):
    saved = checkpoint.load(run)
    saved.arrays = {
        k: a for k, a in saved.arrays.items() if k.split("/")[0] in ("model", "ema")
    }
    checkpoint.save(run, saved, ["last", "best"])
    assert refused(SavedRun.load, run) is False
    with pytest.raises(UserError, match="NorMuon: the state does not fit: missing: block"):
        resume(run)


def test_a_checkpoint_without_weights_is_not_taken_for_one_without_averages(run):
    saved = checkpoint.load(run)
    saved.arrays = {k: a for k, a in saved.arrays.items() if not k.startswith("model/")}
    checkpoint.save(run, saved, ["last", "best"])
    with pytest.raises(UserError, match=r"embedding\.weight has shape None"):
        SavedRun.load(run)


@pytest.mark.parametrize("entry", ["another", "__class__"])
def test_an_entry_that_another_version_may_have_written_is_passed_over(run, entry):
    edit_record(run / "last.json", put, ("state", "counts", entry), 7)
    with resume_run(run, {"steps": 7}) as trainer:
        assert not hasattr(trainer.counts, "another")
        assert trainer.step == 6
