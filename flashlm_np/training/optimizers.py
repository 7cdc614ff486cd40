"""The optimizers of a training run: which one moves which weight, how fast, and the average.

    normuon          every matrix of the block                  lr = normuon_lr
    adamw            the matrices of words, with weight decay   lr = adamw_lr
                     These are the embedding's and the head's. LazyAdamW moves them if the
                     head's gradients are rows.
    adamw_conv       the convolutions, with weight decay        lr = adamw_lr · conv_lr_ratio
    adamw_no_decay   gains and biases                           lr = adamw_lr

Some configurations have other groups:

    adamw_matrices   in place of normuon, with weight decay     lr = adamw_lr
    adamw_pairs      the rows for pairs of tokens, with decay   lr = adamw_lr
                     LazyAdamW: a step uses few of them.
    adamw_gains      in place of adamw_no_decay, with decay     lr = adamw_lr

At each step, one factor multiplies all rates, and NorMuon's momentum may rise: see
learning_rates.py. step.py and fast_step.py share this file.
"""

from functools import partial

import numpy as np

from minigrad.optim import EMA, AdamW, LazyAdamW, NorMuon

from ..model.config import Config
from ..model.language_model import LanguageModel
from .learning_rates import momentum, rate_factor


def _group(name, ndim, config):
    """The group of a parameter."""
    if name.startswith("bigrams."):
        return "adamw_pairs"
    if name == "model.lower_bounds":  # of the MatMul-free model: no matrix, a gain per block
        ndim = 1
    if ndim == 2 and name.startswith(("embedding.", "model.embeddings.", "lm_head.")):
        return "adamw"
    if ndim == 2:
        return "normuon" if config.matrix_optimizer == "normuon" else "adamw_matrices"
    if ndim == 1:
        return "adamw_gains" if config.decay_gains else "adamw_no_decay"
    return "adamw_conv"


class Optimizers:
    """The optimizers of a model by group, and the running average of its weights."""

    def __init__(self, model: LanguageModel, config: Config):
        self.config, self.embedding = config, model.embedding.weight
        # An earlier run may have frozen it. Each step freezes it, or not, as its phase says.
        self.embedding.requires_grad = True
        groups: dict[str, list] = {}
        for name, parameter in model.named_parameters():
            group = _group(name, parameter.ndim, config)
            groups.setdefault(group, []).append((name, parameter))
        lr, decay = config.adamw_lr, {"weight_decay": config.weight_decay}
        adamw = partial(AdamW, betas=(0.9, 0.95))
        lazy_adamw = partial(LazyAdamW, betas=(0.9, 0.95))
        make = {
            "normuon": partial(NorMuon, lr=config.normuon_lr, form=config.normuon_form),
            "adamw": partial(lazy_adamw if model.lm_head.rows_only else adamw, lr=lr, **decay),
            "adamw_conv": partial(adamw, lr=lr * config.conv_lr_ratio, **decay),
            "adamw_no_decay": partial(adamw, lr=lr),
            "adamw_matrices": partial(adamw, lr=lr, **decay),
            "adamw_pairs": partial(lazy_adamw, lr=lr, **decay),
            "adamw_gains": partial(adamw, lr=lr, **decay),
        }
        # A model without convolutions has no parameters for adamw_conv.
        self.by_group = {group: make[group](groups[group]) for group in make if group in groups}
        self.ema = EMA(model, config.ema_decay)

    def factor(self, step: int) -> float:
        """The factor of all learning rates at optimizer step `step`, counted from 1."""
        return rate_factor(self.config, step)

    def set_momentum(self, step: int) -> None:
        """Set NorMuon's β₁ for optimizer step `step`, counted from 1."""
        for optimizer in self.by_group.values():
            if isinstance(optimizer, NorMuon):
                optimizer.options["beta1"] = momentum(self.config, step)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Optimizer state and averages, as GROUP/PARAMETER/ENTRY and ema/PARAMETER.

        A weight that has taken no step, frozen or not used, has no state.
        """
        state = {f"ema/{name}": array for name, array in self.ema.average.items()}
        for group, optimizer in self.by_group.items():
            own = optimizer.state_dict().items()
            stepped = {key: a for key, a in own if key.rpartition("/")[0] in optimizer.steps}
            state |= {f"{group}/{key}": array for key, array in stepped.items()}
        return state

    def load_state_dict(self, state: dict[str, np.ndarray], step: int) -> None:
        """Continue from a state_dict of a run after `step` steps.

        Arrays of other names, such as model/..., are ignored. Raises ValueError if the state
        does not fit, or lacks a part that a run of so many steps has.
        """
        parts = {"ema": {}} | {group: {} for group in self.by_group}
        for key, array in state.items():
            group, _, name = key.partition("/")
            if group in parts:
                parts[group][name] = array
        for group, optimizer in self.by_group.items():
            stepped = {key.rpartition("/")[0] for key in parts[group]}
            names = [name for name in optimizer.parameters if name not in stepped]
            unmoved = {
                f"{name}/t": 0
                for name in names
                if self._unmoved(name, optimizer.parameters[name], step)
            }
            optimizer.load_state_dict(parts[group] | unmoved)
        self.ema.load(parts["ema"])
        # The matrices take every step. Another number of theirs is another run's, or damage.
        taken = max((t for o in self.by_group.values() for t in o.steps.values()), default=0)
        if taken != step:
            raise ValueError(f"the optimizers have taken {taken:,} steps, expected {step:,}")

    def _unmoved(self, name, parameter, step):
        """Whether a weight has no state after this number of steps: it was frozen or unused."""
        phases = [phase for phase in self.config.phases if phase.first_step <= step]
        frozen = parameter is self.embedding and all(p.frozen_embedding for p in phases)
        return step == 0 or frozen or ".router." in name
