"""`flashlm profile`, `inspect`, `export`: time, bytes, operations, and a packed model."""

from dataclasses import replace
from pathlib import Path

from ..analysis.inspection import inspect_run
from ..commands import quoted
from ..errors import UserError
from ..evaluation.evaluate import evaluate
from ..files import write_atomically
from ..inference.c_source import c_source
from ..inference.export import pack_weights
from ..model.presets import PRESETS
from ..runs.saved_run import SavedRun, save_export
from ..training.memory import keep_freed_memory
from .arguments import COUNT, PICTURE, THREADS, add_choice, add_command, add_options, new_file
from .run import dataset_or_none


def add_profile(commands):
    parser = add_command(commands, _profile, "profile", "see where the time goes")
    parser.add_argument("--preset", choices=PRESETS, default="v3", help="default: v3")
    plain = "the composed form of gates and head, for reading"
    parser.add_argument("--plain", action="store_true", help=plain)
    add_options(
        parser,
        ("--phase", COUNT, None, "of the preset; default: 2, or 1 if it has one"),
        ("--steps", COUNT, 6, "steps to measure"),
        PICTURE,
        THREADS,
    )


def _profile(options) -> None:
    """Take a few training steps on random tokens; print the time of each operation, and how
    large a part of the step the output layer is."""
    from ..analysis import step_profile

    config = replace(PRESETS[options.preset], fused=not options.plain)
    number = options.phase or min(2, len(config.phases))
    if number > len(config.phases):
        raise UserError(f"--phase is {number}, but {config.preset} has {len(config.phases)}")
    keep_freed_memory()
    phase, _ = config.phases_in_order()[number - 1]
    title = f"Phase {number} of {config.preset}, {phase}: {phase.tokens:,} tokens per step"
    print(f"{title}\nTiming {options.steps} steps ...")
    step = step_profile.measure(config, phase, options.steps, options.threads)
    print(f"{step_profile.step_table(step)}\n")
    print("Timing the head in several forms, some of them slow ...")
    half = max(2, options.steps // 2)
    heads = step_profile.measure_heads(config, phase, half, options.threads)
    print(step_profile.head_table(heads))
    if options.picture:
        from ..analysis import pictures

        pictures.draw_profile(options.picture, title, step, heads)
        print(f"\nThe same as a picture: {options.picture}")


def add_inspect(commands):
    parser = add_command(commands, _inspect, "inspect", "see the costs of a model", of_run=True)
    add_options(parser, PICTURE)


def _inspect(options) -> None:
    """Print a model's costs (parameters, bytes, multiplications and additions per token) and
    its ternary weights."""
    result = inspect_run(SavedRun.load(options.folder, options.checkpoint, options.ema))
    print(result)
    if options.picture:
        from ..analysis import pictures

        pictures.draw_inspection(options.picture, result)
        print(f"\nThe same as a picture: {options.picture}")


def add_export(commands):
    parser = add_command(commands, _export, "export", "write a model packed", of_run=True)
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="a new folder")
    add_options(parser, ("--c", new_file(".c"), None, "write a C99 program, too"))
    bits = "of the ternary weights: 1.6 or 2 bits each"
    add_choice(parser, "--encoding", ("base-3", "2-bit"), bits)
    add_choice(parser, "--head", ("int8", "float16"), "the embedding and head")


def _export(options) -> None:
    """Write a run's model for use only: ternary weights packed, the rest in a byte or two per
    number. eval, generate and inspect read it."""
    run = SavedRun.load(options.folder, options.checkpoint, options.ema)
    if run.is_packed:
        raise UserError(f"{run.folder} is packed already; export the run that it was made from")
    if options.out is None and options.c is None:
        raise UserError("give a folder OUT, or --c FILE, to write to")
    packed = pack_weights(run.config, run.model.state_dict(), options.encoding, options.head)
    if options.c is not None:
        source = c_source(packed, run.tokenizer.vocab_size, run.model.layout)
        write_atomically(options.c, source.encode())
        print(f"{options.c}: compile with cc -std=c99 -O2 {quoted(options.c)} -o model -lm")
        ids = " ".join(map(str, run.text_generator.prompt_ids("")))
        print(f"It reads and writes ids; 100 from the beginning of a text: ./model 100 {ids}")
    if options.out is not None:
        size = save_export(run, packed, options.out)
        before = sum(p.data.nbytes for p in run.model.parameters())
        print(
            f"{options.out}: {size:,} bytes, {size / before:.1%} of the {before:,} in float32"
        )
        _compare_losses(run, SavedRun.load(options.out))


def _compare_losses(run, packed):
    if (dataset := dataset_or_none(run)) is None:
        return
    before, after = (
        evaluate(r.model, r.config, dataset.valid, r.tokenizer).loss for r in (run, packed)
    )
    print(
        f"validation loss {before:.4f} before, {after:.4f} packed: {after - before:+.5f} nats "
        "per token"
    )
