"""The two tokens before each target, in whose contexts the trigrams were counted."""

import numpy as np

UNKNOWN = -1  # in the place of a token before the window


def tokens_before(ids: np.ndarray, positions: np.ndarray | None = None) -> np.ndarray:
    """The two tokens before each target: ids (B, T) -> (B·T, 2), or those of flat positions.

    The target of a position follows its id. UNKNOWN stands for a token before the window.
    """
    earlier = np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=UNKNOWN)  # (B, T)
    before = np.stack([earlier, ids], axis=-1).reshape(-1, 2)  # (B·T, 2)
    return before if positions is None else before[positions]
