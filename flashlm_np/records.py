"""Records: JSON objects on the disk, with a checksum, whose entries are checked when read.

    {"format": "flashlm-np tokens 2", ..., "checksum": "1f2e..."}

The checksum is the SHA-256 of the canonical JSON of the other entries: sorted keys, no blanks,
only ASCII characters. So it covers what a record says, and not how its lines are broken.

A *form* describes the values that an entry may have:

    str, bool               a text; true or false
    Number(int, 1, 10)      a whole number from 1 to 10; with float, any number, but not NaN
    re.compile("[0-9]+")    a text that the pattern matches as a whole
    None                    null
    [form]                  a list of values of one form
    (form, form)            one of several forms
    {"a": form, "b?": form} an object with the entry "a" and perhaps "b"; others are ignored
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import read_bytes, write_atomically

SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Number:
    """The form of a number with limits. Booleans are none, and 4.0 is not a whole one."""

    kind: type[int] | type[float]
    least: float = 0
    most: float = 2**63 - 1

    def __str__(self):
        name = "whole number" if self.kind is int else "number"
        return f"a {name} from {self.least:,} to {self.most:,}"

    def fits(self, value: Any) -> bool:
        kinds = (int,) if self.kind is int else (int, float)
        return type(value) in kinds and self.least <= value <= self.most  # NaN is not


def write_record(path: Path, version: str, entries: dict) -> None:
    """Write a record with its version, under "format", and its checksum."""
    record = {"format": version, **entries}
    record["checksum"] = checksum(record)
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())


def read_record(path: Path, version: str, entries: dict, advice: str, old: str = "") -> dict:
    """Read a record of a version, whose entries have the forms `entries`.

    advice: what the user can do if the file is damaged.
    old: a former version, which has no checksum.

    Raises: UserError where the file cannot be read, or is not such a record.
    """
    try:
        record = json.loads(read_bytes(path), object_pairs_hook=_object)
        expected = checksum(record) if isinstance(record, dict) else ""
    except (ValueError, RecursionError) as error:
        detail = f" ({error})" if isinstance(error, RepeatedEntry) else ""
        raise UserError(f"{path} is damaged: it is not JSON{detail}; {advice}") from None
    found = record.get("format") if expected else None
    if not found or found not in (version, old):
        raise UserError(f"{path} is of another kind or version: its format is not {version!r}")
    if (found == version or "checksum" in record) and record.get("checksum") != expected:
        raise UserError(f"{path} is damaged: its entries do not fit its checksum; {advice}")
    if problem := misfit(record, entries):
        raise UserError(f"{path} is damaged: {problem}; {advice}")
    return record


def checksum(record: dict) -> str:
    """SHA-256 of the canonical JSON of all entries but the checksum itself."""
    rest = {key: value for key, value in record.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def misfit(value: Any, form: Any, name: str = "") -> str:
    """The first part of `value` that does not have its form, in words; "" if there is none."""
    if isinstance(form, dict) and isinstance(value, dict):
        return _misfit_of_object(value, form, name)
    if isinstance(form, list) and isinstance(value, list):
        parts = (misfit(item, form[0], f"{name}[{i}]") for i, item in enumerate(value))
        return next(filter(None, parts), "")
    if isinstance(form, tuple):
        problems = [misfit(value, choice, name) for choice in form]
        return "" if "" in problems else problems[0]
    return "" if _fits(value, form) else f"{name} is {_short(value)}, expected {_words(form)}"


def _misfit_of_object(value, form, name):
    for key, part in form.items():
        path = f"{name}.{key.rstrip('?')}".lstrip(".")
        if key.rstrip("?") in value:
            if problem := misfit(value[key.rstrip("?")], part, path):
                return problem
        elif not key.endswith("?"):
            return f"it has no entry {path}"
    return ""


def _fits(value, form):
    if isinstance(form, Number):
        return form.fits(value)
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return value is None if form is None else type(value) is form


def _words(form):
    if isinstance(form, re.Pattern):
        return f"a text like {form.pattern}"
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    kind = type(form) if isinstance(form, (dict, list)) else form
    return "null" if form is None else kinds.get(kind) or str(form)


def _short(value):
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        text = "a value that is too large"
    return text if len(text) <= 60 else text[:57] + "..."


class RepeatedEntry(ValueError):
    """An object of JSON has one entry twice, and only one of both could be read."""


def _object(pairs):
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise RepeatedEntry("an entry stands in it twice")
    return entries
