"""`flashlm eval`, `generate`, `stories`: what a run has learned, and from what."""

from __future__ import annotations

from ..model.config import TEMPERATURE
from .arguments import add_head, add_run_folder, add_values, at_least, number


def add_eval(commands):
    parser = commands.add_parser("eval", help="evaluate a run", description=_eval.__doc__)
    parser.set_defaults(run=_eval)
    add_run_folder(parser)
    add_head(parser)
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--text", nargs="+", metavar="FILE", help="score the whole of these")
    others.add_argument("--data", metavar="DIR", help="score the last part of this corpus")


def _eval(options) -> None:
    """Score a run's model on its validation tokens, or on those of --text or --data."""
    from ..training import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema, options.head)
    runs.evaluate_run(run, options.text, options.data)


def add_generate(commands):
    parser = commands.add_parser(
        "generate", help="let a run's model write", description=_generate.__doc__
    )
    parser.set_defaults(run=_generate)
    add_run_folder(parser)
    add_head(parser)
    parser.add_argument(
        "--activations",
        choices=("float32", "int8"),
        default="float32",
        help="what the ternary layers see; int8: they add integers only. Default: float32",
    )
    parser.add_argument(
        "--packed",
        action="store_true",
        help="keep ternary weights packed, and multiply by table look-ups and additions",
    )
    not_negative, whole = at_least(float, 0), at_least(int, 0)
    share = number(float, lambda value: 0 <= value <= 1, "is not between 0 and 1")
    add_values(
        parser,
        ("--prompt", str, "", "how the text begins"),
        ("--tokens", whole, 200, "how many to write at most"),
        (
            "--temperature",
            not_negative,
            TEMPERATURE,
            "low is safe, 1 as learned; 0: the likeliest token",
        ),
        ("--top-k", whole, 0, "choose among the k likeliest tokens only; 0: among all"),
        ("--top-p", share, 1.0, "choose among the likeliest that together have this share"),
        ("--seed", whole, 0, "of the dice"),
    )


def _generate(options) -> None:
    """Continue a prompt, token by token."""
    from ..training import runs

    run = runs.Run.load(options.folder, options.checkpoint, options.ema, options.head)
    how = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    how["int8_activations"] = options.activations == "int8"
    how["packed"] = options.packed
    runs.write_on(run, options.prompt, options.tokens, options.seed, how)


def add_stories(commands):
    parser = commands.add_parser("stories", help="tell stories", description=_stories.__doc__)
    parser.set_defaults(run=_stories)
    parser.add_argument(
        "--count", type=at_least(int, 0), default=3, metavar="N", help="default: 3"
    )
    parser.add_argument(
        "--seed", type=at_least(int, 0), default=0, metavar="N", help="default: 0"
    )


def _stories(options) -> int:
    """Print stories of the embedded corpus, each with its exact probability."""
    import numpy as np

    from ..data.stories import stories

    rng = np.random.default_rng(options.seed)
    for _ in range(options.count):
        text = stories.generate(rng)
        print(f"{text}\n[ln p = {stories.score(text):.3f}]\n")
    return 0
