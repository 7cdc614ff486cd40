"""A trial of the gradient checker: random gradients that are known to be right or wrong.

    python benchmarks/gradcheck.py [--pairs 10000] [--seed 0] [--before FOLDER]
    python benchmarks/gradcheck.py --only 1234        shows one pair, to reproduce it

A pair is an operation at a random point with a right backward, or with a usual mistake planted
into it. Elements lie between 1e-8 and 1e8, in one array. Four families: the operations of the
table, user-written operations that are hard to check (tests/minigrad/hard_gradients.py),
compositions, and random formulas with the exact derivative as backward. The truth comes from
derivatives with 120 digits, at the dy that the checker drew:

    right    every element is within 1e-6 of its own true value
    wrong    at least one element is off by 1e-3 of its own true value, or of the size of its
             terms where the true value is 0. The right backward is within 1e-6 there
    ill      rounding alone puts the right backward off by more than 1e-6 (1 - y² of a saturated
             tanh). A right one may get any answer. A wrong one must not pass

Pairs between the two limits are left out, and points exactly on a kink, where the checker does
not run the backward. "Undecided" counts where float64 and the mode can know the answer. Times
are seconds of the CPU. --before gives a folder that holds another version of minigrad. It runs
on the same pairs, as far as it has their operations, and the answers and times are compared.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "minigrad")]
if "--version" in sys.argv:
    sys.path.insert(0, sys.argv[sys.argv.index("--version") + 1])

from gradient_trial.trial import run_pair  # noqa: E402

FAULTS = {
    "wrong": ("right",),
    "right": ("wrong",),
    "ill, planted": ("right",),
    "ill": (),
    "random": ("right", "wrong"),
    "not asked": ("right", "wrong"),
    "between": (),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first pair (0)")
    parser.add_argument("--before", metavar="FOLDER", help="holds another minigrad to compare")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="show one pair")
    parser.add_argument("--mode", help="ask in one mode, not in a random one")
    parser.add_argument("--save", metavar="FILE", help="append each result as a line of JSON")
    parser.add_argument("--stop", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--version", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        for key, value in run_pair(options.seed, options.only, options.mode, True).items():
            print(f"{key:12} {value}")
        return
    results = run(options)
    print(report(results, options))
    if options.before:
        print(compared(results, run_before(options, results[-1]["number"] + 1)))


def run(options):
    results = []
    for number in itertools.count(options.first):
        if len(results) == options.pairs or number == options.stop:
            return results
        result = run_pair(options.seed, number, options.mode)
        if result:
            results.append(result)
        if result and options.save:
            with open(options.save, "a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")


def run_before(options, stop):
    """Run the same pairs with the other version, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results"
        command = [sys.executable, __file__, "--version", options.before, "--save", str(file)]
        numbers = [
            "--pairs",
            options.pairs,
            "--seed",
            options.seed,
            "--first",
            options.first,
            "--stop",
            stop,
        ]
        subprocess.run([*command, *map(str, numbers)], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


# -- tables --------------------------------------------------------------------------------


def is_decidable(result):
    """Whether a checker can know the answer: complex steps need an analytic function."""
    can_ask = result["analytic"] or result["mode"] != "complex"
    return can_ask and result["kind"] == "plain" and result["truth"] in ("right", "wrong")


def is_fault(result):
    return result["answer"] in FAULTS[result["truth"]]


def report(results, options):
    decidable = [r for r in results if is_decidable(r)]
    undecided = sum(r["answer"] == "undecided" for r in decidable)
    parts = [
        f"{len(results)} pairs, seed {options.seed}",
        table(results, "family"),
        table(results, "mode"),
        table([r for r in results if r["family"] == "user-written"], "name"),
        f"undecided of the right and wrong that float64 can decide: {undecided} of "
        f"{len(decidable)}, {100 * undecided / max(1, len(decidable)):.2f} %",
        "\n".join(times(results)),
    ]
    faults = [r for r in results if is_fault(r)]
    parts += [f"{len(faults)} faults; show one with --seed {options.seed} --only NUMBER"]
    parts += ["\n".join(line(r) for r in faults)]
    return "\n\n".join(parts)


def line(r):
    return (
        f"  {r['number']:6} {r['truth']:13} answer {r['answer']:9} mode {r['mode']:10} "
        f"{r['family']}: {r['name']}; {r['mistake']}; off by {r['error']:.2g}"
    )


def table(results, key):
    """A row per value of `key`: counts by truth and answer, and the rest of the pairs."""
    columns = [
        ("right", "right"), ("right", "undecided"), ("right", "wrong"),
        ("wrong", "wrong"), ("wrong", "undecided"), ("wrong", "right"),
        ("ill, planted", "right"),
    ]  # fmt: skip
    heads = [f"{t}: {a}" for t, a in columns] + [
        "random: decided",
        "ill: other",
        "refused",
        "left out",
    ]
    lines = [f"| {key} | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    groups = {}
    for r in results:
        groups.setdefault(str(r[key]), []).append(r)
    for name, group in [*sorted(groups.items()), ("all", results)]:
        counts = Counter((r["truth"], r["answer"]) for r in group)
        refused = sum(n for (_, a), n in counts.items() if a == "refused")
        left_out = sum(n for (t, _), n in counts.items() if t in ("between", "not asked"))
        ill = sum(n for (t, a), n in counts.items() if t in ("ill", "ill, planted"))
        random = counts["random", "right"] + counts["random", "wrong"]
        cells = [counts[c] for c in columns]
        cells += [random, ill - counts["ill, planted", "right"], refused, left_out]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def times(results):
    groups = {}
    for r in results:
        groups.setdefault(r["mode"], []).append(1e3 * r["seconds"])
    for mode, ms in sorted(groups.items()):
        yield (
            f"ms per check, mode {mode}: median {np.median(ms):.2f}, mean {np.mean(ms):.2f}, "
            f"longest {max(ms):.0f}"
        )


def compared(results, before):
    """Faults and times of both versions on the pairs that both have run."""
    old = {r["number"]: r for r in before}
    both = [(r, old[r["number"]]) for r in results if r["number"] in old]
    lines = [f"on the {len(both)} pairs that both versions ran:"]
    for title, side in (("before", 1), ("now", 0)):
        answers = Counter((pair[side]["truth"], pair[side]["answer"]) for pair in both)
        undecided = sum(
            pair[side]["answer"] == "undecided" and is_decidable(pair[side]) for pair in both
        )
        ms = 1e3 * np.array([pair[side]["seconds"] for pair in both])
        lines.append(
            f"  {title}: {answers['wrong', 'right']} wrong ones passed, "
            f"{answers['right', 'wrong']} right ones blamed, {undecided} undecided; "
            f"ms per check: median {np.median(ms):.2f}, mean {np.mean(ms):.2f}"
        )
    ratio = np.median([new["seconds"] / old["seconds"] for new, old in both])
    lines.append(f"  time per check, median of the ratios now / before: {ratio:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
