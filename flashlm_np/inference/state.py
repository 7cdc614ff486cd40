"""What a stream remembers of its texts, in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import read_bytes, write_atomically


class State:
    """The rings of `batch` texts, and how many tokens of each were read: `position`.

    rings[r][i] (G, B, L, C) holds the last L rows that convolution i saw in recursion r, the
    row of token t in slot t mod L. Reading on writes into them: a `copy` stays as it is.
    """

    def __init__(self, batch: int, rings: list[list[np.ndarray]], position: int = 0):
        self.batch, self.rings, self.position = batch, rings, position

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, np.ndarray]:
        """`counts`, which are the batch and the position, and the rings, no copies, by name."""
        arrays = {"counts": np.array([self.batch, self.position], np.int64)}
        for r, rings in enumerate(self.rings):
            arrays |= {f"ring.{r}.{i}": ring for i, ring in enumerate(rings)}
        return arrays

    def copy(self) -> State:
        rings = [[ring.copy() for ring in rings] for rings in self.rings]
        return State(self.batch, rings, self.position)

    def save(self, path: Path) -> None:
        """Write the state to a safetensors file, the whole of it or nothing."""
        from safetensors.numpy import save as to_bytes

        write_atomically(path, to_bytes(self.arrays()))

    @classmethod
    def load(cls, path: Path, like: State) -> State:
        """The state in a file, of any number of texts, for the model whose state is `like`.

        Raises: UserError where the file is damaged, or its rings are not the model's.
        """
        found = _read(path)
        try:
            batch, position = _counts(found)
            _expect_rings(found, like, batch)
        except ValueError as error:
            raise UserError(f"{path} is not a state of this model: {error}") from None
        rings = [
            [found[f"ring.{r}.{i}"] for i in range(len(rings))]
            for r, rings in enumerate(like.rings)
        ]
        return cls(batch, rings, position)


def _read(path):
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    data = read_bytes(path)
    try:
        return from_bytes(data)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{path} is damaged, or no safetensors file") from None


def _counts(found):
    counts = found.get("counts", np.empty(0))
    if counts.shape != (2,) or counts.dtype != np.int64:
        raise ValueError("it does not count its texts and tokens")
    batch, position = map(int, counts)
    if not (1 <= batch < 2**31 and 0 <= position < 2**62):
        raise ValueError(f"it says that it is of {batch} texts and {position} tokens")
    return batch, position


def _expect_rings(found, like, batch):
    own = like.arrays()
    if odd := sorted(own.keys() ^ found.keys()):
        raise ValueError(f"{odd[0]!r:.60} is {'missing' if odd[0] in own else 'too much'}")
    for name in own.keys() - {"counts"}:
        G, _, L, C = own[name].shape
        have, want = (found[name].shape, found[name].dtype), ((G, batch, L, C), own[name].dtype)
        if have != want:
            raise ValueError(
                f"{name} has shape {have[0]} and dtype {have[1]}, expected {want[0]} and "
                f"{want[1]}"
            )
