"""What the mixers of streaming.py remember of a text, and how they look it up.

    remember   a ring: the last rows that a convolution saw. Its size never changes.
    append     a table that grows: keys and values of all rows, for attention. It begins with
               FIRST_ROWS rows and doubles when it is full, so each row moves about once.
    attend     causal attention of the last rows over the whole table; a row takes time that
               grows with the text
The recurrence needs no function: its state is replaced.
"""

import numpy as np

from minigrad.ops.causal_attention import join_heads, split_heads
from minigrad.ops.causal_attention_fast import attention_probabilities

FIRST_ROWS = 64  # of a table before a text


def remember(ring, position, n, lags):
    """Put n (G, T, C) into the ring (G, L, C); returns the K rows that each row sees.

    `position` is that of n's first row, and lags (K,) are those of the taps. Negative slots
    count from the end of the array, which closes the ring. One of several new rows may replace
    a row that an earlier one of them still sees. So they read from a copy, in which the past
    and n stand in order.
    """
    L, T = ring.shape[1], n.shape[1]
    slot = position % L
    if T == 1:
        ring[:, slot] = n[:, 0]
        return ring.take(slot - lags, axis=1)[:, None]
    past = ring.take(np.arange(slot - L, slot), axis=1)
    rows = np.concatenate([past, n], axis=1)  # (G, L + T, C)
    ring[:, np.arange(slot + T - L, slot + T) % L] = rows[:, T:]
    return rows.take(L + np.arange(T)[:, None] - lags, axis=1)  # (G, T, K, C)


def append(past, position, rows):
    """Put rows (T, C) into the table past[0] after `position` others; returns all of them."""
    stop = position + len(rows)
    if stop > len(past[0]):
        grown = np.zeros((max(stop, 2 * len(past[0])), rows.shape[1]), past[0].dtype)
        grown[:position] = past[0][:position]
        past[0] = grown
    past[0][position:stop] = rows
    return past[0][:stop]


def attend(q, k, v, heads):
    """The last rows q (T, W) over all keys and values (N, W): minigrad/ops/causal_attention.py,
    whose rows are all new."""
    scale = (q.shape[-1] // heads) ** -0.5
    q, k, v = (split_heads(x[None], heads) for x in (q * scale, k, v))  # (1, G, ·, C) each
    return join_heads(attention_probabilities(q, k) @ v)[0]  # (T, W)
