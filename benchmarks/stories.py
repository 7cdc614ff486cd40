"""How often a run's stories contradict themselves.

    python benchmarks/stories.py runs/quickstart [--samples 200] [--temperature 0.5 1]

The model tells stories with the seeds 0, 1, 2, ..., and none is left out. Each is read by
flashlm_np/evaluation/story_check.py. A place is wrong where words contradict an earlier choice:
another name, another kind of animal, a toy that changes its color. The table gives the wrong
places per story and as a share of all such places. A text is "lost" where words follow that the
grammar does not have. Its places count up to there: the shares stay comparable, but the numbers
per story become too low. A hero is kept if the whole text, also a lost one, has no name and no
kind of another hero.

    --show 3             print the first 3 texts with their contradictions
    --results FILE       append the numbers as one line of JSON for each temperature
"""

import argparse
import json
import re
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.processor import processor_name  # noqa: E402
from flashlm_np.evaluation.story_check import Checked, check  # noqa: E402
from flashlm_np.evaluation.story_values import values, words_of  # noqa: E402
from flashlm_np.model.config import TEMPERATURE  # noqa: E402
from flashlm_np.progress import clock  # noqa: E402
from flashlm_np.runs.saved_run import SavedRun  # noqa: E402

MOST_TOKENS = 400  # of a text; the longest of 10,000 stories has 265
KINDS = {
    **{"hero": "name", "pal": "name of the friend", "who": "kind", "kin": "kind"},
    **dict.fromkeys(("he", "him", "his"), "pronoun"),
    **{"elder": "elder", "trait": "trait"},
}
OTHER = "the plot: things, helpers, deeds"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run on stories")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="best")
    parser.add_argument("--ema", action="store_true", help="use the averaged weights")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--temperature", type=float, nargs="+", default=[TEMPERATURE, 1.0])
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N texts")
    parser.add_argument("--results", type=Path, metavar="FILE", help="append JSON lines")
    options = parser.parse_args()
    run = SavedRun.load(options.folder, options.checkpoint, options.ema)
    for temperature in options.temperature:
        start = time.perf_counter()
        texts = [told(run, seed, temperature) for seed in range(options.samples)]
        seconds = time.perf_counter() - start
        checked = [(text, check(text)) for text in texts]
        for text, found in checked[: options.show]:
            print(text, *found.contradictions, f"({found.ending})", "", sep="\n")
        about = {"run": str(options.folder), "step": run.checkpoint.step}
        numbers = about | {"temperature": temperature} | summary(checked)
        print(
            "\n".join(table(numbers)), f"Sampled in {clock(seconds)}.\n", sep="\n", flush=True
        )
        if options.results:
            made = {"date": str(date.today()), "machine": processor_name()}
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(numbers | made) + "\n")


def told(run: SavedRun, seed: int, temperature: float) -> str:
    """One story of the model, from its first word on."""
    pieces = run.text_generator.generate("", MOST_TOKENS, seed, temperature=temperature)
    return "".join(pieces)


def summary(texts: list[tuple[str, Checked]]) -> dict:
    """Shares of the texts, and for each kind of place: how many there are, how many are wrong.

    faithful: whole stories without a contradiction. whole, cut, lost: how the texts end.
    """
    checked = [found for _, found in texts]
    endings = Counter(found.ending for found in checked)
    right = sum(found.ending == "whole" and not found.contradictions for found in checked)
    kept = sum(hero_is_kept(text, found) for text, found in texts)
    places, wrong = Counter(), Counter()
    for found in checked:
        places.update(KINDS.get(fact, OTHER) for fact in found.places)
        wrong.update(KINDS.get(c.fact, OTHER) for c in found.contradictions)
    n = len(checked)
    return {
        "samples": n,
        "faithful": right / n,
        "hero kept": kept / n,
        **{name: endings[of] / n for name, of in ENDINGS.items()},
        "contradictions": wrong.total() / n,
        "kinds": {kind: [wrong[kind] / n, places[kind] / n] for kind in places},
    }


ENDINGS = {"whole": "whole", "cut": "cut", "lost": "unknown"}


def hero_is_kept(text: str, found: Checked) -> bool:
    """Whether a text has one name and one kind of hero, and these fit."""
    if any(KINDS.get(c.fact) in ("name", "kind") for c in found.contradictions):
        return False
    for fact in ("hero", "who"):
        known = "|".join(words_of(value, {}) for value in values(fact))
        if len(set(re.findall(rf"\b(?:{known})\b", text))) > 1:
            return False
    return True


def table(numbers: dict) -> list[str]:
    """The numbers in lines."""
    share = {name: f"{numbers[name]:.1%}" for name in ("faithful", "hero kept", *ENDINGS)}
    run, degrees = f"{numbers['run']}, step {numbers['step']:,}", numbers["temperature"]
    lines = [
        f"{run}: {numbers['samples']} texts at temperature {degrees:g}",
        f"  {share['faithful']} are whole stories without a contradiction",
        f"  {share['hero kept']} keep the hero's name and kind",
        f"  {share['whole']} whole, {share['cut']} cut, {share['lost']} lost",
        f"  {'contradictions per story':34} {numbers['contradictions']:5.2f}",
    ]
    for kind, (wrong, places) in sorted(numbers["kinds"].items(), key=lambda item: -item[1][0]):
        of = f"of {places:5.2f} places, {wrong / places:.1%}"
        lines.append(f"    {kind:32} {wrong:5.2f} {of}")
    return lines


if __name__ == "__main__":
    main()
