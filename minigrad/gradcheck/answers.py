"""The three answers of the checker: a report if right, GradientError, InconclusiveError."""

from dataclasses import dataclass, field


class GradientError(AssertionError):
    """A gradient that is not the derivative; the message names where, expected and found."""


class InconclusiveError(ValueError):
    """The check can neither confirm nor refute a gradient; the message says why."""


class KinkError(InconclusiveError):
    """A point where the function has a kink, and so no derivative."""


@dataclass
class Report:
    """A gradient that was found right: the comparisons that were made, and their resolution.

    compared: (argument, expected, found) for each comparison.
    resolution: per argument the smallest relative error that would have been noticed, in any
        element, as a share of that element's own size; an element that is 0 is measured
        against the terms whose sum it is.
    """

    name: str
    mode: str
    compared: list[tuple[str, float, float]] = field(default_factory=list)
    resolution: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def __str__(self):
        lines = [f"{self.name}: {self.mode} check passed, {len(self.compared)} comparisons"]
        for argument, resolution in self.resolution.items():
            pairs = [(e, f) for a, e, f in self.compared if a == argument]
            line = f"  {argument}: no element to compare"
            if pairs:
                e, f = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
                line = f"  {argument}: expected {e:.9g}, found {f:.9g} (the widest apart); "
                line += f"an error of {resolution:.0e} of any element would show"
            lines.append(line)
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])

    def add(self, argument: str, expected: float, found: float, resolution: float) -> None:
        """Note a comparison; the resolution of an argument is its coarsest."""
        self.compared.append((argument, expected, found))
        self.resolution[argument] = max(resolution, self.resolution.get(argument, 0.0))
