"""The recipe of a short run: each change of one base alone, at equal time.

    python benchmarks/recipe.py --data DIR [--lines base random ...] [--minutes 5]
                                [--seeds 1 2 3] [--results FILE]       all that is not yet done
    ... --time | --train | --report                                    only these parts of it

    time       seconds per step of the lines, a step of each in turn, on all cores
    train      the runs of the first seed, then of the next
    report     one table, and one plot

DIR is a folder of `flashlm prepare`. The base is FlashLM v3's body with a cheap output layer on
all positions: recipe_trial/base.py; the lines are in recipe_trial/lines.py. Every line has the
same minutes, at the measured seconds of its own step, and its learning rates fall to 0 at its
end. All are judged on the same tokens, by the exact loss over the whole vocabulary. The table
has every line that was tried, also those without a difference.

Equal time needs measured seconds, so a line is timed before it is trained; it is timed once. A
run does not depend on the load of the machine, and may train on one core beside others. The
command can be stopped, started again, and started several times at once: results are lines of
one file, and checkpoints are in the folder --work.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.recipe_trial.base import BASES  # noqa: E402
from benchmarks.recipe_trial.lines import trial_of  # noqa: E402
from benchmarks.recipe_trial.plan import tasks, untimed, with_references  # noqa: E402
from benchmarks.recipe_trial.report import draw, report  # noqa: E402
from benchmarks.trial.command import names_of, parse, parser_for, run  # noqa: E402
from benchmarks.trial.laboratory import Laboratory  # noqa: E402
from benchmarks.trial.plan import carry_out  # noqa: E402
from benchmarks.trial.results import Results  # noqa: E402
from benchmarks.trial.timing import time_steps  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory  # noqa: E402

PARTS = ("time", "train", "report")


def main(arguments=None):
    options = parsed(arguments)
    run(lambda: measure_and_report(options, Results(options.results)))


def measure_and_report(options, results):
    measure(options, results)
    if "report" in options.parts:
        print(report(results, options.trial, options.minutes))
        draw(results, options.trial, options.minutes, options.plots)


def measure(options, results):
    """Do the chosen parts that need the data."""
    if options.parts == ["report"]:
        return
    keep_freed_memory()
    trial, minutes = options.trial, options.minutes
    names = with_references(trial, options.lines)
    laboratory = Laboratory.open(trial, options.data, options.work, options.threads)
    laboratory.describe(results)
    if "time" in options.parts and (missing := untimed(trial, results, names)):
        time_steps(laboratory, results, missing, minutes, options.steps)
    if "train" in options.parts:
        carry_out(
            lambda: tasks(trial, results, names, minutes, options.seeds), laboratory, results
        )


def parsed(arguments):
    parser = parser_for("recipe", __doc__.splitlines()[0], PARTS, BASES)
    parser.add_argument("--lines", nargs="+", metavar="LINE", help="default: all")
    parser.add_argument("--minutes", type=float, default=5, help="of each run (5)")
    options = parse(parser, arguments, PARTS)
    options.trial = trial_of(BASES[options.size])
    options.lines = names_of(parser, "--lines", options.lines, options.trial.contenders)
    return options


if __name__ == "__main__":
    main()
