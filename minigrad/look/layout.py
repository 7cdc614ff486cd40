"""Where everything of a graph stands: an operation per row, in the order in which they ran.

    leaves and constants | their lanes | operations, in boxes of modules | lanes of results

A module's operations ran one after the other, so its box is a span of rows. What is folded is
such a span made narrow: everything keeps its place from left to right.
"""

from __future__ import annotations

LEAF_X, LEAF_WIDTH, LEAF_HEIGHT, LEAF_PITCH = 8, 176, 40, 48
CARD_LETTERS = 21
LEFT_LANES = 190  # the first lane of leaves and constants
OPERATION_X, OPERATION_WIDTH, OPERATION_HEIGHT = 336, 190, 44
RIGHT_LANES = 650  # the first lane of results that are not used at once
LANE = 9
PORT = 18  # at least, between two edges that enter on one side
GAP, HEADER, FOOT, INDENT = 26, 26, 10, 7


def layout(data: dict) -> dict:
    """Positions in pixels of the operations, cards, boxes and edges of a recording's data."""
    rows = _rows(data)
    made = {operation["output"]: i for i, operation in enumerate(data["operations"])}
    operations, cards, boxes, y = [], [], [], GAP // 2
    open_boxes: list[dict] = []
    for i, operation in enumerate(data["operations"]):
        chain = _chain(data["calls"], operation["call"])
        y = _close(open_boxes, chain, y)
        for call in chain[len(open_boxes) :]:
            inset = INDENT * len(open_boxes)
            box = {"call": call, "x": OPERATION_X - 52 + inset, "y": y}
            box["width"] = OPERATION_WIDTH + 104 - 2 * inset
            open_boxes.append(box)
            boxes.append(box)
            y += HEADER
        first = y
        for value in rows[i]:
            again = any(card["value"] == value for card in cards)
            name = _card_name(data["values"][value]["name"], again)
            cards.append({"value": value, "operation": i, "y": y, "again": again, "name": name})
            y += LEAF_PITCH
        ports = _sides(operation, made, i)
        ports = PORT * (1 + max(ports.count("left"), ports.count("right")))
        height = max(OPERATION_HEIGHT, ports, y - first - LEAF_PITCH + LEAF_HEIGHT)
        operations.append({"y": first, "height": height})
        y = first + height + GAP
    y = _close(open_boxes, [], y)
    edges = _edges(data, made, operations, cards)
    right = max(
        [edge["lane"] for edge in edges if edge["side"] == "right"], default=RIGHT_LANES
    )
    return {
        "operation": {"x": OPERATION_X, "width": OPERATION_WIDTH},
        "card": {"x": LEAF_X, "width": LEAF_WIDTH, "height": LEAF_HEIGHT},
        "operations": operations,
        "cards": cards,
        "boxes": boxes,
        "edges": edges,
        "width": right + 16,
        "height": y,
    }


def _card_name(name, again):
    """A name that fits into its card: the end of a path tells most."""
    prefix = "again: " if again else ""
    room = CARD_LETTERS - len(prefix)
    return prefix + (name if len(name) <= room else f"…{name[1 - room :]}")


def _close(open_boxes, chain, y):
    """End the boxes of calls that are over; the y below them."""
    while [box["call"] for box in open_boxes] != chain[: len(open_boxes)]:
        box = open_boxes.pop()
        box["height"] = y - GAP + FOOT - box["y"]
        y += FOOT
    return y


def _chain(calls, call):
    chain = []
    while call is not None:
        chain.append(call)
        call = calls[call]["within"]
    return chain[::-1]


def _rows(data):
    """Per operation the leaves and constants whose cards stand in its row.

    A leaf has a card where it is first used, and another wherever a call of a module uses it.
    """
    seen, rows = set(), []
    for operation in data["operations"]:
        row = []
        for value in operation["inputs"]:
            key = value, operation["call"]
            if data["values"][value]["kind"] != "result" and key not in seen:
                seen.add(key)
                row.append(value)
        rows.append(row)
    return rows


def _edges(data, made, operations, cards):
    """An edge per input: its two ends, and the lane in which it runs between them, if any."""
    lanes = {"left": _Lanes(), "right": _Lanes()}
    uses = _last_uses(data, made)
    edges = []
    for i, operation in enumerate(data["operations"]):
        place, sides = operations[i], _sides(operation, made, i)
        for j, value in enumerate(operation["inputs"]):
            edge = {"operation": i, "argument": j, "value": value, "side": sides[j]}
            same = [k for k, side in enumerate(sides) if side == sides[j]]
            share = (same.index(j) + 1) / (len(same) + 1)
            if sides[j] == "top":
                above = operations[i - 1]
                x = OPERATION_X + OPERATION_WIDTH * share
                edge |= {"x1": x, "y1": above["y"] + above["height"], "x2": x, "y2": place["y"]}
            elif sides[j] == "right":
                source = made[value]
                start = operations[source]
                lane = lanes["right"].take(value, source, uses[value, None])
                edge |= {
                    "x1": OPERATION_X + OPERATION_WIDTH,
                    "x2": OPERATION_X + OPERATION_WIDTH,
                }
                edge |= {
                    "y1": start["y"] + start["height"] - 9,
                    "lane": RIGHT_LANES + LANE * lane,
                }
                edge["y2"] = place["y"] + (place["height"] - 9) * share
            else:
                card = _card(cards, data, value, i)
                edge |= {"x1": LEAF_X + LEAF_WIDTH, "y1": card["y"] + LEAF_HEIGHT / 2}
                edge |= {"x2": OPERATION_X, "y2": place["y"] + place["height"] * share}
                key = value, operation["call"]
                lane = lanes["left"].take(key, card["operation"], uses[key])
                edge["lane"] = LEFT_LANES + LANE * lane
            edges.append(edge)
    return edges


def _sides(operation, made, i):
    """Where each input enters: from the left a leaf, from above the result just made."""
    places = {None: "left", i - 1: "top"}
    return [places.get(made.get(value), "right") for value in operation["inputs"]]


def _last_uses(data, made):
    """The last operation that uses a result, or a leaf within a call."""
    uses = {}
    for i, operation in enumerate(data["operations"]):
        for value in operation["inputs"]:
            uses[value, None if value in made else operation["call"]] = i
    return uses


def _card(cards, data, value, i):
    """The card of a leaf from which an edge to operation i starts."""
    call = data["operations"][i]["call"]
    return next(
        card
        for card in cards
        if card["value"] == value and data["operations"][card["operation"]]["call"] == call
    )


class _Lanes:
    """Lanes beside the rows: two lines that overlap from top to bottom get different ones."""

    def __init__(self):
        self.of: dict = {}
        self.busy_until: list[int] = []

    def take(self, key, first, last):
        if key not in self.of:
            free = [n for n, until in enumerate(self.busy_until) if until < first]
            if not free:
                self.busy_until.append(0)
            self.of[key] = free[0] if free else len(self.busy_until) - 1
            self.busy_until[self.of[key]] = last
        return self.of[key]
