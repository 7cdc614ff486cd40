"""The preset `best`, and beside it: with a prior, in full precision, and FlashLM v3."""

from dataclasses import fields, replace

from benchmarks.recipe_trial.ideas import full_precision
from benchmarks.trial.contender import Contender, Trial, tiny
from flashlm_np.model.config import Config
from flashlm_np.model.phase import Phase
from flashlm_np.model.presets import BEST, V3

# No contender downloads a table, and all are judged on the same tokens.
OF_ALL = {"seed", "embedding", "eval_tokens"}
SIZES = {"vocab_size", "d_model", "conv_groups", "dilations"}  # those of a try are small

# As many parameters in the mixer, and windows of 256 tokens in place of 128.
WITH_ATTENTION = {
    "mixer": "attention",
    "mixer_width": 160,
    "attention_heads": 5,
    "attention_taps": 4,
    "phases": (Phase(1, 256, 4, 2),),
    "normuon_lr": 0.01,
}

TINY = tiny(BEST)
BASES = {"best": replace(BEST, eval_tokens=245_760), "tiny": TINY}  # 120 windows of 2,048


def trial_of(base: Config) -> Trial:
    """The base and the runs beside it."""
    shared = OF_ALL | (SIZES if base.vocab_size < V3.vocab_size else set())
    v3 = {f.name: getattr(V3, f.name) for f in fields(Config) if f.name not in shared}
    contenders = {
        "best": Contender("best", color="#2a7f3f"),
        "prior": Contender(
            "best, with a trigram", changes={"prior": "trigram"}, color="#1f77b4"
        ),
        "attention": Contender("best, with attention", changes=WITH_ATTENTION, color="#9467bd"),
        "full": Contender("best, full precision", change=full_precision, color="#999999"),
        "v3": Contender("FlashLM v3", changes=v3, color="#c44e52"),
    }
    return Trial(base, contenders, "best")
