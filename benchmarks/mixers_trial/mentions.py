"""The nats of late mentions in stories: of words that the story has written before.

A recall (a name that is mentioned again, a trait, a consequence) is certain, because a story
keeps its facts. So all nats on its tokens are lost, and they are put in order by the tokens
since the same words were last written. benchmarks/distance.py has the nats by kind.
"""

from itertools import pairwise

import numpy as np

from benchmarks.distance import FREE, read
from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from flashlm_np.data.story_ids import validation_stories
from flashlm_np.evaluation.evaluate import token_losses

from .plan import Plan
from .sees import trained_runs

EDGES = (8, 16, 32, 64, 128, 10_000)  # the largest distance of each group


def measure_mentions(laboratory: Laboratory, results: Results, plan: Plan) -> None:
    """Add a "mentions" line for each trained mixer that has none."""
    tokenizer, count = laboratory.tokenizer, laboratory.base.eval_tokens
    tokens, _ = validation_stories(count, tokenizer)
    for about, state in trained_runs(laboratory, results, plan, "mentions"):
        losses, _ = token_losses(state.model, tokens, **state.config.window_options())
        groups = grouped(mentions(tokens, losses, tokenizer))
        results.add("mentions", **about, step=state.step, groups=groups)


def mentions(tokens: np.ndarray, losses: np.ndarray, tokenizer) -> list[tuple[int, float]]:
    """The (tokens since the same words, nats) of each mention in the whole stories."""
    found = []
    for start, end in pairwise(np.flatnonzero(tokens == tokenizer.end_of_text)):
        pieces = [tokenizer.tokens[i] for i in tokens[start + 1 : end]]
        found += of_story(pieces, losses[start:end])
    return found


def of_story(pieces: list[bytes], losses: np.ndarray) -> list[tuple[int, float]]:
    """The mentions in a story of these tokens, with their losses."""
    text = b"".join(pieces).decode()
    ends = np.cumsum([len(piece) for piece in pieces])  # of each token, in characters
    # The space before a word is in the word's token.
    firsts = ends - [len(piece.removeprefix(b" ")) for piece in pieces]
    found = []
    for kind, first, last in read(text)[0]:
        before = text.rfind(text[first:last], 0, first)
        if kind != FREE and last > first and before >= 0:
            own = (firsts >= first) & (firsts < last)
            distance = np.searchsorted(ends, first, "right") - np.searchsorted(
                ends, before, "right"
            )
            found.append((int(distance), float(losses[: len(pieces)][own].sum())))
    return found


def grouped(found: list[tuple[int, float]]) -> dict[str, list[float]]:
    """The mean nats of the mentions up to each of EDGES, and their number."""
    distances, nats = np.array(found, float).reshape(-1, 2).T
    group = np.searchsorted(EDGES, distances)
    return {
        str(edge): [float(nats[group == i].mean()), int((group == i).sum())]
        for i, edge in enumerate(EDGES)
        if (group == i).any()
    }
