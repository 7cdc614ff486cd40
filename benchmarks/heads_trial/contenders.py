"""The contenders: configurations of FlashLM v3 that differ in the output layer alone."""

from dataclasses import dataclass, field, replace

from flashlm_np.model.config import Config
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

# A model for a try of the command, with the tokenizer of the stories.
TINY = replace(
    BASE,
    vocab_size=2000,
    d_model=16,
    conv_groups=4,
    dilations=(1, 3),
    warmup_steps=4,
    phases=(Phase(1, 32, 2, 2),),
    eval_tokens=512,
)
BASES = {"v3": BASE, "tiny": TINY}


# The fields of the configuration that concern a head.
OPTIONS = {
    "exact": ("position_share", "label_smoothing", "z_loss"),
    "two_level": ("classes", "class_order"),
    "adaptive": ("cutoffs",),
    "hybrid": ("classes", "class_order", "cutoffs"),
    "sampled": ("candidates", "candidates_from"),
    "tree": ("tree",),
}


@dataclass(frozen=True)
class Contender:
    """An output layer, and how it is trained.

    seconds: a guess for 2,048 tokens, with which runs are planned until it is measured.
    """

    label: str
    seconds: float
    head: str = "exact"
    changes: dict = field(default_factory=dict)  # of the configuration

    def config(self, base: Config, seed: int = 0, factor: float = 1.0) -> Config:
        """The configuration of a run. `factor` multiplies the learning rate of AdamW.

        It holds for the table and for the head's own parameters, and not for convolutions.
        """
        rates = {
            "adamw_lr": base.adamw_lr * factor,
            "conv_lr_ratio": base.conv_lr_ratio / factor,
        }
        return replace(base.with_head(self.head), seed=seed, **rates, **self.changes)


CONTENDERS = {
    "v3": Contender("exact, a quarter, v3's loss", 0.55),
    "quarter": Contender("exact, a quarter", 0.55, changes=QUARTER),
    "exact": Contender("exact", 1.25, changes=PLAIN),
    "two_level": Contender("two levels", 0.33, "two_level", {"class_order": "frequency"}),
    "two_level_meaning": Contender(
        "two levels, by meaning", 0.33, "two_level", {"class_order": "meaning"}
    ),
    "adaptive": Contender("adaptive", 0.45, "adaptive"),
    "hybrid": Contender("hybrid", 0.45, "hybrid"),
    "sampled": Contender("sampled", 0.3, "sampled"),
    "tree": Contender("tree, Huffman", 0.6, "tree", {"tree": "huffman"}),
    "tree_balanced": Contender("tree, balanced", 0.6, "tree", {"tree": "balanced"}),
}
