"""`flashlm train`: every field of the configuration is an option."""

import argparse
from contextlib import ExitStack
from dataclasses import fields, replace
from itertools import chain, count
from pathlib import Path

from ..commands import command
from ..data.dataset import DataSource
from ..errors import INTERRUPTED, UserError
from ..model.config import Config, Phase, text_of
from ..model.fields import option_name
from ..model.presets import PRESETS
from ..model.prior.logits import LogitPrior
from ..progress import Stopped, about, printable
from ..runs.report import write_results
from ..runs.resume import resume_run
from ..runs.trainer import Trainer
from ..start_run import start_run
from ..training.launcher import join
from ..training.memory import keep_freed_memory
from .arguments import THREADS, above_0, add_command, add_options, parsed_by
from .run import losses

PICTURE_SECONDS = 2  # that a picture and samples take, about


def add_train(commands):
    train = add_command(commands, _train, "train", "train a model")
    train.usage = "%(prog)s [OPTION ...]; %(prog)s --help lists the options"
    train.add_argument("--preset", choices=PRESETS, help="default: quickstart")
    texts = "texts, or folders of them; default: stories"
    train.add_argument("--text", action="extend", nargs="+", metavar="FILE", help=texts)
    train.add_argument("--data", metavar="DIR", help="learn from a folder of flashlm prepare")
    train.add_argument("--out", metavar="DIR", help="default: runs/PRESET, or a free name")
    train.add_argument("--resume", metavar="DIR", help="go on from the last checkpoint in DIR")
    fitting = "take as many steps as fit into these"
    add_options(train, ("--minutes", above_0("minutes"), None, fitting), THREADS)
    fields_of_config = train.add_argument_group(
        "the configuration (and its defaults)",
        "A head other than exact scores all positions, with the plain loss. Its sizes fit the "
        "vocabulary; hybrid has 8,192 frequent words, or a sixth.",
    )
    for field in fields(Config):
        if field.name != "preset":
            _add_field(fields_of_config, field)


def _add_field(group, field):
    name, kind = option_name(field.name), type(field.default)
    options = {"help": f"{field.metadata['help']} ({_defaults(field.name)})"}
    if kind is bool:
        group.add_argument(name, action=argparse.BooleanOptionalAction, **options)
    elif kind is tuple:
        phases = isinstance(field.default[0], Phase)
        item, metavar = (parsed_by(Phase.parse), "PHASE") if phases else (int, "N")
        group.add_argument(name, type=item, nargs="+", metavar=metavar, **options)
    else:
        group.add_argument(name, type=kind, metavar=kind.__name__.upper(), **options)


def _defaults(name):
    """The value of each preset in this field, for the help."""
    values = {preset: text_of(getattr(config, name)) for preset, config in PRESETS.items()}
    if len(set(values.values())) == 1:
        return values.popitem()[1]
    return "; ".join(f"{preset}: {text}" for preset, text in values.items())


def _train(options) -> int:
    """Train on stories, on --text or on --data, and write a report, a curve and samples."""
    chosen = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in fields(Config)
        if field.name != "preset" and (value := getattr(options, field.name)) is not None
    }
    processes = join()
    with processes.one_voice(), ExitStack() as stack:
        with processes.together():
            trainer = stack.enter_context(_trainer(options, chosen, processes))
        return _run(trainer)


def _trainer(options, chosen, processes):
    """The trainer of a new run, or of one that goes on, as a context."""
    if options.resume:
        others = ("preset", "text", "data", "out", "minutes")
        chosen |= {name: getattr(options, name) for name in others if getattr(options, name)}
        return resume_run(Path(options.resume), chosen, options.threads, processes)
    preset = options.preset or "quickstart"
    try:
        config = _configured(PRESETS[preset], chosen)
    except ValueError as error:
        raise UserError(str(error)) from None
    out = Path(options.out) if options.out else _free_folder(Path("runs") / preset)
    source = DataSource.at(options.text, options.data)
    return start_run(config, source, out, options.minutes, options.threads, processes)


def _configured(preset, chosen):
    """The preset with the chosen head, in sizes that fit the vocabulary, and other changes."""
    vocabulary = {"vocab_size": chosen.get("vocab_size", preset.vocab_size)}
    head, prior = chosen.get("head", preset.head), chosen.get("prior")
    with_head = replace(preset, **vocabulary).with_head(head, prior)
    return replace(with_head, **chosen)


def _run(trainer: Trainer) -> int:
    """Run a trainer to its end, or until Ctrl-C or an error; then print how to go on."""
    try:
        return _run_to_the_end(trainer)
    except Stopped as stopped:
        print(f"{stopped} Go on with\n  {trainer.resume_command}")
        return INTERRUPTED
    except (KeyboardInterrupt, UserError):  # a second Ctrl-C, or a file that is not written
        if resume := trainer.resume_command:
            print(f"\nThe last checkpoint is kept. Go on with\n  {resume}")
        raise


def _run_to_the_end(trainer):
    """Run a trainer; print its losses and a sample."""
    keep_freed_memory()
    _describe(trainer)
    out, best = trainer.out, trainer.dataset.best_possible_loss
    final = trainer.run()
    if final is None:  # this is not process 0, which writes the rest
        return 0
    seconds, work = PICTURE_SECONDS, "Writing samples and a report"
    if trainer.config.ema_decay:  # else the averages are the last weights
        seconds += trainer.evaluation_seconds
        work = "Scoring the averaged weights, writing samples and a report"
    print(f"{work}: {about(seconds)} ...")
    results = write_results(trainer, final)
    print(losses(final, results.counted, best))
    print(f"A sample:\n\n{printable(results.samples[0])}\n")
    print(f"Report, curve and samples: {out / 'report.md'}")
    more = command("generate", out, "--prompt", "Once upon a time")
    print(f"Let it go on with words of yours:\n  {more}")
    return 0


def _describe(trainer):
    config, dataset = trainer.config, trainer.dataset
    best = dataset.best_possible_loss
    if warning := trainer.fast_step.workers.warning:
        print(warning)
    print(
        f"{config.preset}: {trainer.model!r}\n"
        f"{dataset.name}: {len(dataset.train):,} training tokens, "
        f"{len(dataset.valid) - 1:,} validation tokens"
        + ("" if best is None else f", best possible loss {best:.4f}")
        + _head(config)
        + _prior(trainer.model)
        + f"\n{config.steps:,} steps; writing to {trainer.out}",
        flush=True,
    )


def _head(config):
    """A line about the output layer, if it is not v3's."""
    if config.head == "exact":
        return ""
    share, loss = config.position_share, "-ln p, without label smoothing"
    if config.prior != "none":
        loss = "-ln p with the prior"
    elif config.head == "sampled" and config.candidates < config.vocab_size:
        loss = f"in training that of a softmax over the target and {config.candidates:,} draws"
    scored = "all positions" if share == 1 else f"{share:.0%} of the positions"
    return f"\noutput layer {config.head}: it scores {scored}; the loss is {loss}"


def _prior(model):
    """A line about the counts that take part, if there are any."""
    if model.prior is None:
        return ""
    trigrams = f"{len(model.ngrams.levels[0].counts.keys):,}"
    how = "added to the logits" if isinstance(model.prior, LogitPrior) else "a mixture"
    return f"\nprior: {trigrams} trigrams, {how}; in training, the target's own is left out"


def _free_folder(folder: Path) -> Path:
    """`folder`, or the first of folder-2, folder-3, ... that does not exist."""
    names = chain([folder.name], (f"{folder.name}-{number}" for number in count(2)))
    return next(free for name in names if not (free := folder.with_name(name)).exists())
