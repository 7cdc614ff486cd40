"""Arguments that several commands share, and types of numbers with limits."""

import argparse
import math
from functools import partial
from pathlib import Path

from .useless import refuse_useless


def add_command(commands, run, name, help, of_run=False):
    """Add the parser of a command that calls `run(options)`, whose docstring describes it.

    of_run: whether the command takes the folder of a run, and which weights in it to use.
    """
    parser = commands.add_parser(name, help=help, description=run.__doc__)
    parser.set_defaults(run=partial(_run, run), command=name, parser=parser)
    if of_run:
        parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a run")
        add_choice(parser, "--checkpoint", ("best", "last"), "the checkpoint to load")
        parser.add_argument("--ema", action="store_true", help="use the averaged weights")
    return parser


def _run(run, options):
    refuse_useless(options)
    return run(options)


def add_options(parser, *options):
    """Add options that take a value, each given as (name, kind, default, help)."""
    for name, kind, default, help in options:
        metavar = kind.__name__.upper()  # INT, FLOAT, STR or PATH
        help_text = help if default in (None, "") else f"{help}; default: %(default)s"
        parser.add_argument(name, type=kind, default=default, metavar=metavar, help=help_text)


def add_choice(parser, name, choices, help):
    """Add an option that has one of a few values, the first by default."""
    help_text = f"{help}; default: {choices[0]}"
    parser.add_argument(name, choices=choices, default=choices[0], help=help_text)


def parsed_by(parse):
    """`parse` as an argparse type. The message of its ValueError is shown to the user."""

    def read(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def number(kind, fits, wrong):
    """A number as an argparse type. `wrong` describes one that does not fit."""

    def read(text):
        value = kind(text)
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text} {wrong}")
        return value

    read.__name__ = kind.__name__  # for argparse's message: "invalid int value"
    return read


def at_least(kind, least):
    wrong = f"is less than {least}" if kind is int else f"is no finite number from {least} on"
    return number(kind, lambda value: least <= value < math.inf, wrong)


def above_0(unit):
    return number(float, lambda x: 0 < x < math.inf, f"is not a number of {unit} above 0")


def new_file(*suffixes):
    """The path of a file to write, as an argparse type; its name ends in one of `suffixes`.

    Other programs choose by the end of a name how to read a file. A path that cannot be written
    is refused here, before the work.
    """

    def read(text):
        path = Path(text)
        if suffixes and path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(f"{text} should end in {' or '.join(suffixes)}")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text} is a folder; name a file")
        if not path.absolute().parent.is_dir():
            raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
        return path

    read.__name__ = "file"  # for the help: "--picture FILE"
    return read


WHOLE, COUNT = at_least(int, 0), at_least(int, 1)
SHORTEST = at_least(int, 5)  # a vocabulary of four special ids and a token

# Options of several commands, for add_options.
MOST_THREADS = 256  # each takes memory, so a slip of the finger would take all
_threads = number(int, lambda n: 1 <= n <= MOST_THREADS, f"is not between 1 and {MOST_THREADS}")
THREADS = ("--threads", _threads, None, "cores to use; default: all")
PICTURE = ("--picture", new_file(".png", ".svg", ".pdf"), None, "also draw it")
TOKENIZERS = "gpt2, stories, or a vocabulary file in tiktoken's format"
