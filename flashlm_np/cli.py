"""The command `flashlm`: train, eval, generate, stories.

Every field of the configuration is an option of `train`. What goes wrong is one sentence on
standard error and a non-zero exit; what takes long to import is imported where it is used.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path

from .config import PRESETS, TEMPERATURE, Config, Phase, option_name, text_of
from .errors import INTERRUPTED, UserError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a Windows console may not know every letter
        if hasattr(stream, "reconfigure"):  # a notebook's has not
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        return 1
    except OSError as error:
        name = f" {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{name}")
    except MemoryError:
        return _fail("out of memory; use a smaller --d-model, batch or sequence (--phases)")
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)


def _fail(message: str, code: int = 1) -> int:
    print(f"flashlm: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flashlm", description="FlashLM v3, a ternary language model, in plain NumPy."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_eval(commands)
    _add_generate(commands)
    _add_stories(commands)
    return parser


# -- train ---------------------------------------------------------------------------------


def _add_train(commands):
    train = commands.add_parser("train", help="train a model", description=_train.__doc__)
    train.set_defaults(run=_train)
    minutes = _number(
        float, lambda m: 0 < m < float("inf"), "is not a number of minutes above 0"
    )
    train.add_argument("--preset", choices=PRESETS, default=None, help="default: quickstart")
    train.add_argument(
        "--text", nargs="+", metavar="FILE", help="learn from these, not stories"
    )
    train.add_argument(
        "--out", metavar="DIR", help="default: runs/PRESET, or the next free name"
    )
    train.add_argument("--resume", metavar="DIR", help="go on from the last checkpoint in DIR")
    train.add_argument("--minutes", type=minutes, help="take as many steps as fit into these")
    train.add_argument(
        "--threads",
        type=_at_least(int, 1),
        metavar="N",
        help="micro-batches at once; default: all cores",
    )
    fields_of_config = train.add_argument_group("the configuration (and its defaults)")
    for field in fields(Config):
        if field.name != "preset":
            _add_field(fields_of_config, field)


def _add_field(group, field):
    name = option_name(field.name)
    kind = type(field.default)
    options = {"default": None, "help": f"{field.metadata['help']} ({_defaults(field.name)})"}
    if kind is bool:
        group.add_argument(name, action=argparse.BooleanOptionalAction, **options)
    elif kind is tuple:
        phases = isinstance(field.default[0], Phase)
        item, metavar = (_reading(Phase.parse), "PHASE") if phases else (int, "N")
        group.add_argument(name, type=item, nargs="+", metavar=metavar, **options)
    else:
        group.add_argument(name, type=kind, metavar=kind.__name__.upper(), **options)


def _defaults(name):
    """What each preset has in this field, for the help."""
    values = {preset: text_of(getattr(config, name)) for preset, config in PRESETS.items()}
    if len(set(values.values())) == 1:
        return values.popitem()[1]
    return "; ".join(f"{preset}: {text}" for preset, text in values.items())


def _reading(item):
    """`item` as an argparse type that passes on the message of a ValueError."""

    def read(text):
        try:
            return item(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _number(kind, fits, wrong):
    """A number as an argparse type; one that does not fit is told with `wrong`."""

    def read(text):
        value = kind(text)
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text} {wrong}")
        return value

    read.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return read


def _at_least(kind, least):
    return _number(kind, lambda value: value >= least, f"is less than {least}")


def _train(options) -> int:
    """Train on made-up stories, or on --text, and write a report, a curve and samples."""
    from . import runs

    chosen = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in fields(Config)
        if field.name != "preset" and (value := getattr(options, field.name)) is not None
    }
    if options.minutes and "steps" in chosen:
        raise UserError("--minutes and --steps exclude each other; give one of them")
    if options.resume:
        others = ("preset", "text", "out", "minutes")
        chosen |= {name: getattr(options, name) for name in others if getattr(options, name)}
        return runs.resume(Path(options.resume), chosen, options.threads)
    preset = options.preset or "quickstart"
    try:
        config = replace(PRESETS[preset], **chosen)
    except ValueError as error:
        raise UserError(str(error)) from None
    out = Path(options.out) if options.out else _free_folder(Path("runs") / preset)
    return runs.start(config, options.text, out, options.minutes, options.threads)


def _free_folder(folder: Path) -> Path:
    """`folder`, or the first of folder-2, folder-3, ... that does not exist."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


# -- eval, generate, stories ----------------------------------------------------------------


def _add_run_folder(parser):
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a run")
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="best", help="default: best"
    )
    parser.add_argument("--ema", action="store_true", help="use the averaged weights")


def _add_eval(commands):
    parser = commands.add_parser("eval", help="evaluate a run", description=_eval.__doc__)
    parser.set_defaults(run=_eval)
    _add_run_folder(parser)
    parser.add_argument("--text", nargs="+", metavar="FILE", help="score the whole of these")


def _eval(options) -> int:
    """Score a run's model on its validation tokens, or on the whole of --text."""
    from . import runs

    return runs.evaluate_run(options.folder, options.checkpoint, options.ema, options.text)


def _add_generate(commands):
    parser = commands.add_parser(
        "generate", help="let a run's model write", description=_generate.__doc__
    )
    parser.set_defaults(run=_generate)
    _add_run_folder(parser)
    number, whole = _at_least(float, 0), _at_least(int, 0)
    share = _number(float, lambda value: 0 <= value <= 1, "is not between 0 and 1")
    for name, kind, default, help in (
        ("--prompt", str, "", "how the text begins"),
        ("--tokens", whole, 200, "how many to write at most"),
        (
            "--temperature",
            number,
            TEMPERATURE,
            "low is safe, 1 as learned; 0: the likeliest token",
        ),
        ("--top-k", whole, 0, "choose among the k likeliest tokens only; 0: among all"),
        ("--top-p", share, 1.0, "choose among the likeliest that together have this share"),
        ("--seed", whole, 0, "of the dice"),
    ):
        parser.add_argument(
            name, type=kind, default=default, metavar="X", help=f"{help} (%(default)s)"
        )


def _generate(options) -> None:
    """Continue a prompt, token by token."""
    from . import runs

    runs.write_on(
        options.folder,
        options.checkpoint,
        options.ema,
        options.prompt,
        options.tokens,
        options.seed,
        {
            "temperature": options.temperature,
            "top_k": options.top_k,
            "top_p": options.top_p,
        },
    )


def _add_stories(commands):
    parser = commands.add_parser("stories", help="tell stories", description=_stories.__doc__)
    parser.set_defaults(run=_stories)
    parser.add_argument(
        "--count", type=_at_least(int, 0), default=3, metavar="N", help="default: 3"
    )
    parser.add_argument(
        "--seed", type=_at_least(int, 0), default=0, metavar="N", help="default: 0"
    )


def _stories(options) -> int:
    """Print stories of the embedded corpus, each with its exact probability."""
    import numpy as np

    from .corpus import stories

    rng = np.random.default_rng(options.seed)
    for _ in range(options.count):
        text = stories.generate(rng)
        print(f"{text}\n[ln p = {stories.score(text):.3f}]\n")
    return 0
