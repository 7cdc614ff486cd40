"""Check a reported number: its unit, its smoothing, its luck, its text, and its probabilities.

    unit_of                 which unit has this value? Perplexity, bits per token, per character
    most_true_loss          a label-smoothed loss bounds the true one from above
    luck                    how far the best of several readings lies below their mean
    copied                  the share of the validation text that stands in the training text
    expect_distributions    p must not be negative, and must sum to 1 over the vocabulary

    smoothed = (1-ε) loss + ε mean_v(-ln p_v), and the mean is at least ln V, by Jensen:
    loss ≤ (smoothed - ε ln V) / (1-ε)

    The best of n independent normal readings lies E[max of n] standard deviations below the
    mean: ∫ x n φ(x) Φ(x)^(n-1) dx

source   of E[max]: David & Nagaraja 2003, "Order Statistics", section 3.1
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minigrad.ops.normal_cdf import normal_cdf


def units(nats_per_token: float, tokens: int, text: str) -> dict[str, float]:
    """A loss in all units. text: the one whose tokens were scored."""
    bits = nats_per_token / math.log(2)  # per token
    return {
        "nats per token": nats_per_token,
        "perplexity per token": math.exp(nats_per_token),
        "bits per token": bits,
        "bits per character": bits * tokens / len(text),
        "bits per byte": bits * tokens / len(text.encode("utf-8")),
    }


def unit_of(
    number: float, nats_per_token: float, tokens: int, text: str, tolerance: float = 0.02
) -> list[str]:
    """The units in which this loss is `number`, to a relative tolerance: none, one or more.

    Example:
        >>> text = "a text whose tokens have four characters"
        >>> unit_of(0.44, math.log(1.36), 10, text)
        ['bits per token']
    """
    found = units(nats_per_token, tokens, text).items()
    return [unit for unit, value in found if math.isclose(value, number, rel_tol=tolerance)]


def most_true_loss(smoothed: float, vocab_size: int, smoothing: float = 0.1) -> float:
    """The largest true loss, in nats, that a label-smoothed loss allows.

    Example:
        >>> round(most_true_loss(6.8019, 50257), 3)
        6.355
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"most_true_loss: smoothing is {smoothing}, expected 0 to less than 1")
    return (smoothed - smoothing * math.log(vocab_size)) / (1 - smoothing)


def luck(readings: int) -> float:
    """The best of so many readings, in standard deviations of one below their mean.

    Example:
        >>> [round(luck(n), 2) for n in (1, 2, 34)]
        [0.0, 0.56, 2.09]
    """
    if readings < 1:
        raise ValueError(f"luck: readings is {readings}, expected 1 or more")
    if readings == 1:
        return 0.0
    x = np.linspace(-9, 9, 18001)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    below = normal_cdf(x) ** (readings - 1)
    return float(np.sum(x * readings * density * below) * (x[1] - x[0]))


def copied(train: np.ndarray, valid: np.ndarray, length: int = 32) -> float:
    """The share of validation tokens that lie in a stretch of `length` that train has, too."""
    if min(len(train), len(valid)) < length:
        raise ValueError(f"copied: both texts need {length} tokens or more; give a length")
    known = np.isin(_hashes(valid, length), _hashes(train, length))
    inside = np.zeros(len(valid), bool)
    sliding_window_view(inside, length, writeable=True)[known] = True
    return float(inside.mean())


def expect_distributions(p: np.ndarray, tolerance: float = 1e-3) -> None:
    """Raise a ValueError unless each row of p (N, V) is a distribution over the vocabulary."""
    if (p < 0).any() or not np.isfinite(p).all():
        row = np.flatnonzero(((p < 0) | ~np.isfinite(p)).any(axis=1))[0]
        raise ValueError(f"row {row} of p holds {p[row].min():.3g}, which is no probability")
    sums = p.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > tolerance:
        raise ValueError(
            f"row {worst} of p sums to {sums[worst]:.4g}, expected 1: a loss of these numbers "
            "means nothing; divide each row by its sum"
        )


def _hashes(ids, length):
    """A number for each stretch of `length` ids. Two of a billion hardly share one."""
    total = np.zeros(len(ids) - length + 1, np.uint64)
    for i in range(length):  # modulo 2⁶⁴
        part = ids[i : i + len(total)].astype(np.uint64) + np.uint64(1)
        total = (total + part) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)  # else a high bit never changes a low one
    return total
