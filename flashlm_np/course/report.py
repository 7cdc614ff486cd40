"""Grades as lines of text, and as JUnit XML."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree

from .exercise import RIGHT, TO_DO, WRONG, Exercise, Grade

WIDTH = 96


def lines_of(exercise: Exercise, grade: Grade, *, whole: bool) -> Iterable[str]:
    """The exercise, its state, and why: always if it is wrong, and if `whole` is asked for."""
    so_far = f" (right: {', '.join(grade.right)})" if grade.right else ""
    yield f"{exercise.label}: {grade.state}{so_far}"
    if whole or grade.state == WRONG:
        for line in grade.details:
            yield from _wrapped(printable(line))
    if whole and grade.printed.strip():
        yield "  It printed:"
        yield from (f"  | {line}" for line in printable(grade.printed).splitlines())


def _wrapped(line):
    """Sentences are wrapped; a line of numbers is left whole."""
    if line.startswith(("for ", "in float32, for ")) or line.startswith("   "):
        return [f"  {line}"]
    return textwrap.wrap(
        line,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def summary(grades: Iterable[Grade]) -> str:
    """`3 right, 1 wrong, 16 to do`."""
    count = Counter(grade.state for grade in grades)
    return ", ".join(
        f"{count[state]} {state}" for state in (RIGHT, WRONG, TO_DO) if count[state]
    )


def printable(text: str) -> str:
    """Text without control characters, which could command a terminal or are no XML."""
    return re.sub(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)


def junit(grades: dict[Exercise, Grade]) -> bytes:
    """A test case per exercise: to do is skipped, wrong a failure, no result an error."""
    suite = ElementTree.Element("testsuite", name="flashlm course")
    kinds = Counter()
    for exercise, grade in grades.items():
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="course",
            name=exercise.file_name.removesuffix(".py"),
            time=f"{grade.seconds:.3f}",
        )
        kind = _kind(grade)
        kinds[kind] += 1
        if kind:
            what = printable(grade.details[0])
            element = ElementTree.SubElement(case, kind, message=what)
            if kind != "skipped":
                element.text = printable("\n".join(grade.details))
        if grade.printed:
            ElementTree.SubElement(case, "system-out").text = printable(grade.printed)
    suite.set("tests", str(len(grades)))
    suite.set("failures", str(kinds["failure"]))
    suite.set("errors", str(kinds["error"]))
    suite.set("skipped", str(kinds["skipped"]))
    suite.set("time", f"{sum(grade.seconds for grade in grades.values()):.3f}")
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _kind(grade):
    if grade.state == TO_DO:
        return "skipped"
    if grade.state == WRONG:
        return "error" if grade.crashed else "failure"
    return ""
