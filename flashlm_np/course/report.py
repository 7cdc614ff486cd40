"""Grades as lines of text, and as JUnit XML."""

from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree

from ..progress import printable
from .exercise import RIGHT, TO_DO, WRONG, Exercise, Grade
from .inputs import wrapped


def lines_of(exercise: Exercise, grade: Grade, *, whole: bool) -> Iterable[str]:
    """The exercise and its state; the reasons too if it is wrong or `whole` is True."""
    so_far = f" (right: {', '.join(grade.right)})" if grade.right else ""
    yield f"{exercise.label}: {grade.state}{so_far}"
    if whole or grade.state == WRONG:
        for line in grade.details:
            numbers = line.startswith(("for ", "in float32, for ", "   "))  # have lines already
            text = printable(line)
            yield from [f"  {text}"] if numbers else wrapped(text, "  ", "    ")
    if whole and grade.printed.strip():
        yield "  It printed:"
        yield from (f"  | {line}" for line in printable(grade.printed).splitlines())


def summary(grades: Iterable[Grade]) -> str:
    """`3 right, 1 wrong, 16 to do`."""
    count = Counter(grade.state for grade in grades)
    return ", ".join(
        f"{count[state]} {state}" for state in (RIGHT, WRONG, TO_DO) if count[state]
    )


def junit(grades: dict[Exercise, Grade], student: str = "") -> bytes:
    """A test case per exercise: to do is skipped, wrong a failure, no result an error.

    student: the student's number, a property of the suite.
    """
    suites = ElementTree.Element("testsuites")
    kinds = Counter(map(_kind, grades.values()))
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name="flashlm course",
        tests=str(len(grades)),
        failures=str(kinds["failure"]),
        errors=str(kinds["error"]),
        skipped=str(kinds["skipped"]),
        time=f"{sum(grade.seconds for grade in grades.values()):.3f}",
    )
    if student:
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="student", value=student)
    for exercise, grade in grades.items():
        name = exercise.file_name.removesuffix(".py")
        attributes = {"classname": "course", "name": name, "time": f"{grade.seconds:.3f}"}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        if kind := _kind(grade):
            message, text = printable(grade.details[0]), printable("\n".join(grade.details))
            ElementTree.SubElement(case, kind, message=message).text = text
        if grade.printed:
            ElementTree.SubElement(case, "system-out").text = printable(grade.printed)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _kind(grade):
    if grade.state == WRONG:
        return "error" if grade.crashed else "failure"
    return "skipped" if grade.state == TO_DO else ""
