"""The most that 25 minutes can learn: the preset `best` beside FlashLM v3 in the same minutes.

    python benchmarks/best.py --data DIR [--runs best prior full v3] [--minutes 10 25 120]
                              [--seeds 1 2 3] [--results FILE]         all that is not yet done
    ... --time | --train | --report                                    only these parts of it

    time       seconds per step and per evaluation, a step of each in turn, on all cores
    train      short runs first; each has a schedule of its own
    report     one table, and one plot of the runs of 25 minutes

DIR is a folder of `flashlm prepare`. `prior` is `best` with a trigram that takes part; `full`
has no ternary weights. v3 starts from the corpus embedding, and is else as published. All are
judged on the same tokens, nearly all of the held-out part, by the exact loss of the last
weights. On the way they are judged on the first 16,384 of these, for the plot.

A minute is that of a machine on which v3's step of phase 1b takes 0.45 s. The minutes contain
the evaluations of a run. A run is a number of steps, so the load of the machine changes no
result, and it may train on one core beside others. The command can be stopped, started again,
and started several times at once.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.best_trial.contenders import BASES, trial_of  # noqa: E402
from benchmarks.best_trial.minutes import is_timed, tasks, time_evaluations  # noqa: E402
from benchmarks.best_trial.report import draw, report  # noqa: E402
from benchmarks.trial.command import names_of, parse, parser_for, run  # noqa: E402
from benchmarks.trial.laboratory import Laboratory  # noqa: E402
from benchmarks.trial.plan import carry_out  # noqa: E402
from benchmarks.trial.results import Results  # noqa: E402
from benchmarks.trial.timing import time_steps  # noqa: E402
from flashlm_np.evaluation.baselines import baselines  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory  # noqa: E402

PARTS = ("time", "train", "report")


def main(arguments=None):
    options = parsed(arguments)
    run(lambda: measure_and_report(options, Results(options.results)))


def measure_and_report(options, results):
    measure(options, results)
    if "report" in options.parts:
        print(report(results, options.trial, options.minutes))
        draw(results, options.trial, options.plotted, options.plots)


def measure(options, results):
    """Do the chosen parts that need the data."""
    if options.parts == ["report"]:
        return
    keep_freed_memory()
    trial = options.trial
    where = options.data, options.work, options.threads
    laboratory = Laboratory.open(trial, *where, choices=False)
    laboratory.describe(results)
    if not results.lines("counted"):  # the counted models on the tokens of the plot
        plotted, V = laboratory.tokens("curve"), trial.base.vocab_size
        results.add("counted", **vars(baselines(laboratory.dataset.train, plotted, V)))
    # The measured step of v3 says how long a minute is.
    names = [name for name in trial.contenders if name in {"v3", *options.runs}]
    missing = [name for name in names if not is_timed(results, trial, name)]
    if "time" in options.parts and missing:
        time_steps(laboratory, results, missing, max(options.minutes), options.steps)
        time_evaluations(laboratory, results, missing)
    if "train" in options.parts:
        chosen = trial, results, options.runs, options.minutes, options.seeds
        carry_out(lambda: tasks(*chosen), laboratory, results)


def parsed(arguments):
    parser = parser_for("best", __doc__.splitlines()[0], PARTS, BASES)
    parser.set_defaults(size="best")
    parser.add_argument("--runs", nargs="+", help="default: all")
    parser.add_argument("--minutes", nargs="+", type=float, default=[10, 25, 120])
    parser.add_argument("--plotted", type=float, default=25, help="minutes of the plot (25)")
    options = parse(parser, arguments, PARTS)
    options.trial = trial_of(BASES[options.size])
    options.runs = names_of(parser, "--runs", options.runs, options.trial.contenders)
    return options


if __name__ == "__main__":
    main()
