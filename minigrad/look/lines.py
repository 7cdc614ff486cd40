"""The lines from values to the operations that use them: their sides and their lanes.

left    from the card of a leaf or a constant, one line for each innermost box that uses it
top     a result, to the next operation
right   a result, to any later operation, one line for all its uses
"""

import heapq

# The first lane of leaves and constants, and that of results that skip the next operation.
LANES = {"left": 190, "right": 650}
LANE, LANES_WIDTH = 9, 120  # many lanes share the width


class Lines:
    """The lines between these operations.

    made_by: the operation of each result. lanes: the x of each line at the left or right.
    """

    def __init__(self, operations: list[dict]):
        self.made_by = {operation["output"]: i for i, operation in enumerate(operations)}
        spans = self._spans(operations)
        numbers = {side: _numbers(spans, side) for side in LANES}
        self.lanes: dict[tuple, float] = {}
        for side, of_lines in numbers.items():
            pitch = min(LANE, LANES_WIDTH / (1 + max(of_lines.values(), default=0)))
            self.lanes |= {key: LANES[side] + pitch * n for key, n in of_lines.items()}

    def key(self, value: int, operation: dict) -> tuple:
        """The line from a value to an operation."""
        return value, None if value in self.made_by else operation["box"]

    def side(self, i: int, value: int) -> str:
        """Where a value enters operation i."""
        return {None: "left", i - 1: "top"}.get(self.made_by.get(value), "right")

    def _spans(self, operations):
        """The side of each line in a lane, and its first and last row."""
        spans = {}
        for i, operation in enumerate(operations):
            for value in operation["inputs"]:
                if (side := self.side(i, value)) != "top":
                    key = self.key(value, operation)
                    first = spans[key][1] if key in spans else self.made_by.get(value, i)
                    spans[key] = side, first, i
        return spans


def _numbers(spans, side):
    """The lane of each line on a side: lines whose rows overlap get different lanes."""
    lane_of: dict[tuple, int] = {}
    free: list[int] = []
    busy: list[tuple[int, int]] = []  # the last row and the lane
    own = [(first, last, key) for key, (of, first, last) in spans.items() if of == side]
    for first, last, key in sorted(own, key=lambda span: span[:2]):
        while busy and busy[0][0] < first:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane_of[key] = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (last, lane_of[key]))
    return lane_of
