"""The models by their names in a configuration."""

import numpy as np

from ..ngrams.kneser_ney import KneserNey
from .config import Config
from .flashlm import FlashLM
from .heads.layout import TableLayout
from .language_model import LanguageModel
from .matmul_free.lm import MatMulFreeLM

MODELS = {"flashlm": FlashLM, "matmul_free": MatMulFreeLM}


def new_model(
    config: Config,
    rng: np.random.Generator,
    dtype=np.float32,
    layout: TableLayout | None = None,
    ngrams: KneserNey | None = None,
) -> LanguageModel:
    """The model that config.model names, with weights drawn from `rng`."""
    return MODELS[config.model](config, rng, dtype, layout, ngrams)
