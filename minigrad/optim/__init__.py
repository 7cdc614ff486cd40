"""Optimizers: each update is a function on arrays, and a class keeps its state.

Parameters are a model, a tensor, a dict, a list or a generator: see parameters.py. The gradient
of a table may be a RowGradient; LazyAdamW steps only the rows that it holds. blocks.py has the
same steps in cache-sized blocks on several cores.
"""

from .adam import Adam, adam_update
from .adamw import AdamW, adamw_update
from .clip import clip_grad_norm, clip_scale, grad_norm
from .ema import EMA, ema_update
from .lazy_adamw import LazyAdamW, lazy_adamw_update
from .normuon import NorMuon, newton_schulz, normuon_update
from .optimizer import Optimizer
from .schedule import cosine, wsd
from .sgd import SGD, sgd_update

__all__ = [
    "EMA",
    "SGD",
    "Adam",
    "AdamW",
    "LazyAdamW",
    "NorMuon",
    "Optimizer",
    "adam_update",
    "adamw_update",
    "clip_grad_norm",
    "clip_scale",
    "cosine",
    "ema_update",
    "grad_norm",
    "lazy_adamw_update",
    "newton_schulz",
    "normuon_update",
    "sgd_update",
    "wsd",
]
