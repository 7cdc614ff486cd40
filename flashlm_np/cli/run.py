"""`flashlm eval`, `generate`: the losses of a run, and text from its model."""

import math
import sys
from itertools import chain

from ..data.dataset import Dataset, DataSource, TextSize
from ..data.sources import DocumentSource
from ..data.texts.documents import Skipped, no_usable_text
from ..errors import UserError
from ..evaluation.baselines import Baselines, baselines
from ..evaluation.evaluate import Evaluation, evaluate, with_error
from ..model.config import TEMPERATURE
from ..progress import printable
from ..runs.saved_run import SavedRun
from .arguments import WHOLE, add_choice, add_command, add_options, at_least, number


def add_eval(commands):
    parser = add_command(commands, _eval, "eval", "evaluate a run", of_run=True)
    parser.usage = (  # DIR is first, because --text takes all names that follow it
        f"{parser.prog} DIR [-h] [--checkpoint {{best,last}}] [--ema] "
        "[--text FILE [FILE ...] | --data DIR]"
    )
    others = parser.add_mutually_exclusive_group()
    others.add_argument(
        "--text", action="extend", nargs="+", metavar="FILE", help="score the whole of these"
    )
    others.add_argument("--data", metavar="DIR", help="score the last part of this corpus")


def _eval(options) -> None:
    """Score a run's model on its validation tokens, or on those of --text or --data."""
    run = SavedRun.load(options.folder, options.checkpoint, options.ema)
    if options.text:
        dataset, best = dataset_or_none(run), None
        texts = _texts(options.text)
        size = TextSize.of(texts)
        try:
            tokens = run.ids_to_score(texts)
        except ValueError as error:
            raise UserError(f"--text: {error}") from None
    else:
        dataset = run.dataset(DataSource.at(data=options.data) if options.data else None)
        tokens, best, size = dataset.valid, dataset.best_possible_loss, dataset.valid_size
    counted = dataset and baselines(dataset.train, tokens, run.config.vocab_size)
    found = evaluate(run.model, run.config, tokens, run.tokenizer, size)
    print(losses(found, counted, best))


def _texts(names: list[str]) -> list[str]:
    """The documents of files and folders, however short. Print what is skipped."""
    source = DocumentSource(DataSource.at(names).files)
    texts, skipped = [], Skipped()
    for document in source.documents():
        if document.skipped:
            skipped.add(document)
        else:
            texts.append(document.text)
    if not texts:
        raise no_usable_text(source.dataset, skipped)
    if skipped.counts:
        print(skipped)
    return texts


def dataset_or_none(run: SavedRun) -> Dataset | None:
    """The dataset of a run. Where it cannot be read, print why, and give None."""
    try:
        return run.dataset()
    except UserError as error:
        print(f"No training text to compare with: {error}")
        return None


def losses(result: Evaluation, counted: Baselines | None, best: float | None) -> str:
    """An evaluation in lines, with the baselines and the best possible loss, if known."""
    lines = [
        f"true loss        {with_error(result.loss, result.loss_error)} nats per token, "
        f"perplexity {result.perplexity:.2f}, {result.bits_per_byte:.4f} bits per byte",
    ]
    if not math.isnan(result.smoothed):
        smoothed = with_error(result.smoothed, result.smoothed_error)
        lines.append(f"label-smoothed   {smoothed} (v3's number)")
    if best is not None:
        lines.append(f"best possible    {best:.4f}, which is {result.loss - best:.4f} lower")
    if counted is not None:
        lines.append(
            f"baselines        uniform {counted.uniform:.4f}, unigram {counted.unigram:.4f}, "
            f"bigram {counted.bigram:.4f}, trigram {counted.trigram:.4f}"
        )
    if result.unknown:
        lines.append(
            f"unknown tokens   {result.unknown:,}; each costs {result.spelling_nats:.4f} nats "
            "more in the bits, to be told among the tokens that it stands for\n"
            f"                 {result.bits_per_character:.4f} bits per character, or "
            f"{result.credited_bits_per_character:.4f} with UNK for free, as FlashLM v4's "
            "author counts"
        )
    return "\n".join([*lines, f"scored           {result.scored}"])


def add_generate(commands):
    parser = add_command(commands, _generate, "generate", "let a model write", of_run=True)
    form = "the inputs of the ternary layers; int8: they add integers only"
    add_choice(parser, "--activations", ("float32", "int8"), form)
    part = number(float, lambda value: 0 <= value <= 1, "is not between 0 and 1")
    likeliest = "choose among the likeliest that together have this probability"
    warmth = "low is safe, 1 as learned; 0: the likeliest token"
    add_options(
        parser,
        ("--prompt", str, "", "how the text begins"),
        ("--tokens", WHOLE, 200, "how many to write at most"),
        ("--temperature", at_least(float, 0), TEMPERATURE, warmth),
        ("--top-k", WHOLE, 0, "choose among the k likeliest tokens only; 0: among all"),
        ("--top-p", part, 1.0, likeliest),
        ("--seed", WHOLE, 0, "of the random numbers"),
    )


def _generate(options) -> None:
    """Continue a prompt, token by token."""
    run = SavedRun.load(options.folder, options.checkpoint, options.ema)
    try:
        pieces = run.text_generator.generate(
            options.prompt,
            options.tokens,
            options.seed,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            int8_activations=options.activations == "int8",
        )
    except ValueError as error:
        raise UserError(f"--prompt: {error}") from None
    show = printable if sys.stdout.isatty() else str  # a file gets the text as it is
    try:
        for piece in chain([options.prompt], pieces):
            print(show(piece), end="", flush=True)
    except ValueError as error:  # the model has diverged
        raise UserError(f"{run.folder}: {error}") from None
    finally:
        print()
