"""The distance of a run from the best possible loss, by kind of word.

    python benchmarks/distance.py runs/quickstart

Each story is parsed into its choices and recalls (flashlm_np/data/stories/derivation.py). The
words of a recall (a name that is mentioned again, a trait, a consequence) are certain, so all
nats of the model on them are excess. Its nats on the other words are compared with the exact
cost of the choices. The table is in nats per story; its sum is the whole distance.
"""

import argparse
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from flashlm_np.data.stories.derivation import Parser, derive
from flashlm_np.data.stories.grammar import Recall
from flashlm_np.data.stories.stories import tables
from flashlm_np.data.story_ids import validation_stories
from flashlm_np.evaluation.evaluate import token_losses
from flashlm_np.runs.saved_run import SavedRun

FREE = "choices and the words between"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run on stories")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="best")
    options = parser.parse_args()
    run = SavedRun.load(options.folder, options.checkpoint)
    tokenizer = run.tokenizer
    tokens, _ = validation_stories(run.config.eval_tokens, tokenizer)
    losses, _ = token_losses(run.model, tokens, **run.config.window_options())
    ends = np.flatnonzero(tokens == tokenizer.end_of_text)
    excess, times = Counter(), Counter()
    for start, end in pairwise(ends):
        pieces = [tokenizer.tokens[i] for i in tokens[start + 1 : end]]
        add_story(pieces, losses[start:end], excess, times)
    stories = len(ends) - 1
    print(f"{stories} stories, {len(losses) / stories:.1f} tokens each; nats per story:")
    for kind, nats in excess.most_common(15):
        per_story = f"{times[kind] / stories:5.2f} times" if times[kind] else ""
        print(f"  {kind:30} {nats / stories:7.2f}  {per_story}")
    total = sum(excess.values())
    print(f"  {'all':30} {total / stories:7.2f}  = {total / len(losses):.4f} nats per token")


def add_story(pieces, losses, excess, times):
    """Add a story's excess to the Counter by kind. The end token is a free word."""
    text = b"".join(pieces).decode()
    kinds, cost = read(text)
    for kind, start, stop in kinds:
        times[kind] += stop > start and kind != FREE
    owner = [FREE] * (len(text) + 1)
    for kind, start, stop in kinds:
        owner[start:stop] = [kind] * (stop - start)
    at = 0
    for piece, loss in zip(pieces, losses[:-1], strict=True):
        first = at + (len(piece) > 1 and piece.startswith(b" "))  # the word without its space
        excess[owner[first]] += loss
        at += len(piece)
    excess[FREE] += losses[-1] - cost


def read(text):
    """Return the (kind, start, stop) of all pieces of a story, and -ln p of its choices."""
    parser = PieceParser(text)
    _, choices = derive(tables(), parser)
    return parser.pieces, -math.fsum(math.log(choice.probability) for choice in choices)


class PieceParser(Parser):
    """A parser that records the position of each piece, and whether it is a recall."""

    def __init__(self, text):
        super().__init__(text)
        self.pieces = []

    def emit(self, words, piece):
        start = self.position
        super().emit(words, piece)
        kind = f"recall of the {piece.fact}" if isinstance(piece, Recall) else FREE
        self.pieces.append((kind, start, self.position))


if __name__ == "__main__":
    main()
