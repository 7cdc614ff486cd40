"""The usual wrong forms of the exercises, to recognize them by what they give.

MISTAKES has, for a function and the name of its result, pairs of a sentence and a function that
makes the same mistake on the inputs of a case.
"""

from . import adamw, arithmetic, engine, inference, layers, loss, normuon, ternary
from .registry import MISTAKES

__all__ = [
    "MISTAKES",
    "adamw",
    "arithmetic",
    "engine",
    "inference",
    "layers",
    "loss",
    "normuon",
    "ternary",
]
