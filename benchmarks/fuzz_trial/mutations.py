"""Random changes of bytes and of JSON values: faults of disks, of people, of attackers."""

import copy
import json
from random import Random

PIECES = (b"\0", b"\xff\xff\xff\xff", b"\n", b'"', b"{", b"[" * 5000, b"-1", b"1e999", b"NaN")
PIECES += (b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"," * 50, b"9" * 5000, b"\r\n", b" ")
NUMBERS = (
    0,
    1,
    -1,
    2,
    4.0,
    0.5,
    -0.0,
    255,
    2**31,
    2**63,
    2**64,
    10**12,
    10**400,
    1e-320,
    1e308,
)
NUMBERS += (float("nan"), float("inf"), -float("inf"))
VALUES = (None, True, False, "", "x", "\0", "\ud800", "ä" * 1000, "../x", "/dev/zero", [], {})
VALUES += ([5], [[[]]], {"a": 1}, ["x", None], "2026", "1e5", [0] * 1000)


def mutate(data: bytes, other: bytes, rng: Random) -> bytes:
    """Change bytes in one to three places; `other` is a file to splice in."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(CHANGES)(data, other, rng)
    return data


def _flip(data, _other, rng):
    return _replaced(data, rng, lambda byte: byte ^ (1 << rng.randrange(8)))


def _set(data, _other, rng):
    return _replaced(data, rng, lambda _: rng.choice((0, 255, 127, 128, rng.randrange(256))))


def _digit(data, _other, rng):
    """Change a digit, if there is one: the number stays a number."""
    places = [i for i, byte in enumerate(data[:5000]) if 48 <= byte <= 57]
    if not places:
        return data
    at = rng.choice(places)
    return data[:at] + b"%d" % rng.randrange(10) + data[at + 1 :]


def _replaced(data, rng, change):
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([change(data[at])]) + data[at + 1 :]


def _cut(data, _other, rng):
    return data[: rng.randrange(len(data) + 1)]


def _remove(data, _other, rng):
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data, _other, rng):
    start, end = _span(data, rng)
    return data[:end] + data[start:end] + data[end:]


def _insert(data, _other, rng):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice((rng.choice(PIECES), rng.randbytes(5))) + data[at:]


def _splice(data, other, rng):
    (start, end), (first, last) = _span(data, rng), _span(other, rng)
    return data[:start] + other[first:last] + data[end:]


def _span(data, rng):
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 8, 30, 200, len(data))))


CHANGES = (_flip, _flip, _set, _digit, _cut, _remove, _repeat, _insert, _splice)


def mutate_json(value: object, rng: Random) -> object:
    """A copy with one to two changed, missing, added or renamed entries."""
    root = [copy.deepcopy(value)]
    for _ in range(rng.choice((1, 1, 1, 2))):
        if places := list(_places(root)):
            _change(*rng.choice(places), rng)
    return root[0] if root else None


def _places(parent):
    """Every value's container and its key there."""
    for key in list(parent) if isinstance(parent, dict) else range(len(parent)):
        yield parent, key
        if isinstance(parent[key], dict | list):
            yield from _places(parent[key])


def _change(parent, key, rng):
    value, kind = parent[key], rng.random()
    if kind < 0.15:
        del parent[key]
    elif kind < 0.25 and isinstance(value, dict):
        value[rng.choice(("x", "", "\0", "__class__", "checksum"))] = _any_value(rng)
    elif kind < 0.25 and isinstance(value, list):
        value += [_any_value(rng), *value[:1]]
    elif kind < 0.35 and isinstance(parent, dict):
        parent[key + rng.choice((" ", "x", "\0"))] = parent.pop(key)
    elif kind < 0.6 and type(value) in (int, float) and abs(value) < 1e300:
        parent[key] = rng.choice((value + 1, value - 1, -value, value * 2, value * 0.5))
    elif kind < 0.6 and isinstance(value, str):
        parent[key] = mutate(value.encode("utf-8", "replace"), b"", rng).decode(
            "utf-8", "surrogateescape"
        )
    else:
        parent[key] = rng.choice((_any_value(rng), rng.choice(NUMBERS)))


def _any_value(rng):
    return copy.deepcopy(rng.choice(VALUES))  # a later mutation may change it


def to_json(value: object) -> bytes:
    """The text of a JSON value that may hold any number and half a surrogate pair."""
    try:
        return json.dumps(value, indent=1).encode()
    except ValueError:  # a number of more digits than Python writes
        return repr(value).encode("utf-8", "replace")[:100_000]
