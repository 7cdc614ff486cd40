"""Tiny models with a prior, and the text whose trigrams it has."""

from dataclasses import replace

import numpy as np
from head_cases import EXACT_IN_TRAINING, HeadCase, V, layout_of

from flashlm_np.model.config import Config
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.ngrams.kneser_ney import KneserNey

PRIOR_CASES = [case for case in EXACT_IN_TRAINING if "meaning" not in case.label]


def text_of(tokens: int, seed: int, share: float = 0.9) -> np.ndarray:
    """A text with a grammar: after two tokens, a share of the next ones is one of three."""
    rng, text = np.random.default_rng(seed), [1, 2]
    for _ in range(tokens):
        likely = (7 * text[-1] + 3 * text[-2] + rng.integers(3)) % V
        text.append(int(likely if rng.random() < share else rng.integers(V)))
    return np.array(text)


TEXT = text_of(3000, 0)
OTHER = text_of(400, 1)
NGRAMS = KneserNey.count(TEXT, 3, V)


def prior_model(
    case: HeadCase, dtype=np.float64, ngrams: KneserNey = NGRAMS, **changes
) -> tuple[FlashLM, Config]:
    """A model whose weights are random, also where they start constant."""
    config = replace(case.config(), **{"prior": "trigram"} | changes)
    rng = np.random.default_rng(5)
    model = FlashLM(config, rng, dtype, layout=layout_of(config), ngrams=ngrams)
    model.lm_head.initialize(model.embedding.weight.data)
    for parameter in model.parameters():
        parameter.data += 0.1 * rng.standard_normal(parameter.shape).astype(dtype)
    return model, config


def batches(
    micro: int = 1, position_share: float = 1.0, seed: int = 8, text: np.ndarray = TEXT
) -> list[tuple]:
    """Micro-batches of 3 windows of 24 tokens of a text: ids, targets, scored positions."""
    rng = np.random.default_rng(seed)

    def batch():
        ids = text[rng.integers(0, len(text) - 25, 3)[:, None] + np.arange(25)]
        some = rng.permutation(3 * 24)[: int(position_share * 72)]
        return ids[:, :-1], ids[:, 1:], some if position_share < 1 else None

    return [batch() for _ in range(micro)]
