"""The report of the mixers: tables in Markdown."""

from statistics import fmean

from benchmarks.trial.contender import Trial
from benchmarks.trial.curves import Curves, all_curves, losses_of_factors
from benchmarks.trial.results import Results
from benchmarks.trial.tables import about_data, loss_table, markdown, time_table
from benchmarks.trial.tasks import CHOICE_SEED
from flashlm_np.data.known_answers import CHANCE

from .contenders import MIXERS, mixer_of
from .plan import Plan


def report(results: Results, trial: Trial, plan: Plan) -> str:
    """All tables, as far as the file has their lines."""
    curves = chosen_curves(results, trial, plan)
    parts = [
        about_data(results),
        time_table(results, trial, "mixer"),
        rate_table(results, trial, plan),
        loss_table(curves, sorted(plan.minutes), "mixer", "AdamW", "tokens"),
        mentions_table(results),
        recall_table(results),
        cost_table(results),
    ]
    return "\n\n".join(filter(None, parts)) or "Nothing has been measured yet."


def rate_table(results: Results, trial: Trial, plan: Plan) -> str:
    """A row per mixer and rate of its matrices: the loss at each factor of AdamW's rate."""
    columns = ["mixer, rate of its matrices", *(f"AdamW ×{f:g}" for f in plan.factors)]
    rows = []
    for name in trial.contenders:
        if losses := losses_of_factors(results, trial, name):
            cells = [f"{losses[f]:.3f}" if f in losses else "" for f in plan.factors]
            rows.append([trial.label(name), *cells])
    return markdown(columns, rows) if rows else ""


def chosen_curves(results: Results, trial: Trial, plan: Plan) -> list[Curves]:
    """The curves of the contenders that were chosen, one for each mixer."""
    chosen = {plan.chosen(trial, results, mixer) for mixer in plan.mixers}
    names = {pair[0] for pair in chosen if pair}
    return [curve for curve in all_curves(results, trial) if curve.name in names]


def mentions_table(results: Results) -> str:
    """A row per mixer: nats per mention, by the tokens since the same words."""
    lines = {mixer_of(line["contender"]): line["groups"] for line in results.lines("mentions")}
    edges = sorted({int(edge) for groups in lines.values() for edge in groups})
    rows = [
        [MIXERS[mixer][0], *(_mentions(groups.get(str(edge))) for edge in edges)]
        for mixer, groups in lines.items()
    ]
    columns = ["nats per mention", *(f"up to {edge:,} back" for edge in edges)]
    return markdown(columns, rows) if rows else ""


def _mentions(group):
    return f"{group[0]:.3f} ({group[1]:,})" if group else ""


def recall_means(results: Results) -> dict[tuple[str, int, str], dict[int, float]]:
    """The mean accuracy over the seeds by distance, of each (mixer, length, task)."""
    seeds: dict[tuple, dict[int, list[float]]] = {}
    for line in results.lines("recall"):
        for task, of_task in line["right"].items() if line["seed"] != CHOICE_SEED else ():
            found = seeds.setdefault((mixer_of(line["contender"]), line["length"], task), {})
            for distance, (right, _) in of_task.items():
                found.setdefault(int(distance), []).append(right)
    return {key: {d: fmean(r) for d, r in by.items()} for key, by in sorted(seeds.items())}


def recall_table(results: Results) -> str:
    """A row per mixer, length of the training windows and task: accuracy by distance."""
    means = recall_means(results)
    distances = sorted({distance for by in means.values() for distance in by})
    rows = [
        [
            MIXERS[mixer][0],
            str(length),
            f"{task} (guess {CHANCE[task]:.0%})",
            *(f"{by[d]:.0%}" if d in by else "" for d in distances),
        ]
        for (mixer, length, task), by in means.items()
    ]
    columns = ["mixer", "trained at", "task", *(f"{d} back" for d in distances)]
    return markdown(columns, rows) if rows else ""


def cost_table(results: Results) -> str:
    """A row per mixer: the bytes of its past and the time of a token, after N tokens."""
    lines = {
        (mixer_of(line["contender"]), line["tokens"]): line for line in results.lines("stream")
    }
    lengths = sorted({tokens for _, tokens in lines})
    rows = []
    for mixer in dict.fromkeys(mixer for mixer, _ in lines):
        cells = [_cost(lines.get((mixer, length))) for length in lengths]
        rows.append([MIXERS[mixer][0], *cells])
    columns = ["mixer", *(f"after {length:,} tokens" for length in lengths)]
    return markdown(columns, rows) if rows else ""


def _cost(line):
    if line is None:
        return ""
    return f"{line['bytes'] / 1e3:,.1f} kB, {1e3 * line['seconds']:.2f} ms"
