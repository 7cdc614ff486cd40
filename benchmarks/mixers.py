"""Mixers of FlashLM's block with equal parameters: convolutions, attention, MLGRU.

    python benchmarks/mixers.py --data DIR --size stories [--mixers convs attention ...]
                                [--minutes 3 10] [--seeds 1 2 3] [--results FILE]
    ... --time | --train | --sees | --recall | --costs | --report     only these parts of it

    time       seconds per step of all mixers, a step of each in turn, on all cores
    train      both rates of each mixer are chosen by short trials, equally many; then the runs
    sees       the influence of each earlier token in the trained models, and with stories the
               nats of words that are mentioned again, by the distance to the last time
    recall     tasks with a known answer: trained on them, then the accuracy by distance
    costs      the bytes of the past and the time of a token after 100 to 100,000 tokens
    report     tables, the curves of the losses, and two pictures

DIR is a folder of `flashlm prepare`. The size "stories" is for stories with their 2,000 tokens,
"v3" for texts with GPT-2's, "tiny" for a try. All mixers have the body, the head and the
batches of the base, and as many weights as its convolutions: mixers_trial/contenders.py.

Equal time means the same number of median seconds per step, without evaluations; equal tokens
means the same number of scored positions. The command can be stopped, started again, and
started several times at once: results are lines of one file, and checkpoints are in --work.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.mixers_trial.contenders import (  # noqa: E402
    BASES,
    MIXERS,
    RATES,
    mixer_of,
    trial_of,
    variant,
)
from benchmarks.mixers_trial.costs import TEXT_LENGTHS, measure_costs  # noqa: E402
from benchmarks.mixers_trial.mentions import measure_mentions  # noqa: E402
from benchmarks.mixers_trial.pictures import draw_recall, draw_sight  # noqa: E402
from benchmarks.mixers_trial.plan import Plan  # noqa: E402
from benchmarks.mixers_trial.recall import measure_recall  # noqa: E402
from benchmarks.mixers_trial.report import chosen_curves, report  # noqa: E402
from benchmarks.mixers_trial.sees import measure_sight  # noqa: E402
from benchmarks.trial.command import parse, parser_for, run  # noqa: E402
from benchmarks.trial.laboratory import Laboratory  # noqa: E402
from benchmarks.trial.plan import carry_out  # noqa: E402
from benchmarks.trial.plots import draw  # noqa: E402
from benchmarks.trial.results import Results  # noqa: E402
from benchmarks.trial.timing import time_steps  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory  # noqa: E402

PARTS = ("time", "train", "sees", "recall", "costs", "report")
WITHOUT_DATA = ("recall", "costs", "report")
TITLE = "Mixers with equal parameters: exact loss on held-out tokens"


def main(arguments=None):
    options = parsed(arguments)
    run(lambda: measure_and_report(options, Results(options.results)))


def measure_and_report(options, results):
    measure(options, results)
    if "report" in options.parts:
        trial, plan, folder = options.trial, options.plan, options.plots
        print(report(results, trial, plan))
        draw(results, chosen_curves(results, trial, plan), folder, "mixers", TITLE)
        draw_recall(results, folder)
        draw_sight(results, folder)


def measure(options, results):
    """Do the chosen parts that train or time something."""
    keep_freed_memory()
    trial, plan, parts = options.trial, options.plan, set(options.parts)
    if parts - set(WITHOUT_DATA):
        laboratory = Laboratory.open(trial, options.data, options.work, options.threads)
        laboratory.describe(results)
        if "time" in parts:
            time_steps(laboratory, results, options.names, max(plan.minutes), options.steps)
        if "train" in parts:
            carry_out(lambda: plan.tasks(trial, results), laboratory, results)
        if "sees" in parts:
            measure_sight(laboratory, results, plan)
            if options.size != "v3":  # the tokens are those of stories
                measure_mentions(laboratory, results, plan)
    if "recall" in parts:
        shared = options.names, options.lengths, options.recall_steps, plan.seeds
        measure_recall(trial, results, *shared, options.threads)
    if "costs" in parts:
        of_one_rate = {mixer_of(name): name for name in options.names}.values()
        measure_costs(trial, results, list(of_one_rate), tuple(options.text_lengths))


def parsed(arguments):
    parser = parser_for("mixers", __doc__.splitlines()[0], PARTS, BASES)
    parser.add_argument("--mixers", nargs="+", choices=MIXERS, default=list(MIXERS))
    parser.add_argument("--minutes", nargs="+", type=float, default=[3, 10])
    parser.add_argument("--rates", nargs="+", type=float, default=list(RATES))
    parser.add_argument("--factors", nargs="+", type=float, default=[0.3, 1, 3])
    parser.add_argument("--choice-minutes", type=float, default=1, help="of a trial (1)")
    parser.add_argument("--lengths", nargs="+", type=int, default=[64, 512], help="of windows")
    parser.add_argument("--recall-steps", type=int, default=1000)
    parser.add_argument("--text-lengths", nargs="+", type=int, default=list(TEXT_LENGTHS))
    options = parse(parser, arguments, PARTS, WITHOUT_DATA)
    options.trial = trial_of(BASES[options.size], tuple(options.rates))
    options.plan = Plan(
        options.mixers,
        options.minutes,
        options.seeds,
        options.rates,
        options.factors,
        options.choice_minutes,
    )
    options.names = [variant(m, rate) for m in options.mixers for rate in options.rates]
    return options


if __name__ == "__main__":
    main()
