"""A few inputs of benchmarks/fuzz.py for every reader of files, always the same ones."""

import json

import pytest

from benchmarks.fuzz_trial.packing import Subject
from benchmarks.fuzz_trial.subjects import subjects
from benchmarks.fuzz_trial.trial import ACCEPTED, CRASH, REFUSED, SAME, SILENT, fuzz
from flashlm_np.errors import UserError

SUBJECTS = subjects()
INPUTS = 25


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_mutated_file_is_refused_in_a_sentence_or_does_no_harm(name):
    with fuzz(SUBJECTS[name]) as trials:
        for index in range(INPUTS):
            outcome, note = trials.trial(0, index)
            assert outcome in (REFUSED, SAME, ACCEPTED), f"input {index}: {outcome}: {note}"


def careless(folder):
    """A reader as they are written at first."""
    return json.loads((folder / "a.json").read_bytes())["number"]


def in_two_lines(folder):
    try:
        return careless(folder)
    except Exception as error:
        raise UserError(f"it is damaged:\n{error}") from None


@pytest.mark.parametrize(
    ("read", "is_covered", "expected"),
    [
        (careless, True, {SAME, SILENT, CRASH}),
        (careless, False, {SAME, ACCEPTED, CRASH}),
        (in_two_lines, False, {SAME, ACCEPTED, CRASH}),
    ],
)
def test_the_fuzz_finds_a_careless_reader(read, is_covered, expected):
    parts = {"a.json": b'{"number": 12345, "other": "text"}'}
    with fuzz(Subject("careless", parts, read, is_covered=is_covered)) as trials:
        assert {trials.trial(0, index)[0] for index in range(100)} == expected
