"""Writing files: links, other file systems, and programs that hold a file open."""

import errno
import os
import re

import pytest

from flashlm_np import files
from flashlm_np.errors import UserError
from flashlm_np.files import (
    read_bytes,
    remove_leftovers,
    write_atomically,
    written_atomically,
)

links = pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make links")
pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    with written_atomically(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (temporary,) = set(tmp_path.iterdir()) - {path}
        assert re.fullmatch(r"a\.txt\.tmp-[0-9a-f]{8}", temporary.name)
    assert (path.read_bytes(), names(tmp_path)) == (b"new", ["a.txt"])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_file_is_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def write_half():
        with written_atomically(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        write_half()
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["a.txt"])


def test_ctrl_c_right_after_the_opening_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(*arguments):
        open(*arguments).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "open", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert names(tmp_path) == []


def test_a_written_file_can_be_read_by_those_who_may_read_new_files(tmp_path):
    (tmp_path / "a").touch()
    write_atomically(tmp_path / "b", b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


# -- what stands at the names ----------------------------------------------------------------


@links
def test_a_link_planted_at_the_temporary_name_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, "token_hex", lambda count: "0" * 2 * count)
    precious, planted = tmp_path / "precious", tmp_path / "a.tmp-00000000"
    precious.write_bytes(b"mine")
    planted.symlink_to(precious)
    with pytest.raises(UserError, match=r"cannot write .*a: File exists; nothing there was"):
        write_atomically(tmp_path / "a", b"new")
    assert precious.read_bytes() == b"mine"


def test_temporary_names_cannot_be_foreseen(tmp_path, monkeypatch):
    seen, real = set(), os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (seen.add(old), real(old, new)))
    for _ in range(20):
        write_atomically(tmp_path / "a", b"new")
    assert len(seen) == 20


@links
def test_a_link_at_the_target_is_replaced_and_its_file_kept(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "a"
    precious.write_bytes(b"mine")
    link.symlink_to(precious)
    write_atomically(link, b"new")
    assert (link.is_symlink(), link.read_bytes(), precious.read_bytes()) == (
        False,
        b"new",
        b"mine",
    )


@pipes
def test_a_device_or_a_folder_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "folder", "null"):
        with pytest.raises(UserError, match="that is not a file; choose another name"):
            write_atomically(tmp_path / name, b"new")
    assert names(tmp_path) == ["folder", "null", "pipe"]


@pipes
def test_endless_files_and_impossible_names_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(UserError, match="it is no file, but a device or a pipe"):
            read_bytes(tmp_path / name)
    for name in ("a\0b", "\ud800"):
        with pytest.raises(UserError, match="cannot read "):
            read_bytes(tmp_path / name)


def test_only_our_leftovers_are_removed(tmp_path):
    ours = ["last.json.tmp-0123abcd", "step-000007-01234567.safetensors.tmp-4711"]
    others = ["a.tmp-", "a.tmp-0123abcg", "a.tmp-backup", ".tmp-0123abcd", "last.json"]
    for name in ours + others:
        (tmp_path / name).touch()
    (tmp_path / "b.tmp-00000000").mkdir()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*others, "b.tmp-00000000"])


# -- file systems and other programs -----------------------------------------------------------


def failing(number, times=10**9):
    """A function that raises an OSError some times, and the list of its calls."""
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) <= times:
            raise OSError(number, os.strerror(number))

    return fail, calls


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EPERM])
def test_a_file_system_without_fsync_is_no_error(tmp_path, monkeypatch, number):
    fail, calls = failing(number)
    monkeypatch.setattr(os, "fsync", fail)
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(calls) == (2 if os.name == "posix" else 1)  # the file, and its folder


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_at_fsync_is_an_error(tmp_path, monkeypatch, number):
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(number)[0])
    reason = re.escape(os.strerror(number))
    with pytest.raises(UserError, match=f"cannot write .*a: {reason}; nothing there was lost"):
        write_atomically(tmp_path / "a", b"new")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"old", ["a"])


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot sync a folder")
def test_a_folder_that_cannot_be_read_is_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(errno.EACCES)[0])
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def as_on_windows(monkeypatch):
    waited = []
    monkeypatch.setattr(files, "WAITS", (0.1, 0.2, 0.4))
    monkeypatch.setattr(files.time, "sleep", waited.append)
    return waited


def test_a_file_that_another_program_holds_open_is_tried_again(tmp_path, monkeypatch):
    waited, real = as_on_windows(monkeypatch), os.replace
    refuse, _ = failing(errno.EACCES, times=2)
    monkeypatch.setattr(os, "replace", lambda old, new: (refuse(), real(old, new)))
    write_atomically(tmp_path / "a", b"new")
    assert ((tmp_path / "a").read_bytes(), waited) == (b"new", [0.1, 0.2])


def test_a_file_that_stays_open_in_another_program_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    waited = as_on_windows(monkeypatch)
    monkeypatch.setattr(os, "replace", failing(errno.EACCES)[0])
    with pytest.raises(UserError, match="close the program that has it open, such as Excel;"):
        write_atomically(tmp_path / "a", b"new")
    assert waited == [0.1, 0.2, 0.4]
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"old", ["a"])
