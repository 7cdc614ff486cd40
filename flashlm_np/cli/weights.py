"""`flashlm embed`, `convert`: initial embeddings, and the published checkpoint."""

from pathlib import Path

import numpy as np

from ..commands import command
from ..data.loading import training_size
from ..data.token_file import load_tokens
from ..errors import UserError
from ..model.presets import V3
from ..published.convert import convert
from ..training.initial_embedding import CORPUS_RMS, from_corpus, save_embedding, scaled_to_rms
from .arguments import COUNT, TOKENIZERS, WHOLE, add_command, add_options, at_least, new_file


def add_embed(commands):
    parser = add_command(commands, _embed, "embed", "make an initial embedding")
    parser.add_argument(
        "kind",
        choices=("gpt2", "corpus", "random"),
        help="gpt2: GPT-2's own, reduced; corpus: counted from --data; random: normal numbers",
    )
    parser.add_argument("--out", metavar="FILE", type=new_file(), required=True)
    parser.add_argument("--data", metavar="DIR", help="a folder of flashlm prepare, for corpus")
    add_options(
        parser,
        ("--weights", Path, None, "a model.safetensors of GPT-2 that is here"),
        ("--std", at_least(float, 0), None, "root mean square: corpus 0.11, random 0.02"),
        ("--width", COUNT, 256, "numbers per token"),
        ("--vocab-size", COUNT, 50257, "tokens, for random"),
        ("--seed", WHOLE, 42, "for random"),
    )


def _embed(options) -> None:
    """Make the embedding that a model begins with, for `flashlm train --embedding FILE`."""
    make = {"random": _random_table, "corpus": _corpus_table, "gpt2": _gpt2_table}
    table, description = make[options.kind](options)
    save_embedding(options.out, table, f"{options.kind}: {description}")
    print(f"{options.kind}: {description}")
    print(f"{options.out} holds {table.shape[0]:,} x {table.shape[1]} numbers")


def _random_table(options):
    std = V3.embedding_std if options.std is None else options.std
    shape = (options.vocab_size, options.width)
    rng = np.random.default_rng(options.seed)
    table = std * rng.standard_normal(shape, dtype=np.float32)
    return table, f"standard deviation {std}, seed {options.seed}"


def _corpus_table(options):
    if options.data is None:
        raise UserError("embed corpus needs --data DIR, a folder that flashlm prepare made")
    tokens = load_tokens(Path(options.data))
    train = tokens.ids[: training_size(len(tokens.ids), V3.validation_share)]
    print("Counting the tokens' neighbours ...")
    reduced = from_corpus(train, tokens.tokenizer.vocab_size, options.width)
    rms = CORPUS_RMS if options.std is None else options.std
    return scaled_to_rms(reduced.table, rms), str(reduced)


def _gpt2_table(options):
    from ..published.gpt2 import from_gpt2

    print("Reading GPT-2's embedding ...")
    reduced = from_gpt2(options.width, options.weights)
    return reduced.table, str(reduced)


def add_convert(commands):
    parser = add_command(commands, _convert, "convert", "read the published checkpoint")
    files = "flashlm_final.pt, or a folder or .safetensors file of a MatMul-free model"
    parser.add_argument("file", metavar="FILE", type=Path, help=files)
    parser.add_argument("folder", metavar="OUT_DIR", type=Path, help="a new folder")
    default = "; default: gpt2 for 50,257 tokens, else numbers"
    add_options(parser, ("--tokenizer", str, None, f"{TOKENIZERS}, or numbers{default}"))


def _convert(options) -> None:
    """Read a checkpoint that the authors of FlashLM v3 or of the MatMul-free model published,
    without PyTorch.

    OUT_DIR then holds its weights and their averages, for `flashlm eval OUT_DIR [--ema]` and
    `flashlm generate OUT_DIR [--ema]`.
    """
    made = convert(options.file, options.folder, options.tokenizer)
    after = f" after step {made.step:,}" if made.step else ""  # some do not name their step
    print(f"{options.folder} holds {options.file.name}{after}")
    for key, value in made.state["published"].items():
        print(f"  {key}: {str(value)[:80]!a}")  # the file's text may hold control characters
    averaged = "" if made.weights("ema") else "; it has no averaged weights"
    print(f"Write with it: {command('generate', options.folder)}{averaged}")
