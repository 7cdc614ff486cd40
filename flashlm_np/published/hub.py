"""One tensor out of a Hugging Face repository, without fetching the rest of its file.

GPT-2's model.safetensors has 548 million bytes, its embedding 154 million. Only the header and
the tensor's own bytes are asked for, by HTTP range requests in blocks, all of one commit; a
block that breaks off is asked for again from where it stopped. Nothing is written to the disk,
so nothing can be half there.

Addresses, login, proxies, the cache and the offline switch are huggingface_hub's; what is added
is what it does not do: to read a part of a file, and to make sure that it is that part.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status, httpx

from ..errors import UserError
from .one_tensor import Progress, read_tensor_of, read_tensor_of_file

BLOCK = 8 << 20  # bytes asked for at once
PAUSES = (0.5, 1.0, 2.0)  # seconds before a block is asked for once more
TIMEOUT = 20.0  # seconds without a byte
PASSING = {408, 429, 500, 502, 503, 504}  # the answers of a server that is only busy
REMEDY = (
    "check the network; without one, use a copy of the file (flashlm embed gpt2 --weights), or "
    "another embedding (corpus or random)"
)
REASONS = {  # the first that fits: a gated repository is one that is not found, too
    errors.OfflineModeIsEnabled: "HF_HUB_OFFLINE is set, and the file is not in the cache",
    errors.GatedRepoError: "the hub asks for a login, `hf auth login`",
    errors.RepositoryNotFoundError: "the hub has no such repository, or it is private",
    errors.EntryNotFoundError: "the repository has no such file",
}


def read_tensor(
    repo: str,
    file: str,
    names: tuple[str, ...],
    *,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """The first of `names` that a safetensors file of a repository has, in float32.

    Read from the Hugging Face cache where the whole file is there already, else from the hub.

    Raises:
        UserError: no network, repository, file or tensor; or they are not what they should be.
    """
    try:
        cached = try_to_load_from_cache(repo, file)
        if isinstance(cached, str):
            return read_tensor_of_file(Path(cached), names)
        return read_tensor_of(_find(repo, file, endpoint), names, progress)
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise UserError(f"cannot read {repo}/{file}: {_reason(error)}; {REMEDY}") from None


def _find(repo, file, endpoint):
    """Ask the hub for the file's size and commit; the address is of that commit for ever."""
    head = _head(hf_hub_url(repo, file, endpoint=endpoint))
    url = hf_hub_url(repo, file, revision=head.commit_hash, endpoint=endpoint)
    return _HubFile(f"{repo}/{file}", head.size or 0, url)


def _head(url):
    """What the hub says of a file. A busy hub is asked again; one out of reach is not."""
    for pause in PAUSES:
        try:
            return get_hf_file_metadata(url)
        except OSError as error:
            if _status(error) not in PASSING:
                raise
            time.sleep(pause)
    return get_hf_file_metadata(url)


@dataclass
class _HubFile:
    """A file at one commit; `etag` is the one that came with its first bytes."""

    name: str
    size: int
    url: str
    etag: str | None = None

    def read(self, start: int, view: memoryview, progress: Progress | None = None) -> None:
        """As Source.read; a block may fail a few times, and each time the rest is asked for."""
        done = failures = 0
        while done < len(view):
            try:
                for count in self._pieces(start + done, view[done : done + BLOCK]):
                    done += count
                failures = 0
            except (OSError, httpx.HTTPError) as error:
                if failures == len(PAUSES) or _status(error) not in PASSING | {None}:
                    where = f"after {done:,} of {len(view):,} bytes"
                    raise OSError(f"{_reason(error)}, {where}") from None
                time.sleep(PAUSES[failures])
                failures += 1
            if progress:
                progress(done, len(view))

    def _pieces(self, start: int, view: memoryview) -> Iterator[int]:
        """Fill `view` as its bytes arrive, and tell how many each time."""
        span = f"bytes {start}-{start + len(view) - 1}"
        headers = {"Range": span.replace(" ", "="), "Accept-Encoding": "identity"}
        headers |= build_hf_headers()
        with get_session().stream("GET", self.url, headers=headers, timeout=TIMEOUT) as answer:
            hf_raise_for_status(answer)
            self._expect(answer, f"{span}/{self.size}")
            for piece in answer.iter_raw():
                if len(piece) > len(view):
                    raise ValueError("the server sent more than it was asked for")
                view[: len(piece)] = piece
                view = view[len(piece) :]
                yield len(piece)
        if len(view):
            raise OSError("the answer broke off")

    def _expect(self, answer, span):
        """Refuse, before its body is read, what is not exactly this part of this file."""
        if answer.status_code != 206:
            raise ValueError("the server sends whole files only, not the part that is needed")
        found = answer.headers.get("ETag")
        self.etag = self.etag or found
        if answer.headers.get("Content-Range") != span or found != self.etag:
            raise ValueError("the file changed while it was read, so its parts would not fit")


def _status(error):
    return getattr(getattr(error, "response", None), "status_code", None)


def _reason(error):
    """Why, in a few words; the libraries' own messages have several lines, or none."""
    for kind, reason in REASONS.items():
        if isinstance(error, kind):
            return reason
    if status := _status(error):
        return f"the server answered {status}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
