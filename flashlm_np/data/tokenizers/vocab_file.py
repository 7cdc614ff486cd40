"""The vocabulary of a BPE tokenizer (token -> id), and tiktoken's file format for it.

`tiktoken.load` reads the same format. It keeps a copy of every file in its cache, which it also
returns after the file has changed; so files of a user are read here.
"""

import base64


def check_vocab(vocab: dict[bytes, int]) -> None:
    """Raise ValueError unless the ids are 0, 1, 2, ... and every single byte has one."""
    if sorted(vocab.values()) != list(range(len(vocab))):
        raise ValueError(f"vocabulary: expected the ids 0 to {len(vocab) - 1}, each once")
    missing = [b for b in range(256) if bytes([b]) not in vocab]
    if missing:
        raise ValueError(
            f"vocabulary: {len(missing)} of the 256 single bytes have no id, the first is "
            f"{bytes(missing[:1])}; a text with such a byte could not be encoded"
        )


def format_vocab(vocab: dict[bytes, int]) -> bytes:
    """The contents of a file: on each line a token in base64, a space, and its id."""
    in_order = sorted(vocab.items(), key=lambda item: item[1])
    return b"".join(base64.b64encode(token) + b" %d\n" % i for token, i in in_order)


def parse_vocab(data: bytes) -> dict[bytes, int]:
    """Read the contents of a file. Raises ValueError that names a bad line."""
    vocab = {}
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            token, i = line.split()
            vocab[base64.b64decode(token, validate=True)] = int(i)
        except ValueError:
            raise ValueError(
                f"vocabulary: line {number} is {line[:40]!r}, expected base64 of a token, a "
                "space, an id"
            ) from None
    return vocab
