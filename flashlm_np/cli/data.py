"""`flashlm prepare`, `embed`, `convert`: tokens, embeddings and checkpoints from elsewhere."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from .arguments import add_threads, add_values, at_least


def add_prepare(commands):
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
        type=at_least(int, 1),
        metavar="N",
        help="stop after so many; default: 30,000 of a dataset on the hub, else all",
    )
    parser.add_argument(
        "--min-characters",
        type=at_least(int, 0),
        default=50,
        metavar="N",
        help="skip shorter documents; default: 50",
    )
    parser.add_argument(
        "--separator", action="store_true", help="end each document with <|endoftext|>"
    )
    _add_tokenizer(parser, default="gpt2")
    add_threads(parser, "cores to use; default: all")


def _add_tokenizer(parser, default, **options):
    parser.add_argument(
        "--tokenizer",
        default=default,
        metavar="NAME",
        help="gpt2, stories, or a vocabulary file in tiktoken's format"
        + (f"; default: {default}" if default else options["help"]),
    )


def _prepare(options) -> int:
    """Cut the documents of SOURCE into tokens, for `flashlm train --data DIR`."""
    from ..data.prepare import describe_skipped, prepare
    from ..data.sources import V3_CONFIG, V3_DATASET, V3_DOCUMENTS, DocumentSource
    from ..data.tokenizers.tokenizer import Tokenizer
    from ..training.threads import available_cores

    source = DocumentSource(
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
        f"({record['bytes']:,} bytes of text; {describe_skipped(record['skipped'])}) are in {options.out}\n"
        f"Train on them with: flashlm train --preset v3 --data {options.out}"
    )
    return 0


def add_embed(commands):
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
        type=at_least(float, 0),
        metavar="X",
        help="root mean square, for corpus (0.11) and random (0.02)",
    )
    whole = at_least(int, 1)
    add_values(
        parser,
        ("--width", whole, 256, "numbers per token"),
        ("--vocab-size", whole, 50257, "tokens, for random"),
        ("--seed", at_least(int, 0), 42, "for random"),
    )


def _embed(options) -> None:
    """Make the embedding that a model begins with, for `flashlm train --embedding FILE`."""
    from ..training.initial_embedding import save_embedding

    make = {"random": _random_table, "corpus": _corpus_table, "gpt2": _gpt2_table}
    table, how = make[options.kind](options)
    save_embedding(options.out, table, f"{options.kind}: {how}")
    print(f"{options.kind}: {how}")
    print(f"{options.out} holds {table.shape[0]:,} x {table.shape[1]} numbers")


def _random_table(options):
    import numpy as np

    from ..model.config import V3

    std = V3.embedding_std if options.std is None else options.std
    shape = (options.vocab_size, options.width)
    rng = np.random.default_rng(options.seed)
    table = std * rng.standard_normal(shape, dtype=np.float32)
    return table, f"standard deviation {std}, seed {options.seed}"


def _corpus_table(options):
    from ..data.dataset import training_size
    from ..data.token_file import load_tokens
    from ..model.config import V3
    from ..training.initial_embedding import CORPUS_RMS, from_corpus, scaled_to_rms

    if options.data is None:
        raise UserError("embed corpus needs --data DIR, a folder that flashlm prepare made")
    tokens = load_tokens(Path(options.data))
    train = tokens.ids[: training_size(len(tokens.ids), V3.validation_share)]
    reduced = from_corpus(train, tokens.tokenizer.vocab_size, options.width)
    rms = CORPUS_RMS if options.std is None else options.std
    return scaled_to_rms(reduced.table, rms), str(reduced)


def _gpt2_table(options):
    from ..published.gpt2 import from_gpt2

    reduced = from_gpt2(options.width, options.weights)
    return reduced.table, str(reduced)


def add_convert(commands):
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
    from ..published.convert import convert

    made = convert(options.file, options.folder, options.tokenizer)
    print(f"{options.folder} holds {options.file.name} after step {made.step:,}")
    for key, value in made.state["published"].items():
        print(f"  {key}: {str(value)[:80]!a}")  # the file's text may hold control characters
    averaged = "" if made.weights("ema") else "; it has no averaged weights"
    print(f"Write with it: flashlm generate {options.folder}{averaged}")
    return 0
