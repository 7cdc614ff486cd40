"""Inputs for the cases of a test: arrays of every kind, drawn for given shapes."""

import math
from dataclasses import dataclass

import numpy as np

KINDS = (
    "both signs", "positive", "negative", "each element", "complex step", "one row",
    "no element", "view", "transposed layout", "float32", "repeated ids", "one id", "short ids",
)  # fmt: skip
AWAY = 0.1  # distance from 0, where functions such as relu have a kink


@dataclass(frozen=True)
class Inputs:
    """The arrays of one layout of shapes.

    Equal sizes stand for the same size. So the first size, as 1 or as 0, is replaced in all.
    """

    shapes: dict[str, tuple]
    ids: dict[str, int]
    domain: dict[str, tuple[float, float]]
    seed: int

    def kinds(self) -> list[str]:
        """The kinds of cases that exist for these inputs."""
        shapes = [shape for name, shape in self.shapes.items() if name not in self.ids]
        is_missing = {
            "positive": set(self.shapes) == {*self.domain, *self.ids},
            "negative": set(self.shapes) == {*self.domain, *self.ids},
            "one row": self._first_size() is None,
            "no element": self._first_size() is None,
            "view": not any(shapes),
            "transposed layout": not any(len(shape) > 1 for shape in shapes),
        }
        is_missing |= dict.fromkeys(("repeated ids", "one id", "short ids"), not self.ids)
        return [kind for kind in KINDS if not is_missing.get(kind)]

    def arrays(self, kind: str) -> tuple[np.ndarray, ...]:
        """The arrays for a case of this kind."""
        # Other numbers, so that a case notices values that an earlier one has left.
        rng = np.random.default_rng([self.seed, kind in ("positive", "negative")])
        return tuple(
            self._ids(name, kind, rng) if name in self.ids else self._numbers(name, kind, rng)
            for name in self.shapes
        )

    def _first_size(self):
        """The size that may be 1 or 0: the first of the ids, else the first of all."""
        with_ids = [shape for name, shape in self.shapes.items() if name in self.ids]
        return next((shape[0] for shape in (*with_ids, *self.shapes.values()) if shape), None)

    def _shape(self, name, kind):
        size = {"one row": 1, "no element": 0}.get(kind)
        shape, first = self.shapes[name], self._first_size()
        return shape if size is None else tuple(size if n == first else n for n in shape)

    def _numbers(self, name, kind, rng):
        shape = self._shape(name, kind)
        if name in self.domain:
            x = rng.uniform(*self.domain[name], shape)
        else:
            x = rng.standard_normal(shape)
            x = x + AWAY * np.sign(x)
            x = {"positive": np.abs(x), "negative": -np.abs(x)}.get(kind, x)
        return laid_out(np.asarray(x), kind)

    def _ids(self, name, kind, rng):
        shape, below = self._shape(name, kind), self.ids[name]
        n = math.prod(shape)
        if kind == "one id":
            ids = np.full(n, below - 1)
        elif kind == "repeated ids" or n > below:
            ids = rng.integers(0, below, n)
            ids[-1:] = ids[:1]
        else:  # each at most once, so that other kinds say nothing about repetition
            ids = rng.permutation(below)[:n]
        return ids.reshape(shape).astype(np.int32 if kind == "short ids" else np.int64)


def laid_out(x, kind):
    """The same numbers with other strides."""
    if kind == "view" and x.ndim:
        return np.repeat(x[..., ::-1], 2, axis=-1)[..., ::-2]
    return np.asfortranarray(x) if kind == "transposed layout" else x
