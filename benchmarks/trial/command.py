"""What the commands of the trials share: their options, their parts, and how they stop."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from flashlm_np.errors import UserError
from flashlm_np.progress import Stopped

BENCHMARKS = Path(__file__).resolve().parents[1]


def parser_for(
    name: str, description: str, parts: tuple[str, ...], bases
) -> argparse.ArgumentParser:
    """A parser with the options of all trials. `name` is that of the files, and of --work."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, help="a folder of flashlm prepare")
    file = BENCHMARKS / f"{name}_results.jsonl"
    parser.add_argument("--results", type=Path, default=file)
    parser.add_argument("--work", type=Path, default=Path("runs") / name, help="checkpoints")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--size", choices=bases, default="v3", help="of the model; tiny: a try")
    parser.add_argument("--steps", type=int, default=9, help="timed steps of each (9)")
    parser.add_argument("--threads", type=int, help="cores to use; default: all")
    plots = BENCHMARKS.parent / "docs"
    parser.add_argument("--plots", type=Path, default=plots, help="their folder")
    for part in parts:
        parser.add_argument(f"--{part}", action="store_true")
    return parser


def parse(
    parser, arguments, parts: tuple[str, ...], without_data: tuple[str, ...] = ("report",)
) -> argparse.Namespace:
    """The options. `parts` are those that were chosen, by default all.

    without_data: the parts that read no folder of tokens.
    """
    options = parser.parse_args(arguments)
    options.parts = [part for part in parts if getattr(options, part)] or list(parts)
    if options.data is None and not set(options.parts) <= set(without_data):
        parser.error("give --data")
    return options


def names_of(parser, option: str, chosen: list[str] | None, known: Iterable[str]) -> list[str]:
    """The chosen names, by default all known ones. Ends with a sentence if one is not known."""
    known = list(known)
    if unknown := sorted(set(chosen or ()) - set(known)):
        parser.error(f"{option}: there is no {unknown[0]}; choose from {' '.join(known)}")
    return chosen or known


def run(work: Callable[[], None]) -> None:
    """Do the work. A wrong input and a signal end the command with a sentence."""
    try:
        work()
    except UserError as error:
        sys.exit(str(error))
    except Stopped:
        sys.exit("Stopped; the same command goes on")
