"""Files of a student, and the command that checks them."""

from course_answers import BY_NAME, solution

from flashlm_np.cli import main


def file_with(workbook, name, *bodies, above="", below="", solved=False):
    """Write these bodies into the first functions of a student's file, and code around them.

    solved: whether the functions have the package's bodies.
    """
    exercise = BY_NAME[name]
    file = workbook / exercise.file_name
    text = solution(exercise) if solved else file.read_text(encoding="utf-8")
    for body in bodies:
        text = text.replace('    raise NotImplementedError("to do")', body, 1)
    future = "from __future__ import annotations\n"
    file.write_text(text.replace(future, future + above) + below, encoding="utf-8")


def output_of(capsys, code, *arguments):
    assert main(["course", *map(str, arguments)]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def unwrapped(text):
    return " ".join(text.split())


def line_of(workbook, name, text):
    lines = (workbook / BY_NAME[name].file_name).read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)
