"""Every output layer and its variants, with sizes that make a test fast.

A case is a head and the fields of its configuration. `made` gives it a table, hidden rows and
targets; `head_model` puts it into a tiny FlashLM. The order of the words is a permutation, so a
token id in the place of a row shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import tiny

from flashlm_np.model.config import Config
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads import new_head, new_layout
from flashlm_np.model.heads.head import Head
from flashlm_np.model.heads.layout import TableLayout

V, D, N = 61, 5, 11
FLAT_V = 2100  # so many words that 1/V is below 1e-3


@dataclass(frozen=True, eq=False)
class HeadCase:
    head: str
    label: str
    changes: dict = field(default_factory=dict)

    def config(self, vocab_size: int = V, **changes) -> Config:
        config = replace(tiny.CONFIG, vocab_size=vocab_size).with_head(self.head)
        return replace(config, **self.changes | changes)

    @property
    def options(self) -> list[str]:
        """The case as options of `flashlm train`."""
        options = ["--head", self.head]
        for name, value in self.changes.items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                options += [option if value else f"--no-{option[2:]}"]
            else:
                values = value if isinstance(value, tuple) else (value,)
                options += [option, *map(str, values)]
        return options

    def __str__(self):
        return f"{self.head}: {self.label}"


HEAD_CASES = [
    HeadCase("exact", "fused"),
    HeadCase("exact", "composed", {"fused": False}),
    HeadCase("two_level", "classes by frequency"),
    HeadCase("two_level", "classes by meaning", {"class_order": "meaning"}),
    HeadCase("tree", "huffman"),
    HeadCase("tree", "balanced", {"tree": "balanced"}),
    HeadCase("adaptive", "two tails"),
    HeadCase("adaptive", "one tail", {"cutoffs": (7,)}),
    HeadCase("sampled", "from counts"),
    HeadCase("sampled", "log-uniform", {"candidates_from": "log_uniform"}),
    HeadCase("hybrid", "classes by frequency", {"classes": 5}),
    HeadCase("hybrid", "classes by meaning", {"classes": 5, "class_order": "meaning"}),
]
EXACT_IN_TRAINING = [case for case in HEAD_CASES if case.head != "sampled"]
SAMPLED = [case for case in HEAD_CASES if case.head == "sampled"]


def cases_of(head: str) -> list[HeadCase]:
    return [case for case in HEAD_CASES if case.head == head]


def counts_of(vocab_size: int) -> np.ndarray:
    """Counts (V,) by token, as Zipf's law has them: in no order, some equal, some 0."""
    counts = 20 * vocab_size // np.arange(1, vocab_size + 1) // 10 * 10
    return np.random.default_rng(7).permutation(counts)


def layout_of(config: Config) -> TableLayout:
    V = config.vocab_size
    vectors = np.random.default_rng(8).standard_normal((V, 6))
    return new_layout(config, counts_of(V), vectors)


@dataclass
class Made:
    """A head, its table (V, D), hidden rows h (N, D) and the rows y (N,) of the targets."""

    head: Head
    table: np.ndarray
    h: np.ndarray
    y: np.ndarray
    config: Config

    @property
    def arrays(self):
        return self.h, self.table, self.y


def made(case: HeadCase, dtype=np.float64, flat: bool = False, **changes) -> Made:
    """A case with random numbers, or with logits near 0: then all words are about as likely."""
    size = FLAT_V if flat else V
    config = case.config(size, **{"d_model": D, "conv_groups": 1} | changes)
    rng = np.random.default_rng(9)
    table = 0.5 * rng.standard_normal((size, config.d_model)).astype(dtype)
    head = new_head(config, layout_of(config), rng, dtype)
    head.initialize(table)
    h = rng.standard_normal((N, config.d_model)).astype(dtype)
    if flat:
        h *= dtype(0.01)
    for parameter in head.parameters():
        noise = rng.standard_normal(parameter.shape).astype(dtype)
        parameter.data += dtype(0.01 if flat else 0.5) * noise
    y = np.array([0, size - 1, 1, *rng.integers(0, size, N - 5), 1, 2])
    return Made(head, table, h, y, config)


def head_model(case: HeadCase, dtype=np.float64, **changes) -> tuple[FlashLM, Config]:
    """A tiny model with the head; its weights are random, also where they start constant."""
    config = case.config(**changes)
    rng = np.random.default_rng(5)
    model = FlashLM(config, rng, dtype, layout=layout_of(config))
    model.lm_head.initialize(model.embedding.weight.data)
    for parameter in model.parameters():
        parameter.data += 0.1 * rng.standard_normal(parameter.shape).astype(dtype)
    return model, config


def batches(micro: int = 1, position_share: float = 1.0, seed: int = 8) -> list[tuple]:
    """Micro-batches of 3 windows of 24 tokens: ids, targets, scored positions."""
    rng = np.random.default_rng(seed)

    def batch():
        ids = rng.integers(0, V, (3, 25))
        some = rng.permutation(3 * 24)[: int(position_share * 72)]
        return ids[:, :-1], ids[:, 1:], some if position_share < 1 else None

    return [batch() for _ in range(micro)]
