"""loss.png of usual and unusual runs: all losses are in it, and no name lies on another."""

import math

import pytest
from pictures import outside_texts, overlapping_texts, saved_figures

from flashlm_np.evaluation.baselines import Baselines
from flashlm_np.model.presets import QUICKSTART, V3
from flashlm_np.runs.loss_plot import write_plot
from flashlm_np.runs.metrics import COLUMNS, OF_EVALUATION

BASELINES = Baselines(7.60, 5.73, 2.24, 1.09)
FALLING = [7 * math.exp(-step / 100) + 0.4 for step in range(400)]
NAN, INF = math.nan, math.inf

RUNS = {
    "usual": (FALLING, {1: 7.4, 200: 1.3, 400: 0.5}, BASELINES, 0.34),
    "one step": ([7.5], {1: 7.5}, BASELINES, 0.34),
    "two steps": ([7.5, 7.4], {1: 7.5, 2: 7.4}, BASELINES, 0.34),
    "no evaluation": ([7.5, 7.4], {}, BASELINES, 0.34),
    "no step": ([], {}, BASELINES, None),
    "many steps": (FALLING * 25, dict.fromkeys(range(10, 10_000, 10), 0.5), BASELINES, 0.34),
    "baselines alike": (FALLING, {400: 0.4}, Baselines(7.6, 7.55, 7.5, 7.5), None),
    "at the best": ([0.34] * 9, {9: 0.34}, Baselines(7.6, 5.7, 0.345, 0.345), 0.3367),
    "below the best": ([0.01] * 9, {9: 0.001}, BASELINES, 0.34),
    "zero": ([0.0] * 9, {9: 0.0}, Baselines(7.6, 5.7, 0.3, 0.2), 0.0),
    "diverged": ([7.5, 8, 100, 1e8], {1: 7.5, 4: 1e8}, BASELINES, 0.34),
    "not finite": ([7.5, 7.4, 7.3], {1: 7.5, 2: NAN, 3: INF}, BASELINES, 0.34),
}


def write_metrics(path, losses, evaluations):
    """A table whose columns beside the losses are ones."""
    lines = [",".join(COLUMNS)]
    for step, loss in enumerate(losses, 1):
        row = dict.fromkeys(COLUMNS, "1") | dict.fromkeys(OF_EVALUATION, "")
        row |= {"step": str(step), "train_loss": str(loss)}
        if step in evaluations:
            row |= dict.fromkeys(OF_EVALUATION, "0.01") | {"valid_loss": str(evaluations[step])}
        lines.append(",".join(row.values()))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("head", "label"), [("sampled", "train (with candidates 250)"), ("tree", "train")]
)
def test_the_loss_of_candidates_is_named(head, label, tmp_path, monkeypatch):
    write_metrics(tmp_path / "metrics.csv", FALLING, {400: 0.5})
    figures = saved_figures(monkeypatch)
    write_plot(tmp_path, QUICKSTART.with_head(head), BASELINES, None)
    assert label in figures[0].axes[0].get_legend_handles_labels()[1]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("error")
def test_the_losses_are_drawn_and_no_text_covers_another(name, tmp_path, monkeypatch):
    losses, evaluations, baselines, best = RUNS[name]
    write_metrics(tmp_path / "metrics.csv", losses, evaluations)
    figures = saved_figures(monkeypatch)
    # The names of the losses are longer in v3.
    write_plot(tmp_path, V3 if name == "usual" else QUICKSTART, baselines, best)
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    (axes,) = figures[0].axes
    low, high = axes.get_ylim()
    shown = [x for x in (*losses, *evaluations.values()) if math.isfinite(x) and x > 0]
    assert all(low < x < high for x in shown)
    assert overlapping_texts(figures[0]) == []
    assert outside_texts(figures[0]) == []
