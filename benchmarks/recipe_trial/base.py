"""The base of the ablation, in its size and in a tiny one."""

from dataclasses import replace

from benchmarks.trial.contender import tiny
from flashlm_np.model.phase import Phase
from flashlm_np.model.presets import V3

# FlashLM v3's body with the cheapest head that gives the exact loss. The rates of the table are
# ten times v3's, because each head was best with them after a minute (docs/heads.md); those of
# the convolutions are v3's. Each run has a schedule of its own: the warm-up is short, and the
# rates fall to 0 in its second half.
BASE = replace(
    V3.with_head("two_level"),
    embedding="corpus",
    phases=(Phase(1, 128, 4, 4),),
    warmup_steps=50,
    decay_share=0.5,
    adamw_lr=3e-3,
    conv_lr_ratio=0.1,
    eval_tokens=65536,
)

TINY = tiny(BASE)
BASES = {"v3": BASE, "tiny": TINY}
