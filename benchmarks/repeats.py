"""Where runs differ: the loss of tokens that repeat what the text said before, and of others.

    python benchmarks/repeats.py RUN [RUN ...] [--data DIR] [--checkpoint last] [--tokens 65536]

A token repeats a pair if it followed the same token before. A model that finds the earlier
pair in its context can copy what followed; one that does not see it must know it by heart. The
groups depend on the text alone, so they are the same for each run.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.trial.tables import markdown  # noqa: E402
from flashlm_np.data.dataset import DataSource  # noqa: E402
from flashlm_np.errors import UserError  # noqa: E402
from flashlm_np.evaluation.evaluate import token_losses  # noqa: E402
from flashlm_np.runs.saved_run import SavedRun  # noqa: E402

EDGES = (16, 64, 256)  # the largest distance of each group


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", help="a folder of `flashlm prepare` (default: the run's own)")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last")
    parser.add_argument(
        "--tokens", type=int, default=65536, help="of the held-out part (65536)"
    )
    options = parser.parse_args(arguments)
    try:
        runs = [SavedRun.load(folder, options.checkpoint) for folder in options.folders]
        source = None if options.data is None else DataSource.at(data=options.data)
        texts = [run.dataset(source).valid[: options.tokens + 1] for run in runs]
    except UserError as error:
        parser.error(str(error))
    if not all(np.array_equal(tokens, texts[0]) for tokens in texts):
        parser.error("the runs have other texts or tokens than the first; try --data DIR")
    groups = grouped(texts[0])
    columns = ["nats per token", *groups, "all"]
    share = [f"{part.mean():.1%}" for part in groups.values()]
    print(
        markdown(columns, [["of all tokens", *share, "100 %"], *rows(runs, texts[0], groups)])
    )


def rows(runs, tokens, groups):
    """A row for each run: its mean loss in each group, and over all."""
    for run in runs:
        losses, _ = token_losses(run.model, tokens, **run.config.window_options())
        parts = [losses[part] for part in groups.values()] + [losses]
        means = [f"{part.mean():.3f}" if len(part) else "" for part in parts]
        yield [str(run.folder), *means]


def grouped(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Which tokens after the first are in each group: a boolean array (M,) by name."""
    tokens = tokens.astype(np.int64)
    pair = since_last(tokens[:-1] * (tokens.max() + 1) + tokens[1:])
    word = since_last(tokens)[1:]
    groups, least = {}, 1
    for edge in EDGES:
        groups[f"its pair {least} to {edge} tokens back"] = (least <= pair) & (pair <= edge)
        least = edge + 1
    groups["the token alone"] = (pair >= least) & (word < least)
    groups["neither"] = word >= least
    return groups


def since_last(keys: np.ndarray) -> np.ndarray:
    """How many places before each key the same key is; very many where there is none."""
    order = np.argsort(keys, kind="stable")
    since = np.full(len(keys), len(keys) + EDGES[-1])
    same = keys[order[1:]] == keys[order[:-1]]
    since[order[1:][same]] = (order[1:] - order[:-1])[same]
    return since


if __name__ == "__main__":
    main()
