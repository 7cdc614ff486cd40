"""Tables for the start of training: a truncated SVD, and a table counted from a corpus.

FlashLM v3 starts with GPT-2's embedding, (50257, 768), reduced to 256 numbers per token. Of its
singular value decomposition X = U S Vᵀ it keeps U[:, :256] · S[:256], the 256 directions in
which the rows differ most. The second kind of table needs no download: it counts how often
tokens stand near each other, and is reduced in the same way.

    truncated SVD    G = XᵀX = V S² Vᵀ     (C, C), small, summed in float64 over blocks of rows
                     X V = U S             so the tall factor U is never needed

An SVD of the tall matrix would cost the same products many times over, and hold U. The way by G
squares the condition number: an error of 1e-16 in S² is one of 1e-16 · (S_1 / S_k)² / 2 in S_k,
relative. At the first 256 of GPT-2's singular values that is below 1e-12, while the float32 of
the table has 6e-8. (`benchmarks/embedding.py` compares it with the full SVD.)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..errors import UserError, one_line
from ..files import read_bytes, write_atomically

NAME = "embedding.weight"  # of the table in a file
ROWS = 4096  # of a table that are in float64 at once
IDS = 1 << 20  # of a corpus whose neighbours are counted at once
CONTEXTS = 2048  # most frequent tokens whose neighbourhood is counted
WINDOW = 4  # positions on each side that count as near
# Root mean square of the counted rows. The table is the output matrix too, which v3's phase 1a
# freezes, and short rows bound the logits: after 300 steps the loss is 9.0 nats with 0.06 or
# 0.12, after 200 steps 9.8 with 0.02, as a random table has, and 10.2 with 0.2.
CORPUS_RMS = 0.11
SMOOTHING = 0.75  # exponent of the context counts, against the weight of rare contexts


@dataclass(frozen=True)
class ReducedTable:
    """A table of D numbers per token, and all singular values of the original table."""

    table: np.ndarray  # (V, D) float32
    singular_values: np.ndarray  # (C,), falling

    @property
    def variance_kept(self) -> float:
        """The part of the sum of squares that lies in the D directions."""
        squares = self.singular_values**2
        return float(squares[: self.table.shape[1]].sum() / squares.sum())

    def __str__(self) -> str:
        D, C = self.table.shape[1], len(self.singular_values)
        at_cut = ", ".join(f"{value:.4f}" for value in self.singular_values[D - 1 : D + 1])
        which = f"values at the cut ({D}, {D + 1} of {C})" if D < C else f"value {D} of {C}"
        return f"variance kept {self.variance_kept:.2%}; singular {which}: {at_cut}"


def truncated_svd(blocks: Callable[[], Iterable[np.ndarray]], D: int) -> ReducedTable:
    """U[:, :D] · S[:D] of the matrix X (V, C), C ≥ D, whose rows `blocks()` yields in float64.

    The sign of a direction is free. Here the largest of its entries in V is positive.
    """
    gram = sum(block.T @ block for block in blocks())  # (C, C)
    squares, directions = np.linalg.eigh(gram)  # rising
    kept = directions[:, : -D - 1 : -1]  # (C, D)
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(D)]  # (D,)
    kept = kept * np.sign(largest)
    table = np.concatenate([(block @ kept).astype(np.float32) for block in blocks()])  # (V, D)
    return ReducedTable(table, np.sqrt(np.maximum(squares[::-1], 0)))


def row_blocks(table: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of a table (V, C) in float64, ROWS at a time."""
    for start in range(0, len(table), ROWS):
        yield table[start : start + ROWS].astype(np.float64)


def from_corpus(ids: np.ndarray, V: int, D: int) -> ReducedTable:
    """Count an embedding (V, D) from token ids (N,): tokens with like neighbours get like rows.

    Row i of the table before the reduction has a number for each of the most frequent tokens c:
    the positive pointwise mutual information max(0, ln p(i, c) / (p(i) p(c))) of i and c
    standing at most WINDOW positions apart. Tokens that never occur have rows of zeros.

    Source: Bullinaria & Levy 2007; context smoothing: Levy, Goldberg & Dagan 2015, eq. 3.
    """
    C = min(CONTEXTS, V)
    if D > C:
        raise UserError(f"a corpus embedding has at most {C} numbers per token, not {D}")
    counts = _count_neighbours(ids, V, C)  # (V, C)
    of_row = counts.sum(axis=1, dtype=np.float64)[:, None]  # (V, 1)
    of_column = counts.sum(axis=0, dtype=np.float64) ** SMOOTHING  # (C,)
    expected = of_column / max(of_column.sum(), 1)

    def information():
        for rows, sums in zip(row_blocks(counts), row_blocks(of_row), strict=True):
            yield np.log(np.maximum(rows / np.maximum(sums * expected, 1e-300), 1))

    return truncated_svd(information, D)


def _count_neighbours(ids, V, C):
    """How often each token stands near each of the C most frequent: counts (V, C)."""
    starts = range(0, len(ids), IDS)
    frequency = sum(np.bincount(ids[start : start + IDS], minlength=V) for start in starts)
    column = np.full(V, -1)
    column[np.argsort(-frequency, kind="stable")[:C]] = np.arange(C)
    counts = np.zeros(V * C, np.float32)
    for start in starts:
        block = ids[start : start + IDS + WINDOW].astype(np.int64)
        for distance in range(1, min(WINDOW, len(block) - 1) + 1):
            left, right = block[:-distance][:IDS], block[distance:][:IDS]
            for token, other in ((left, right), (right, left)):
                near = column[other]
                cells = (token * C + near)[near >= 0]
                np.add.at(counts, cells, np.float32(1))
    return counts.reshape(V, C)


def scaled_to_rms(table: np.ndarray, rms: float) -> np.ndarray:
    """The table with a root mean square of `rms` in the rows that are not zero."""
    seen = table[table.any(axis=1)]
    return table * np.float32(rms / np.sqrt(np.mean(seen**2))) if seen.size else table


def save_embedding(path: Path, table: np.ndarray, made: str) -> None:
    """Write a table (V, D) to a safetensors file; `made` says in the file how it was made."""
    arrays = {NAME: np.ascontiguousarray(table)}
    write_atomically(path, safetensors.save(arrays, metadata={"made": made}))


def load_embedding(path: Path, V: int, D: int) -> np.ndarray:
    """Read a table (V, D) that `save_embedding` wrote.

    Raises UserError if it cannot be read, or has another shape.
    """
    try:
        table = safetensors.load(read_bytes(path))[NAME]
    except (SafetensorError, KeyError) as error:
        raise UserError(
            f"{path} holds no {NAME} ({one_line(error)}); make an embedding with flashlm embed"
        ) from None
    if table.shape != (V, D):
        raise UserError(
            f"{path} holds an embedding of shape {table.shape}, but --vocab-size and --d-model "
            f"want {(V, D)}; make another with flashlm embed"
        )
    return table.astype(np.float32)
