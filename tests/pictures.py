"""Pictures in tests: the figures that were saved, and texts in them that lie on each other."""

from itertools import combinations

from matplotlib.figure import Figure


def saved_figures(monkeypatch):
    """A list that receives each figure when it is saved."""
    figures, save = [], Figure.savefig

    def remember(self, *arguments, **options):
        figures.append(self)
        return save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def overlapping_texts(figure):
    """The pairs of texts in a drawn figure whose boxes share more than a pixel."""
    return [
        (text, other)
        for (text, box), (other, other_box) in combinations(_boxes(figure), 2)
        if box.padded(-1).overlaps(other_box.padded(-1))
    ]


def outside_texts(figure):
    """The texts that the edge of the figure cuts."""
    width, height = figure.canvas.get_width_height()
    return [
        text
        for text, box in _boxes(figure)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


def _boxes(figure):
    texts = list(figure.texts)
    legends = list(figure.legends)
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += [*_tick_labels(axes.xaxis, 0), *_tick_labels(axes.yaxis, 1)]
        legends += [axes.get_legend()] if axes.get_legend() else []
    texts += [text for legend in legends for text in legend.get_texts()]
    return [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text().strip()]


def _tick_labels(axis, coordinate):
    """The labels of the ticks within the limits of the axis; the others are not drawn."""
    low, high = sorted(axis.get_view_interval())
    labels = axis.get_ticklabels()
    return [label for label in labels if low <= label.get_position()[coordinate] <= high]
