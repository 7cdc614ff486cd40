"""What the commands do with a run's folder: start, resume, evaluate, write on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..data.dataset import Dataset, DataSource, load_dataset, read_text
from ..data.tokenizers.plain_ids import PlainIds
from ..data.tokenizers.saving import load_tokenizer, save_tokenizer
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import INTERRUPTED, UserError
from ..evaluation.evaluate import Evaluation, evaluate
from ..evaluation.ngrams import Baselines, baselines
from ..files import write_atomically
from ..inference.c_source import c_source
from ..inference.export import PackedModel, pack_weights, unpack_weights
from ..inference.generate import Writer
from ..model.config import Config, option_name
from ..model.weights import expect_sizes, model_with_weights
from . import checkpoint, report
from .checkpoint import Checkpoint
from .initial_embedding import initial_embedding
from .memory import keep_freed_memory
from .trainer import Stopped, Trainer, steps_in

CHANGEABLE = ("steps", "eval_every", "save_every")  # by --resume


def start(
    config: Config,
    material: DataSource,
    out: Path,
    minutes: float | None = None,
    threads: int | None = None,
) -> int:
    """Begin a run in the folder `out`; its exit code.

    With `minutes`, as many steps as fit into them replace config.steps. `threads` is how many
    cores to use, by default all that the process may.
    """
    if (out / "last.json").exists():
        raise UserError(
            f"{out} holds a run already; go on with --resume {out}, or choose another --out"
        )
    stories = material == DataSource()
    print("Making up stories ..." if stories else "Reading the text ...", flush=True)
    corpus, tokenizer = load_dataset(material, **config.data_options())
    embedding = initial_embedding(config, corpus, tokenizer)
    if minutes:
        print(
            f"Timing a few steps, to see how many fit into {minutes:g} minutes ...", flush=True
        )
        config = replace(config, steps=steps_in(minutes, config, corpus, tokenizer, threads))
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(out, tokenizer)
    return _train(Trainer(config, corpus, tokenizer, out, threads, embedding))


def resume(folder: Path, changes: dict, threads: int | None = None) -> int:
    """Go on with a run from its last checkpoint, as if it had never stopped; its exit code."""
    saved = checkpoint.load(folder, "last")
    if refused := sorted(set(changes) - set(CHANGEABLE)):
        options = ", ".join(map(option_name, refused))
        raise UserError(
            f"--resume takes the configuration from {folder}; leave out {options}, "
            "or start a new run"
        )
    if "packed" in saved.state:
        raise UserError(f"{folder} is an export, for use only; resume the run it was made from")
    saved.config = replace(saved.config, **changes)
    tokenizer = _tokenizer(folder, saved)
    print(f"Going on with {folder} after step {saved.step:,} ...", flush=True)
    options = saved.config.data_options()
    corpus, _ = load_dataset(_material(folder, saved), tokenizer=tokenizer, **options)
    try:
        expect_sizes(saved.config, saved.weights())
    except ValueError as error:
        raise UserError(f"{folder}: {error}") from None
    trainer = Trainer(saved.config, corpus, tokenizer, folder, threads)
    trainer.restore(saved)
    return _train(trainer)


def _train(trainer: Trainer) -> int:
    config, corpus, out = trainer.config, trainer.corpus, trainer.out
    keep_freed_memory()
    if warning := trainer.recipe.workers.warning:
        print(warning)
    best = corpus.best_possible_loss
    limit = "" if best is None else f", best possible loss {best:.4f}"
    print(
        f"{config.preset}: {trainer.model}\n"
        f"{corpus.name}: {len(corpus.train):,} training tokens, "
        f"{len(corpus.valid) - 1:,} validation tokens{limit}\n"
        f"{config.steps:,} steps; writing to {out}",
        flush=True,
    )
    try:
        final = trainer.run()
    except Stopped:
        print(
            f"Stopped after step {trainer.step:,}; everything is saved. Go on with\n"
            f"  flashlm train --resume {out}    (or python3 run.py train --resume {out})"
        )
        return INTERRUPTED
    _finish(trainer, final)
    return 0


def _finish(trainer: Trainer, final: Evaluation) -> None:
    """Write the curve, the samples and the report, and tell the most important of it."""
    config, corpus, out, tokenizer = (
        trainer.config,
        trainer.corpus,
        trainer.out,
        trainer.tokenizer,
    )
    counted = baselines(corpus.train, corpus.valid, config.vocab_size)
    texts = report.samples(trainer.model, config, corpus, tokenizer)
    report.write_samples(out / "sample.txt", texts)
    best = corpus.best_possible_loss
    report.write_plot(out / "loss.png", out / "metrics.csv", config, counted, best)
    averaged = model_with_weights(config, trainer.recipe.ema.average)
    of_average = evaluate(averaged, config, corpus.valid, tokenizer)
    report.write_report(
        out / "report.md", config, corpus, final, of_average, counted, trainer.counts, texts
    )
    print(_table(final, counted, best))
    print(f"A sample:\n\n{texts[0]}\n\nReport, curve and samples: {out / 'report.md'}")


def _table(result: Evaluation, counted: Baselines | None, limit: float | None) -> str:
    lines = [
        f"true loss        {result.loss:.4f} ± {result.loss_error:.4f} nats per token, "
        f"perplexity {result.perplexity:.2f}, {result.bits_per_byte:.4f} bits per byte",
        f"label-smoothed   {result.smoothed:.4f} ± {result.smoothed_error:.4f} (v3's number)",
    ]
    if limit is not None:
        lines.append(f"best possible    {limit:.4f}, which is {result.loss - limit:.4f} lower")
    if counted is not None:
        lines.append(
            f"baselines        uniform {counted.uniform:.4f}, unigram {counted.unigram:.4f}, "
            f"bigram {counted.bigram:.4f}"
        )
    return "\n".join([*lines, f"scored           {result.tokens:,} tokens"])


@dataclass
class Run:
    """A run's folder, read: its last or best checkpoint, and a writer with its weights."""

    folder: Path
    saved: Checkpoint
    writer: Writer

    @classmethod
    def load(cls, folder: Path, name: str = "best", ema: bool = False) -> Run:
        """Read the checkpoint `name` ("best" or "last") of a folder; with ema, its average.

        A folder of `flashlm export` is one, too.
        """
        saved = checkpoint.load(folder, name)
        tokenizer = _tokenizer(folder, saved)
        try:
            model = model_with_weights(saved.config, _weights(folder, saved, ema))
        except ValueError as error:
            raise UserError(f"{folder}: {error}") from None
        separated = saved.state["corpus"]["separated"]
        writer = Writer(model, saved.config, tokenizer, separated)
        return cls(folder, saved, writer)


def evaluate_run(run: Run, text: list[str] | None = None, data: str | None = None) -> None:
    """Print the honest numbers of a run, on its own validation tokens or on others.

    `text` files are scored whole; of a prepared folder `data`, the part kept for validation,
    and the baselines are counted on the rest of it.
    """
    writer, config = run.writer, run.saved.config
    corpus = _corpus_of(run, data, optional=bool(text))
    if text:
        tokens, limit = _whole(writer, text), None
    else:
        tokens, limit = corpus.valid, corpus.best_possible_loss
    counted = corpus and baselines(corpus.train, tokens, config.vocab_size)
    result = evaluate(writer.model, config, tokens, writer.tokenizer)
    print(_table(result, counted, limit))


def _corpus_of(run: Run, data: str | None, optional: bool) -> Dataset | None:
    """The corpus to judge by. Where it is gone and not needed: None, and a line says so."""
    try:
        material = DataSource.at(data=data) if data else _material(run.folder, run.saved)
        options = run.saved.config.data_options()
        return load_dataset(material, tokenizer=run.writer.tokenizer, **options)[0]
    except UserError as error:
        if data or not optional:
            raise
        print(f"No training text to compare with: {error}")
        return None


def _whole(writer: Writer, paths: list[str]) -> np.ndarray:
    """The ids of text files, all of which are scored, after what a text begins with."""
    parts = [writer.start(np.empty(0, np.int64))]
    for path in paths:
        try:
            parts.append(writer.tokenizer.encode(read_text(path)))
        except ValueError as error:
            raise UserError(f"{path}: {error}") from None
    return np.concatenate(parts)


def write_on(run: Run, prompt: str, tokens: int, seed: int, options: dict) -> None:
    """Print a prompt and its continuation as it is written; `options` as in generate."""
    writer = run.writer
    try:
        pieces = writer.write(prompt, tokens, seed, **options)
    except ValueError as error:
        raise UserError(f"--prompt: {error}") from None
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def _tokenizer(folder: Path, saved) -> Tokenizer | PlainIds:
    about = saved.state.get("tokenizer")
    if not isinstance(about, dict):
        raise UserError(f"{folder}: the checkpoint does not name its tokenizer")
    return load_tokenizer(folder, about, saved.config.vocab_size)


def export_run(
    run: Run, out: Path | None, c_file: Path | None, encoding: str, head: str
) -> None:
    """Write a run's model packed, as a folder or a C file or both.

    Prints what that saves in bytes and, of a folder, costs in loss.
    """
    if "packed" in run.saved.state:
        raise UserError(f"{run.folder} is packed already; export the run that it was made from")
    if out is None and c_file is None:
        raise UserError("give a folder OUT, or --c FILE, to write to")
    packed = pack_weights(run.saved.config, run.writer.model.state_dict(), encoding, head)
    before = sum(p.data.nbytes for p in run.writer.model.parameters())
    if c_file is not None:
        source = c_source(packed, run.writer.tokenizer.vocab_size)
        write_atomically(c_file, source.encode())
        print(f"{c_file}: compile with cc -std=c99 -O2 {c_file} -o model -lm")
    if out is not None:
        size = _write_packed(run, packed, out)
        print(f"{out}: {size:,} bytes, {size / before:.1%} of the {before:,} in float32")
        _tell_losses(run, Run.load(out))


def _write_packed(run: Run, packed: PackedModel, out: Path) -> int:
    """Write a packed model as a checkpoint into a new folder; the bytes of its arrays there."""
    if (out / "last.json").exists():
        raise UserError(f"{out} holds a run already; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(out, run.writer.tokenizer)
    state = {key: run.saved.state[key] for key in ("tokenizer", "corpus")}
    about = {"encoding": packed.encoding, "head": packed.head, "step": run.saved.step}
    state |= {"counts": {}, "packed": about}
    saved = Checkpoint(packed.config, run.saved.step, packed.arrays, state)
    checkpoint.save(out, saved, ["last", "best"])
    return sum(path.stat().st_size for path in out.glob("step-*.safetensors"))


def _tell_losses(run: Run, packed: Run) -> None:
    corpus = _corpus_of(run, None, optional=True)
    if corpus is None:
        return
    before, after = (
        evaluate(r.writer.model, r.saved.config, corpus.valid, r.writer.tokenizer).loss
        for r in (run, packed)
    )
    print(
        f"validation loss {before:.4f} before, {after:.4f} packed: {after - before:+.5f} nats "
        "per token"
    )


def _weights(folder: Path, saved: Checkpoint, ema: bool) -> dict[str, np.ndarray]:
    if "packed" in saved.state and not ema:
        encoding = saved.state["packed"].get("encoding")
        return unpack_weights(saved.config, saved.arrays, encoding)
    weights = saved.weights("ema" if ema else "model")
    if not weights or "packed" in saved.state:
        raise UserError(f"{folder} holds no averaged weights; leave out --ema")
    return weights


def _material(folder: Path, saved) -> DataSource:
    about = saved.state.get("corpus")
    try:
        return DataSource(tuple(about["files"]), about.get("folder"))
    except (KeyError, TypeError):
        raise UserError(
            f"{folder} came without its training text; give --text FILE or --data DIR to eval; "
            "it cannot be resumed"
        ) from None
