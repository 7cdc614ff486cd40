"""What a run learns from and is judged by: two rows of token ids, and where they came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .config import Config, Phase
from .corpus import stories
from .errors import UserError
from .optimizers import Batch
from .tokenizer import Tokenizer

VALIDATION_SEED = 2026  # of the validation stories: the same for every run, whatever its seed


@dataclass(frozen=True)
class Corpus:
    """Token ids for training and for validation.

    Shapes:
        train (N,); valid (M + 1,), of which the last M are scored, each given all before it.

    limit: the lowest loss that any model can reach on those M tokens, in nats per token: the
        exact -ln p of the stories. None for a text, where nobody knows it.
    separated: whether documents are separated by the end-of-text token, also before the first.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    limit: float | None = None
    separated: bool = False
    files: tuple[str, ...] = ()

    @cached_property
    def beginnings(self) -> np.ndarray:
        """Where the training documents begin, each with the separator before it."""
        return np.flatnonzero(self.train[:-1] == self.train[0])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all ids: a resumed run must go on with the same ones."""
        digest = hashlib.sha256()
        for ids in (self.train, self.valid):
            digest.update(np.ascontiguousarray(ids))
        return digest.hexdigest()


def story_corpus(config: Config, tokenizer: Tokenizer) -> Corpus:
    """Stories made from config.seed, and the validation stories, which are always the same."""
    rng = np.random.default_rng(config.seed)
    texts = [stories.generate(rng) for _ in range(config.stories)]
    train = _separate(tokenizer.encode_batch(texts), tokenizer)
    _expect_a_window(train, config, "--stories")
    valid, limit = validation_stories(config.eval_tokens, tokenizer)
    return Corpus("stories", train, valid, limit=limit, separated=True)


def validation_stories(tokens: int, tokenizer: Tokenizer) -> tuple[np.ndarray, float]:
    """Whole stories, at least one, of about so many tokens together, and their limit."""
    rng = np.random.default_rng(VALIDATION_SEED)
    rows, nats, count = [], 0.0, 0
    while not rows or count < tokens:
        text = stories.generate(rng)
        rows.append(tokenizer.encode(text))
        nats -= stories.score(text)
        count += len(rows[-1]) + 1
    return _separate(rows, tokenizer), nats / count


def _separate(rows, tokenizer):
    """Documents in one row, with the end-of-text token before, between and after them."""
    end = np.array([tokenizer.end_of_text], tokenizer.dtype)
    return np.concatenate([end, *(part for ids in rows for part in (ids, end))])


def text_corpus(paths: list[str], config: Config, tokenizer: Tokenizer) -> Corpus:
    """The files' text, one after the other; the last part of it is kept for validation.

    Raises:
        UserError: a file is missing, empty or not UTF-8, or together they are too short.
    """
    ids = np.concatenate([tokenizer.encode(read_text(path)) for path in paths])
    cut = len(ids) - max(2, int(len(ids) * config.validation_share))
    _expect_a_window(ids[:cut], config, "--text")
    valid = ids[cut : cut + config.eval_tokens + 1]
    files = tuple(str(Path(path).resolve()) for path in paths)
    return Corpus(", ".join(Path(f).name for f in files), ids[:cut], valid, files=files)


def _expect_a_window(train, config, option):
    longest = max(phase.sequence for phase in config.phases)
    if len(train) <= longest:
        raise UserError(
            f"{option}: {len(train):,} training tokens are too few for sequences of {longest}; "
            "give more, or shorter sequences with --phases"
        )


def read_text(path: str) -> str:
    """The text of a UTF-8 file, or a UserError that says why not."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 text (byte {error.start}); convert it with "
            "`iconv -t UTF-8` or choose another file"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path} is empty; there is nothing to learn from")
    return text


def sample_batch(corpus: Corpus, phase: Phase, share: float, rng: np.random.Generator) -> Batch:
    """Random windows of the training tokens, and a random `share` of their positions to score.

    A window begins anywhere, or, where documents are separated, at the beginning of any: then
    the model is never asked for what stands in a part of the document that it was not shown.

    Returns ids (B, T), targets (B, T), each the token after, and flat positions or None.
    """
    B, T, tokens = phase.batch, phase.sequence, corpus.train
    last = len(tokens) - T - 1  # where a window can begin at the latest
    if corpus.separated:
        beginnings = corpus.beginnings[: np.searchsorted(corpus.beginnings, last, "right")]
        starts = rng.choice(beginnings, size=B)
    else:
        starts = rng.integers(0, last + 1, size=B)
    windows = tokens[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (B, T + 1)
    positions = None
    if share < 1:
        positions = rng.permutation(B * T)[: max(1, int(share * B * T))]
    return windows[:, :-1], windows[:, 1:], positions
