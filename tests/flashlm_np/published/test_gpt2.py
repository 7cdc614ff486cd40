"""GPT-2's embedding: from a local hub, from its cache, and from files."""

import os
import socket
import sys
from functools import partial

import numpy as np
import pytest
from hub_server import Fault, HubServer
from huggingface_hub import HfFileSystem, constants, hf_hub_download
from safetensors.numpy import save_file

from flashlm_np.errors import UserError
from flashlm_np.published import gpt2
from flashlm_np.published.gpt2 import FILE, REPOSITORY, from_gpt2
from flashlm_np.training.initial_embedding import row_blocks, truncated_svd

WIDE = np.random.default_rng(0).standard_normal((300, 40)).astype(np.float32)  # 48,000 bytes
OTHERS = {"h.0": np.ones(30_000), "z": np.zeros((7, 11), np.int64)}
REDUCED = truncated_svd(lambda: row_blocks(WIDE), 7).table
BEFORE = [Fault(), Fault()]  # the requests for the header's length and the header succeed


@pytest.fixture(autouse=True)
def small_requests_and_an_own_cache(monkeypatch, tmp_path):
    """Requests are small and without pauses; the cache belongs to the test."""
    monkeypatch.setattr(gpt2, "REQUEST", 8192)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")


def use_hub(monkeypatch, url):
    HfFileSystem.clear_instance_cache()
    monkeypatch.setattr("huggingface_hub.HfFileSystem", partial(HfFileSystem, endpoint=url))


@pytest.fixture
def server(tmp_path, monkeypatch):
    with HubServer() as running:
        publish(running, tmp_path / "first", {"wte.weight": WIDE} | OTHERS)
        use_hub(monkeypatch, running.url)
        yield running


def publish(server, folder, tensors):
    folder.mkdir()
    save_file(tensors, folder / FILE)
    server.publish(REPOSITORY, folder)


def refused(*arguments):
    """Return the message of the UserError of from_gpt2(...), one line without secrets."""
    with pytest.raises(UserError) as caught:
        from_gpt2(*arguments)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    return str(caught.value)


# -- from the hub --------------------------------------------------------------------------


def test_only_the_header_and_the_embedding_are_read(server, tmp_path):
    np.testing.assert_array_equal(from_gpt2(7).table, REDUCED)
    size = (tmp_path / "first" / FILE).stat().st_size
    assert WIDE.nbytes < sum(request.sent for request in server.requests) < size / 4
    assert not (tmp_path / "cache").exists()


def test_the_token_is_sent_to_the_hub_and_not_to_the_cdn(server):
    from_gpt2(7)
    seen = {(r.server, r.headers["Authorization"]) for r in server.requests}
    assert seen == {("hub", "Bearer hf_secret"), ("cdn", None)}


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429), Fault(die_after=1000), Fault(die_after=0)]
)
def test_a_request_that_fails_is_repeated(server, fault):
    server.faults = [*BEFORE, fault, Fault(), fault, fault]
    np.testing.assert_array_equal(from_gpt2(7).table, REDUCED)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=503), "503"),
        (Fault(status=403), "403"),
        (Fault(die_after=1000), "peer closed connection"),
        (Fault(whole_file=True), "cannot reshape"),
    ],
)
def test_a_server_that_keeps_failing_is_an_error_of_one_sentence(server, fault, reason):
    server.faults = [*BEFORE, *[fault] * 50]
    message = refused(7)
    assert message.startswith(f"cannot read {REPOSITORY}: ")
    assert reason in message
    assert message.endswith(gpt2.REMEDY)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_weights_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "it is no file, but a device or a pipe" in refused(7, tmp_path / "pipe")


def test_a_missing_repository_is_an_error_of_one_sentence(server):
    server.commits.clear()
    assert "repository not found" in refused(7)


def test_a_missing_tensor_is_an_error_of_one_sentence(server, tmp_path):
    publish(server, tmp_path / "second", OTHERS)
    assert "wte.weight" in refused(7)


def test_an_unreachable_hub_is_an_error_of_one_sentence(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        use_hub(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}")
        message = refused(7)
    assert os.strerror(111) in message or "refused" in message
    assert message.endswith(gpt2.REMEDY)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:x"])
def test_an_invalid_address_is_an_error_of_one_sentence(monkeypatch, url):
    use_hub(monkeypatch, url)
    assert refused(7).endswith(gpt2.REMEDY)


def test_offline_mode_sends_no_request(server, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "unset the `HF_HUB_OFFLINE` environment variable" in refused(7)
    assert not server.requests


def test_a_file_in_the_cache_is_read_without_a_request(server, monkeypatch):
    hf_hub_download(REPOSITORY, FILE, endpoint=server.url)
    server.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    np.testing.assert_array_equal(from_gpt2(7).table, REDUCED)
    assert not server.requests


# -- from files ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wte.weight", "transformer.wte.weight"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_local_file_is_read(tmp_path, name, dtype):
    save_file({name: WIDE.astype(dtype)} | OTHERS, tmp_path / FILE)
    np.testing.assert_allclose(from_gpt2(7, tmp_path / FILE).table, REDUCED, atol=0.01)


@pytest.mark.parametrize(
    ("D", "tensors", "message"),
    [
        (41, {"wte.weight": WIDE}, "of shape (300, 40) cannot be reduced to width 41"),
        (0, {"wte.weight": WIDE}, "cannot be reduced to width 0"),
        (2, {"wte.weight": WIDE[0]}, "of shape (40,) cannot be reduced"),
        (2, {"wte.weight": np.full((5, 4), np.nan)}, "holds numbers that are not finite"),
        (2, OTHERS, "transformer.wte.weight"),
    ],
)
def test_a_table_of_another_shape_or_type_is_refused(tmp_path, D, tensors, message):
    save_file(tensors, tmp_path / FILE)
    assert message in refused(D, tmp_path / FILE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1234567",
        b"\xff" * 100,
        b"GIF89a" * 9,
        (2**63 - 1).to_bytes(8, "little") + b"{}",
        (90_000_000).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
    ],
)
def test_a_damaged_file_is_an_error_of_one_sentence(tmp_path, data):
    (tmp_path / FILE).write_bytes(data)
    assert refused(7, tmp_path / FILE).startswith(f"cannot read {tmp_path / FILE}: ")


def test_an_unreadable_file_is_an_error_of_one_sentence(tmp_path):
    assert "No such file" in refused(7, tmp_path / "absent")
    refused(7, tmp_path)


def test_only_the_hub_needs_the_hub_s_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    table = np.random.default_rng(0).standard_normal((20, 768)).astype(np.float32)
    save_file({"wte.weight": table}, tmp_path / "model.safetensors")
    assert from_gpt2(4, tmp_path / "model.safetensors").table.shape == (20, 4)
    with pytest.raises(UserError, match="GPT-2's embedding needs the package huggingface_hub"):
        from_gpt2(4)
