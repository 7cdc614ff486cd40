"""The contenders: configurations of FlashLM v3 that differ in the output layer alone."""

from dataclasses import replace

from benchmarks.trial.contender import Contender, Trial, tiny
from flashlm_np.model.phase import MOST_STEPS, Phase
from flashlm_np.model.presets import V3

QUARTER = {"label_smoothing": 0.0, "z_loss": 0.0}  # the plain loss; v3's share of positions
PLAIN = QUARTER | {"position_share": 1.0}

# v3 from its second phase on. Its first one freezes the table for 999 steps, which the slow
# heads do not end in 10 minutes. The rates stay after the warm-up: v3's fall in the last tenth
# of 10,000 steps, and then a short run would be no part of a longer one.
BASE = replace(
    V3,
    embedding="corpus",
    phases=(Phase(1, 128, 4, 4),),
    schedule_steps=MOST_STEPS,
    decay_share=0.0,
)

TINY = replace(tiny(BASE), warmup_steps=4)
BASES = {"v3": BASE, "tiny": TINY}


def _contender(label, seconds, color, head="exact", **changes):
    return Contender(label, seconds, {"head": head, **changes}, color=color)


CONTENDERS = {
    "v3": _contender("exact, a quarter, v3's loss", 0.55, "#222222"),
    "quarter": _contender("exact, a quarter", 0.55, "#888888", **QUARTER),
    "exact": _contender("exact", 1.25, "#c44e52", **PLAIN),
    "two_level": _contender(
        "two levels", 0.33, "#2a7f3f", "two_level", class_order="frequency"
    ),
    "two_level_meaning": _contender(
        "two levels, by meaning", 0.33, "#7bbf5a", "two_level", class_order="meaning"
    ),
    "adaptive": _contender("adaptive", 0.45, "#3b6ea5", "adaptive"),
    "hybrid": _contender("hybrid", 0.45, "#7aa6d6", "hybrid"),
    "sampled": _contender("sampled", 0.3, "#dd8a30", "sampled"),
    "tree": _contender("tree, Huffman", 0.6, "#7b4fa3", "tree", tree="huffman"),
    "tree_balanced": _contender("tree, balanced", 0.6, "#b794d4", "tree", tree="balanced"),
}


def trial_of(base) -> Trial:
    return Trial(base, CONTENDERS, "v3")
