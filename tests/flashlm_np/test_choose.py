import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flashlm_np.generate import choose


def choose_sorted(logits, rng, temperature=1.0, top_k=0, top_p=1.0):
    """The slow, obvious twin of `choose`: all tokens sorted, the likeliest first."""
    z = (logits - logits.max()).astype(np.float64) / temperature
    order = np.argsort(-z, kind="stable")
    p = np.exp(z[order])
    mass = np.cumsum(p / p.sum())
    keep = min(top_k or len(p), len(p), 1 + int(np.searchsorted(mass, top_p)))
    dice = rng.random() * mass[keep - 1]
    return int(order[np.searchsorted(mass[:keep], dice, side="right").clip(0, keep - 1)])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(
        {
            "temperature": st.sampled_from([0.1, 0.5, 1.0, 3.0, 30.0]),
            "top_k": st.sampled_from([0, 1, 7, 150, 300, 1000]),
            "top_p": st.sampled_from([0.0, 0.3, 0.99, 0.999999, 1.0]),
        }
    ),
    st.integers(0, 2**32),
)
def test_sorting_only_the_likely_tokens_chooses_the_same(options, seed):
    logits = np.random.default_rng(seed).standard_normal(300).round(2) * 5  # with ties
    fast, slow = np.random.default_rng(seed), np.random.default_rng(seed)
    for _ in range(30):
        expected = choose_sorted(logits, slow, **options)
        assert choose(logits, fast, **options) == expected
