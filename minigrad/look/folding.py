"""The layout of a graph with some of its boxes folded, for the picture; the page does the same.

A folded box is one row, and all lines between two rows are one. Beside it stands one card for
the leaves that its operations use.
"""

from bisect import bisect_right

FOLDED = 46  # the height of a folded box


class Folding:
    """Which parts of the layout of a page's data are visible, and where.

    folds: the folded boxes that no other one hides. fold_of: the one around each operation.
    """

    def __init__(self, data: dict, folded: list[int]):
        self.data, self.boxes, self.folded = data, data["boxes"], set(folded)
        self.hidden: set[int] = set()  # boxes within folded ones
        self.folds: list[int] = []
        self.fold_of: dict[int, int] = {}
        for b, box in enumerate(self.boxes):  # outer boxes come first
            if box["within"] in self.folded or box["within"] in self.hidden:
                self.hidden.add(b)
            elif b in self.folded:
                self.folds.append(b)
                self.fold_of |= dict.fromkeys(range(box["first"], box["last"] + 1), b)
        self.tops = [data["layout"]["boxes"][b]["y"] for b in self.folds]
        self.gone = [0.0]  # the pixels that the folds above take away
        for b in self.folds:
            height = data["layout"]["boxes"][b]["height"]
            self.gone.append(self.gone[-1] + height - FOLDED)

    def place(self, y: float) -> float:
        """The y of a y in the unfolded layout."""
        above = bisect_right(self.tops, y)
        if above:
            box = self.data["layout"]["boxes"][self.folds[above - 1]]
            inside = (y - box["y"]) / box["height"]
            if inside < 1:
                return box["y"] - self.gone[above - 1] + inside * FOLDED
        return y - self.gone[above]

    def edges(self) -> list[dict]:
        """The visible edges, one of those between a folded box and the same other row."""
        made_by = {o["output"]: i for i, o in enumerate(self.data["operations"])}
        found: dict[tuple, dict] = {}
        for edge in self.data["layout"]["edges"]:
            operation, made = edge["operation"], made_by.get(edge["value"])
            source, to = self.fold_of.get(made), self.fold_of.get(operation)
            if to is not None and (made is None or source == to):
                continue  # within a folded box
            start = ("fold", source) if source is not None else edge["value"]
            end = to if to is not None else (operation, edge["argument"])
            found.setdefault((start, end), edge)
        return list(found.values())
