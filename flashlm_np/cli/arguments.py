"""What the options of several commands share: kinds of numbers, and common arguments."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_values(parser, *values):
    """Options with a value each: (name, kind, default, help)."""
    for name, kind, default, help in values:
        parser.add_argument(
            name, type=kind, default=default, metavar="X", help=f"{help} (%(default)s)"
        )


def add_threads(parser, help):
    parser.add_argument("--threads", type=at_least(int, 1), metavar="N", help=help)


def reading(item):
    """`item` as an argparse type that passes on the message of a ValueError."""

    def read(text):
        try:
            return item(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def number(kind, fits, wrong):
    """A number as an argparse type; one that does not fit is told with `wrong`."""

    def read(text):
        value = kind(text)
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text} {wrong}")
        return value

    read.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return read


def at_least(kind, least):
    return number(kind, lambda value: value >= least, f"is less than {least}")


def add_run_folder(parser):
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a run")
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="best", help="default: best"
    )
    parser.add_argument("--ema", action="store_true", help="use the averaged weights")
