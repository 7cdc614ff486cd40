"""The ledger: what of a model is ternary, and what of its arithmetic needs no multiplication.

Counted for one token at a time, as when it writes: each multiplication and each addition of
real numbers that the mathematics asks for, recursions included. A ternary weight of 0 costs
nothing, one of ±1 an addition; a scale costs a multiplication per output. A square root, an
exponential and a division count as one multiplication each.

Energy is an estimate, from what one operation was measured to cost in 45 nm silicon. It says
how the parts compare, not what a computer of today will draw.

source   Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigrad.ops.ternary import ternarize

from ..model.config import Config
from ..model.flashlm import FlashLM
from ..model.layers import ternary_options

TERNARY = {  # the four matrices, by their parameters' names
    "block.token_mixer.out_proj.weight": "out_proj",
    "block.glu.gate_proj.weight": "gate_proj",
    "block.glu.up_proj.weight": "up_proj",
    "block.glu.down_proj.weight": "down_proj",
}
PICOJOULES = {  # at 45 nm and 0.9 V
    "float32 multiplication": 3.7,
    "float32 addition": 0.9,
    "DRAM, 8 bytes": 1300.0,  # the least of 1.3 to 2.6 nJ
}
PACKED_BITS = 1.6  # of a ternary weight: five in a byte


@dataclass(frozen=True)
class Entry:
    """One component: its numbers, and its arithmetic for one token."""

    component: str
    parameters: int
    multiplications: int
    additions: int
    ternary: bool = False

    def bytes_as(self, form: str) -> float:
        """Its size in "float32", "float16", or "packed": ternary in 1.6 bits, else float16."""
        if form == "packed" and self.ternary:
            return self.parameters * PACKED_BITS / 8
        return self.parameters * (4 if form == "float32" else 2)

    @property
    def operations(self) -> int:
        return self.multiplications + self.additions


def ledger(model: FlashLM, config: Config) -> list[Entry]:
    """The entries of a model, in the order in which a token meets them."""
    D, H, V, R = config.d_model, config.glu_width, config.vocab_size, config.recursions
    layers = len(config.dilations)
    norms = 2 + layers  # in the block
    return [
        Entry("embedding and head", V * D, V * D, V * (D - 1)),
        *(
            _ternary_entry(TERNARY[name], T, scale, config.recursions)
            for name, (T, scale) in ternary_of(model, config).items()
        ),
        _conv_entry(model, config),
        Entry("norms", (norms + 1) * D, (R * norms + 1) * (3 * D + 2), (R * norms + 1) * D),
        Entry("gates", 0, R * (3 * layers * D + 2 * H), R * layers * D),
        Entry("residual sums", 0, 0, R * (2 + layers) * D),
        Entry("router (never asked)", D + 1, 0, 0),
    ]


def _ternary_entry(component, T, scale, R):
    scaling = 0 if scale == 1.0 else R * len(T)
    return Entry(component, T.size, scaling, R * _additions(T), ternary=True)


def _additions(T):
    """Of a product with T (O, D): a row of n numbers that are not 0 takes n - 1."""
    return int(np.count_nonzero(T) - np.count_nonzero(T.any(axis=1)))


def _conv_entry(model, config):
    """Every tap counts, also where it sees only what lies before the text."""
    D, R, convs = config.d_model, config.recursions, 2 * len(config.dilations)
    count = convs * D * (D // config.conv_groups) * config.taps
    if not config.ternary_convs:
        return Entry("convolutions", count, R * count, R * (count - convs * D))
    gates = model.block.token_mixer.layers
    kernels = [kernel.data.reshape(D, -1) for gate in gates for kernel in gate.kernels()]
    additions = sum(map(_additions, kernels))
    scaling = 0 if config.ternary_scale == "none" else R * convs * D
    return Entry("convolutions", count, scaling, R * additions, ternary=True)


def ternary_of(model: FlashLM, config: Config) -> dict[str, tuple[np.ndarray, float]]:
    """T and the scale of each ternary matrix, by its parameter's name."""
    weights = model.state_dict()
    return {name: ternarize(weights[name], **ternary_options(config)) for name in TERNARY}


def picojoules(entry: Entry, form: str = "float32") -> tuple[float, float]:
    """An estimate for one token: of the arithmetic, and of reading the weights once from DRAM.

    Of the embedding and head, the whole table is read; a component of the block is read once,
    and then found in the cache by the second recursion.
    """
    arithmetic = (
        entry.multiplications * PICOJOULES["float32 multiplication"]
        + entry.additions * PICOJOULES["float32 addition"]
    )
    return arithmetic, entry.bytes_as(form) / 8 * PICOJOULES["DRAM, 8 bytes"]


# -- for people ------------------------------------------------------------------------------


def table(entries: list[Entry]) -> str:
    """The ledger in columns, with its sum."""
    every = Entry(
        "all",
        sum(e.parameters for e in entries),
        sum(e.multiplications for e in entries),
        sum(e.additions for e in entries),
    )
    heads = ("parameters", "float32 kB", "float16 kB", "packed kB", "mult/token", "add/token")
    head = f"{'':22}" + "".join(f"{h:>12}" for h in heads)
    lines = [f"{head}{'share':>8}{'µJ':>8}{'DRAM µJ':>9}"]
    packed = sum(e.bytes_as("packed") for e in entries)
    for e in [*entries, every]:
        sizes = [e.bytes_as("float32"), e.bytes_as("float16"), e.bytes_as("packed")]
        sizes[2] = packed if e is every else sizes[2]
        energy = [sum(picojoules(x)[i] for x in entries if e in (x, every)) for i in (0, 1)]
        lines.append(
            f"{e.component:22}{e.parameters:12,}"
            + "".join(f"{size / 1e3:12,.1f}" for size in sizes)
            + f"{e.multiplications:12,}{e.additions:12,}{e.operations / every.operations:8.1%}"
            + f"{energy[0] / 1e6:8.2f}{energy[1] / 1e6:9.1f}"
        )
    return "\n".join(lines)


def plain_truth(entries: list[Entry]) -> str:
    """What is multiplication-free, in two sentences, and what remains."""
    ternary = [e for e in entries if e.ternary]
    parameters = sum(e.parameters for e in ternary) / sum(e.parameters for e in entries)
    operations = sum(e.operations for e in entries)
    free = sum(e.additions for e in ternary) / operations
    left = sorted(entries, key=lambda e: -e.multiplications)[:3]
    all_left = sum(e.multiplications for e in entries)
    named = ", ".join(f"{e.component} {e.multiplications / all_left:.1%}" for e in left)
    return (
        f"{parameters:.2%} of the parameters are ternary; {free:.2%} of the arithmetic is "
        f"additions that replaced products.\n"
        f"{all_left:,} multiplications per token remain: {named}."
    )


VALUES = (-1, 0, 1)


def shares(model: FlashLM, config: Config) -> dict[str, np.ndarray]:
    """Per matrix, which share of its weights is -1, 0 and +1: (3,)."""
    return {
        TERNARY[name]: np.array([np.mean(value == T) for value in VALUES])
        for name, (T, _) in ternary_of(model, config).items()
    }


def moves(model: FlashLM, start: FlashLM, config: Config) -> dict[str, np.ndarray]:
    """Per matrix, which share of its weights went from each of -1, 0, +1 to each: (3, 3)."""
    now, before = ternary_of(model, config), ternary_of(start, config)

    def share(name, a, b):
        return np.mean((before[name][0] == a) & (now[name][0] == b))

    return {
        short: np.array([[share(name, a, b) for b in VALUES] for a in VALUES])
        for name, short in TERNARY.items()
    }
