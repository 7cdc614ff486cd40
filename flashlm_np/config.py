"""Every number that a run depends on, in one flat record, and the two presets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields

from minigrad.ops.ternary import SCALES
from minigrad.optim.normuon import FORMS


@dataclass(frozen=True)
class Phase:
    """From optimizer step `first_step` on (counting from 1): the shape of a step.

    Written FIRST:SEQUENCE:BATCH:MICRO or FIRST:SEQUENCE:BATCH:MICRO:frozen, where frozen
    leaves the embedding (and so the tied head) untrained.
    """

    first_step: int
    sequence: int
    batch: int
    micro_batches: int = 1
    frozen_embedding: bool = False

    @classmethod
    def parse(cls, text: str) -> Phase:
        numbers = text.split(":")
        frozen = numbers[-1] == "frozen"
        try:
            first, sequence, batch, micro = map(int, numbers[:-1] if frozen else numbers)
        except ValueError:
            raise ValueError(
                f"phase {text!r}: expected FIRST:SEQUENCE:BATCH:MICRO and perhaps :frozen, "
                "such as 1:128:16:1"
            ) from None
        if min(first, sequence, batch, micro) < 1:
            raise ValueError(f"phase {text!r}: every number must be 1 or more")
        return cls(first, sequence, batch, micro, frozen)

    def __str__(self):
        numbers = (self.first_step, self.sequence, self.batch, self.micro_batches)
        return ":".join(map(str, numbers)) + (":frozen" if self.frozen_embedding else "")

    @property
    def tokens(self) -> int:
        """Tokens that one step reads."""
        return self.sequence * self.batch * self.micro_batches


def option(default, help: str):
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Config:
    """One run's numbers. Each field is an option of `flashlm train`; `help` says its unit."""

    preset: str = option("quickstart", "the preset this configuration started from")
    seed: int = option(42, "seed of the weights, the batches and the stories")
    # The model
    vocab_size: int = option(2000, "tokens in the vocabulary")
    d_model: int = option(256, "width of the residual stream")
    glu_ratio: float = option(2.67, "width of the gated layer, in multiples of d_model")
    taps: int = option(4, "taps of each convolution")
    conv_groups: int = option(16, "groups of each convolution")
    dilations: tuple[int, ...] = option((1, 4, 64), "dilation of each gated convolution")
    recursions: int = option(2, "how often the block is applied")
    norm_eps: float = option(1e-8, "added to the mean square in RMSNorm")
    ternary_threshold: float = option(1.0, "weights below this many mean |w| become 0")
    ternary_scale: str = option("none", "scale of a ternary matrix: none, mean or kept")
    embedding_std: float = option(0.02, "standard deviation of the initial embedding")
    conv_identity: float = option(
        0.0, "added at first to each value tap from a channel to itself"
    )
    out_std: float = option(0.01, "standard deviation of the initial output projections")
    fused: bool = option(True, "fused gates and head; off: the composed form, for reading")
    # The data
    stories: int = option(12000, "training stories to make when no text is given")
    validation_share: float = option(0.05, "last part of a text, kept for validation")
    # The optimizer
    steps: int = option(10000, "optimizer steps to take")
    schedule_steps: int = option(0, "steps at which the decay ends; 0: the last step")
    warmup_steps: int = option(200, "steps over which the learning rates rise")
    decay_share: float = option(0.1, "last part of the schedule, in which the rates fall to 0")
    phases: tuple[Phase, ...] = option((Phase(1, 128, 16),), "FIRST:SEQUENCE:BATCH:MICRO ...")
    position_share: float = option(0.25, "part of the positions that the loss scores")
    label_smoothing: float = option(0.1, "part of the target spread over the vocabulary")
    z_loss: float = option(1e-4, "weight of the squared log-partition in the loss")
    normuon_lr: float = option(0.02, "learning rate of the ternary matrices")
    normuon_form: str = option("v3", "v3 or published: see minigrad/optim/normuon.py")
    adamw_lr: float = option(3e-4, "learning rate of everything else")
    conv_lr_ratio: float = option(1.0, "learning rate of the convolutions, in adamw_lr")
    weight_decay: float = option(0.1, "AdamW's, on the embedding and the convolutions")
    clip_norm: float = option(1.0, "largest joint norm of the gradients")
    ema_decay: float = option(0.999, "memory of the averaged weights")
    # Looking on
    eval_every: int = option(500, "steps between evaluations")
    eval_tokens: int = option(16384, "validation tokens scored at each evaluation")
    save_every: int = option(100, "steps between checkpoints")

    def __post_init__(self):
        for name, lowest in LOWEST.items():
            values = getattr(self, name)
            for value in values if isinstance(values, tuple) else (values,):
                if not value >= lowest:
                    raise ValueError(f"{_option(name)} is {value}, expected {lowest} or more")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{_option(name)} is {getattr(self, name)}, expected 0 to 1")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{_option(name)} is {getattr(self, name)!r}, expected one of "
                    + ", ".join(choices)
                )
        if self.d_model % self.conv_groups:
            raise ValueError(
                f"--conv-groups is {self.conv_groups}, which does not divide --d-model "
                f"{self.d_model}"
            )
        if self.ema_decay == 1:
            raise ValueError("--ema-decay is 1.0, expected less than 1: it would never move")
        if min(phase.first_step for phase in self.phases) != 1:
            raise ValueError("--phases: the first phase must begin at step 1")

    @property
    def glu_width(self) -> int:
        return int(self.d_model * self.glu_ratio)

    def phase(self, step: int) -> Phase:
        """The phase that optimizer step `step` belongs to."""
        return max((p for p in self.phases if p.first_step <= step), key=lambda p: p.first_step)

    def to_dict(self) -> dict:
        """Plain values for JSON; `from_dict` is its inverse."""
        return asdict(self) | {"phases": [str(p) for p in self.phases]}

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"configuration: unknown fields {', '.join(unknown)}")
        values = dict(values)
        if "phases" in values:
            values["phases"] = tuple(Phase.parse(text) for text in values["phases"])
        if "dilations" in values:
            values["dilations"] = tuple(values["dilations"])
        return cls(**values)


# What the values must be for a run to make sense.
LOWEST = {
    "seed": 0,
    "vocab_size": 2,
    "d_model": 1,
    "taps": 1,
    "conv_groups": 1,
    "dilations": 1,
    "recursions": 1,
    "norm_eps": 0,
    "ternary_threshold": 0,
    "embedding_std": 0,
    "conv_identity": 0,
    "out_std": 0,
    "stories": 1,
    "steps": 1,
    "schedule_steps": 0,
    "warmup_steps": 0,
    "z_loss": 0,
    "normuon_lr": 0,
    "adamw_lr": 0,
    "conv_lr_ratio": 0,
    "weight_decay": 0,
    "clip_norm": 1e-30,
    "eval_every": 1,
    "eval_tokens": 1,
    "save_every": 1,
}
SHARES = (
    "validation_share",
    "decay_share",
    "position_share",
    "label_smoothing",
    "ema_decay",
)
CHOICES = {"ternary_scale": SCALES, "normuon_form": FORMS}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


V3 = Config(
    preset="v3",
    vocab_size=50257,
    schedule_steps=10000,
    phases=(
        Phase(1, 64, 4, 4, frozen_embedding=True),
        Phase(1000, 128, 4, 4),
        Phase(4000, 256, 4, 8),
        Phase(7000, 512, 4, 8),
    ),
)

QUICKSTART = Config()

PRESETS = {"quickstart": QUICKSTART, "v3": V3}
