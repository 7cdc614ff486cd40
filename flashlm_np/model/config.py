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


TEMPERATURE = 0.5  # of what a model writes, unless another is asked for

V3_PHASES = (
    Phase(1, 64, 4, 4, frozen_embedding=True),
    Phase(1000, 128, 4, 4),
    Phase(4000, 256, 4, 8),
    Phase(7000, 512, 4, 8),
)


def option(default, help: str, *, least=None, most=None, among=None):
    """A field with the help of its option, and the values for which a run makes sense."""
    return field(
        default=default,
        metadata={"help": help, "least": least, "most": most, "among": among},
    )


def share(default: float, help: str):
    """A field between 0 and 1."""
    return option(default, help, least=0, most=1)


@dataclass(frozen=True)
class Config:
    """One run's numbers, by default those of FlashLM v3.

    Each field is an option of `flashlm train`; its help says what it is.
    """

    preset: str = option("v3", "the preset this configuration started from")
    seed: int = option(42, "seed of the weights, the batches and the stories", least=0)
    # The model
    vocab_size: int = option(50257, "tokens in the vocabulary", least=2)
    d_model: int = option(256, "width of the residual stream", least=1)
    glu_ratio: float = option(2.67, "width of the gated layer, in multiples of d_model")
    taps: int = option(4, "taps of each convolution", least=1, most=64)
    conv_groups: int = option(16, "groups of each convolution", least=1)
    dilations: tuple[int, ...] = option(
        (1, 4, 64), "dilation of each gated convolution", least=1, most=1 << 16
    )
    recursions: int = option(2, "how often the block is applied", least=1, most=100)
    norm_eps: float = option(1e-8, "added to the mean square in RMSNorm", least=0)
    ternary_threshold: float = option(1.0, "weights below this many mean |w| become 0", least=0)
    ternary_scale: str = option(
        "none", "scale of a ternary matrix: none, mean or kept", among=SCALES
    )
    ternary_convs: bool = option(False, "ternary convolutions, too; v3's are full precision")
    embedding: str = option(
        "gpt2", "the initial embedding: gpt2, corpus, random, or a file made by flashlm embed"
    )
    embedding_std: float = option(0.02, "standard deviation of a random embedding", least=0)
    conv_identity: float = option(
        0.0, "added at first to each value tap from a channel to itself", least=0
    )
    out_std: float = option(
        0.01, "standard deviation of the initial output projections", least=0
    )
    fused: bool = option(True, "fused gates and head; off: the composed form, for reading")
    # The data
    stories: int = option(16000, "training stories to make when no text is given", least=1)
    validation_share: float = share(0.05, "last part of a text, kept for validation")
    # The optimizer
    steps: int = option(10000, "optimizer steps to take", least=1)
    schedule_steps: int = option(
        10000, "step at which the decay ends; 0: the last step", least=0
    )
    warmup_steps: int = option(200, "steps over which the learning rates rise", least=0)
    decay_share: float = share(0.1, "last part of the schedule, in which the rates fall to 0")
    phases: tuple[Phase, ...] = option(V3_PHASES, "FIRST:SEQUENCE:BATCH:MICRO[:frozen] ...")
    position_share: float = share(0.25, "part of the positions that the loss scores")
    label_smoothing: float = share(0.1, "part of the target spread over the vocabulary")
    z_loss: float = option(1e-4, "weight of the squared log-partition in the loss", least=0)
    normuon_lr: float = option(0.02, "learning rate of the ternary matrices", least=0)
    normuon_form: str = option(
        "v3", "v3 or published: see minigrad/optim/normuon.py", among=FORMS
    )
    adamw_lr: float = option(3e-4, "learning rate of everything else", least=0)
    conv_lr_ratio: float = option(
        1.0, "learning rate of the convolutions, in adamw_lr", least=0
    )
    weight_decay: float = option(0.1, "AdamW's, on the embedding and the convolutions", least=0)
    clip_norm: float = option(1.0, "largest joint norm of the gradients", least=1e-30)
    ema_decay: float = share(0.999, "memory of the averaged weights")
    # Looking on
    eval_every: int = option(500, "steps between evaluations", least=1)
    eval_tokens: int = option(16384, "validation tokens scored at each evaluation", least=1)
    save_every: int = option(100, "steps between checkpoints", least=1)

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            for number in value if isinstance(value, tuple) else (value,):
                _expect(f.name, number, **{k: v for k, v in f.metadata.items() if k != "help"})
        if self.d_model % self.conv_groups:
            raise ValueError(
                f"--conv-groups is {self.conv_groups}, which does not divide --d-model "
                f"{self.d_model}"
            )
        if not 1 <= self.d_model * self.glu_ratio < 1e9:
            raise ValueError(f"--glu-ratio is {self.glu_ratio}, which gives no possible width")
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

    def data_options(self) -> dict:
        """The fields that `data.dataset.load_dataset` takes as keywords."""
        names = ("vocab_size", "seed", "stories", "validation_share", "eval_tokens")
        longest = max(phase.sequence for phase in self.phases)
        return {name: getattr(self, name) for name in names} | {"longest_sequence": longest}

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


def text_of(value) -> str:
    """A field's value as its option is written."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def option_name(name: str) -> str:
    """How the command line writes a field: d_model is --d-model."""
    return f"--{name.replace('_', '-')}"


def _expect(name, value, least, most, among):
    """Raise a ValueError that names the option unless its value makes sense."""
    if among is not None and value not in among:
        wanted = f"one of {', '.join(among)}"
    elif most is not None and not least <= value <= most:
        wanted = f"{least} to {most}"
    elif least is not None and not value >= least:
        wanted = f"{least} or more"
    else:
        return
    shown = repr(value) if isinstance(value, str) else value
    raise ValueError(f"{option_name(name)} is {shown}, expected {wanted}")


# FlashLM v3 as its author ran it: the defaults above.
V3 = Config()

# What learns best in three minutes on two cores, found by trying. Against v3: a scale, so that
# the signal does not explode; dilations without holes between them; value taps that begin as a
# sum over the past, so that copying need not be invented; the plain loss on every position.
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
