"""How far the predictions of one person were, in order, as text and as a picture."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .kept import CHOICE, NUMBER, Kept

BLUE, ORANGE, RED = "#3b6ea5", "#dd9a50", "#c44e52"
WINDOW = 10  # predictions in the running mean
LEAST = 4  # predictions in a mean: of fewer, chance decides


class History:
    """The predictions whose truth is known.

    text: one line about them. A notebook shows the picture below the cell.
    thirds: the mean distance and its standard error in the first and in the last third; empty
        if the predictions are too few.
    """

    def __init__(self, rows: list[Kept]):
        self.rows = [row for row in rows if row.truth]
        self.distances = np.array([row.distance for row in self.rows])
        self.thirds = thirds(self.distances)
        self.text = summary(self.distances)

    def __repr__(self) -> str:
        return f"History: {len(self.rows)} predictions"

    def _repr_png_(self) -> bytes | None:
        if not self.rows:
            return None
        figure = Figure(figsize=(8, 3.2), layout="constrained", dpi=100)
        draw_history(figure.subplots(), self)
        data = io.BytesIO()
        figure.savefig(data, format="png")
        return data.getvalue()


def summary(distances: np.ndarray) -> str:
    """The number of predictions, and their mean distances in the first and the last third."""
    count = f"{len(distances)} prediction{'s' if len(distances) != 1 else ''} with a truth"
    if not len(distances):
        return f"{count}."
    if not (parts := thirds(distances)):
        return (
            f"{count}, mean distance {distances.mean():.2f}. From {3 * LEAST} on, the first "
            "third is compared with the last."
        )
    (first, first_error), (last, last_error) = parts
    if abs(last - first) <= 2 * np.hypot(first_error, last_error):
        verdict = "So far, the difference may be chance."
    else:
        verdict = f"The last ones are {'nearer' if last < first else 'farther'}."
    return (
        f"{count}. Mean distance of the first third: {first:.2f} ± {first_error:.2f}, of the "
        f"last third: {last:.2f} ± {last_error:.2f}. {verdict}"
    )


def thirds(distances: np.ndarray) -> list[tuple[float, float]]:
    """The mean and its standard error, in the first and in the last third; [] of too few."""
    if (size := len(distances) // 3) < LEAST:
        return []
    parts = distances[:size], distances[-size:]
    return [(part.mean(), part.std(ddof=1) / np.sqrt(size)) for part in parts]


def running_mean(distances: np.ndarray) -> np.ndarray:
    """The mean of each distance and of up to nine before it; NaN where they are too few."""
    sums = np.concatenate([[0.0], np.cumsum(distances)])
    ends = np.arange(1, len(distances) + 1)
    starts = np.maximum(ends - WINDOW, 0)
    means = (sums[ends] - sums[starts]) / (ends - starts)
    return np.where(ends < LEAST, np.nan, means)


def draw_history(axes: Axes, history: History) -> None:
    """A point per prediction and the running mean."""
    order = np.arange(1, len(history.rows) + 1)
    for kind, color, label in ((NUMBER, BLUE, "a number"), (CHOICE, ORANGE, "a choice")):
        chosen = np.array([row.kind == kind for row in history.rows], dtype=bool)
        axes.plot(order[chosen], history.distances[chosen], "o", color=color, label=label)
    if len(order) >= LEAST:
        mean = running_mean(history.distances)
        axes.plot(order, mean, color=RED, lw=2, label=f"mean of the last {WINDOW}")
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("predictions in order")
    axes.set_ylabel("distance from the truth")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
