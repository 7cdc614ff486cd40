"""The presets: configurations of whole runs, each with a comment on what it is for."""

from dataclasses import replace

from .config import Config
from .phase import Phase

# FlashLM v3 as its author ran it: the defaults of Config.
V3 = Config()

# v3 in small, for stories. Differences from v3: a ternary scale, because without one the signal
# explodes; dilations that leave no gaps; value taps that start as a sum over the past, because
# copying then need not be learned from nothing; the plain loss at every position.
SMALL_V3 = Config(
    preset="small_v3",
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

# The best of some trials for three minutes of training on two cores: the same, but narrower, so
# that it sees more text; and attention with short convolutions, because a name is mentioned
# again after up to a hundred tokens, and attention copies it. docs/stories.md compares both.
QUICKSTART = replace(
    SMALL_V3,
    preset="quickstart",
    d_model=192,
    mixer="attention",
    mixer_width=128,
    attention_heads=4,
    attention_taps=4,
    steps=950,
    eval_every=190,
)

# FlashLM v4 "Bolt" in its author's small size, of 4,364,736 parameters. The author trains for
# 10 passes over windows that do not overlap; here windows are drawn, and `steps` or --minutes
# say when to stop. At least 2 windows are a batch; with 8 cores or more, the author has 8. His
# first step has the learning rate 0, and ours 1/500 of the largest. A ternary matrix of his
# divides by mean |w| + 1e-8, which changes no weight of this size. The averaged weights
# are ours. Its vocabulary: `flashlm prepare --most-frequent 10000`.
V4 = Config(
    preset="v4",
    vocab_size=10_000,
    d_model=192,
    taps=8,
    recursions=1,
    blocks=6,
    mixer="depthwise",
    activation="silu",
    norm_eps=1e-6,
    ternary_threshold=0.5,
    ternary_scale="mean",
    embedding="random",
    initial_weights="fan_out",
    schedule="cosine",
    schedule_floor=0.0025,  # 1e-5, the least learning rate, in those of 4e-3
    schedule_steps=0,
    warmup_steps=500,
    phases=(Phase(1, 256, 8),),
    position_share=1.0,
    label_smoothing=0.0,
    z_loss=0.0,
    matrix_optimizer="adamw",
    adamw_lr=4e-3,
    weight_decay=0.01,
    decay_gains=True,
)

# FlashLM v3's size with a recipe for 25 minutes: docs/best.md says what was measured. The cheap
# head scores all positions; one round of the block leaves time for more steps; attention with
# short convolutions sees the whole window; scaled ternary matrices and gains from 0 keep the
# signal in size; the rates fall in the second half.
BEST = replace(
    V3.with_head("sampled"),
    preset="best",
    embedding="corpus",
    recursions=1,
    mixer="attention",
    mixer_width=160,
    attention_heads=5,
    attention_taps=4,
    output_gains=True,
    ternary_threshold=0.5,
    ternary_scale="mean",
    steps=9700,
    schedule_steps=0,
    warmup_steps=50,
    decay_share=0.5,
    phases=(Phase(1, 256, 4, 2),),
    normuon_lr=0.01,
    adamw_lr=3e-3,
    conv_lr_ratio=0.1,
    ema_decay=0.0,
    eval_every=1000,
)

# The MatMul-free language model of Zhu et al. in a size for minutes on two cores; the rate is
# theirs, and steps, batch and weight decay are ours. Four blocks take twice the time. GPT-2's
# tokens: --vocab-size 50257, with --data of `flashlm prepare`.
MATMUL_FREE = Config(
    preset="matmul_free",
    model="matmul_free",
    vocab_size=2000,
    glu_ratio=3.0,
    recursions=1,
    blocks=2,
    mixer="mlgru",
    activation="silu",
    norm_eps=1e-6,
    ternary_threshold=0.5,
    ternary_scale="mean",
    ternary_mixer=True,
    embedding="random",
    steps=800,
    schedule="cosine",
    schedule_floor=0.05,
    schedule_steps=0,
    warmup_steps=20,
    phases=(Phase(1, 256, 4),),
    position_share=1.0,
    label_smoothing=0.0,
    z_loss=0.0,
    matrix_optimizer="adamw",
    adamw_lr=4e-3,
    ema_decay=0.99,
    eval_every=200,
)

PRESETS = {
    "quickstart": QUICKSTART,
    "small_v3": SMALL_V3,
    "best": BEST,
    "v3": V3,
    "v4": V4,
    "matmul_free": MATMUL_FREE,
}
