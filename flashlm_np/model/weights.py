"""A model from weights that were read: checked first, then copied into the model."""

import numpy as np

from ..ngrams.kneser_ney import KneserNey
from .config import Config
from .heads import read_layout
from .language_model import LanguageModel
from .matmul_free.shapes import parameter_shapes
from .models import new_model
from .shapes import matrix_shapes, mixer_shapes, tap_shapes


def model_with_weights(
    config: Config,
    weights: dict[str, np.ndarray],
    layout: dict[str, np.ndarray] | None = None,
    ngrams: KneserNey | None = None,
) -> LanguageModel:
    """A model with the given weights by parameter name.

    layout: the arrays of the order of the words, if the head is not the exact one.
    ngrams: the counts, if the configuration has a prior.

    Raises ValueError if the weights do not have the configuration's names and sizes, or the
    layout is damaged.
    """
    expect_sizes(config, weights)
    order = read_layout(config, layout or {})
    model = new_model(config, np.random.default_rng(0), layout=order, ngrams=ngrams)
    load_weights(model, weights)
    return model


def load_weights(model: LanguageModel, weights: dict[str, np.ndarray]) -> None:
    """Copy weights by parameter name into the model. The head may be left out: it is tied."""
    weights = dict(weights)
    if "embedding.weight" in weights:
        weights.setdefault("lm_head.weight", weights["embedding.weight"])
    model.load_state_dict(weights)


def expect_sizes(config: Config, weights: dict[str, np.ndarray]) -> None:
    """Raise a ValueError unless the weights have the configuration's sizes.

    The check stands before the model is made. So a damaged configuration cannot ask for more
    memory than its weights take.
    """
    shapes = {"flashlm": _large_shapes, "matmul_free": parameter_shapes}
    sizes = shapes[config.model](config)
    for name, shape in sizes.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise ValueError(f"{name} has shape {found}, but the configuration says {shape}")


def _large_shapes(config):
    """The shapes of FlashLM's weights but the vectors, which these decide."""
    sizes: dict = {"embedding.weight": (config.vocab_size, config.d_model)}
    if config.bigram_rows:
        sizes["bigrams.weight"] = (config.bigram_rows, config.d_model)
    return sizes | matrix_shapes(config) | mixer_shapes(config) | tap_shapes(config)
