"""The presets: configurations of whole runs, each with a comment on what it is for."""

from .config import Config
from .phase import Phase

# FlashLM v3 as its author ran it: the defaults of Config.
V3 = Config()

# The best of some trials for three minutes of training on two cores. Differences from v3:
# a ternary scale, because without one the signal explodes; dilations that leave no gaps; value
# taps that start as a sum over the past, because copying then need not be learned from nothing;
# the plain loss at every position.
QUICKSTART = Config(
    preset="quickstart",
    vocab_size=2000,
    embedding="random",
    dilations=(1, 4, 16),
    ternary_scale="mean",
    ternary_threshold=0.5,
    conv_identity=4.0,
    steps=660,
    schedule_steps=0,
    warmup_steps=20,
    decay_share=0.95,
    phases=(Phase(1, 512, 2, 2),),
    position_share=1.0,
    label_smoothing=0.0,
    z_loss=0.0,
    normuon_lr=0.01,
    adamw_lr=0.01,
    ema_decay=0.99,
    eval_every=165,
)

PRESETS = {"quickstart": QUICKSTART, "v3": V3}
