"""Comparing a gradient with differences of the forward pass, and finding where it is wrong."""

import numpy as np

from .rules import GradientError

TOLERANCE = {"projection": 1e-7, "full": 1e-7, "complex": 1e-11}  # relative, by mode


class Comparison:
    """Compares the gradient of one input with differences of the forward pass."""

    def __init__(self, report, difference, dy, tolerance, position, gradient):
        self.report, self.difference, self.dy = report, difference, dy
        self.tolerance, self.position, self.gradient = tolerance, position, gradient

    def run(self, argument, rng):
        """Compare along every element in the full mode, else along one random direction."""
        shape = self.gradient.shape
        if self.report.mode == "full":
            for index in np.ndindex(shape):
                self._compare(argument, _unit(shape, index))
        else:
            self._compare(argument, rng.standard_normal(shape))

    def _compare(self, argument, direction):
        expected, found, is_wrong = self._slopes(direction)
        if is_wrong:
            index = self._locate(direction)
            expected, found, _ = self._slopes(_unit(direction.shape, index))
            raise GradientError(
                f"{self.report.name}: the gradient of {argument} is wrong at index {index}: "
                f"expected {expected:.9g}, found {found:.9g} "
                f"({self.report.mode} check, random dy)"
                + "".join(f"; {remark}" for remark in self.report.remarks)
            )
        self.report.compared.append((argument, expected, found))

    def _slopes(self, direction):
        """The expected and the found derivative along a direction, and if found is wrong."""
        where = self.position, direction, self.dy
        moving = direction != 0  # a NaN that does not move is another direction's fault
        found = float(np.vdot(self.gradient[moving], direction[moving]))
        finite = self.gradient[np.isfinite(self.gradient)]
        typical = np.linalg.norm(finite) / max(1, self.gradient.size) ** 0.5
        size = max(abs(found), typical * np.linalg.norm(direction))

        def is_wrong(expected, doubt):
            gap = abs(expected - found)
            allowed = self.tolerance * max(size, abs(expected)) + doubt
            return not (np.isfinite(gap) and gap <= allowed)

        if self.report.mode == "complex":
            estimate = self.difference.along_imaginary(*where)
        else:
            estimate = self.difference.along(*where)
            if is_wrong(*estimate):
                estimate = self.difference.along_refined(*where)
        return estimate[0], found, is_wrong(*estimate)

    def _locate(self, direction):
        """Halve the direction, keeping the worse half, until one element is left."""
        indices = np.flatnonzero(direction)
        while len(indices) > 1:
            halves = np.array_split(indices, 2)
            indices = max(halves, key=lambda half: self._gap(direction, half))
        return tuple(int(i) for i in np.unravel_index(indices[0], direction.shape))

    def _gap(self, direction, indices):
        part = np.zeros_like(direction)
        part.flat[indices] = direction.flat[indices]
        expected, found, _ = self._slopes(part)
        return abs(expected - found) if np.isfinite(expected - found) else np.inf


def _unit(shape, index):
    """The direction of one element."""
    unit = np.zeros(shape)
    unit[index] = 1.0
    return unit
