"""Reading a prepared dataset: valid, damaged, inconsistent and random files."""

import hashlib
import json
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from damaged import edit_record, make_old
from hypothesis import given, settings
from hypothesis import strategies as st

from flashlm_np.data.token_file import load_tokens, write_ids, write_record
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.records import checksum

BYTES = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
IDS = np.array([3, 1, 4, 1, 5, 256, 255, 0], np.uint16)
ABOUT = {"dataset": "pi", "documents": 1, "bytes": 8, "separator": True}
fuzz = settings(derandomize=True, deadline=None, max_examples=150, database=None)


def write(folder, ids=IDS, **changes):
    folder.mkdir(exist_ok=True)
    about = write_ids(folder, [ids[:3], ids[3:3], ids[3:]], ids.dtype)
    write_record(folder, BYTES, {**ABOUT, **about, **changes})
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "corpus")


def edit(folder, **changes):
    edit_record(folder / "tokens.json", lambda record: record.update(changes))


def refusal(folder):
    with pytest.raises(UserError) as caught:
        load_tokens(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- valid ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_the_written_ids_are_mapped(tmp_path, dtype):
    tokens = load_tokens(write(tmp_path, IDS.astype(dtype)))
    assert isinstance(tokens.ids, np.memmap)
    assert tokens.ids.dtype == dtype
    assert not tokens.ids.flags.writeable
    np.testing.assert_array_equal(tokens.ids, IDS)
    assert tokens.tokenizer.fingerprint == BYTES.fingerprint
    assert tokens.record["dataset"] == "pi"
    assert tokens.record["tokenizer"]["vocab_size"] == 257


def test_a_dataset_of_version_0_1_is_read(folder):
    make_old(folder / "tokens.json")
    np.testing.assert_array_equal(load_tokens(folder).ids, IDS)


def test_the_file_has_the_documented_format(folder):
    assert (folder / "tokens.bin").read_bytes() == bytes.fromhex(
        "0300010004000100050000 01ff000000"
    )


def test_opening_takes_no_memory_for_the_ids(tmp_path):
    ids = np.zeros(8_000_000, np.uint16)
    write(tmp_path, ids)
    tracemalloc.start()
    try:
        tokens = load_tokens(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(tokens.ids) == len(ids)
    assert peak < 6_000_000


# -- damaged -------------------------------------------------------------------------------


def change_file(name, change):
    def damage(folder):
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def replace_ids(folder):
    """Write ids that the tokenizer lacks, with a correct record."""
    write_record(folder, BYTES, ABOUT | write_ids(folder, [IDS + 1], np.dtype(np.uint16)))


def no_ids(folder):
    write_record(folder, BYTES, ABOUT | write_ids(folder, [], np.dtype(np.uint16)))


NAMED = {"name": "bytes", "fingerprint": BYTES.fingerprint}
DAMAGE = {
    "holds no tokens.json, so it is not a prepared dataset, or not a complete one": [
        lambda folder: (folder / "tokens.json").unlink(),
        lambda folder: ((folder / "tokens.json").unlink(), (folder / "tokens.json").mkdir()),
    ],
    "tokens.json is damaged: it is not JSON; prepare it again": [
        change_file("tokens.json", lambda data: data[:-3]),
        change_file("tokens.json", lambda data: b""),
        change_file("tokens.json", lambda data: b"\xff" + data),
        change_file("tokens.json", lambda data: b"[" * 100_000),
        change_file("tokens.json", lambda data: data.replace(b": 8", b": 8" + b"0" * 5000)),
    ],
    "tokens.json is damaged: it is not JSON (an entry stands in it twice)": [
        change_file("tokens.json", lambda data: data.replace(b"{", b'{"tokens": 8,', 1)),
    ],
    "tokens.json is damaged: its entries do not fit its checksum; prepare it again": [
        change_file("tokens.json", lambda data: data.replace(b'"pi"', b'"pj"')),
        change_file("tokens.json", lambda data: data.replace(b"checksum", b"checksun")),
    ],
    "tokens.json is of another kind or version": [
        change_file("tokens.json", lambda data: b"[1]"),
        change_file("tokens.json", lambda data: data.replace(b"tokens 2", b"tokens 3")),
        lambda folder: edit(folder, format=None),
    ],
    "tokens.bin has 14 bytes, expected 8 tokens of 2 bytes; prepare it again": [
        change_file("tokens.bin", lambda data: data[:-2]),
    ],
    "tokens.bin has 17 bytes, expected 8 tokens of 2": [
        change_file("tokens.bin", lambda data: data + b"\0"),
    ],
    "tokens.bin has 0 bytes, expected 8 tokens of 2": [
        lambda folder: (folder / "tokens.bin").unlink(),
        lambda folder: ((folder / "tokens.bin").unlink(), (folder / "tokens.bin").mkdir()),
    ],
    "tokens.bin is damaged: its SHA-256 is not the one in tokens.json; prepare it again": [
        change_file("tokens.bin", lambda data: data[:-1] + b"\1"),
        change_file("tokens.bin", lambda data: data[::-1]),
        lambda folder: edit(folder, sha256="0" * 64),
    ],
    "tokens.bin holds id 257, but its tokenizer has 257 tokens; prepare it again": [
        replace_ids
    ],
    "tokens.json is damaged: tokens is 0, expected a whole number from 1 to ": [no_ids],
    "tokens.json is damaged: tokens is -8, expected": [lambda folder: edit(folder, tokens=-8)],
    "tokens.json is damaged: tokens is 8.0, expected": [
        lambda folder: edit(folder, tokens=8.0)
    ],
    "tokens.json is damaged: bytes is NaN, expected": [
        lambda folder: edit(folder, bytes=float("nan"))
    ],
    "expected 10,000,000,000,000,000 tokens of 2 bytes": [
        lambda folder: edit(folder, tokens=10**16)
    ],
    "expected 8 tokens of 4 bytes": [lambda folder: edit(folder, dtype="uint32")],
    'dtype is "float64", expected a text like uint16|uint32': [
        lambda folder: edit(folder, dtype="float64")
    ],
    "bytes.bpe is not the tokenizer that": [
        change_file("bytes.bpe", lambda data: data + b"MDA= 256\n"),
        lambda folder: edit(folder, tokenizer=NAMED | {"fingerprint": "0" * 64}),
    ],
    "tokens.json is damaged: tokenizer.fingerprint is 7, expected a text like": [
        lambda folder: edit(folder, tokenizer=NAMED | {"fingerprint": 7}),
    ],
    "tokens.json is damaged: it has no entry tokenizer.fingerprint": [
        lambda folder: edit(folder, tokenizer={"name": "bytes"}),
    ],
    "tokens.json is damaged: tokenizer.name is 7, expected a text; prepare it again": [
        lambda folder: edit(folder, tokenizer=NAMED | {"name": 7}),
    ],
    "bytes.bpe is damaged: vocabulary:": [
        change_file("bytes.bpe", lambda data: b""),
        change_file("bytes.bpe", lambda data: data[:-5]),
        change_file("bytes.bpe", lambda data: b"\xff" + data),
    ],
    "cannot read ": [
        lambda folder: (folder / "bytes.bpe").unlink(),
        lambda folder: edit(folder, tokenizer=NAMED | {"name": ""}),
    ],
    "is no name of a tokenizer": [
        lambda folder: edit(folder, tokenizer=NAMED | {"name": "../bytes"}),
        lambda folder: edit(folder, tokenizer=NAMED | {"name": "a\0"}),
        lambda folder: edit(folder, tokenizer=NAMED | {"name": "a\nb"}),
        lambda folder: edit(folder, tokenizer=NAMED | {"name": "x" * 5000}),
    ],
}


@pytest.mark.parametrize("message", DAMAGE)
def test_damage_is_an_error_of_one_sentence(tmp_path, message):
    for number, damage in enumerate(DAMAGE[message]):
        folder = write(tmp_path / str(number))
        damage(folder)
        assert message in refusal(folder)


ENTRIES = {
    "dataset": str,
    "documents": int,
    "bytes": int,
    "separator": bool,
    "tokens": int,
    "dtype": str,
    "sha256": str,
    "tokenizer": dict,
}


@pytest.mark.parametrize("old", [False, True], ids=["checksum", "version 0.1"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_of_another_type_is_refused(folder, entry, old):
    for value in (None, True, 1, 1.0, "8", [8], {"a": 1}):
        if type(value) is not ENTRIES[entry]:
            edit(folder, **{entry: value})
            if old:
                make_old(folder / "tokens.json")
            message = f"is damaged: {entry} is {json.dumps(value)}, expected "
            assert message in refusal(folder)
    edit_record(folder / "tokens.json", lambda record: record.pop(entry))
    assert f"is damaged: it has no entry {entry}; prepare it again" in refusal(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_endless_files_are_refused_and_not_read(folder):
    (folder / "tokens.bin").unlink()
    os.mkfifo(folder / "tokens.bin")
    assert "has 0 bytes, expected 8 tokens" in refusal(folder)
    (folder / "tokens.bin").unlink()
    (folder / "tokens.bin").symlink_to("/dev/zero")
    assert "has 0 bytes, expected 8 tokens" in refusal(folder)


def test_a_record_cannot_ask_for_memory(folder):
    refusal(write(folder, tokens=1))  # imports are done before the measurement
    for tokens, dtype in ((10**9, "uint32"), (2**62, "uint16")):
        edit(folder, tokens=tokens, dtype=dtype)
        tracemalloc.start()
        try:
            assert re.search(
                r"tokens.bin has 16 bytes, expected [\d,]+ tokens", refusal(folder)
            )
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 500_000


# -- random --------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
numbers = st.integers(-2, 20) | st.sampled_from([2**31, 2**32, 2**63, 2**64, 10**30])
changes = st.fixed_dictionaries(
    {},
    optional={
        "tokens": numbers | anything,
        "dtype": st.sampled_from(["uint16", "uint32", "<u2", "uint8"]) | anything,
        "sha256": st.text("0123456789abcdef", max_size=64) | anything,
        "tokenizer": anything
        | st.fixed_dictionaries(
            {
                "name": st.sampled_from(["bytes", "numbers", "", ".", "..", "/", "a\0"])
                | anything
            },
            optional={"fingerprint": st.just(BYTES.fingerprint) | anything},
        ),
        "format": anything,
        "dataset": anything,
        "separator": anything,
        "documents": anything,
        "bytes": anything,
    },
)
data = st.lists(st.integers(0, 300), max_size=12).map(
    lambda ids: np.array(ids, "<u2").tobytes()
)
data = data | st.binary(max_size=24)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    return write(tmp_path_factory.mktemp("fuzzed"))


def check(folder):
    """Load complete tokens, or get a UserError."""
    try:
        tokens = load_tokens(folder)
    except UserError:
        return
    stored = (folder / "tokens.bin").read_bytes()
    assert tokens.ids.tobytes() == stored
    assert len(tokens.ids) == tokens.record["tokens"] > 0
    assert tokens.ids.max() < tokens.tokenizer.vocab_size
    assert hashlib.sha256(stored).hexdigest() == tokens.record["sha256"]


@fuzz
@given(data, changes, st.booleans(), st.booleans())
def test_any_ids_and_any_record_are_a_dataset_or_a_user_error(
    fuzzed, ids, changes, consistent, sealed
):
    record = json.loads((fuzzed / "tokens.json.good").read_text())
    if consistent:
        record |= {"tokens": len(ids) // 2, "sha256": hashlib.sha256(ids).hexdigest()}
    (fuzzed / "tokens.bin").write_bytes(ids)
    record |= changes
    if sealed:
        record["checksum"] = checksum(record)
    (fuzzed / "tokens.json").write_text(json.dumps(record))
    check(fuzzed)


@fuzz
@given(st.binary(max_size=40) | st.tuples(st.integers(0, 400), st.binary(max_size=3)))
def test_any_bytes_of_a_record_are_a_dataset_or_a_user_error(fuzzed, change):
    good = (fuzzed / "tokens.json.good").read_bytes()
    if isinstance(change, tuple):
        place, piece = change
        change = good[:place] + piece + good[place + len(piece) :]
    (fuzzed / "tokens.bin").write_bytes(IDS.tobytes())
    (fuzzed / "tokens.json").write_bytes(change)
    check(fuzzed)


@fuzz
@given(st.integers(0, 2000), st.binary(max_size=6))
def test_any_bytes_of_a_tokenizer_are_a_tokenizer_or_a_user_error(fuzzed, place, piece):
    good = (fuzzed / "bytes.bpe.good").read_bytes()
    (fuzzed / "bytes.bpe").write_bytes(good[:place] + piece + good[place + len(piece) :])
    (fuzzed / "tokens.bin").write_bytes(IDS.tobytes())
    (fuzzed / "tokens.json").write_bytes((fuzzed / "tokens.json.good").read_bytes())
    try:
        check(fuzzed)
    finally:
        (fuzzed / "bytes.bpe").write_bytes(good)


@pytest.fixture(scope="module", autouse=True)
def good_copies(fuzzed):
    for name in ("tokens.json", "bytes.bpe"):
        Path(fuzzed / f"{name}.good").write_bytes((fuzzed / name).read_bytes())
