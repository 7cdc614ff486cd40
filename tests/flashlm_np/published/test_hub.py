"""Reading one tensor: from a hub on the loopback, its cache and files, good and bad."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import tracemalloc
from itertools import repeat

import numpy as np
import pytest
from hub_server import Fault, HubServer
from huggingface_hub import HfApi, constants, hf_hub_download
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_all
from safetensors.numpy import save as to_bytes

from flashlm_np.errors import UserError
from flashlm_np.published import hub, one_tensor
from flashlm_np.published.one_tensor import _LocalFile, read_tensor_of, read_tensor_of_file

REPO, FILE, NAMES = "openai-community/gpt2", "model.safetensors", ("wte.weight", "other.wte")
WTE = np.random.default_rng(0).standard_normal((50, 100)).astype(np.float32)  # 20,000 bytes
GOOD = to_bytes({"h.0": np.ones(3000), "wte.weight": WTE, "z": np.zeros((7, 11), np.int64)})
BEFORE = [Fault(), Fault()]  # the header's length and the header come as they should
fuzz = settings(derandomize=True, deadline=None, max_examples=200, database=None)


def a_file(header, data=b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"wte.weight": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.fixture(autouse=True)
def quick_and_apart(monkeypatch, tmp_path):
    """Small blocks, no pauses, and a cache of the test's own."""
    monkeypatch.setattr(hub, "BLOCK", 8192)
    monkeypatch.setattr(hub, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")


@pytest.fixture
def server(tmp_path):
    with HubServer() as running:
        publish(running, tmp_path / "first", GOOD)
        yield running


def publish(server, folder, data):
    folder.mkdir()
    (folder / FILE).write_bytes(data)
    return server.publish(REPO, folder)


def read(server, **options):
    return hub.read_tensor(REPO, FILE, NAMES, endpoint=server.url, **options)


def ranges(server):
    """What was asked of the CDN, as (start, stop)."""
    asked = (r.headers["Range"].removeprefix("bytes=") for r in server.requests if is_cdn(r))
    return [(int(first), int(last) + 1) for first, last in (span.split("-") for span in asked)]


def is_cdn(request):
    return request.server == "cdn"


def place_in(data):
    """Where the bytes of wte.weight are in the file."""
    begin = 8 + int.from_bytes(data[:8], "little")
    start, stop = json.loads(data[8:begin])["wte.weight"]["data_offsets"]
    return begin, begin + start, begin + stop


# -- from the hub --------------------------------------------------------------------------


def test_only_the_header_and_the_tensor_are_asked_for(server, tmp_path):
    told = []
    tensor = read(server, progress=lambda *done: told.append(done))
    np.testing.assert_array_equal(tensor, WTE)
    assert tensor.dtype == np.float32
    assert tensor.flags.writeable
    begin, start, stop = place_in(GOOD)
    blocks = [(start, start + 8192), (start + 8192, start + 16384), (start + 16384, stop)]
    assert ranges(server) == [(0, 8), (8, begin), *blocks]
    assert sum(r.sent for r in server.requests) == begin + stop - start
    assert {r.headers["Accept-Encoding"] for r in server.requests} == {"identity"}
    assert told == [(8192, 20000), (16384, 20000), (20000, 20000)]
    assert not (tmp_path / "cache").exists()


def test_a_tensor_may_have_its_second_name(server):
    assert hub.read_tensor(REPO, FILE, ("x", "h.0"), endpoint=server.url).shape == (3000,)


def test_the_login_goes_to_the_hub_and_not_to_the_cdn(server):
    read(server)
    seen = {(r.server, r.headers["Authorization"]) for r in server.requests}
    assert seen == {("hub", "Bearer hf_secret"), ("cdn", None)}


def test_after_a_death_half_way_the_rest_is_asked_for(server):
    server.faults = [*BEFORE, Fault(), Fault(die_after=1000), Fault(die_after=0)]
    np.testing.assert_array_equal(read(server), WTE)
    begin, start, stop = place_in(GOOD)
    starts = [first - start for first, _ in ranges(server)[2:]]
    assert starts == [0, 8192, 9192, 9192, 17384]
    assert sum(r.sent for r in server.requests) == begin + stop - start


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            Fault(die_after=1000),
            r"peer closed connection.*, after 4,000 of 20,000 bytes; check",
        ),
        (Fault(unmeasured=True, die_after=0), "the answer broke off, after 0 of 20,000 bytes;"),
        (Fault(status=503), "the server answered 503, after 0 of 20,000 bytes; check the net"),
        (Fault(status=429), "the server answered 429, after 0 of 20,000 bytes; check the net"),
    ],
)
def test_a_server_that_fails_for_ever_is_told_in_a_sentence(server, tmp_path, fault, told):
    server.faults = [*BEFORE, *repeat(fault, 50)]
    with pytest.raises(UserError, match=f"^cannot read {REPO}/{FILE}: {told}") as caught:
        read(server)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(ranges(server)) == 2 + 1 + len(hub.PAUSES)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_a_busy_server_is_asked_again(server):
    server.hub_faults = [Fault(status=503), Fault(status=429), Fault(), Fault(status=500)]
    server.faults = [Fault(status=502), *BEFORE, Fault(status=504), Fault(status=408)]
    np.testing.assert_array_equal(read(server), WTE)


def test_an_answer_of_another_length_is_noticed(server):
    server.faults = [*BEFORE, Fault(unmeasured=True, die_after=1000), Fault(unmeasured=True)]
    np.testing.assert_array_equal(read(server), WTE)
    server.faults = [*BEFORE, Fault(unmeasured=True, more=b"1")]
    with pytest.raises(UserError, match="the server sent more than it was asked for"):
        read(server)


def test_every_block_may_fail_a_few_times(server):
    server.faults = [*BEFORE, *([Fault(status=503)] * len(hub.PAUSES) + [Fault()]) * 3]
    np.testing.assert_array_equal(read(server), WTE)


def test_a_server_that_refuses_is_not_asked_again(server):
    server.faults = [*BEFORE, Fault(status=403)]
    with pytest.raises(UserError, match="the server answered 403, after 0 of 20,000 bytes"):
        read(server)
    assert len(ranges(server)) == 3


def test_a_server_that_is_silent_is_asked_again(server, monkeypatch):
    monkeypatch.setattr(hub, "TIMEOUT", 0.1)
    server.faults = [*BEFORE, Fault(delay=0.2)]
    np.testing.assert_array_equal(read(server), WTE)
    assert len(ranges(server)) == 6


def test_a_server_that_ignores_ranges_is_refused_unread(server, tmp_path):
    publish(server, tmp_path / "large", a_file(entry(), bytes(50_000_000)))
    server.faults = repeat(Fault(whole_file=True))
    with pytest.raises(UserError, match="sends whole files only"):
        read(server)
    assert sum(r.sent for r in server.requests) < 25_000_000  # what fits into the sockets


@pytest.mark.parametrize("fault", [Fault(etag='"another"'), Fault(claimed_size=10**6)])
def test_parts_of_two_files_are_never_put_together(server, fault):
    server.faults = [*BEFORE, Fault(), fault]
    with pytest.raises(UserError, match="the file changed while it was read"):
        read(server)


def test_what_is_published_meanwhile_does_not_matter(server, tmp_path):
    def publish_once(request):
        if is_cdn(request) and len(server.commits[f"models/{REPO}"]) == 1:
            publish(server, tmp_path / "second", to_bytes({"wte.weight": WTE + 1}))

    server.before_answer = publish_once
    np.testing.assert_array_equal(read(server), WTE)
    np.testing.assert_array_equal(read(server), WTE + 1)


@pytest.mark.parametrize(
    ("repo", "file", "told"),
    [
        ("nobody/nothing", FILE, "the hub has no such repository, or it is private; check"),
        (REPO, "other.safetensors", "the repository has no such file; check the network"),
        ("not a/name", FILE, "Repo id must"),
    ],
)
def test_what_is_not_there_is_told(server, repo, file, told):
    with pytest.raises(UserError, match=f"^cannot read {repo}/{file}: {told}"):
        hub.read_tensor(repo, file, NAMES, endpoint=server.url)
    assert len(server.requests) <= 1


def test_a_missing_tensor_is_told_with_those_there_are(server):
    with pytest.raises(
        UserError, match=f"{REPO}/{FILE} cannot be used: it has no x or y, but '"
    ):
        hub.read_tensor(REPO, FILE, ("x", "y"), endpoint=server.url)


def test_a_hub_out_of_reach_is_told_at_once(monkeypatch):
    monkeypatch.setattr(hub, "PAUSES", (60.0,))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        before = time.monotonic()
        with pytest.raises(UserError, match="refused"):
            hub.read_tensor(REPO, FILE, NAMES, endpoint=endpoint)
    assert time.monotonic() - before < 2


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:x"])
def test_an_endpoint_that_is_none_is_told(endpoint):
    remedy = re.escape(hub.REMEDY)
    with pytest.raises(UserError, match=f"^cannot read {REPO}/{FILE}: .*; {remedy}$"):
        hub.read_tensor(REPO, FILE, NAMES, endpoint=endpoint)


def test_offline_nothing_is_asked(server, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        UserError, match="HF_HUB_OFFLINE is set, and the file is not in the cac"
    ):
        read(server)
    assert not server.requests


def test_a_file_in_the_cache_is_read_there(server, monkeypatch):
    hf_hub_download(REPO, FILE, endpoint=server.url)
    server.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    np.testing.assert_array_equal(read(server), WTE)
    assert not server.requests


def test_the_server_lists_files_as_the_hub_does(server):
    api = HfApi(endpoint=server.url)
    assert [found.path for found in api.list_repo_tree(REPO, recursive=True)] == [FILE]
    assert api.get_paths_info(REPO, [FILE])[0].size == len(GOOD)
    assert api.model_info(REPO).siblings[0].rfilename == FILE


# -- from files ----------------------------------------------------------------------------


def test_a_local_file_is_read(tmp_path):
    (tmp_path / FILE).write_bytes(GOOD)
    np.testing.assert_array_equal(read_tensor_of_file(tmp_path / FILE, NAMES), WTE)


def test_a_local_file_that_is_cut_meanwhile_is_told():
    _, _, stop = place_in(GOOD)
    source = _LocalFile("cut", len(GOOD), io.BytesIO(GOOD[: stop - 1]))
    with pytest.raises(OSError, match="it became shorter while it was read"):
        read_tensor_of(source, NAMES)


@pytest.mark.parametrize(
    ("dtype", "numbers"),
    [
        ("F64", np.array([1.5, -1e300, np.nan], "<f8")),
        ("F32", np.array([1.5, -1e30, np.nan], "<f4")),
        ("F16", np.array([1.5, -6e-8, np.inf], "<f2")),
        ("BF16", np.array([0x3FC0, 0xC000, 0x7F80], "<u2")),
    ],
)
def test_every_float_becomes_float32(tmp_path, dtype, numbers):
    expected = np.array([1.5, -2.0, np.inf]) if dtype == "BF16" else numbers
    data = numbers.tobytes()
    (tmp_path / FILE).write_bytes(a_file(entry(dtype, [3, 1], [0, len(data)]), data))
    tensor = read_tensor_of_file(tmp_path / FILE, NAMES)
    assert (tensor.dtype, tensor.shape) == (np.float32, (3, 1))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(tensor[:, 0], expected.astype(np.float32))


BAD = {
    "no safetensors file": [b"", b"1234567", b"\xff" * 100, a_file(b"{}")[:-1], b"GIF89a" * 9],
    "not JSON": [
        a_file(b""),
        a_file(b"\xff"),
        a_file(b"{"),
        a_file(b"[" * 9999),
        a_file(b"{}}"),
    ],
    "not a JSON object": [a_file([]), a_file(7), a_file(None)],
    "no tensor at all": [a_file({}), a_file({"__metadata__": {"format": "pt"}})],
    "'a', 'b', 'c', 'd' and 2 more": [a_file(dict.fromkeys("abcdef"))],
    "dtype": [
        *(a_file({"wte.weight": odd}, bytes(24)) for odd in ([], None, 3, "F32", {})),
        *(a_file(entry(dtype), bytes(24)) for dtype in ("I64", None, [], "F" * 999)),
    ],
    "natural": [
        *(
            a_file(entry(shape=odd), bytes(24))
            for odd in ([-2, -3], [2, 3.0], [True, 6], 6, {})
        ),
        *(a_file(entry(shape=odd), bytes(24)) for odd in ([1] * 9, ["2", "3"], [[2, 3]], None)),
        *(
            a_file(entry(offsets=odd), bytes(24))
            for odd in ([0], [-24, 0], [0, 24.0], [0, 0, 24])
        ),
    ],
    "do not agree": [
        a_file(entry(shape=[2, 4]), bytes(24)),
        a_file(entry("F64"), bytes(24)),
        a_file(entry(offsets=[24, 0]), bytes(24)),
        a_file(entry(shape=[0, 10**30], offsets=[0, 0]), bytes(24)),
        a_file(entry(shape=[2**32, 2**32], offsets=[0, 0]), bytes(24)),
    ],
    "end after the file": [
        a_file(entry(), bytes(23)),
        a_file(entry(offsets=[24, 48]), bytes(24)),
        a_file(entry(shape=[10**4000], offsets=[0, 4 * 10**4000])),
    ],
}


@pytest.mark.parametrize("told", BAD)
def test_a_bad_file_is_told_in_a_sentence(tmp_path, told):
    for data in BAD[told]:
        (tmp_path / FILE).write_bytes(data)
        with pytest.raises(UserError, match=told) as caught:
            read_tensor_of_file(tmp_path / FILE, NAMES)
        assert str(tmp_path / FILE) in str(caught.value)
        assert len(str(caught.value)) < 400
        assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*absent: No such file"):
        read_tensor_of_file(tmp_path / "absent", NAMES)
    with pytest.raises(UserError, match="cannot read"):
        read_tensor_of_file(tmp_path, NAMES)


def peak_of_refusal(function, *arguments):
    """The most bytes that were allocated at once until the function raised a UserError."""
    tracemalloc.start()
    try:
        with pytest.raises(UserError):
            function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LYING = {
    "header of 2^63 bytes": (2**63 - 1).to_bytes(8, "little") + b"{}",
    "header of 90 MB": (90_000_000).to_bytes(8, "little") + b"{}",
    "tensor of 4 TB": a_file(entry(shape=[10**6, 10**6], offsets=[0, 4 * 10**12])),
    "tensor of 400 MB": a_file(entry(shape=[10**8], offsets=[0, 4 * 10**8])),
}


@pytest.mark.parametrize("what", LYING)
def test_a_few_bytes_cannot_ask_for_memory(server, tmp_path, what):
    read(server)  # what the client keeps for good is there after its first request
    publish(server, tmp_path / "lying", LYING[what])
    assert peak_of_refusal(read_tensor_of_file, tmp_path / "lying" / FILE, NAMES) < 100_000
    assert peak_of_refusal(read, server) < 1_000_000  # the client's and the server's own


def test_a_tensor_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(one_tensor, "MAX_TENSOR", WTE.nbytes - 1)
    (tmp_path / FILE).write_bytes(GOOD)
    with pytest.raises(UserError, match="has 20,000 bytes, and no more than 19,999 are read"):
        read_tensor_of_file(tmp_path / FILE, NAMES)


def test_a_large_header_is_not_read(tmp_path):
    with open(tmp_path / FILE, "wb") as file:
        file.write((11_000_000).to_bytes(8, "little"))
        file.truncate(12_000_000)
    with pytest.raises(UserError, match="its header would have 11,000,000 bytes"):
        read_tensor_of_file(tmp_path / FILE, NAMES)


# -- fuzzed --------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
sizes = st.integers(-1, 9) | st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64, 10**30])
likely = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "BF16", "F64", "I8"]) | anything,
        "shape": st.lists(sizes, max_size=4) | anything,
        "data_offsets": st.lists(sizes | st.sampled_from([24, 48]), max_size=3) | anything,
    }
)
headers = st.fixed_dictionaries({"wte.weight": likely | anything}) | anything
edits = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4)


def edited(data, changes):
    data = bytearray(data)
    for place, byte in changes:
        data[place] = byte
    return bytes(data)


files = st.one_of(
    st.binary(max_size=64),
    st.builds(a_file, st.binary(max_size=64) | headers, st.binary(min_size=48, max_size=48)),
    st.builds(edited, st.just(GOOD), edits),
    st.builds(lambda n: GOOD[:n], st.integers(0, len(GOOD))),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def running():
    with HubServer() as server:
        yield server


def a_tensor_or_none(read, *arguments, **options):
    """What is read, and None for a UserError; anything else is raised."""
    try:
        tensor = read(*arguments, **options)
    except UserError:
        return None
    assert tensor.dtype == np.float32
    assert tensor.size > 0
    return tensor


@fuzz
@given(files)
def test_any_bytes_are_a_tensor_or_a_user_error(folder, data):
    (folder / FILE).write_bytes(data)
    tensor = a_tensor_or_none(read_tensor_of_file, folder / FILE, NAMES)
    try:
        expected = load_all(data)["wte.weight"]
    except Exception:  # safetensors' own reader finds it bad, in one of many ways
        return
    if expected.dtype.kind == "f" and expected.size:
        np.testing.assert_array_equal(tensor, expected.astype(np.float32))


@settings(fuzz, max_examples=100)
@given(st.lists(st.integers(1, 5), max_size=4), st.sampled_from("efd"), st.integers(0, 3))
def test_what_safetensors_writes_is_read(folder, shape, kind, seed):
    tensor = np.random.default_rng(seed).standard_normal(shape).astype(kind)
    (folder / FILE).write_bytes(to_bytes({"other.wte": np.asarray(tensor), "a": np.ones(seed)}))
    read = read_tensor_of_file(folder / FILE, NAMES)
    np.testing.assert_array_equal(read, np.float32(tensor))
    assert read.shape == tensor.shape


@settings(fuzz, max_examples=40)
@given(files)
def test_any_bytes_of_a_hub_are_what_they_are_in_a_file(folder, running, data):
    (folder / FILE).write_bytes(data)
    running.publish(REPO, folder)
    local = a_tensor_or_none(read_tensor_of_file, folder / FILE, NAMES)
    remote = a_tensor_or_none(hub.read_tensor, REPO, FILE, NAMES, endpoint=running.url)
    np.testing.assert_equal(remote, local)


# -- a dataset -----------------------------------------------------------------------------

STREAM = """
import datasets
rows = iter(datasets.load_dataset(
    "HuggingFaceFW/fineweb-edu", "sample-10BT", split="train", streaming=True))
print([row["text"] for row in rows])
"""
CARD = """---
configs:
- config_name: sample-10BT
  data_files: [{split: train, path: sample/10BT/*}]
---
"""


def test_a_dataset_is_streamed_from_the_server(server, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    folder = tmp_path / "data" / "sample" / "10BT"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "README.md").write_text(CARD)
    texts = [f"Lesson {i} says é." for i in range(30)]
    parquet.write_table(pa.table({"text": texts}), folder / "0.parquet", row_group_size=10)
    server.publish("HuggingFaceFW/fineweb-edu", tmp_path / "data", kind="datasets")
    apart = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", STREAM],
        env=os.environ | apart,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{texts}\n"
