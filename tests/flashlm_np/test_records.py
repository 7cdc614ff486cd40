"""Records: checksums, forms, and JSON that nobody wrote."""

import json
import math
import re

import pytest

from flashlm_np.errors import UserError
from flashlm_np.records import Number, checksum, misfit, read_record, write_record

FORM, OLD = "test 2", "test 1"
ENTRIES = {"name": str, "size": Number(int, 1, 9), "rate?": Number(float, 0, 1)}
GOOD = {"name": "a\u00e9\u4e2d", "size": 3, "rate": 0.1, "more": {"b": [1, None], "a": True}}


def read(path):
    return read_record(path, FORM, ENTRIES, "make it again", OLD)


def refusal(path):
    with pytest.raises(UserError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    write_record(tmp_path / "a.json", FORM, GOOD)
    return tmp_path / "a.json"


def test_a_written_record_is_read(path):
    record = read(path)
    assert {key: record[key] for key in GOOD} == GOOD
    assert list(record) == ["format", *GOOD, "checksum"]


def test_the_checksum_is_that_of_the_canonical_json(path):
    # SHA-256 of {"a":[1,2.5,"\u00e9"],"b":null}
    expected = "e644d8306475e30cde8f33f9f20282cb7f0a9a4cb27db54946828e9fd92531b0"
    assert checksum({"b": None, "a": [1, 2.5, "\u00e9"], "checksum": "x"}) == expected
    path.write_text(json.dumps(json.loads(path.read_text())))  # other blanks and line breaks
    read(path)


def test_each_flipped_bit_is_refused_or_changes_nothing(path):
    data = path.read_bytes()
    accepted = 0
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            record = read(path)
        except UserError:
            continue
        accepted += 1
        assert {key: record[key] for key in GOOD} == GOOD
    assert accepted <= 3  # \\u00e9 may be written \\u00E9


def test_an_old_record_needs_no_checksum_but_one_that_is_there_must_fit(path):
    record = json.loads(path.read_text()) | {"format": OLD}
    path.write_text(json.dumps(record))
    assert "its entries do not fit its checksum; make it again" in refusal(path)
    del record["checksum"]
    path.write_text(json.dumps(record))
    assert read(path)["size"] == 3
    path.write_text(json.dumps(record | {"format": FORM}))
    assert "its entries do not fit its checksum" in refusal(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON; make it again"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "a.json is "),  # depends on Python's limit
        ('{"a": ' + "9" * 5_000 + "}", "it is not JSON"),
        ('{"format": "test 1", "size": 1, "size": 2}', "(an entry stands in it twice)"),
        ("[]", "is of another kind or version: its format is not 'test 2'"),
        ("7", "is of another kind or version"),
        ("{}", "is of another kind or version"),
        ('{"format": ["test 2"]}', "is of another kind or version"),
        ('{"format": "test 3"}', "is of another kind or version"),
        ('{"format": ""}', "is of another kind or version"),
        ('{"format": "test 1", "name": "x"}', "damaged: it has no entry size; make it"),
        (
            '{"format": "test 1", "name": "x", "size": 10}',
            "damaged: size is 10, expected a whole number from 1 to 9; make it again",
        ),
    ],
)
def test_json_that_is_no_such_record_is_an_error_of_one_sentence(path, text, message):
    path.write_text(text)
    assert message in refusal(path)


@pytest.mark.parametrize(
    ("value", "form", "problem"),
    [
        (3, Number(int, 0, 3), ""),
        (4, Number(int, 0, 3), "x is 4, expected a whole number from 0 to 3"),
        (-1, Number(int, 0, 3), "x is -1, expected"),
        (3.0, Number(int, 0, 3), "x is 3.0, expected"),
        (True, Number(int, 0, 3), "x is true, expected"),
        ("3", Number(int, 0, 3), 'x is "3", expected'),
        (None, Number(int, 0, 3), "x is null, expected"),
        (3, Number(float, 0, 3), ""),
        (2.5, Number(float, 0, 3), ""),
        (math.nan, Number(float, 0, math.inf), "x is NaN, expected a number from 0 to inf"),
        (math.inf, Number(float, 0, math.inf), ""),
        (False, Number(float, 0, 3), "x is false, expected"),
        ("a", str, ""),
        (1, str, "x is 1, expected a text"),
        (1, bool, "x is 1, expected true or false"),
        ("ab", re.compile("[ab]+"), ""),
        ("ab\n", re.compile("[ab]+"), 'x is "ab\\n", expected a text like [ab]+'),
        (["ab"], re.compile("[ab]+"), 'x is ["ab"], expected a text like'),
        (None, None, ""),
        (0, None, "x is 0, expected null"),
        (["a"], [str], ""),
        (["a", 1], [str], "x[1] is 1, expected a text"),
        ("ab", [str], 'x is "ab", expected a list'),
        (None, (str, None), ""),
        (1, (str, None), "x is 1, expected a text"),
        ({"a": "b"}, {"a": str, "c?": str}, ""),
        ({"a": "b", "c": 1}, {"a": str, "c?": str}, "x.c is 1, expected a text"),
        ({"c": "b"}, {"a": str, "c?": str}, "it has no entry x.a"),
        (["a"], {"a": str}, 'x is ["a"], expected an object'),
        ({"a": [{"b": 1}]}, {"a": [{"b": str}]}, "x.a[0].b is 1, expected a text"),
        ("a" * 99, bool, f'x is "{"a" * 56}..., expected true or false'),
    ],
)
def test_a_form_says_what_fits(value, form, problem):
    found = misfit(value, form, "x")
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_a_number_that_cannot_be_printed_is_described():
    problem = misfit(10**5000, Number(int, 0, 3), "x")
    assert problem == "x is a value that is too large, expected a whole number from 0 to 3"
