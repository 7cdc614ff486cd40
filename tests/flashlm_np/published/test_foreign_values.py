"""Values of other kinds in a file of torch.save are passed over, and its tensors are read."""

import argparse
import collections
import datetime
import decimal
import enum
import functools
import pathlib
import pickle
import random
import struct
from dataclasses import dataclass

import numpy as np
import pytest
from torch_zip import Code, save_old, storage, tensor, write

from flashlm_np.errors import UserError
from flashlm_np.published import unpickle
from flashlm_np.published.stack_machine import Opaque
from flashlm_np.published.torch_file import read_torch_file

FOUR = np.arange(4, dtype=np.float32)


class Color(enum.Enum):
    RED = 1


@dataclass
class Settings:
    width: int = 7


Pair = collections.namedtuple("Pair", "a b")


class AnyObject:
    """An object as an optimizer, a schedule or a whole model is."""

    def __init__(self):
        self.state, self.me = collections.defaultdict(dict, {(1, 2): {0: 1.5}}), self


RECURSIVE: list = [1]
RECURSIVE.append((RECURSIVE,))

READ = {
    "float64": (np.float64(2.5), 2.5),
    "float32": (np.float32(0.1), float(np.float32(0.1))),
    "float16": (np.float16(0.5), 0.5),
    "big-endian": (np.array(1.5, ">f8")[()], 1.5),
    "int64": (np.int64(-7), -7),
    "uint8": (np.uint8(200), 200),
    "bool": (np.bool_(True), True),
    "small integers": ([0, 1, 255, 256, 65535, 65536, -1, 2**31, 2**63, -(2**100)], None),
    "state of random": (random.Random(0).getstate(), None),
    "state of a Generator": (np.random.default_rng(0).bit_generator.state, None),
    "OrderedDict": (collections.OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
    "defaultdict": (collections.defaultdict(list, a=[1]), {"a": [1]}),
    "a key of any number": ({None: 1, 1.5: 2, -3: 3, True: 4}, None),
    "a long history": ([float(i) for i in range(100_000)], None),
    "a history of NumPy": ([np.float64(i) for i in range(5000)], list(range(5000))),
}
PASSED_OVER = {
    "an array": np.arange(3.0),
    "an array of objects": np.array([None, "x"], object),
    "records": np.zeros(2, "f4, i2"),
    "complex": 1 + 2j,
    "complex64": np.complex64(1),
    "RandomState": np.random.RandomState(1),
    "Generator": np.random.default_rng(0),
    "deque": collections.deque([1, 2], maxlen=2),
    "Counter": collections.Counter("aab"),
    "namedtuple": Pair(1, 2),
    "set": {1, (2, 3)},
    "frozenset": frozenset([(1, (2, 3))]),
    "datetime": datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc),
    "Path": pathlib.PurePosixPath("/x"),
    "Namespace": argparse.Namespace(lr=1.0),
    "dataclass": Settings(),
    "enum": Color.RED,
    "partial": functools.partial(print, 1),
    "function": print,
    "class": Settings,
    "object": AnyObject(),
    "Decimal": decimal.Decimal("1.5"),
    "exception": ValueError("x"),
    "range": range(3),
    "slice": slice(1, 2),
    "Ellipsis": ...,
}


def read_with(tmp_path, value, protocol):
    """Read a file that holds `value` and then a tensor; return both."""
    stop, array = b".", tensor(storage("0", 4), (4,), (1,))
    pickled = pickle.dumps(value, protocol).removesuffix(stop)
    # The memo of `value` goes on, so the tensor uses none.
    pickled += Code(array) + b"\x86" + stop
    value, array = read_torch_file(write(tmp_path / "x", pickled, {"0": FOUR.tobytes()}))
    np.testing.assert_array_equal(array, FOUR)
    return value


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("key", READ)
def test_numbers_and_collections_are_read(tmp_path, key, protocol):
    value, expected = READ[key]
    read = read_with(tmp_path, value, protocol)
    assert read == (value if expected is None else expected)
    assert not isinstance(read, np.generic)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("key", PASSED_OVER)
def test_any_other_object_is_passed_over(tmp_path, key, protocol):
    assert type(read_with(tmp_path, PASSED_OVER[key], protocol)) is Opaque


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_value_that_contains_itself_is_read(tmp_path, protocol):
    read = read_with(tmp_path, RECURSIVE, protocol)
    assert read[1][0] is read


def test_an_object_keeps_its_class_and_its_attributes(tmp_path):
    read = read_with(tmp_path, argparse.Namespace(width=7), 2)
    assert (str(read), read.state) == ("argparse.Namespace", {"width": 7})


def test_a_key_of_another_kind_keeps_its_value(tmp_path):
    read = read_with(tmp_path, {(0, 1): "a", frozenset([1]): "b", 2**70: "c", "d": "d"}, 2)
    assert sorted(read.values()) == ["a", "b", "c", "d"]
    assert read["d"] == "d"


def test_a_pickle_has_a_largest_number_of_opcodes(tmp_path, monkeypatch):
    monkeypatch.setattr(unpickle, "MAX_OPCODES", 10_000)
    with pytest.raises(UserError, match="its pickle has more than 10,000 opcodes"):
        read_with(tmp_path, [0.5] * 10_000, 2)


# -- the format before PyTorch 1.6, which newer ones write, too --------------------------------

VALUE = {"w": FOUR.reshape(2, 2), "n": [1, 2.5], "v": -FOUR[:3]}


def test_the_old_format_is_read(tmp_path):
    read = read_torch_file(save_old(tmp_path / "x", VALUE))
    assert read["n"] == [1, 2.5]
    for key in ("w", "v"):
        np.testing.assert_array_equal(read[key], VALUE[key])
        assert not read[key].flags.writeable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "does not have 3 numbers"),
        (lambda data: data[:-20], "does not have 3 numbers"),
        (lambda data: data.replace(struct.pack("<q", 3), struct.pack("<q", 2**60)), "not have"),
        (lambda data: data.replace(b"endian\x88", b"endian\x89"), "a big-endian computer"),
        (lambda data: data.replace(b"FloatStorage", b"ColorStorage"), "a type that is not kno"),
    ],
)
def test_a_damaged_file_of_the_old_format_is_an_error(tmp_path, change, message):
    path = save_old(tmp_path / "x", VALUE)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError, match=message):
        read_torch_file(path)


# -- files of PyTorch itself -------------------------------------------------------------------


def torch_values(torch):
    """What a training script may save: each value, and what is read (None: passed over)."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    x = torch.arange(24.0).reshape(2, 3, 4)
    noted = torch.nn.Parameter(x * 2)
    noted.note = x.note = "an attribute"
    values = {
        "strided": x.mT[:, ::2],
        "attribute": x,
        "parameter": noted,
        "empty": torch.zeros(0, 3),
        "state of random": torch.get_rng_state(),
        **{kind: torch.ones(2, dtype=getattr(torch, kind)) for kind in ("int8", "int16")},
    }
    tensors = {key: value.detach().numpy() for key, value in values.items()}
    others = {
        "bfloat16": (torch.ones(2, dtype=torch.bfloat16), np.ones(2, np.float32)),
        "module": (model, None),
        "optimizer": (optimizer, None),
        "schedule": (schedule, None),
        "scaler": (torch.amp.GradScaler("cpu"), None),
        "dtype": (torch.float32, None),
        "device": (torch.device("cpu"), None),
        "size": (torch.Size([1]), None),
        "conjugated": (torch.ones(2, dtype=torch.complex64).conj(), None),
        "negated": (torch.ones(2, dtype=torch.complex64).conj().imag, None),
        "sparse": (torch.eye(2).to_sparse(), None),
        "meta": (torch.ones(2, device="meta"), None),
        "float8": (torch.ones(2).to(torch.float8_e4m3fn), None),
        "expanded": (torch.ones(1, 2).expand(1000, 2), None),
    }
    return {key: (value, tensors[key]) for key, value in values.items()} | others


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_values_of_torch_are_read_or_passed_over(tmp_path, new, protocol):
    torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")
    options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": new}
    for key, (value, expected) in torch_values(torch).items():
        torch.save({"v": value, "w": torch.arange(4.0)}, tmp_path / "x", **options)
        read = read_torch_file(tmp_path / "x")
        np.testing.assert_array_equal(read["w"], FOUR)
        if expected is None:
            assert type(read["v"]) is Opaque, key
        else:
            np.testing.assert_array_equal(read["v"], expected, err_msg=key)
