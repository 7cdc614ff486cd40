from itertools import product

import numpy as np
import pytest

from flashlm_np.inference import generate
from flashlm_np.inference.generate import choose


def choose_sorted(logits, rng, temperature=1.0, top_k=0, top_p=1.0):
    """The slow, obvious twin of `choose`: all tokens sorted, the likeliest first."""
    z = (logits - logits.max()).astype(np.float64) / temperature
    order = np.argsort(-z, kind="stable")
    p = np.exp(z[order])
    mass = np.cumsum(p / p.sum())
    keep = min(top_k or len(p), len(p), 1 + int(np.searchsorted(mass, top_p)))
    dice = rng.random() * mass[keep - 1]
    return int(order[np.searchsorted(mass[:keep], dice, side="right").clip(0, keep - 1)])


@pytest.mark.parametrize("seldom", [generate.SELDOM, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("temperature", [0.5, 3.0, 30.0])
def test_sorting_only_the_likely_tokens_chooses_the_same(seldom, temperature, monkeypatch):
    monkeypatch.setattr(generate, "SELDOM", seldom)
    logits = np.random.default_rng(0).standard_normal(100).round(1) * 5  # with ties
    fast, slow = np.random.default_rng(1), np.random.default_rng(1)
    for top_k, top_p in product([0, 1, 7, 40, 1000], [0.0, 0.3, 0.99, 1.0]):
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        for _ in range(40):
            assert choose(logits, fast, **options) == choose_sorted(logits, slow, **options)
