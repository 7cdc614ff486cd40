"""The costs of each component of a model, for costs.py, which says how they are counted."""

from dataclasses import dataclass

import numpy as np

from minigrad.ops.ternary import ternarize

from ..model.block_options import CONVOLUTIONS
from ..model.config import Config
from ..model.flashlm import FlashLM
from ..model.glu import ternary_options
from ..model.shapes import matrix_shapes

# Picojoules at 45 nm and 0.9 V, in float32. A DRAM access of 8 bytes takes 1.3 to 2.6 nJ.
MULTIPLICATION, ADDITION, DRAM_BYTE = 3.7, 0.9, 1300 / 8
PACKED_BITS = 1.6  # of a ternary weight: five in a byte
FORMS = ("float32", "float16", "packed")


@dataclass(frozen=True)
class Cost:
    """The parameters of one component, and its operations for one token."""

    component: str
    parameters: int
    multiplications: int
    additions: int
    ternary_parameters: int = 0

    @property
    def operations(self) -> int:
        return self.multiplications + self.additions

    @property
    def arithmetic_picojoules(self) -> float:
        """An estimate of the energy of one token's arithmetic in float32."""
        return self.multiplications * MULTIPLICATION + self.additions * ADDITION

    def nbytes(self, form: str) -> float:
        """Its size in one of FORMS; packed: ternary weights in 1.6 bits, others in float16."""
        if form == "float32":
            return self.parameters * 4
        packed = self.ternary_parameters if form == "packed" else 0
        return packed * PACKED_BITS / 8 + (self.parameters - packed) * 2

    def reading_picojoules(self, form: str = "float32") -> float:
        """An estimate of the energy of reading all its weights once from DRAM.

        A second recursion finds the weights in the cache.
        """
        return self.nbytes(form) * DRAM_BYTE


def matrix_costs(model, config):
    R = config.recursions
    for name, (T, scale) in ternary_matrices(model, config).items():
        scaling = 0 if scale == 1.0 else R * len(T)
        yield Cost(name, T.size, scaling, R * additions(T), T.size)


def vector_costs(model, config):
    """All that works on single numbers of x: norms, gates, sums, gains."""
    D, H = config.d_model, config.glu_width
    L, A = config.blocks, config.recursions * config.blocks  # blocks, and their applications
    layers = len(config.dilations) if config.mixer == "gated_convs" else 0  # in the mixer
    norms = A * (2 + layers) + 1
    # Of convolutions. Each sigmoid is an exponential, an addition and a division.
    sigmoids = A * (layers or 1) * D if config.mixer in CONVOLUTIONS else 0
    silu = A * H * (config.activation == "silu")
    yield Cost("norms", (L * (2 + layers) + 1) * D, norms * (3 * D + 2), norms * D)
    yield Cost("gates", 0, 3 * sigmoids + 2 * A * H + 2 * silu, sigmoids + silu)
    yield Cost("residual sums", 0, 0, A * (2 + layers) * D)
    if config.output_gains:
        yield Cost("output gains", 2 * L * D, 2 * A * D, 0)
    if model.first_skip is not None:
        yield Cost("first skip", 2 * (A - 1), 2 * (A - 1) * D, (A - 1) * D)
    if model.bigrams is not None:
        yield Cost("pairs of tokens", config.bigram_rows * D, 0, D)
    if model.block.router is not None:
        yield Cost("router (unused)", D + 1, 0, 0)


def words_cost(model, config):
    """The embedding and the head: in use, each of its rows is multiplied with h once."""
    V, D = config.vocab_size, config.d_model
    own = [p.data for p in model.lm_head.parameters() if p is not model.embedding.weight]
    rows = sum(len(p) for p in own if p.ndim == 2)  # each with a bias
    table = 0 if config.head == "tree" else V  # the tree has a matrix of its own
    count = V * D + sum(p.size for p in own)
    products = (table + rows) * D
    return Cost("embedding and head", count, products, table * (D - 1) + rows * D)


def prior_cost(model, config):
    """The gate; for each word, two backoffs and the mixture. Counts are no parameters."""
    if model.prior is None:
        return []
    V, products = config.vocab_size, config.d_model + 4
    if config.prior == "trigram_logits":  # two backoffs; a sum for each word
        return [Cost("prior", 0, 2 * V, V)]
    return [Cost("gate of the prior", products + 1, products + 4 * V, products + V)]


def ternary_matrices(model: FlashLM, config: Config) -> dict[str, tuple[np.ndarray, float]]:
    """T and the scale of each ternary layer, by the layer's name; with its block from 2 on."""
    weights, options = model.state_dict(), ternary_options(config)
    return {_label(name): ternarize(weights[name], **options) for name in matrix_shapes(config)}


def _label(name):
    """more_blocks.0.glu.up_proj.weight is "up_proj 2"."""
    first, number, *_ = name.split(".")
    block = f" {int(number) + 2}" if first == "more_blocks" else ""
    return name.split(".")[-2] + block


def additions(T):
    """Additions of a product with T (O, D): a row with n weights that are not 0 takes n - 1."""
    return int(np.count_nonzero(T) - np.count_nonzero(T.any(axis=1)))
