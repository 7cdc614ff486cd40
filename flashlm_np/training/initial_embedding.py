"""The embedding that a model begins with: GPT-2's, or one counted from the corpus, or random.

FlashLM v3 begins with GPT-2's table, (50257, 768), squeezed to 256 numbers per token: of its
singular value decomposition X = U S Vᵀ it keeps U[:, :256] · S[:256], the 256 directions in
which the rows differ most. The second way needs no download: a table of how often tokens stand
near each other, squeezed in just the same way.

    squeeze    G = XᵀX = V S² Vᵀ            (C, C), small, summed in float64 over blocks of rows
               X V = U S                    so the wide factor U is never needed

An SVD of the tall matrix would cost the same products many times over, and hold U. Going by G
squares the condition number: an error of 1e-16 in S² is one of 1e-16 · (S_1 / S_k)² / 2 in S_k,
relative. At the first 256 of GPT-2's singular values that is below 1e-12, and the float32 that
the table is stored in has 6e-8. (`benchmarks/embedding.py` compares it with the full SVD.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ..data.dataset import Corpus, training_part
from ..data.token_file import load_tokens
from ..data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer
from ..errors import UserError
from ..files import write_atomically
from ..model.config import V3, Config
from ..progress import megabytes
from ..published.one_tensor import read_tensor_of_file

NAME = "embedding.weight"
GPT2 = ("openai-community/gpt2", "model.safetensors", ("wte.weight", "transformer.wte.weight"))
ROWS = 4096  # of a table that are held in float64 at once
IDS = 1 << 20  # of a corpus whose neighbours are counted at once
CONTEXTS = 2048  # most frequent tokens whose neighbourhood is counted
WINDOW = 4  # positions on each side that count as near
# Root mean square of the counted rows. It is the output matrix too, frozen in v3's phase 1a,
# and short rows bound what the head can say: after 300 steps 9.0 nats with 0.06 or 0.12, after
# 200 9.8 with a random table's 0.02 and 10.2 with 0.2.
CORPUS_STD = 0.11
SMOOTHING = 0.75  # exponent of the context counts, against the pull of rare ones


@dataclass(frozen=True)
class Squeezed:
    """A table of D numbers per token, and all singular values of the one it was made from."""

    table: np.ndarray  # (V, D) float32
    singular_values: np.ndarray  # (C,), falling

    @property
    def variance_kept(self) -> float:
        """The share of the squares' sum that the D directions hold."""
        squares = self.singular_values**2
        return float(squares[: self.table.shape[1]].sum() / squares.sum())

    def __str__(self):
        D, C = self.table.shape[1], len(self.singular_values)
        at_cut = ", ".join(f"{value:.4f}" for value in self.singular_values[D - 1 : D + 1])
        which = f"values at the cut ({D}, {D + 1} of {C})" if D < C else f"value {D} of {C}"
        return f"variance kept {self.variance_kept:.2%}; singular {which}: {at_cut}"


def squeeze(blocks: Callable[[], Iterable[np.ndarray]], D: int) -> Squeezed:
    """U[:, :D] · S[:D] of the matrix X (V, C), C ≥ D, whose rows `blocks()` yields, in float64.

    The sign of a direction is free; here the largest of its entries in V is positive.
    """
    gram = sum(block.T @ block for block in blocks())  # (C, C)
    squares, directions = np.linalg.eigh(gram)  # rising
    kept = directions[:, : -D - 1 : -1]  # (C, D)
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(D)]
    kept = kept * np.sign(largest)
    table = np.concatenate([(block @ kept).astype(np.float32) for block in blocks()])  # (V, D)
    return Squeezed(table, np.sqrt(np.maximum(squares[::-1], 0)))


def from_gpt2(D: int, weights: Path | None = None, **hub_options) -> Squeezed:
    """GPT-2's embedding in D numbers per token, from the hub or a local model.safetensors.

    `hub_options` are those of hub.read_tensor.

    Raises:
        UserError: it cannot be read, or D is larger than its 768 numbers.
    """
    repo, file, names = GPT2
    if weights is not None:
        wide = read_tensor_of_file(weights, names)
    else:
        from ..published.hub import read_tensor

        wide = read_tensor(repo, file, names, **hub_options)
    if wide.ndim != 2 or not 1 <= D <= wide.shape[1]:
        raise UserError(f"an embedding of shape {wide.shape} cannot be squeezed to width {D}")
    if not np.isfinite(wide).all():
        raise UserError(f"{weights or repo} holds numbers that are not finite")
    return squeeze(lambda: _blocks(wide, ROWS), D)


def from_corpus(ids: np.ndarray, V: int, D: int) -> Squeezed:
    """An embedding (V, D) counted from token ids (N,): which tokens stand near which.

    Row i of the table that is squeezed holds, for each of the most frequent tokens c, the
    positive pointwise mutual information max(0, ln p(i, c) / (p(i) p(c))) of i and c standing
    at most WINDOW positions apart. Tokens that never occur have rows of zeros.

    Source: Bullinaria & Levy 2007; context smoothing: Levy, Goldberg & Dagan 2015, eq. 3.
    """
    C = min(CONTEXTS, V)
    if D > C:
        raise UserError(f"a corpus embedding has at most {C} numbers per token, not {D}")
    counts = _neighbours(ids, V, C)  # (V, C)
    of_row = counts.sum(axis=1, dtype=np.float64)[:, None]  # (V, 1)
    of_column = counts.sum(axis=0, dtype=np.float64) ** SMOOTHING  # (C,)
    expected = of_column / max(of_column.sum(), 1)

    def information():
        for start in range(0, V, ROWS):
            rows = slice(start, start + ROWS)
            ratio = counts[rows] / np.maximum(of_row[rows] * expected, 1e-300)
            yield np.log(np.maximum(ratio, 1))

    return squeeze(information, D)


def rescaled(table: np.ndarray, std: float) -> np.ndarray:
    """The table with a root mean square of `std` in the rows that are not zero."""
    seen = table[table.any(axis=1)]
    return table * np.float32(std / np.sqrt(np.mean(seen**2))) if seen.size else table


def _neighbours(ids, V, C):
    """How often each token stands near each of the C most frequent: counts (V, C)."""
    frequency = sum(np.bincount(block, minlength=V) for block in _blocks(ids, IDS))
    column = np.full(V, -1)
    column[np.argsort(-frequency, kind="stable")[:C]] = np.arange(C)
    counts = np.zeros(V * C, np.float32)
    for start in range(0, len(ids), IDS):
        block = ids[start : start + IDS + WINDOW].astype(np.int64)
        for distance in range(1, min(WINDOW, len(block) - 1) + 1):
            left, right = block[:-distance][:IDS], block[distance:][:IDS]
            for token, other in ((left, right), (right, left)):
                near = column[other]
                cells = (token * C + near)[near >= 0]
                np.add.at(counts, cells, np.float32(1))
    return counts.reshape(V, C)


def _blocks(rows, size):
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        yield block.astype(np.float64) if block.dtype.kind == "f" else block


# -- what the commands ask for ---------------------------------------------------------------


def initial_embedding(
    config: Config, corpus: Corpus, tokenizer: Tokenizer
) -> np.ndarray | None:
    """What config.embedding asks for, (V, D), or None for the model's own random numbers."""
    V, D = config.vocab_size, config.d_model
    if config.embedding == "random":
        return None
    if config.embedding == "corpus":
        print("Counting the tokens' neighbours, for the embedding ...", flush=True)
        return rescaled(from_corpus(corpus.train, V, D).table, CORPUS_STD)
    if config.embedding == "gpt2":
        if tokenizer.vocab_size != GPT2_TOKENS:
            raise UserError(
                "GPT-2's embedding, which the v3 preset begins with, needs GPT-2's tokens: "
                "give --data DIR, made by flashlm prepare, or choose --embedding random"
            )
        print("Reading GPT-2's embedding ...", flush=True)
        return _from_gpt2_told(D).table
    return load_embedding(Path(config.embedding), V, D)


def write_embedding(
    kind: str,
    out: Path,
    *,
    width: int = 256,
    data: str | None = None,
    weights: Path | None = None,
    vocab_size: int = GPT2_TOKENS,
    std: float | None = None,
    seed: int = 42,
) -> str:
    """Make an embedding and write it to the file `out`; what there is to tell of it.

    Raises:
        UserError: `corpus` without `data`, or something cannot be read or written.
    """
    if kind == "random":
        std = V3.embedding_std if std is None else std
        rng = np.random.default_rng(seed)
        table = std * rng.standard_normal((vocab_size, width), dtype=np.float32)
        told = f"standard deviation {std}, seed {seed}"
    elif kind == "corpus":
        if data is None:
            raise UserError("embed corpus needs --data DIR, a folder that flashlm prepare made")
        tokens = load_tokens(Path(data))
        train = tokens.ids[: training_part(len(tokens.ids), V3.validation_share)]
        squeezed = from_corpus(train, tokens.tokenizer.vocab_size, width)
        std = CORPUS_STD if std is None else std
        table, told = rescaled(squeezed.table, std), str(squeezed)
    else:
        squeezed = _from_gpt2_told(width, weights)
        table, told = squeezed.table, str(squeezed)
    data = save({NAME: np.ascontiguousarray(table)}, metadata={"made": f"{kind}: {told}"})
    write_atomically(out, data)
    return f"{kind}: {told}\n{out} holds {table.shape[0]:,} x {table.shape[1]} numbers"


def load_embedding(path: Path, V: int, D: int) -> np.ndarray:
    """A table (V, D) that was written so, or a UserError that says what is wrong with it."""
    table = read_tensor_of_file(path, (NAME,))
    if table.shape != (V, D):
        raise UserError(
            f"{path} holds an embedding of shape {table.shape}, but --vocab-size and --d-model "
            f"want {(V, D)}; make another with flashlm embed"
        )
    return table


def _from_gpt2_told(D, weights=None):
    with megabytes() as progress:
        return from_gpt2(D, weights, progress=progress)
