"""FlashLM v3 with each output layer: is the head 86 %, and is another 5 to 10 times as good?

    python benchmarks/heads.py --data DIR [--heads v3 exact sampled ...] [--minutes 3 10 25]
                               [--seeds 1 2 3] [--results FILE]       all that is not yet done
    ... --time | --train | --speed | --report                         only these parts of it

    time       seconds per step of all heads, a step of each in turn, on all cores
    train      each learning rate is chosen by a short trial; then the runs, short ones first
    speed      the heads alone: forward and both gradients of 2,048 positions
    report     tables, the figures of the answers, and two plots

DIR is a folder of `flashlm prepare`. All heads have v3's body, batches and rates, and start
from an embedding that is counted from the corpus. They train its table from the first step on,
in steps of 2,048 tokens, as v3 does from step 1,000 on. v3's first phase, with a frozen table,
is longer than the short times; --phases v3 has it. All are judged on the same tokens, by the
exact loss of the last weights, not of the averaged ones.

Equal time means the same number of median seconds per step, without evaluations. So a run does
not depend on the load of the machine, and may train on one core beside others. The command can
be stopped, started again, and started several times at once: results are lines of one file, and
checkpoints are in the folder --work.
"""

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.heads_trial.contenders import BASES, CONTENDERS, trial_of  # noqa: E402
from benchmarks.heads_trial.head_speed import time_heads  # noqa: E402
from benchmarks.heads_trial.plan import Plan  # noqa: E402
from benchmarks.heads_trial.report import report  # noqa: E402
from benchmarks.trial.command import parse, parser_for, run  # noqa: E402
from benchmarks.trial.curves import all_curves  # noqa: E402
from benchmarks.trial.laboratory import Laboratory  # noqa: E402
from benchmarks.trial.plots import draw  # noqa: E402
from benchmarks.trial.results import Results  # noqa: E402
from benchmarks.trial.timing import time_steps  # noqa: E402
from flashlm_np.model.phase import V3_PHASES, Phase  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory  # noqa: E402

TITLE = "FlashLM v3 with other output layers: exact loss on held-out tokens"
PARTS = ("time", "train", "speed", "report")


def main(arguments=None):
    options = parsed(arguments)
    run(lambda: measure_and_report(options, Results(options.results)))


def measure_and_report(options, results):
    measure(options, results)
    if "report" in options.parts:
        trial = options.trial
        print(report(results, trial, options.minutes))
        draw(results, all_curves(results, trial), options.plots, "heads", TITLE)


def measure(options, results):
    """Do the chosen parts that need the data."""
    if options.parts == ["report"]:
        return
    keep_freed_memory()
    laboratory = Laboratory.open(options.trial, options.data, options.work, options.threads)
    laboratory.describe(results)
    shared = laboratory, results, options.heads
    if "time" in options.parts:
        time_steps(*shared, max(options.minutes), options.steps)
    if "train" in options.parts:
        plan = Plan(options.heads, options.minutes, options.seeds, options.factors)
        limits = {"choice_minutes": options.choice_minutes, "slack": options.slack}
        replace(plan, **limits).carry_out(laboratory, results)
    if "speed" in options.parts:
        time_heads(*shared, options.steps)


def parsed(arguments):
    parser = parser_for("heads", __doc__.splitlines()[0], PARTS, BASES)
    parser.add_argument("--heads", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--minutes", nargs="+", type=float, default=[3, 10, 25])
    parser.add_argument("--factors", nargs="+", type=float, default=[1, 3, 10])
    parser.add_argument("--choice-minutes", type=float, default=1, help="of a trial (1)")
    parser.add_argument("--slack", type=float, default=1.25, help="runs are so much longer")
    parser.add_argument(
        "--phases", nargs="+", help="FIRST:SEQUENCE:BATCH:MICRO[:frozen], or v3"
    )
    options = parse(parser, arguments, PARTS)
    options.trial = trial_of(base_of(options))
    return options


def base_of(options):
    base = BASES[options.size]
    if options.phases is None:
        return base
    texts = map(str, V3_PHASES) if options.phases == ["v3"] else options.phases
    return replace(base, phases=tuple(map(Phase.parse, texts)))


if __name__ == "__main__":
    main()
