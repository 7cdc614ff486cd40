"""Few bits for each number of a message: blocks of 256 numbers that share a step width.

    8 bits     s = max |x| / 127 in a block ;  code k = round(x / s) in -127 ... 127
               x̂ = s k, which is at most s/2 from x
    2 bits     s = 0.9957 · rms of the block ; k = floor(x / s) + 2, limited to 0 ... 3
               x̂ = s (k - 1.5): the levels -1.5 s, -0.5 s, 0.5 s and 1.5 s. For normal numbers,
               no other s has a smaller mean (x - x̂)²: it is 0.119 of x²
    message    the codes, of 2 bits four in a byte, then s of each block in float32:
               N + N/64 bytes, or N/4 + N/64, in place of 4 N

source   the width of 2 bits: Max 1960, "Quantizing for minimum distortion", table II
"""

import numpy as np

BLOCK = 256
WIDTH = 0.9957  # of a step of 2 bits, in root mean squares


def quantized(x: np.ndarray, bits: int) -> np.ndarray:
    """The message of numbers (N,): bytes."""
    blocks = np.pad(x, (0, -len(x) % BLOCK)).reshape(-1, BLOCK)
    if bits == 8:
        s = np.abs(blocks).max(axis=1) / 127  # (blocks,)
    else:
        sizes = np.minimum(BLOCK, len(x) - BLOCK * np.arange(len(blocks)))  # the last is short
        s = WIDTH * np.sqrt((blocks * blocks).sum(axis=1) / sizes)
    s = s.astype(np.float32)  # rounded before the codes are made, as the reader has it
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(s[:, None] > 0, blocks / s[:, None], 0)  # (blocks, 256)
    if bits == 8:
        codes = np.clip(np.rint(steps), -127, 127).astype(np.int8).view(np.uint8)
    else:
        codes = np.clip(np.floor(steps) + 2, 0, 3).astype(np.uint8).reshape(-1, 4)
        codes = codes[:, 0] | codes[:, 1] << 2 | codes[:, 2] << 4 | codes[:, 3] << 6
    return np.concatenate([codes.ravel(), s.view(np.uint8)])


def dequantized(message: np.ndarray, bits: int, size: int, dtype) -> np.ndarray:
    """The numbers x̂ (N,), N = size, of a message."""
    count = -(-size // BLOCK)
    codes, s = np.split(message, [count * BLOCK * bits // 8])
    s = s.view(np.float32).astype(dtype)[:, None]  # (blocks, 1)
    if bits == 8:
        return (s * codes.view(np.int8).reshape(count, BLOCK)).ravel()[:size]
    codes = codes[:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3  # (bytes, 4)
    levels = (codes.reshape(count, BLOCK) - 1.5).astype(dtype)
    return (s * levels).ravel()[:size]
