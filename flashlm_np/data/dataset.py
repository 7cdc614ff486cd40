"""What a run learns from and is judged by: two rows of token ids, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..model.config import Config, Phase
from ..training.fast_step import Batch
from .stories import stories
from .token_file import Tokens, load_tokens
from .tokenizers.tokenizer import Tokenizer

VALIDATION_SEED = 2026  # of the validation stories: the same for every run, whatever its seed


@dataclass(frozen=True)
class Material:
    """What a run learns from: a folder that `flashlm prepare` made, text files, or stories."""

    files: tuple[str, ...] = ()
    folder: str | None = None

    @classmethod
    def at(cls, text: Sequence[str] | None = None, data: str | None = None) -> Material:
        """With whole paths, so that a run can be resumed from another folder."""
        files = tuple(str(Path(path).resolve()) for path in text or ())
        return cls(files, str(Path(data).resolve()) if data else None)


@dataclass(frozen=True)
class Corpus:
    """Token ids for training and for validation.

    Shapes:
        train (N,); valid (M + 1,), of which the last M are scored, each given all before it.

    limit: the lowest loss that any model can reach on those M tokens, in nats per token: the
        exact -ln p of the stories. None for a text, where nobody knows it.
    separated: whether documents are separated by the end-of-text token.
    from_beginnings: whether training windows begin where documents begin, as short ones should;
        there is a separator before the first, too.
    checksum: of all ids, where it is known already.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    limit: float | None = None
    separated: bool = False
    from_beginnings: bool = False
    material: Material = Material()
    checksum: str | None = None

    @cached_property
    def beginnings(self) -> np.ndarray:
        """Where the training documents begin, each with the separator before it."""
        return np.flatnonzero(self.train[:-1] == self.train[0])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all ids: a resumed run must go on with the same ones."""
        if self.checksum is not None:
            return self.checksum
        digest = hashlib.sha256()
        for ids in (self.train, self.valid):
            digest.update(np.ascontiguousarray(ids))
        return digest.hexdigest()


def load_corpus(
    material: Material, config: Config, tokenizer: Tokenizer | None = None
) -> tuple[Corpus, Tokenizer]:
    """The corpus, and its tokenizer unless a run brings its own, which must be the same.

    Raises:
        UserError: something cannot be read, is too short, or the vocabulary does not fit.
    """
    if material.folder is not None:
        tokens = load_tokens(Path(material.folder))
        if tokenizer and tokenizer.fingerprint != tokens.tokenizer.fingerprint:
            raise UserError(
                f"{material.folder} was prepared with {tokens.tokenizer}, but the model was "
                f"trained with {tokenizer}"
            )
        tokenizer = tokens.tokenizer
        make = partial(_token_corpus, material, tokens)
    else:
        tokenizer = tokenizer or Tokenizer.embedded()
        make = partial(_text_corpus, material) if material.files else story_corpus
    if config.vocab_size < tokenizer.vocab_size:
        raise UserError(
            f"--vocab-size is {config.vocab_size}, but the tokenizer has "
            f"{tokenizer.vocab_size} tokens; give at least that"
        )
    return make(config, tokenizer), tokenizer


def story_corpus(config: Config, tokenizer: Tokenizer) -> Corpus:
    """Stories made from config.seed, and the validation stories, which are always the same."""
    rng = np.random.default_rng(config.seed)
    texts = [stories.generate(rng) for _ in range(config.stories)]
    train = _separate(tokenizer.encode_batch(texts), tokenizer)
    _expect_a_window(train, config, "--stories")
    valid, limit = validation_stories(config.eval_tokens, tokenizer)
    return Corpus("stories", train, valid, limit, separated=True, from_beginnings=True)


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


def _text_corpus(material: Material, config: Config, tokenizer: Tokenizer) -> Corpus:
    """The files' text, one after the other."""
    ids = np.concatenate([tokenizer.encode(read_text(path)) for path in material.files])
    train, valid = _split(ids, config, "--text")
    name = ", ".join(Path(path).name for path in material.files)
    return Corpus(name, train, valid, material=material)


def _token_corpus(material: Material, tokens: Tokens, config: Config, tokenizer) -> Corpus:
    """The ids of a prepared folder, which stay on the disk until they are needed."""
    train, valid = _split(tokens.ids, config, "--data")
    checksum = f"{tokens.record['sha256']} {len(train)} {len(valid)}"
    return Corpus(
        tokens.record["dataset"],
        train,
        valid,
        separated=tokens.record["separator"],
        material=material,
        checksum=checksum,
    )


def _split(ids, config, option):
    """The last part is kept for validation, and at most eval_tokens of it are scored."""
    cut = training_part(len(ids), config.validation_share)
    _expect_a_window(ids[:cut], config, option)
    return ids[:cut], ids[cut : cut + config.eval_tokens + 1]


def training_part(tokens: int, validation_share: float) -> int:
    """How many of so many tokens are for training: the first, and two at least are not."""
    return max(0, min(tokens - 2, int(tokens * (1 - validation_share))))


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

    A window begins anywhere, or, in a corpus of short documents, at the beginning of any: then
    the model is never asked for what stands in a part of the document that it was not shown.

    Returns ids (B, T), targets (B, T), each the token after, and flat positions or None.
    """
    B, T, tokens = phase.batch, phase.sequence, corpus.train
    last = len(tokens) - T - 1  # where a window can begin at the latest
    if corpus.from_beginnings:
        beginnings = corpus.beginnings[: np.searchsorted(corpus.beginnings, last, "right")]
        starts = rng.choice(beginnings, size=B)
    else:
        starts = rng.integers(0, last + 1, size=B)
    windows = tokens[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (B, T + 1)
    positions = None
    if share < 1:
        positions = rng.permutation(B * T)[: max(1, int(share * B * T))]
    return windows[:, :-1], windows[:, 1:], positions
