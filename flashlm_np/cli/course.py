"""`flashlm course`: exercises cut out of this package, and a grader that explains."""

import sys
from pathlib import Path

from ..commands import command
from ..course.student_number import student_number
from ..errors import UserError
from ..progress import printable
from .arguments import PICTURE, above_0, add_command, add_options, new_file, parsed_by


def add_course(commands):
    parser = commands.add_parser(
        "course",
        help="exercises, and a grader that explains",
        description="Write the exercises of the course into a folder; check your answers.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    start = add_command(actions, _start, "start", "write the exercises")
    folder = "a new or empty folder, or a workbook"
    start.add_argument("folder", metavar="DIR", type=Path, help=folder)
    _add_student(start, "a student number: it gives the workbook numbers of its own")
    check = add_command(actions, _check, "check", "check your answers")
    check.add_argument("folder", metavar="DIR", type=Path, help="a workbook")
    names = "only these exercises, such as rms_norm or 9"
    check.add_argument("names", metavar="NAME", nargs="*", default=[], help=names)
    add_options(
        check,
        ("--timeout", above_0("seconds"), 20.0, "seconds for each exercise"),
        ("--junit", new_file(), None, "also write JUnit XML"),
    )
    _add_student(check, "refuse the workbook of another student number")
    strict = "exit code 1 unless all that is checked is right"
    check.add_argument("--strict", action="store_true", help=strict)
    predictions = add_command(
        actions, _predictions, "predictions", "the kept predictions of a class or reader"
    )
    files = "a predictions.csv, or a folder of them"
    predictions.add_argument("paths", metavar="PATH", nargs="+", type=Path, help=files)
    add_options(predictions, PICTURE)


def _add_student(parser, help):
    form = parsed_by(student_number)
    parser.add_argument("--student", metavar="NUMBER", type=form, help=help)


def _start(options) -> None:
    """Write a workbook into DIR: a file per exercise, and a README. In a workbook, files that
    are missing are written, and none is overwritten."""
    from ..course.workbook import start

    written = start(options.folder, options.student or "")
    if not written:
        print(f"{options.folder} is complete; nothing was written")
    elif len(written) < 3:
        print(f"{options.folder}: wrote {' and '.join(written)}")
    else:
        print(f"{options.folder}: wrote {len(written)} files, {written[0]} to {written[-1]}")
    print(f"Begin with its README.md. Check with: {command('course', 'check', options.folder)}")


def _check(options) -> int:
    """Check the exercises in DIR, or those of these names: to do, wrong or right, and why. Each
    runs in a process of its own. The exit code is 1 if one is wrong."""
    from ..course import report
    from ..course.exercise import RIGHT, WRONG
    from ..course.exercises import EXERCISES, find
    from ..course.runner import check
    from ..course.student_number import expect_number
    from ..course.workbook import expect_workbook
    from ..files import write_atomically

    _expect_folder_first(options.folder, options.names)
    files = expect_workbook(options.folder)
    chosen = [find(name) for name in options.names] or EXERCISES
    if student := expect_number(options.folder, options.student or ""):
        print(f"student {student}")
    grades = {}
    chosen_files = {exercise: files.get(exercise.name) for exercise in chosen}
    for exercise, grade in check(chosen_files, options.timeout, student):
        grades[exercise] = grade
        for line in report.lines_of(exercise, grade, whole=bool(options.names)):
            print(line, flush=True)
    if len(grades) > 1:
        print(f"\n{report.summary(grades.values())}")
    if options.junit:
        write_atomically(options.junit, report.junit(grades, student))
    states = {grade.state for grade in grades.values()}
    return int(WRONG in states or (options.strict and states != {RIGHT}))


def _predictions(options) -> int:
    """Show how near the predictions of each student come, and which questions surprise the
    class. A student is named as the folder or the file. A file that holds no predictions is
    named, and the exit code is 1; the others are shown all the same."""
    from ..course.predictions.classroom import Classroom, lines_of
    from ..course.predictions.collect import collect

    students, problems = collect(options.paths)
    classroom = Classroom(students)
    for line in lines_of(classroom):
        print(printable(line))
    if options.picture:
        from ..course.predictions.picture import draw

        draw(options.picture, classroom)
        print(f"\nThe same as a picture: {options.picture}")
    for problem in problems:
        print(f"flashlm: left out: {printable(problem)}", file=sys.stderr)
    return int(bool(problems))


def _expect_folder_first(folder, names):
    if names and not folder.exists() and Path(names[-1]).is_dir():
        line = command("course", "check", Path(names[-1]), folder, *names[:-1])
        raise UserError(f"the folder comes before the names of exercises: {line}")
