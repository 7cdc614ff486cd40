"""Two pictures: how far each mixer recalls, and what each trained one sees."""

from pathlib import Path

import numpy as np

from benchmarks.trial.results import Results
from flashlm_np.data.known_answers import CHANCE, TASKS

from .contenders import MIXERS, mixer_of
from .report import recall_means


def draw_recall(results: Results, folder: Path) -> Path | None:
    """Write mixers_recall.png: a row per length of training, a column per task."""
    means = recall_means(results)
    if not means:
        return None
    lengths = sorted({length for _, length, _ in means})
    size = {"figsize": (11, 2.7 * len(lengths) + 0.6), "layout": "constrained", "dpi": 120}
    figure, axes = _figure(len(lengths), len(TASKS), **size)
    for row, length in zip(axes, lengths, strict=True):
        for place, task in zip(row, TASKS, strict=True):
            for mixer, (label, color, _) in MIXERS.items():
                if by := means.get((mixer, length, task)):
                    style = {"color": color, "marker": ".", "lw": 1.5}
                    place.plot(sorted(by), [by[d] for d in sorted(by)], **style, label=label)
            place.axhline(CHANCE[task], color="#777777", lw=1, ls=":")
            place.axvline(length, color="#bbbbbb", lw=1)
            place.set(ylim=(0, 1.03), title=f"{task}, trained at {length}")
            place.set_xscale("log", base=2)
        row[0].set_ylabel("right answers")
    for place in axes[-1]:
        place.set_xlabel("tokens back to what is asked")
    figure.suptitle("Dotted: a guess; grey: the length of training", fontsize=9)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return _save(figure, folder, "mixers_recall.png")


def draw_sight(results: Results, folder: Path) -> Path | None:
    """Write mixers_sight.png: the influence of each lag, a panel per mixer."""
    lines = {mixer_of(line["contender"]): line for line in results.lines("sees")}
    if not lines:
        return None
    size = {"figsize": (8.5, 1.9 * len(lines) + 0.6), "layout": "constrained", "dpi": 120}
    figure, axes = _figure(len(lines), 1, **size, sharex=True, sharey=True)
    for (place,), (mixer, line) in zip(axes, lines.items(), strict=True):
        label, color, _ = MIXERS[mixer]
        values = np.array(line["influence"])
        share = np.where(values > 0, values / values[0], np.nan)  # a hole is drawn as a gap
        place.plot(np.arange(1, 1 + len(share)), share, color=color, lw=1, marker=".", ms=3)
        place.set(xscale="log", yscale="log", title=label)
        place.grid(color="#dddddd", lw=0.6)
    axes[-1][0].set_xlabel("tokens back, 1: the last token read (logarithmic)")
    figure.supylabel("‖∂ loss / ∂ row‖, in that of the last token")
    return _save(figure, folder, "mixers_sight.png")


def _figure(rows, columns, sharex=False, sharey=False, **size):
    from matplotlib.figure import Figure

    figure = Figure(**size)
    shared = {"sharex": sharex, "sharey": sharey, "squeeze": False}
    return figure, figure.subplots(rows, columns, **shared)


def _save(figure, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name)
    return folder / name
