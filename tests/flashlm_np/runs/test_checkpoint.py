import contextlib
import os
import re

import numpy as np
import pytest
from damaged import edit_record
from tiny import CONFIG

from flashlm_np.data.tokenizers.saving import load_tokenizer, save_tokenizer
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.runs import checkpoint
from flashlm_np.runs.checkpoint import Checkpoint

STATE = {
    "generator": np.random.default_rng(0).bit_generator.state,
    "counts": {"tokens_seen": 9, "positions_scored": 8, "seconds": 0.5, "best_loss": 7.25},
    "tokenizer": {"name": "small", "fingerprint": "1f"},
    "corpus": {
        "name": "pi",
        "files": ["/pi.txt"],
        "folder": None,
        "separated": False,
        "fingerprint": "2e",
    },
}


def a_checkpoint(step=7):
    arrays = {"model/w": np.arange(6.0).reshape(2, 3), "ema/w": np.ones((2, 3), np.float32)}
    return Checkpoint(CONFIG, step, arrays, STATE)


def test_a_saved_checkpoint_is_loaded(tmp_path):
    checkpoint.save(tmp_path, a_checkpoint(), ["last", "best"])
    loaded = checkpoint.load(tmp_path)
    assert (loaded.config, loaded.step) == (CONFIG, 7)
    assert loaded.state == STATE
    np.testing.assert_array_equal(loaded.weights()["w"], np.arange(6.0).reshape(2, 3))
    assert loaded.weights("ema")["w"].dtype == np.float32


def test_arrays_without_a_name_are_deleted(tmp_path):
    checkpoint.save(tmp_path, a_checkpoint(1), ["last", "best"])
    checkpoint.save(tmp_path, a_checkpoint(2), ["last"])
    checkpoint.save(tmp_path, a_checkpoint(3), ["last"])
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files[:2] == ["best.json", "last.json"]
    assert [name[:12] for name in files[2:]] == ["step-000001-", "step-000003-"]
    assert checkpoint.load(tmp_path, "best").step == 1
    assert checkpoint.load(tmp_path, "last").step == 3


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, a_checkpoint(1), ["last"])
    real = os.replace

    def fail_at_json(old, new):
        if new.suffix == ".json":
            raise KeyboardInterrupt
        real(old, new)

    monkeypatch.setattr(os, "replace", fail_at_json)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, a_checkpoint(2), ["last"])
    assert checkpoint.load(tmp_path).step == 1
    assert not list(tmp_path.glob("*.tmp*"))


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_kill_between_two_renames_loses_neither_checkpoint(tmp_path, monkeypatch, renames):
    checkpoint.save(tmp_path, a_checkpoint(1), ["best", "last"])
    checkpoint.save(tmp_path, a_checkpoint(2), ["last"])
    real, done = os.replace, []

    def killed_after(old, new):
        if len(done) == renames:
            raise KeyboardInterrupt
        real(old, new)
        done.append(new)

    monkeypatch.setattr(os, "replace", killed_after)
    with contextlib.suppress(KeyboardInterrupt):
        checkpoint.save(tmp_path, a_checkpoint(3), ["last", "best"])
    steps = [checkpoint.load(tmp_path, name).step for name in ("best", "last")]
    assert steps == [[1, 2], [1, 2], [3, 2], [3, 3]][renames]


def test_a_step_that_is_taken_again_does_not_overwrite_the_best_arrays(tmp_path):
    best = a_checkpoint()
    checkpoint.save(tmp_path, best, ["best", "last"])
    again = a_checkpoint()
    again.arrays = {name: array + 1 for name, array in again.arrays.items()}
    checkpoint.save(tmp_path, again, ["last"])
    for name, expected in (("best", best), ("last", again)):
        arrays = checkpoint.load(tmp_path, name).arrays
        np.testing.assert_array_equal(arrays["model/w"], expected.arrays["model/w"])


def test_arrays_that_a_damaged_record_may_name_are_kept(tmp_path):
    checkpoint.save(tmp_path, a_checkpoint(1), ["best", "last"])
    good = (tmp_path / "best.json").read_bytes()
    (tmp_path / "best.json").write_bytes(good[:-9])
    checkpoint.save(tmp_path, a_checkpoint(2), ["last"])
    (tmp_path / "best.json").write_bytes(good)
    assert checkpoint.load(tmp_path, "best").step == 1


def test_a_checkpoint_that_a_run_replaces_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, a_checkpoint(1), ["best", "last"])
    real, later = checkpoint.read_checkpoint_record, [a_checkpoint(2)]

    def read_and_replace(*arguments):
        record = real(*arguments)
        if later:
            checkpoint.save(tmp_path, later.pop(), ["best", "last"])
        return record

    monkeypatch.setattr(checkpoint, "read_checkpoint_record", read_and_replace)
    assert checkpoint.load(tmp_path).step == 2


def arrays_file(folder):
    return next(folder.glob("*.safetensors"))


def truncate(folder):
    path = arrays_file(folder)
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(folder):
    path = arrays_file(folder)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def edit(folder, **changes):
    edit_record(folder / "last.json", lambda record: record.update(changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "last.json").unlink(), "cannot read {f}/last.json: No such file"),
        (lambda f: arrays_file(f).unlink(), ".safetensors: No such file"),
        (
            truncate,
            ".safetensors is damaged: its SHA-256 is not the one in last.json",
        ),
        (
            flip_a_bit,
            ".safetensors is damaged: its SHA-256 is not the one in last.json",
        ),
        (
            lambda f: (f / "last.json").write_text('{"st'),
            "damaged: it is not JSON",
        ),
        (
            lambda f: (f / "last.json").write_bytes(b"\xff\xfe"),
            "damaged: it is not JSON",
        ),
        (
            lambda f: (f / "last.json").write_text((f / "last.json").read_text()[1:]),
            "damaged: it is not JSON; train again",
        ),
        (
            lambda f: (f / "last.json").write_text("[1]"),
            "last.json is of another kind or version",
        ),
        (lambda f: edit(f, format="other"), "last.json is of another kind or version"),
        (
            lambda f: edit(f, step="7"),
            'last.json is damaged: step is "7", expected a whole number from 0 to',
        ),
        (
            lambda f: edit(f, arrays="../x"),
            'last.json is damaged: arrays is "../x", expected a text like step-',
        ),
        (lambda f: edit(f, config={"colour": 1}), "unknown fields colour"),
        (lambda f: edit(f, config={"d_model": "wide"}), "does not fit this version of flashlm"),
    ],
)
def test_a_damaged_checkpoint_is_an_error_of_one_sentence(tmp_path, damage, message):
    checkpoint.save(tmp_path, a_checkpoint(), ["last"])
    damage(tmp_path)
    with pytest.raises(UserError, match=re.escape(message.format(f=tmp_path))):
        checkpoint.load(tmp_path)


def test_arrays_are_real_numbers(tmp_path):
    saved = a_checkpoint()
    saved.arrays["model/w"] = np.ones(3, bool)
    checkpoint.save(tmp_path, saved, ["last"])
    with pytest.raises(UserError, match=r"its array model/w has dtype bool, expected real"):
        checkpoint.load(tmp_path)


def test_a_tokenizer_is_saved_and_checked(tmp_path):
    vocab = {bytes([b]): b for b in range(256)} | {b"he": 256}
    tokenizer = Tokenizer("small", vocab)
    save_tokenizer(tmp_path, tokenizer)
    about = {"name": "small", "fingerprint": tokenizer.fingerprint}
    loaded = load_tokenizer(tmp_path, about, 257)
    assert loaded.fingerprint == tokenizer.fingerprint
    with pytest.raises(UserError, match=r"small.bpe is not the tokenizer that"):
        load_tokenizer(tmp_path, about | {"fingerprint": "0" * 64}, 257)
    with pytest.raises(UserError, match=r"'\.\./small' is no name of a tokenizer"):
        load_tokenizer(tmp_path, about | {"name": "../small"}, 257)
    (tmp_path / "small.bpe").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"small.bpe is damaged: vocabulary: line 1"):
        load_tokenizer(tmp_path, about, 257)
