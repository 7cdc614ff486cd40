"""Positions of a graph's parts: one operation per row, in the order in which they ran.

    leaves and constants | their lanes | operations, in boxes | lanes of results

The operations of a box ran one after the other, so it is a range of rows. Folding it makes its
rows narrow. Positions from left to right never change.
"""

from .lines import LANES, Lines

CARD_X, CARD_WIDTH, CARD_HEIGHT, CARD_PITCH, CARD_LETTERS = 8, 176, 40, 48, 21
X, WIDTH, HEIGHT = 336, 190, 44  # of operations
PORT = 18  # the least distance between two edges that enter on one side
OUT = 9  # a result for a later row leaves so far above the lower right corner
GAP, HEADER, FOOT, INDENT, INDENTS = 26, 26, 10, 7, 44  # deep boxes share the sum of indents


def layout(data: dict) -> dict:
    """Positions in pixels of the operations, cards, boxes and edges of the page's data."""
    placed = _Layout(data)
    right = [edge["lane"] for edge in placed.edges if edge["side"] == "right"]
    return {
        "operation": {"x": X, "width": WIDTH},
        "card": {"x": CARD_X, "width": CARD_WIDTH, "height": CARD_HEIGHT},
        "operations": placed.rows,
        "cards": list(placed.cards.values()),
        "boxes": placed.boxes,
        "edges": placed.edges,
        "width": max([LANES["right"], *right]) + 16,
        "height": placed.y,
    }


class _Layout:
    """Places one operation after the other; `y` is the top of the next row.

    A leaf or a constant has one card for each innermost box that uses it, beside its first use.
    """

    def __init__(self, data):
        self.values, self.tree, self.y = data["values"], data["boxes"], GAP // 2
        self.rows, self.boxes, self.edges, self.opened = [], [], [], []
        self.cards: dict[tuple, dict] = {}  # by value and box
        self.seen: set[int] = set()  # values that have a card
        operations = data["operations"]
        self.lines = Lines(operations)
        depth = max((len(self._around(o["box"])) for o in operations), default=0)
        self.indent = min(INDENT, INDENTS / max(1, depth))
        for i, operation in enumerate(operations):
            self._enter(self._around(operation["box"]))
            self._place(i, operation)
        self._enter([])

    def _around(self, box):
        """A box and those around it, the outermost first."""
        return [] if box is None else [*self._around(self.tree[box]["within"]), box]

    def _enter(self, boxes):
        """Close the other boxes, and open these."""
        while self.opened != boxes[: len(self.opened)]:
            box = self.boxes[self.opened.pop()]
            box["height"] = self.y - GAP + FOOT - box["y"]
            self.y += FOOT
        for box in boxes[len(self.opened) :]:
            inset = self.indent * len(self.opened) - 52
            self.opened.append(box)
            at = {"x": X + inset, "y": self.y, "width": WIDTH - 2 * inset}
            self.boxes.append(at | {"leaves": self._leaves(box)})
            self.y += HEADER

    def _leaves(self, box):
        """The name on the card that a folded box has for its leaves."""
        names = [self.values[i]["name"] for i in self.tree[box]["leaves"]]
        if len(names) == 1:
            return _short_name(names[0], CARD_LETTERS)
        text = ", ".join(names)
        return text if len(text) <= CARD_LETTERS else f"{len(names):,} leaves"

    def _place(self, i, operation):
        top, inputs = self.y, operation["inputs"]
        sides = [self.lines.side(i, value) for value in inputs]
        for value, side in zip(inputs, sides, strict=True):
            key = self.lines.key(value, operation)
            if side == "left" and key not in self.cards:
                self.cards[key] = self._card(value, i)
                self.y += CARD_PITCH
        count = {side: sides.count(side) for side in ("left", "top", "right")}
        ports = PORT * (1 + max(count["left"], count["right"]))
        height = max(HEIGHT, ports, self.y - top - CARD_PITCH + CARD_HEIGHT)
        self.rows.append({"y": top, "height": height})
        self.y = top + height + GAP
        before = dict.fromkeys(count, 0)
        for j, (value, side) in enumerate(zip(inputs, sides, strict=True)):
            before[side] += 1
            port = before[side] / (count[side] + 1)
            edge = {"operation": i, "argument": j, "value": value, "side": side}
            ends = self._ends(side, self.lines.key(value, operation), self.rows[i], port)
            self.edges.append(edge | ends)

    def _card(self, value, i):
        again = value in self.seen
        self.seen.add(value)
        prefix, name = "again: " * again, self.values[value]["name"]
        name = _short_name(name, CARD_LETTERS - len(prefix))
        card = {"value": value, "operation": i, "y": self.y}
        return card | {"again": again, "name": prefix + name}

    def _ends(self, side, key, row, port):
        """The two ends of an edge that enters a row, and the lane between them."""
        if side == "left":
            x1, x2 = CARD_X + CARD_WIDTH, X
            y1, y2 = self.cards[key]["y"] + CARD_HEIGHT / 2, row["y"] + row["height"] * port
        else:
            first = self.rows[self.lines.made_by[key[0]]]
            y1 = first["y"] + first["height"]
            if side == "top":
                x = X + WIDTH * port
                return {"x1": x, "y1": y1, "x2": x, "y2": row["y"]}
            x1 = x2 = X + WIDTH
            y1, y2 = y1 - OUT, row["y"] + (row["height"] - OUT) * port
        return {"x1": x1, "y1": y1, "lane": self.lines.lanes[key], "x2": x2, "y2": y2}


def _short_name(name: str, letters: int) -> str:
    """The last parts of a path, which tell most: "…layers.4.weight"."""
    if len(name) <= letters:
        return name
    while "." in name and len(name) >= letters:
        name = name.partition(".")[2]
    return f"…{name[1 - letters :]}"
