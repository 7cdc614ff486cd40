"""`flashlm profile`, `inspect`, `export`: where time and bytes go, and a model packed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..model.config import PRESETS
from .arguments import add_run_folder, add_threads, at_least


def add_profile(commands):
    parser = commands.add_parser(
        "profile", help="see where the time goes", description=_profile.__doc__
    )
    parser.set_defaults(run=_profile)
    parser.add_argument("--preset", choices=PRESETS, default="v3", help="default: v3")
    parser.add_argument(
        "--plain", action="store_true", help="the composed form of gates and head, for reading"
    )
    whole = at_least(int, 1)
    parser.add_argument(
        "--phase", type=whole, metavar="N", help="of the preset; default: 2, or 1 if it has one"
    )
    parser.add_argument("--steps", type=whole, default=6, metavar="N", help="default: 6")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it, as PNG")
    add_threads(parser, "cores to use; default: all")


def _profile(options) -> None:
    """Take a few training steps on random tokens; print what each operation costs, and how
    large a part of the step the output layer is."""
    from ..analysis import step_profile as profiling

    config = replace(PRESETS[options.preset], fused=not options.plain)
    number = options.phase or min(2, len(config.phases))
    if number > len(config.phases):
        raise UserError(f"--phase is {number}, but {config.preset} has {len(config.phases)}")
    profiling.run(config, number, options.steps, options.threads, options.picture)


def add_inspect(commands):
    parser = commands.add_parser(
        "inspect", help="see what a model is made of", description=_inspect.__doc__
    )
    parser.set_defaults(run=_inspect)
    add_run_folder(parser)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it, as PNG")


def _inspect(options) -> None:
    """Print a model's ledger: parameters, bytes, multiplications and additions per token; and
    its ternary weights."""
    from ..analysis.inspection import inspect

    inspect(options.folder, options.checkpoint, options.ema, options.picture)


def add_export(commands):
    parser = commands.add_parser(
        "export", help="write a model packed", description=_export.__doc__
    )
    parser.set_defaults(run=_export)
    add_run_folder(parser)
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="a new folder")
    parser.add_argument("--c", metavar="FILE", type=Path, help="write a C99 program, too")
    parser.add_argument(
        "--encoding",
        choices=("base-3", "2-bit"),
        default="base-3",
        help="of the ternary weights: 1.6 or 2 bits each; default: base-3",
    )
    parser.add_argument(
        "--head",
        choices=("int8", "float16"),
        default="int8",
        help="the embedding and head; default: int8",
    )


def _export(options) -> None:
    """Write a run's model for use only: ternary weights packed, the rest in a byte or two per
    number. eval, generate and inspect read it."""
    from ..training import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema)
    runs.export_run(run, options.out, options.c, options.encoding, options.head)
