"""`flashlm prepare`, `stories`: texts as token ids, and the texts of the embedded corpus."""

from pathlib import Path

import numpy as np

from ..commands import command
from ..data.prepare import prepare
from ..data.sources import V3_CONFIG, V3_DATASET, V3_DOCUMENTS, DocumentSource
from ..data.stories import stories
from ..data.texts.documents import Skipped
from ..data.tokenizers.tokenizer import Tokenizer
from ..model.presets import QUICKSTART, V3, V4
from ..training.threads import available_cores
from .arguments import COUNT, SHORTEST, THREADS, TOKENIZERS, WHOLE, add_command, add_options


def add_prepare(commands):
    parser = add_command(commands, _prepare, "prepare", "encode texts as token ids")
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help="a dataset of the Hugging Face hub (OWNER/NAME), or files and folders of texts: "
        ".txt .md .jsonl .json .csv .tsv .parquet, or one of these with .gz or .zst; default: "
        "FlashLM v3's dataset, HuggingFaceFW/fineweb-edu",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder")
    documents = "stop after so many; default: 30,000 of a dataset on the hub, else all"
    shortest = "default: 50 of a dataset on the hub, else 1"
    add_options(
        parser,
        ("--config", str, None, "of a dataset of the hub that has several"),
        ("--split", str, None, "of a dataset of the hub; default: train"),
        ("--text-column", str, "text", "of the table"),
        ("--documents", COUNT, None, documents),
        ("--min-characters", WHOLE, None, f"skip shorter documents; {shortest}"),
        ("--tokenizer", str, "gpt2", TOKENIZERS),
        ("--most-frequent", SHORTEST, None, "keep so many tokens, and UNK: FlashLM v4's 10000"),
        THREADS,
    )
    separator = "end each document with <|endoftext|>"
    parser.add_argument("--separator", action="store_true", help=separator)


def _prepare(options) -> None:
    """Encode the documents of SOURCE as token ids, for `flashlm train --data DIR`."""
    source = DocumentSource(
        names=tuple(options.source) or V3_DATASET,
        config=options.config or (None if options.source else V3_CONFIG),
        split=options.split,
        column=options.text_column,
        min_characters=options.min_characters,
    )
    tokenizer = Tokenizer.named(options.tokenizer)
    record = prepare(
        source,
        tokenizer,
        options.out,
        documents=options.documents or (V3_DOCUMENTS if source.on_hub else None),
        separator=options.separator,
        threads=options.threads or available_cores(),
        most_frequent=options.most_frequent,
    )
    skipped = Skipped(record["skipped"], record["other_files"])
    print(
        f"{record['tokens']:,} tokens of {record['documents']:,} documents "
        f"({record['bytes']:,} bytes of text; {skipped}) are in {options.out}\n"
        f"Train on them with: {command('train', *fitting(record), '--data', options.out)}"
    )


def fitting(record: dict) -> list[str]:
    """The options of `train` with which a model fits the tokenizer of a prepared dataset."""
    V = record["tokenizer"]["vocab_size"]
    if "most_frequent" in record:
        return ["--preset", "v4"] + (["--vocab-size", str(V)] if V4.vocab_size < V else [])
    if V3.vocab_size == V:
        return ["--preset", "v3"]
    return [] if QUICKSTART.vocab_size >= V else ["--vocab-size", str(V)]


def add_stories(commands):
    parser = add_command(commands, _stories, "stories", "tell stories")
    add_options(
        parser,
        ("--count", WHOLE, 3, "stories to tell"),
        ("--seed", WHOLE, 0, "of the random numbers"),
    )


def _stories(options) -> None:
    """Print stories of the embedded corpus, each with its exact probability."""
    rng = np.random.default_rng(options.seed)
    for _ in range(options.count):
        text = stories.generate(rng)
        print(f"{text}\n[ln p = {stories.score(text):.3f}]\n")
