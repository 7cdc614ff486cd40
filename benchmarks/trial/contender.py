"""The contenders of a trial: changes of one base configuration."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

from flashlm_np.model.config import Config
from flashlm_np.model.phase import Phase
from flashlm_np.runs.run_state import RunState

# Fields that change no step's seconds: rates, the start, and what is judged.
FREE = {"preset", "seed", "embedding", "embedding_std", "conv_identity", "out_std", "norm_eps"}
FREE |= {"schedule_steps", "warmup_steps", "decay_share", "normuon_lr", "adamw_lr"}
FREE |= {"conv_lr_ratio", "weight_decay", "clip_norm", "eval_tokens", "steps"}
FREE |= {"momentum_warmup", "logit_scale", "initial_weights", "schedule", "schedule_floor"}
STAGED = 100  # steps of a run whose number is not known, where its stages begin


@dataclass(frozen=True)
class Contender:
    """A configuration, by its changes of the base.

    seconds: a guess for 2,048 tokens, with which runs are planned until it is measured.
    stages: phases that begin after parts of the run, in place of the base's: (part, phase) ...
    change: of an idea that is no option of the library. It changes a new run in place.
    averaged: whether the averaged weights are judged, not the last ones.
    against: the contender that it is compared with; by default the reference of the trial.
    """

    label: str
    seconds: float = 0.45
    changes: dict = field(default_factory=dict)
    change: Callable[[RunState], None] | None = None
    averaged: bool = False
    against: str | None = None
    color: str | None = None
    stages: tuple[tuple[float, Phase], ...] = ()

    def config(
        self, base: Config, seed: int = 0, factor: float = 1.0, steps: int | None = None
    ) -> Config:
        """The configuration of a run. `factor` multiplies the learning rate of AdamW.

        It holds for the table and for the head's own parameters, and not for convolutions.

        steps: of a run whose schedule ends with it. By default the base's schedule stays.
        """
        rates = {
            "adamw_lr": base.adamw_lr * factor,
            "conv_lr_ratio": base.conv_lr_ratio / factor,
        }
        schedule = {} if steps is None else {"schedule_steps": steps + 1}  # where they are 0
        if self.stages:
            schedule["phases"] = self._phases(STAGED if steps is None else steps)
        head = self.changes.get("head", base.head)
        with_head = base if head == base.head else base.with_head(head)
        return replace(with_head, seed=seed, **(rates | schedule | self.changes))

    def _phases(self, steps):
        """The stages as phases of a run; of two that begin at one step, the later stays."""
        starts = {1 + round(part * steps): phase for part, phase in self.stages}
        return tuple(replace(phase, first_step=first) for first, phase in starts.items())

    def code(self, base: Config) -> str:
        """A short code of what is trained and judged. Another one is another experiment."""
        # A run ends with its task, whatever `steps` says.
        return _code(self.config(base), self.change, self.averaged, without={"steps"})

    def work(self, base: Config) -> str:
        """A short code of what the seconds of its steps depend on."""
        return _code(self.config(base), self.change, without=FREE)


def tiny(base: Config) -> Config:
    """A base for a try of a command, with the tokenizer of the stories."""
    return replace(
        replace(base, vocab_size=2000).with_head(base.head),
        d_model=16,
        conv_groups=4,
        dilations=(1, 3),
        phases=(Phase(1, 32, 2, 2),),
        warmup_steps=2,
        eval_tokens=512,
    )


def _code(config, change, *more, without=()):
    """A code of the fields that differ from the defaults: a new field changes no code."""
    plain, names = Config(), [f.name for f in fields(Config) if f.name not in without]
    changed = [n for n in names if getattr(config, n) != getattr(plain, n)]
    values = [(n, getattr(config, n)) for n in changed]
    idea = getattr(change, "__name__", repr(change))
    return f"{zlib.crc32(repr((values, idea, *more)).encode()):08x}"


@dataclass(frozen=True)
class Trial:
    """A base, the contenders by name, and the one that the others are compared with."""

    base: Config
    contenders: dict[str, Contender]
    reference: str

    def config(self, name: str, seed=0, factor=1.0, steps=None) -> Config:
        return self.contenders[name].config(self.base, seed, factor, steps)

    def label(self, name: str) -> str:
        return self.contenders[name].label

    @property
    def phases(self) -> str:
        """The phases of the base, which are in every line of a run."""
        return " ".join(map(str, self.base.phases))

    @cached_property
    def work(self) -> dict[str, str]:
        """By name, the code of the work of a contender's step."""
        return {name: c.work(self.base) for name, c in self.contenders.items()}

    def timed_as(self, name: str) -> str:
        """The first contender whose steps take the same time, because the work is the same."""
        return next(n for n in self.contenders if self.work[n] == self.work[name])
