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

# v3's mixer, which has as many parameters, its rate, and windows of 128 tokens in place of 256.
OF_MIXER = ("mixer", "mixer_width", "attention_heads", "attention_taps", "normuon_lr")
WITH_CONVOLUTIONS = {name: getattr(V3, name) for name in OF_MIXER}
WITH_CONVOLUTIONS |= {"phases": (Phase(1, 128, 4, 4),)}

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
        "convs": Contender(
            "best, with convolutions", changes=WITH_CONVOLUTIONS, color="#9467bd"
        ),
        "convs_prior": Contender(
            "best, with convolutions and a trigram",
            changes=WITH_CONVOLUTIONS | {"prior": "trigram"},
            color="#17becf",
        ),
        "full": Contender("best, full precision", change=full_precision, color="#999999"),
        "v3": Contender("FlashLM v3", changes=v3, color="#c44e52"),
    }
    return Trial(base, contenders, "convs")  # which was timed first
