"""Arguments that several commands share, and types of numbers with limits."""

import argparse
from pathlib import Path


def add_command(commands, run, name, help):
    """Add the parser of a command that calls `run(options)`, whose docstring describes it."""
    parser = commands.add_parser(name, help=help, description=run.__doc__)
    parser.set_defaults(run=run)
    return parser


def add_values(parser, *values):
    """Add options that take a value; each is (name, kind, default, help)."""
    for name, kind, default, help in values:
        parser.add_argument(
            name, type=kind, default=default, metavar="X", help=f"{help} (%(default)s)"
        )


def add_threads(parser, help):
    parser.add_argument("--threads", type=at_least(int, 1), metavar="N", help=help)


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
    return number(kind, lambda value: value >= least, f"is less than {least}")


def add_run_folder(parser):
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a run")
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="best", help="default: best"
    )
    parser.add_argument("--ema", action="store_true", help="use the averaged weights")


def add_tokenizer(parser, default, **options):
    parser.add_argument(
        "--tokenizer",
        default=default,
        metavar="NAME",
        help="gpt2, stories, or a vocabulary file in tiktoken's format"
        + (f"; default: {default}" if default else options["help"]),
    )
