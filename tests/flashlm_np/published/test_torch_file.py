"""The reader of files of torch.save: valid files, and hostile ones that must do no harm."""

import contextlib
import copyreg
import os
import pickle
import re
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_zip import (
    Code,
    call,
    code,
    members,
    name,
    program,
    save,
    storage,
    tensor,
    write,
    write_zip,
)

from flashlm_np.errors import UserError
from flashlm_np.published.stack_machine import Opaque
from flashlm_np.published.torch_file import read_torch_file

FOUR = np.arange(4, dtype=np.float32)


def refused(path, message=""):
    """Return the UserError of reading `path`, which must contain the message."""
    with pytest.raises(UserError, match=re.escape(str(path))) as error:
        read_torch_file(path)
    assert message in str(error.value)
    return str(error.value)


# -- valid files -------------------------------------------------------------------------------


def test_saved_values_are_read(tmp_path):
    value = {"a": [1, -2, 2**40, 0.5], "b": ("x", None, True, False), "ä\n": {}, 7: []}
    assert read_torch_file(save(tmp_path / "x.pt", value)) == value


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "i4", "?"])
def test_saved_arrays_are_read(tmp_path, dtype):
    array = (np.arange(6).reshape(2, 3) - 2).astype(dtype)
    loaded = read_torch_file(save(tmp_path / "x.pt", {"w": array}))["w"]
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    halves = np.array([0x3F80, 0xC000, 0x7F80, 0x3DCD], "<u2").tobytes()
    pickled = program(tensor(storage("0", 4, "BFloat16"), (4,), (1,)))
    array = read_torch_file(write(tmp_path / "x", pickled, {"0": halves}))
    assert array.dtype == np.float32
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, np.float32([1, -2, np.inf, 0.10009765625]))


def test_arrays_are_read_only_views(tmp_path):
    numbers = storage("0", 4)
    pair = (tensor(numbers, (2, 2), (1, 2)), tensor(numbers, (2,), (2,), offset=1))
    a, b = read_torch_file(write(tmp_path / "x", program(code(pair)), {"0": FOUR.tobytes()}))
    np.testing.assert_array_equal(a, [[0, 2], [1, 3]])
    np.testing.assert_array_equal(b, [1, 3])
    assert np.shares_memory(a, b)
    assert [x.flags.writeable for x in (a, b)] == [False, False]


def test_pickles_of_protocol_4_are_read_too(tmp_path):
    value = {"a": [1.5, "x"], "b": ({}, None)}
    assert read_torch_file(write(tmp_path / "x", pickle.dumps(value, 4))) == value


def test_torch_and_this_reader_agree(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")
    kinds = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "bool")
    x = torch.arange(24.0).reshape(2, 3, 4) - 7.3
    value = {kind: x.to(getattr(torch, kind)) for kind in kinds}
    value |= {
        "transposed": x.mT,
        "strided": x[:, ::2, 1:],
        "offset": x[1],
        "row": torch.arange(5)[3:4],
        "parameter": torch.nn.Parameter(x * 2),
        "scalar": torch.tensor(1.25),
        "empty": torch.zeros(3, 0, 2),
        "module": torch.nn.Linear(3, 2).state_dict(),
    }
    torch.save(value, tmp_path / "x.pt")
    ours = read_torch_file(tmp_path / "x.pt")
    theirs = torch.load(tmp_path / "x.pt")
    for got, expected in [
        *((ours[key], theirs[key]) for key in value if key != "module"),
        *((ours["module"][key], theirs["module"][key]) for key in ("weight", "bias")),
    ]:
        half = expected.dtype == torch.bfloat16
        expected = (expected.float() if half else expected).detach().numpy()
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(got, expected)
    assert np.shares_memory(ours["transposed"], ours["offset"])


# -- files with code to run --------------------------------------------------------------------

RUN = {
    "REDUCE": lambda effect: call(name("os.system"), effect),
    "INST": lambda effect: b"(" + code(effect) + b"ios\nsystem\n",
    "OBJ": lambda effect: b"(" + name("os.system") + code(effect) + b"o",
    "NEWOBJ": lambda effect: name("os.system") + code((effect,)) + b"\x81",
    "NEWOBJ_EX": lambda effect: name("os.system") + code((effect,)) + b"}\x92",
    "STACK_GLOBAL": lambda effect: (
        code("os") + code("system") + b"\x93" + code((effect,)) + b"R"
    ),
}


@pytest.mark.parametrize("opcode", RUN)
def test_nothing_is_run(tmp_path, opcode):
    effect = tmp_path / "effect"
    pickled = program(RUN[opcode](f"echo > {effect}"))
    assert type(read_torch_file(write(tmp_path / "x", pickled))) is Opaque
    assert not effect.exists()
    if os.name == "posix" and opcode == "REDUCE":  # pickle itself runs the command
        pickle.loads(pickled)
        assert effect.exists()


class Opens:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_opened(tmp_path, protocol):
    effect = tmp_path / "effect"
    value = read_torch_file(
        write(tmp_path / "x", pickle.dumps({"w": Opens(effect), "n": 7}, protocol))
    )
    assert value["n"] == 7
    assert type(value["w"]) is Opaque
    assert not effect.exists()


def test_nothing_is_imported(tmp_path):
    (tmp_path / "planted_module.py").write_text("raise SystemExit")
    opcodes = b"cplanted_module\nx\n" + b"cthis\ns\n" + b"\x86"
    sys.path.insert(0, str(tmp_path))
    try:
        read_torch_file(write(tmp_path / "x", program(opcodes)))
    finally:
        sys.path.remove(str(tmp_path))
    assert not {"planted_module", "this"} & set(sys.modules)


@pytest.mark.parametrize(
    "opcodes",
    [
        code("builtins") + code("eval") + b"\x93",
        b"ccollections\nOrderedDict.__init__.__globals__\n",
        code("collections") + code("OrderedDict.clear") + b"\x93",
        b"ctorch._utils\n_rebuild_tensor\n",
        b"cos\n\x1b[2Jsystem\n",
        b"cnumpy\nndarray\n",
    ],
)
def test_a_foreign_name_is_a_stand_in(tmp_path, opcodes):
    assert type(read_torch_file(write(tmp_path / "x", program(opcodes)))) is Opaque


FOREIGN = [
    call(name("torch.FloatStorage")),
    name("a.B") + b")\x81" + code({"x": 1}) + b"b",  # an object with attributes
    name("a.B") + b")\x81" + b"(" + code(1) + code(2) + b"e",  # a list of another library
    name("a.B") + b")\x81" + b"(" + code("k") + code(2) + b"u",  # a dict of another library
    name("a.B") + b")\x81" + b"(" + code("k") + b"\x90",  # a set of another library
    code("id") + b"Q",
    code([1]) + b"Q",
    code((Code(tensor(storage("0", 4), (4,), (1,))), 1, 2, 3, 4)) + b"Q",
    tensor(storage("0", 4, "Quantum"), (4,), (1,)),
    tensor(storage("0", -4), (4,), (1,)),
    tensor(storage("0", 4), (10**12,), (0,)),  # 4 bytes that ask for terabytes
    tensor(storage("0", 4), (2**40, 2**40), (0, 0)),
    b"Pid\n",
    name("a.B") + b"N\x81",
    name("torch._utils._rebuild_tensor_v2") + b")R",
    name("torch._utils._rebuild_tensor_v2") + b")\x81",
    call(call(name("os.system")), 1),
    b"\x82\x01",  # the extension registry of this process
    b"\x83\x01\x00",
    b"\x84\x01\x00\x00\x00",
]


@pytest.mark.parametrize("opcodes", FOREIGN)
def test_a_foreign_object_does_not_change_its_neighbours(tmp_path, opcodes):
    pair = (Code(opcodes), Code(tensor(storage("0", 4), (4,), (1,))))
    path = write(tmp_path / "x", program(code(pair)), {"0": FOUR.tobytes()})
    foreign, array = read_torch_file(path)
    assert type(foreign) is Opaque
    np.testing.assert_array_equal(array, FOUR)


@pytest.mark.parametrize(
    ("opcodes", "message"),
    [
        (call(code("text")), "calls a value that is no name"),
        (call(code(1)), "calls a value that is no name"),
        (code(1) + code(2) + b"\x93", "a name that is no text"),
        (code(1) + code(2) + b"a", "appends to a value that is no list"),
        (code(1) + code(2) + code(3) + b"s", "sets an item of a value that is no dict"),
        (call(name("torch._utils._rebuild_parameter")), "uses a value that it has not made"),
    ],
)
def test_other_opcodes_and_calls_are_errors(tmp_path, opcodes, message):
    refused(write(tmp_path / "x", program(opcodes), {"0": FOUR.tobytes()}), message)


def test_a_registered_extension_is_not_called(tmp_path):
    """Python's unpickler reads it from its own cache, without find_class."""
    copyreg.add_extension("os", "system", 250)
    try:
        assert pickle.loads(program(b"\x82\xfa")) is os.system
        path = write(tmp_path / "x", program(b"\x82\xfa"))
        assert str(read_torch_file(path)) == "extension.250"
    finally:
        copyreg.remove_extension("os", "system", 250)


STATE = {"name": "os.system", "numbers": None, "__class__": 1, "__defaults__": (1,)}


@pytest.mark.parametrize(
    "state", [code(STATE), code((None, STATE)), code((STATE, STATE)), code(7), b"N"]
)
def test_a_state_is_only_kept(tmp_path, state):
    """The opcode BUILD sets attributes of an object or calls its __setstate__."""
    before = dict(vars(Opaque))
    built = read_torch_file(
        write(tmp_path / "x", program(call(name("os.system")) + state + b"b"))
    )
    assert (type(built), str(built), built.arguments) == (Opaque, "os.system", ())
    assert built.state == read_torch_file(write(tmp_path / "y", program(state)))
    assert dict(vars(Opaque)) == before


@pytest.mark.parametrize("version", [(), (1,)])
def test_an_array_cannot_be_set(tmp_path, version):
    array = tensor(storage("0", 4), (4,), (1,))
    for dtype in (name("numpy.dtype"), call(name("numpy.dtype"), "O8", 0, 1), code("O")):
        state = code((*version, (1,), Code(dtype), False, [7]))
        path = write(tmp_path / "x", program(array + state + b"b"), {"0": FOUR.tobytes()})
        np.testing.assert_array_equal(read_torch_file(path), FOUR)
    path = write(tmp_path / "x", program(array + b"K\x00K\x07s"), {"0": FOUR.tobytes()})
    refused(path, "sets an item of a value that is no dict")


# -- files with false numbers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((10**12,), (1,), 0, "does not fit into its storage"),
        ((2, 2), (2, 2), 1, "size of buffer"),
        ((5,), (1,), 0, "does not fit into its storage"),
        ((), (), 4, "buffer"),
        ((4,), (1,), -1, "no natural numbers"),
        ((4.0,), (0,), 0, "no natural numbers"),
        ((4,), (-1,), 3, "no natural numbers"),
        ((-1, -4), (1, 1), 0, "no natural numbers"),
        ((4.0,), (1,), 0, "no natural numbers"),
        ((True,), (1,), 0, "no natural numbers"),
        (("aaaa", 2**40), (1, 1), 0, "no natural numbers"),
        ((2**70, 0), (1, 1), 0, "no natural numbers"),
        ((4,), (), 0, "no natural numbers that fit"),
        ((1,) * 9, (1,) * 9, 0, "no natural numbers that fit"),
        ((2**61, 2**61, 0), (1, 1, 1), 0, ""),
    ],
)
def test_a_tensor_outside_its_storage_is_an_error(tmp_path, size, stride, offset, message):
    pickled = program(tensor(storage("0", 4), size, stride, offset))
    refused(write(tmp_path / "x", pickled, {"0": FOUR.tobytes()}), message)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (storage("0", 10**12), "16 bytes, not 1,000,000,000,000 numbers of torch.FloatStorage"),
        (storage("0", 3), "16 bytes, not 3 numbers"),
        (storage("0", 4, "Long"), "16 bytes, not 4 numbers of torch.LongStorage"),
        (storage("../byteorder", 1), "it has no member 'data/../byteorder'"),
        (storage("1", 4), "it has no member 'data/1'"),
        (storage("\x1b[2J" + "x" * 999, 4), "it has no member 'data/\\x1b[2Jxxx"),
        (storage("odd", 1), "5 bytes, not 1 numbers"),
    ],
)
def test_a_storage_that_does_not_fit_its_member_is_an_error(tmp_path, stored, message):
    path = tmp_path / "x"
    write(path, program(stored), {"0": FOUR.tobytes(), "odd": b"12345"})
    refused(path, message)


def nested(levels):
    """Return opcodes of nested pairs; each pair contains one tuple twice, 2^levels in all."""
    return Code(b")q\x00" + b"h\x00\x86q\x00" * levels)


SLOW_KEYS = [
    b"}" + nested(60) + b"Ns",
    b"}(K\x00N" + nested(60) + b"Nu",
    b"(" + nested(60) + b"Nd",
    b"}" + nested(60) + b"0h\x00Ns",
    b"(" + nested(60) + b"1}h\x00Ns",
    b"}(" + nested(60) + b"\x91Ns",
    b"}" + b")" + b"\x85" * 200_000 + b"Ns",
    b"}" + code(2**70) + b"Ns",
]


@pytest.mark.parametrize("opcodes", SLOW_KEYS)
def test_a_key_that_is_slow_to_hash_is_passed_over(tmp_path, opcodes):
    """To hash it would not end: the tuple stands 2^60 times in itself."""
    value = read_torch_file(write(tmp_path / "x", program(opcodes)))
    assert [type(key) for key in value if key != 0] == [Opaque]


@pytest.mark.parametrize(
    "opcodes", [b"\x8f(" + nested(60) + b"\x90", b"(" + nested(60) + b"\x91"]
)
def test_a_set_is_passed_over(tmp_path, opcodes):
    assert type(read_torch_file(write(tmp_path / "x", program(opcodes)))) is Opaque


UNDERFLOW = [b"", b"(", b"t", b"}(s", b"0", b"2", b"1", b"h\x05", b"N(R", b"(o", b"Q"]


@pytest.mark.parametrize(
    ("opcodes", "message"),
    [
        (b"}(Nu", "a key without a value"),
        (code("x") + b"r\xff\xff\xff\x7fj\xfe\xff\xff\x7f", "memo index 2147483647"),
        (code("x") + b"r\x00\x00\x00\x80", "memo index 2147483648"),
        (code("x") + b"p99999999999999999999\n", "memo index 99999999999999999999"),
        (code("x") + b"p-1\n", "memo index -1"),
        (code("x") + b"j\xfe\xff\xff\x7f", "uses a value that it has not made"),
        (b"X\xff\xff\xff\x7fabc", "2147483647 bytes"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc", ""),
        (b"\x96\xff\xff\xff\xff\xff\xff\xff\x7fabc", ""),
        *((opcodes, "uses a value that it has not made") for opcodes in UNDERFLOW),
        (b"\xff", "unknown"),
    ],
)
def test_an_invalid_pickle_is_an_error(tmp_path, opcodes, message):
    refused(write(tmp_path / "x", program(opcodes)), message)


LONG = b"(" + b"N" * 100_000 + b"t\x94"  # a tuple, remembered as number 0


@pytest.mark.parametrize(
    "opcodes",
    [
        LONG + b"0" + b"h\x00Q" * 100_000,
        LONG
        + b"0"
        + name("torch._utils._rebuild_tensor_v2")
        + b"\x940"
        + b"h\x01h\x00R" * 10**5,
        LONG + b"0" + b"}\x940" + b"h\x01h\x00Ns" * 100_000,
        b"X" + struct.pack("<I", 10**5) + b"a" * 10**5 + b"\x940" + b"h\x00h\x00\x93" * 10**5,
    ],
)
def test_a_long_value_that_is_used_often_takes_no_time(tmp_path, opcodes):
    """A copy of it at each use would take minutes, and gigabytes."""
    read_torch_file(write(tmp_path / "x", program(opcodes)))


def test_deep_nesting_is_harmless(tmp_path):
    deep = read_torch_file(write(tmp_path / "x", program(b")" + b"\x85" * 200_000)))
    assert len(deep) == 1
    read_torch_file(write(tmp_path / "x", program(nested(10_000))))


# -- false archives ----------------------------------------------------------------------------

EMPTY = program(b"}")
GOOD = members(EMPTY, {"0": FOUR.tobytes()})


def patched(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: write_zip(p, GOOD, zipfile.ZIP_DEFLATED), "a member is compressed"),
        (lambda p: write_zip(p, GOOD | {"a": bytes(10**7)}, zipfile.ZIP_LZMA), "is compressed"),
        (lambda p: patched(write_zip(p, GOOD), lambda data: data[:-30]), "not a zip file"),
        (lambda p: patched(write_zip(p, GOOD), lambda data: data[200:]), ""),
        (lambda p: write(p, EMPTY, byteorder=b"big"), "a big-endian computer wrote it"),
        (lambda p: write_zip(p, {"byteorder": b"little"}), "it has no member 'data.pkl'"),
        (lambda p: write_zip(p, {}), "it has no member 'data.pkl'"),
        (lambda p: p.write_bytes(b""), "{p} is empty; copy it again"),
        (lambda p: p.write_bytes(EMPTY), "{p} is a pickle, but not of torch.save"),
        (lambda p: p.write_bytes(b"version https://git-lfs.github"), "{p} is a pointer of Git"),
        (lambda p: p.write_bytes(b"<!DOCTYPE html>"), "{p} is a web page"),
        (lambda p: p.write_bytes(b"\x1f\x8b\x08"), "{p} is compressed with gzip"),
        (lambda p: p.write_bytes(b"\x08" + bytes(7) + b"{{}}      "), "is a safetensors file"),
        (lambda p: p.write_bytes(b"x".ljust(257, b"\0") + b"ustar\0"), "{p} is a tar archive"),
        (
            lambda p: write_zip(p, GOOD | {"constants.pkl": EMPTY}, zipfile.ZIP_DEFLATED),
            "{p} is a program of TorchScript",
        ),
        (lambda p: p.mkdir(), "cannot read"),
        (lambda p: None, "cannot read {p}: No such file"),
    ],
)
def test_another_kind_of_file_is_an_error_of_one_sentence(tmp_path, make, message):
    path = tmp_path / "x.pt"
    make(path)
    assert "\n" not in refused(path, message.format(p=path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "it is no file, but a device or a pipe")


def test_an_encrypted_member_is_an_error(tmp_path):
    def encrypt(data):
        entry = data.index(b"PK\x01\x02")
        return data[: entry + 8] + b"\x01" + data[entry + 9 :]

    refused(patched(write_zip(tmp_path / "x", GOOD), encrypt), "is encrypted")


def test_members_that_share_their_bytes_are_an_error(tmp_path):
    """The directory has many entries for one member; their total size would be huge."""
    data = write_zip(tmp_path / "x", {"data.pkl": EMPTY, "data/00": bytes(3000)}).read_bytes()
    start, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    entry = data[start:end]
    entries = b"".join(entry.replace(b"/00", b"/%02d" % i) for i in range(50))
    directory = data.index(b"PK\x01\x02")
    counts = struct.pack("<HHII", 51, 51, start - directory + len(entries), directory)
    path = tmp_path / "bomb"
    path.write_bytes(data[:start] + entries + data[end : end + 8] + counts + b"\0\0")
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 51
    refused(path, "its members together are larger than the file")


def test_a_flipped_bit_is_found(tmp_path):
    numbers = FOUR.tobytes()
    path = save(tmp_path / "x", {"w": FOUR})
    patched(path, lambda data: data.replace(numbers, b"\x01" + numbers[1:]))
    refused(path, "Bad CRC-32")


def false_sizes():
    """Yield files of a few kilobytes whose headers state gigabytes."""
    numbers = {"0": FOUR.tobytes()}
    for opcodes in (
        tensor(storage("0", 4), (2**40,), (0,)),
        tensor(storage("0", 2**40), (2**40,), (1,)),
        b"N" + b"r\xff\xff\xff\x7f",
        b"X\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x00",
        b"\x96\x00\x00\x00\x00\x40\x00\x00\x00",
        b"\x8b\xff\xff\xff\x7f",
    ):
        yield members(program(opcodes), numbers)


def sizes_patched(data):
    """Change the sizes in the directory to 2 GB for every member."""
    parts = data.split(b"PK\x01\x02")
    huge = struct.pack("<II", 2**31, 2**31)
    return b"PK\x01\x02".join([parts[0], *(p[:16] + huge + p[24:] for p in parts[1:])])


def test_no_header_can_ask_for_memory(tmp_path):
    paths = [write_zip(tmp_path / f"{i}", content) for i, content in enumerate(false_sizes())]
    paths.append(patched(write_zip(tmp_path / "sizes", GOOD), sizes_patched))
    for change in (b"\xff\xff\xff\x7f", b"\xfe\xff\xff\xff"):  # size and position
        for place in (-10, -6):
            path = write_zip(tmp_path / f"{change[0]}{place}", GOOD)
            data = path.read_bytes()
            path.write_bytes(data[:place] + change + data[place:][4:])
            paths.append(path)
    tracemalloc.start()
    for path in paths:
        reads_or_refuses(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


# -- fuzz --------------------------------------------------------------------------------------

VALID = {"w": FOUR.reshape(2, 2), "n": [1, 2.5, ("x", None)], "v": np.ones(3, np.float16)}
FUZZ = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
POSITION = st.integers(0, 2**12)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), POSITION, st.integers(1, 255)),
        st.tuples(st.just("cut"), POSITION, st.integers(1, 40)),
        st.tuples(st.just("insert"), POSITION, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("truncate"), POSITION, st.none()),
    ),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, changes) -> bytes:
    for kind, position, value in changes:
        i = position % (len(data) + 1)
        if kind == "flip" and i < len(data):
            data = data[:i] + bytes([data[i] ^ value]) + data[i + 1 :]
        elif kind == "cut":
            data = data[:i] + data[i + value :]
        elif kind == "insert":
            data = data[:i] + value + data[i:]
        elif kind == "truncate":
            data = data[:i]
    return data


def reads_or_refuses(path: Path):
    with contextlib.suppress(UserError):
        read_torch_file(path)


@FUZZ
@given(changes=CHANGES)
def test_a_damaged_archive_is_read_or_refused(tmp_path, changes):
    path = save(tmp_path / "x", VALID)
    patched(path, lambda data: changed(data, changes))
    reads_or_refuses(path)


@FUZZ
@given(changes=CHANGES)
def test_a_damaged_pickle_is_read_or_refused(tmp_path, changes):
    with zipfile.ZipFile(save(tmp_path / "x", VALID)) as archive:
        content = {n.removeprefix("archive/"): archive.read(n) for n in archive.namelist()}
    content["data.pkl"] = changed(content["data.pkl"], changes)
    reads_or_refuses(write_zip(tmp_path / "x", content))


# Opcodes that make, store and use values, so that random programs reach many states.
OPCODES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"(", b"N", b"}", b"]", b")", b"t", b"s", b"u", b"a", b"e", b"R", b"b"]
        ),
        st.sampled_from(
            [b"\x85", b"\x86", b"\x87", b"q\x00", b"h\x00", b"Q", b"K\x02", b"\x94"]
        ),
        st.sampled_from([storage("0", 4), name("torch._utils._rebuild_tensor_v2"), code("0")]),
        st.binary(min_size=1, max_size=3),
    ),
    max_size=30,
)


@FUZZ
@given(opcodes=OPCODES)
def test_any_program_is_read_or_refused(tmp_path, opcodes):
    path = tmp_path / "x"
    write(path, program(b"".join(opcodes)), {"0": FOUR.tobytes()})
    reads_or_refuses(path)


@FUZZ
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    refused(path)
