"""The command `flashlm`: prepare, embed, train, eval, generate, convert, profile, inspect,
export, stories.

Every field of the configuration is an option of `train`. What goes wrong is one sentence on
standard error and a non-zero exit; what takes long to import is imported where it is used.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import fields, replace
from pathlib import Path

from .config import PRESETS, TEMPERATURE, Config, Phase, option_name, text_of
from .errors import INTERRUPTED, UserError


def command() -> None:
    """The console command: `main`, and an end that nothing can spoil.

    Arrow's reading threads, once `datasets` has used them, sometimes abort the interpreter when
    it shuts down (github.com/apache/arrow/issues/45214): so it is left without that.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, as by `head`
            stream.flush()
    if "pyarrow" in sys.modules:
        os._exit(code)
    sys.exit(code)


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
    _add_prepare(commands)
    _add_embed(commands)
    _add_convert(commands)
    _add_stories(commands)
    _add_profile(commands)
    _add_inspect(commands)
    _add_export(commands)
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
    train.add_argument("--data", metavar="DIR", help="learn from what flashlm prepare made")
    train.add_argument(
        "--out", metavar="DIR", help="default: runs/PRESET, or the next free name"
    )
    train.add_argument("--resume", metavar="DIR", help="go on from the last checkpoint in DIR")
    train.add_argument("--minutes", type=minutes, help="take as many steps as fit into these")
    _add_threads(train, "cores to use; default: all")
    fields_of_config = train.add_argument_group("the configuration (and its defaults)")
    for field in fields(Config):
        if field.name != "preset":
            _add_field(fields_of_config, field)


def _add_values(parser, *values):
    """Options with a value each: (name, kind, default, help)."""
    for name, kind, default, help in values:
        parser.add_argument(
            name, type=kind, default=default, metavar="X", help=f"{help} (%(default)s)"
        )


def _add_threads(parser, help):
    parser.add_argument("--threads", type=_at_least(int, 1), metavar="N", help=help)


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
    """Train on stories, on --text or on --data, and write a report, a curve and samples."""
    from . import runs
    from .data import Material

    chosen = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in fields(Config)
        if field.name != "preset" and (value := getattr(options, field.name)) is not None
    }
    for one, other in (("minutes", "steps"), ("text", "data")):
        if getattr(options, one) and getattr(options, other):
            raise UserError(f"--{one} and --{other} exclude each other; give one of them")
    if options.resume:
        others = ("preset", "text", "data", "out", "minutes")
        chosen |= {name: getattr(options, name) for name in others if getattr(options, name)}
        return runs.resume(Path(options.resume), chosen, options.threads)
    preset = options.preset or "quickstart"
    try:
        config = replace(PRESETS[preset], **chosen)
    except ValueError as error:
        raise UserError(str(error)) from None
    out = Path(options.out) if options.out else _free_folder(Path("runs") / preset)
    material = Material.at(options.text, options.data)
    return runs.start(config, material, out, options.minutes, options.threads)


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
    _add_head(parser)
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--text", nargs="+", metavar="FILE", help="score the whole of these")
    others.add_argument("--data", metavar="DIR", help="score the last part of this corpus")


def _add_head(parser):
    parser.add_argument(
        "--head",
        choices=("float32", "int8"),
        default="float32",
        help="the output matrix; int8: a byte per number. Default: float32",
    )


def _eval(options) -> None:
    """Score a run's model on its validation tokens, or on those of --text or --data."""
    from . import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema, options.head)
    runs.evaluate_run(run, options.text, options.data)


def _add_generate(commands):
    parser = commands.add_parser(
        "generate", help="let a run's model write", description=_generate.__doc__
    )
    parser.set_defaults(run=_generate)
    _add_run_folder(parser)
    _add_head(parser)
    parser.add_argument(
        "--activations",
        choices=("float32", "int8"),
        default="float32",
        help="what the ternary layers see; int8: they add integers only. Default: float32",
    )
    parser.add_argument(
        "--packed",
        action="store_true",
        help="keep ternary weights packed, and multiply by table look-ups and additions",
    )
    number, whole = _at_least(float, 0), _at_least(int, 0)
    share = _number(float, lambda value: 0 <= value <= 1, "is not between 0 and 1")
    _add_values(
        parser,
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
    )


def _generate(options) -> None:
    """Continue a prompt, token by token."""
    from . import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema, options.head)
    how = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    how["int8_activations"] = options.activations == "int8"
    how["packed"] = options.packed
    runs.write_on(run, options.prompt, options.tokens, options.seed, how)


# -- prepare, embed, convert -----------------------------------------------------------------


def _add_prepare(commands):
    parser = commands.add_parser(
        "prepare", help="make token ids of texts", description=_prepare.__doc__
    )
    parser.set_defaults(run=_prepare)
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help="a dataset of the Hugging Face hub (OWNER/NAME), a folder, or .txt, .jsonl or "
        "parquet files; default: FlashLM v3's dataset, HuggingFaceFW/fineweb-edu",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder")
    parser.add_argument("--config", metavar="NAME", help="of a dataset that has several")
    parser.add_argument(
        "--split", default="train", metavar="NAME", help="of a dataset; default: train"
    )
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="of the table; default: text"
    )
    parser.add_argument(
        "--documents",
        type=_at_least(int, 1),
        metavar="N",
        help="stop after so many; default: 30,000 of a dataset on the hub, else all",
    )
    parser.add_argument(
        "--min-characters",
        type=_at_least(int, 0),
        default=50,
        metavar="N",
        help="skip shorter documents; default: 50",
    )
    parser.add_argument(
        "--separator", action="store_true", help="end each document with <|endoftext|>"
    )
    _add_tokenizer(parser, default="gpt2")
    _add_threads(parser, "cores to use; default: all")


def _add_tokenizer(parser, default, **options):
    parser.add_argument(
        "--tokenizer",
        default=default,
        metavar="NAME",
        help="gpt2, stories, or a file of ranks in tiktoken's format"
        + (f"; default: {default}" if default else options["help"]),
    )


def _prepare(options) -> int:
    """Cut the documents of SOURCE into tokens, for `flashlm train --data DIR`."""
    from .parallel import available_cores
    from .prepare import prepare, told
    from .sources import V3_CONFIG, V3_DATASET, V3_DOCUMENTS, Source
    from .tokenizer import Tokenizer

    source = Source(
        names=tuple(options.source) or V3_DATASET,
        config=options.config or (None if options.source else V3_CONFIG),
        split=options.split,
        column=options.text_column,
        min_characters=options.min_characters,
    )
    of_hub = source.on_hub or not options.source
    record = prepare(
        source,
        Tokenizer.named(options.tokenizer),
        options.out,
        documents=options.documents or (V3_DOCUMENTS if of_hub else None),
        separator=options.separator,
        threads=options.threads or available_cores(),
    )
    print(
        f"{record['tokens']:,} tokens of {record['documents']:,} documents "
        f"({record['bytes']:,} bytes of text; {told(record['skipped'])}) are in {options.out}\n"
        f"Train on them with: flashlm train --preset v3 --data {options.out}"
    )
    return 0


def _add_embed(commands):
    parser = commands.add_parser(
        "embed", help="make an initial embedding", description=_embed.__doc__
    )
    parser.set_defaults(run=_embed)
    parser.add_argument(
        "kind",
        choices=("gpt2", "corpus", "random"),
        help="gpt2: GPT-2's own, squeezed; corpus: counted from --data; random: normal numbers",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True)
    parser.add_argument("--data", metavar="DIR", help="what flashlm prepare made, for corpus")
    parser.add_argument(
        "--weights", metavar="FILE", type=Path, help="a model.safetensors of GPT-2 that is here"
    )
    parser.add_argument(
        "--std",
        type=_at_least(float, 0),
        metavar="X",
        help="root mean square, for corpus (0.11) and random (0.02)",
    )
    whole = _at_least(int, 1)
    _add_values(
        parser,
        ("--width", whole, 256, "numbers per token"),
        ("--vocab-size", whole, 50257, "tokens, for random"),
        ("--seed", _at_least(int, 0), 42, "for random"),
    )


def _embed(options) -> int:
    """Make the embedding that a model begins with, for `flashlm train --embedding FILE`."""
    from .embeddings import write_embedding

    names = ("width", "data", "weights", "vocab_size", "std", "seed")
    chosen = {name: getattr(options, name) for name in names}
    print(write_embedding(options.kind, options.out, **chosen))
    return 0


def _add_convert(commands):
    parser = commands.add_parser(
        "convert", help="read the published checkpoint", description=_convert.__doc__
    )
    parser.set_defaults(run=_convert)
    parser.add_argument("file", metavar="FILE", type=Path, help="flashlm_final.pt")
    parser.add_argument("folder", metavar="OUT_DIR", type=Path, help="a new folder")
    _add_tokenizer(
        parser, None, help=", or numbers; default: gpt2 for 50,257 tokens, else numbers"
    )


def _convert(options) -> int:
    """Read a checkpoint that FlashLM v3's author published, without PyTorch.

    OUT_DIR then holds its weights and their averages, for `flashlm eval OUT_DIR [--ema]` and
    `flashlm generate OUT_DIR [--ema]`.
    """
    from .published import convert
    from .unpickle import shown

    made = convert(options.file, options.folder, options.tokenizer)
    told = made.state["published"]
    print(f"{options.folder} holds {options.file.name} after step {made.step:,}")
    for key, value in told.items():
        print(f"  {key}: {shown(value)}")
    averaged = "" if made.weights("ema") else "; it has no averaged weights"
    print(f"Write with it: flashlm generate {options.folder}{averaged}")
    return 0


def _add_profile(commands):
    parser = commands.add_parser(
        "profile", help="see where the time goes", description=_profile.__doc__
    )
    parser.set_defaults(run=_profile)
    parser.add_argument("--preset", choices=PRESETS, default="v3", help="default: v3")
    parser.add_argument(
        "--plain", action="store_true", help="the composed form of gates and head, for reading"
    )
    whole = _at_least(int, 1)
    parser.add_argument(
        "--phase", type=whole, metavar="N", help="of the preset; default: 2, or 1 if it has one"
    )
    parser.add_argument("--steps", type=whole, default=6, metavar="N", help="default: 6")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it, as PNG")
    _add_threads(parser, "cores to use; default: all")


def _profile(options) -> None:
    """Take a few training steps on random tokens; print what each operation costs, and how
    large a part of the step the output layer is."""
    from . import profiling

    config = replace(PRESETS[options.preset], fused=not options.plain)
    number = options.phase or min(2, len(config.phases))
    if number > len(config.phases):
        raise UserError(f"--phase is {number}, but {config.preset} has {len(config.phases)}")
    profiling.run(config, number, options.steps, options.threads, options.picture)


def _add_inspect(commands):
    parser = commands.add_parser(
        "inspect", help="see what a model is made of", description=_inspect.__doc__
    )
    parser.set_defaults(run=_inspect)
    _add_run_folder(parser)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it, as PNG")


def _inspect(options) -> None:
    """Print a model's ledger: parameters, bytes, multiplications and additions per token; and
    its ternary weights."""
    from .inference.inspection import inspect

    inspect(options.folder, options.checkpoint, options.ema, options.picture)


def _add_export(commands):
    parser = commands.add_parser(
        "export", help="write a model packed", description=_export.__doc__
    )
    parser.set_defaults(run=_export)
    _add_run_folder(parser)
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
    from . import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema)
    runs.export_run(run, options.out, options.c, options.encoding, options.head)


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
