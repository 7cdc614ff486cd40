"""Ranks, the table of a BPE tokenizer (token -> id), and tiktoken's file format for them."""

from __future__ import annotations

import base64


def check_ranks(ranks: dict[bytes, int]) -> None:
    """Raise ValueError unless the ranks are 0, 1, 2, ... and every single byte has one."""
    if sorted(ranks.values()) != list(range(len(ranks))):
        raise ValueError(f"ranks: expected 0 to {len(ranks) - 1}, each once")
    missing = [b for b in range(256) if bytes([b]) not in ranks]
    if missing:
        raise ValueError(
            f"ranks: {len(missing)} of the 256 single bytes have none, the first is "
            f"{bytes(missing[:1])}; a text with such a byte could not be encoded"
        )


def format_ranks(ranks: dict[bytes, int]) -> bytes:
    """The ranks as a file of tiktoken's: in each line a token in base64, a space, its rank."""
    in_order = sorted(ranks.items(), key=lambda item: item[1])
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in in_order)


def parse_ranks(data: bytes) -> dict[bytes, int]:
    """The ranks in the bytes of such a file. Raises ValueError that names a bad line."""
    ranks = {}
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except ValueError:
            raise ValueError(
                f"ranks: line {number} is {line!r}, expected base64 of a token, a space, a rank"
            ) from None
    return ranks
