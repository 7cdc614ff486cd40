"""Optimizers: each update is a function on arrays; the class keeps the state."""

from .adamw import AdamW, adamw_update
from .blocks import grad_norm_in_blocks, step_in_blocks, update_average_in_blocks
from .clip import clip_grad_norm, clip_scale, grad_norm
from .ema import EMA, ema_update
from .normuon import NorMuon, newton_schulz, normuon_update
from .optimizer import Optimizer
from .schedule import cosine, wsd
from .sgd import SGD, sgd_update

__all__ = [
    "EMA",
    "SGD",
    "AdamW",
    "NorMuon",
    "Optimizer",
    "adamw_update",
    "clip_grad_norm",
    "clip_scale",
    "cosine",
    "ema_update",
    "grad_norm",
    "grad_norm_in_blocks",
    "newton_schulz",
    "normuon_update",
    "sgd_update",
    "step_in_blocks",
    "update_average_in_blocks",
    "wsd",
]
