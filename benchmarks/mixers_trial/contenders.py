"""The contenders: mixers of FlashLM's block with equal parameters, at several rates.

Each has as many weights in its mixer as the convolutions of the base: for D = 256 the width
160 gives the 163,840 of v3. A contender is a mixer at one rate of the matrices and
convolutions; the factor of AdamW's rate, for the table and the gains, is that of a run. So the
convolutions have the product of both.
"""

from dataclasses import replace
from math import prod

from benchmarks.trial.contender import Contender, Trial, tiny
from flashlm_np.model.config import Config
from flashlm_np.model.phase import MOST_STEPS, Phase
from flashlm_np.model.presets import SMALL_V3, V3
from flashlm_np.model.shapes import matrix_shapes, mixer_shapes

# The rates stay after the warm-up, so that a short run is a part of a longer one.
STAYING = {"schedule_steps": MOST_STEPS, "decay_share": 0.0}
STORIES = replace(SMALL_V3, **STAYING, eval_tokens=65536)
TEXTS = replace(
    V3.with_head("two_level"),
    **STAYING,
    embedding="corpus",
    phases=(Phase(1, 512, 2, 2),),
    warmup_steps=50,
    adamw_lr=3e-3,
    conv_lr_ratio=0.1,
    eval_tokens=65536,
)
TINY = tiny(STORIES)
BASES = {"v3": TEXTS, "stories": STORIES, "tiny": TINY}

RATES = (0.5, 1.0, 2.0)  # times the base's, of the matrices and convolutions
HEADS = 5
MIXERS = {
    "convs": ("gated dilated convolutions", "#222222", {}),
    "attention": ("attention", "#c44e52", {"mixer": "attention", "attention_heads": HEADS}),
    "mlgru": ("MLGRU, the code's gate", "#3b6ea5", {"mixer": "mlgru"}),
    "mlgru_paper": (
        "MLGRU, the paper's gate",
        "#7aa6d6",
        {"mixer": "mlgru", "gru_gate": "paper"},
    ),
}


def trial_of(base: Config, rates: tuple[float, ...] = RATES) -> Trial:
    """The base with each mixer at each rate."""
    contenders = {
        variant(mixer, rate): _contender(base, mixer, rate)
        for mixer in MIXERS
        for rate in rates
    }
    reference = variant("convs", 1.0 if 1.0 in rates else rates[0])
    return Trial(base, contenders, reference)


def variant(mixer: str, rate: float) -> str:
    """The name of a mixer at a rate."""
    return f"{mixer}@{rate:g}"


def mixer_of(name: str) -> str:
    """The mixer of a contender's name."""
    return name.partition("@")[0]


def _contender(base, mixer, rate):
    label, color, changes = MIXERS[mixer]
    width = {} if mixer == "convs" else {"mixer_width": equal_width(base)}
    rates = {
        "normuon_lr": base.normuon_lr * rate,
        "conv_lr_ratio": base.conv_lr_ratio * rate,
    }
    return Contender(f"{label}, ×{rate:g}", 0.45, changes | width | rates, color=color)


def equal_width(base: Config) -> int:
    """The width at which four matrices have as many weights as the convolutions' mixer.

    It is rounded to an even number for each head.
    """
    shapes = matrix_shapes(base) | mixer_shapes(base)
    weights = sum(prod(s) for n, s in shapes.items() if n.startswith("block.token_mixer."))
    each = 2 * HEADS
    return max(each, round(weights / (4 * base.d_model) / each) * each)
