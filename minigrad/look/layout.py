"""Positions of a graph's parts: one operation per row, in the order in which they ran.

    leaves and constants | their lanes | operations, in boxes of modules | lanes of results

The operations of a module call ran one after the other, so its box is a range of rows. The page
folds a box by making its rows narrow. Positions from left to right never change.
"""

CARD_X, CARD_WIDTH, CARD_HEIGHT, CARD_PITCH, CARD_LETTERS = 8, 176, 40, 48, 21
X, WIDTH, HEIGHT = 336, 190, 44  # of operations
# The first lane of leaves and constants, and that of results that skip the next operation.
LANES = {"left": 190, "right": 650}
LANE = 9
PORT = 18  # the least distance between two edges that enter on one side
OUT = 9  # a result for a later row leaves so far above the lower right corner
GAP, HEADER, FOOT, INDENT = 26, 26, 10, 7


def layout(data: dict) -> dict:
    """Positions in pixels of the operations, cards, boxes and edges of the page's data."""
    placed = _Layout(data)
    lanes = max(1, len(placed.busy_until["right"]))
    return {
        "operation": {"x": X, "width": WIDTH},
        "card": {"x": CARD_X, "width": CARD_WIDTH, "height": CARD_HEIGHT},
        "operations": placed.rows,
        "cards": list(placed.cards.values()),
        "boxes": placed.boxes,
        "edges": placed.edges,
        "width": LANES["right"] + LANE * (lanes - 1) + 16,
        "height": placed.y,
    }


class _Layout:
    """Places one operation after the other; `y` is the top of the next row.

    A leaf or a constant has one card for each module call that uses it, beside its first use.
    """

    def __init__(self, data):
        self.values, self.calls, self.y = data["values"], data["calls"], GAP // 2
        self.rows, self.boxes, self.edges, self.open_boxes = [], [], [], []
        self.cards: dict[tuple, dict] = {}  # by value and call
        operations = data["operations"]
        self.made_by = {operation["output"]: i for i, operation in enumerate(operations)}
        self.busy_until = {"left": [], "right": []}  # of each lane: its last row so far
        self.lane_of = {}  # by the key of the line
        self.last_use = {
            self._key(v, operation): i
            for i, operation in enumerate(operations)
            for v in operation["inputs"]
        }
        for i, operation in enumerate(operations):
            self._enter(self._enclosing(operation["call"]))
            self._place(i, operation)
        self._enter([])

    def _key(self, value, operation):
        """Of a line: a result has one for all its uses, a leaf has one in each call."""
        return value, None if value in self.made_by else operation["call"]

    def _enclosing(self, call):
        """A call and those around it, the outermost first."""
        return [] if call is None else [*self._enclosing(self.calls[call]["within"]), call]

    def _enter(self, calls):
        """Close the boxes of other calls, and open those of these calls."""
        while [box["call"] for box in self.open_boxes] != calls[: len(self.open_boxes)]:
            box = self.open_boxes.pop()
            box["height"] = self.y - GAP + FOOT - box["y"]
            self.y += FOOT
        for call in calls[len(self.open_boxes) :]:
            inset = INDENT * len(self.open_boxes) - 52
            box = {"call": call, "x": X + inset, "y": self.y, "width": WIDTH - 2 * inset}
            self.open_boxes.append(box)
            self.boxes.append(box)
            self.y += HEADER

    def _place(self, i, operation):
        top, inputs = self.y, operation["inputs"]
        sides = {None: "left", i - 1: "top"}
        sides = [sides.get(self.made_by.get(value), "right") for value in inputs]
        for value, side in zip(inputs, sides, strict=True):
            key = self._key(value, operation)
            if side == "left" and key not in self.cards:
                self.cards[key] = self._card(value, i)
                self.y += CARD_PITCH
        ports = PORT * (1 + max(sides.count("left"), sides.count("right")))
        height = max(HEIGHT, ports, self.y - top - CARD_PITCH + CARD_HEIGHT)
        self.rows.append({"y": top, "height": height})
        self.y = top + height + GAP
        for j, (value, side) in enumerate(zip(inputs, sides, strict=True)):
            port = (sides[:j].count(side) + 1) / (sides.count(side) + 1)
            edge = {"operation": i, "argument": j, "value": value, "side": side}
            ends = self._ends(side, self._key(value, operation), self.rows[i], port)
            self.edges.append(edge | ends)

    def _card(self, value, i):
        again = any(value == v for v, _ in self.cards)
        prefix, name = "again: " * again, self.values[value]["name"]
        name = _short_name(name, CARD_LETTERS - len(prefix))
        card = {"value": value, "operation": i, "y": self.y}
        return card | {"again": again, "name": prefix + name}

    def _ends(self, side, key, row, port):
        """The two ends of an edge that enters a row, and the lane between them."""
        if side == "left":
            card = self.cards[key]
            first, x1, x2 = card["operation"], CARD_X + CARD_WIDTH, X
            y1, y2 = card["y"] + CARD_HEIGHT / 2, row["y"] + row["height"] * port
        else:
            first = self.made_by[key[0]]
            y1 = self.rows[first]["y"] + self.rows[first]["height"]
            if side == "top":
                x = X + WIDTH * port
                return {"x1": x, "y1": y1, "x2": x, "y2": row["y"]}
            x1 = x2 = X + WIDTH
            y1, y2 = y1 - OUT, row["y"] + (row["height"] - OUT) * port
        return {"x1": x1, "y1": y1, "lane": self._lane(side, key, first), "x2": x2, "y2": y2}

    def _lane(self, side, key, first):
        """The x of a line from row `first`; lines that overlap get different lanes."""
        if key not in self.lane_of:
            busy_until = self.busy_until[side]
            free = [n for n, until in enumerate(busy_until) if until < first]
            lane = free[0] if free else len(busy_until)
            busy_until[lane : lane + 1] = [self.last_use[key]]
            self.lane_of[key] = LANES[side] + LANE * lane
        return self.lane_of[key]


def _short_name(name, letters):
    """The last parts of a path, which tell most: "…layers.4.weight"."""
    if len(name) <= letters:
        return name
    while "." in name and len(name) >= letters:
        name = name.partition(".")[2]
    return f"…{name[1 - letters :]}"
