"""The costs of a model in use: parameters, bytes, multiplications and additions per token.

Every multiplication and addition of real numbers that the mathematics needs is counted,
recursions included. A ternary weight of 0 costs nothing, and one of ±1 an addition. A scale
costs a multiplication per output. A square root, an exponential and a division count as one
multiplication each. The token is read alone, as in generation.

Energy is an estimate from the measured cost of one operation in 45 nm silicon. It compares the
parts of a model; it does not predict the consumption of a present-day computer.

source   Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9
"""

from dataclasses import dataclass

import numpy as np

from minigrad.ops.ternary import ternarize

from ..inference.export import ternary_shapes
from ..model.config import Config
from ..model.flashlm import FlashLM
from ..model.glu import ternary_options

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


def token_costs(model: FlashLM, config: Config) -> list[Cost]:
    """The costs of a model's components, in the order in which a token meets them."""
    D, H, R = config.d_model, config.glu_width, config.recursions
    layers = len(config.dilations)
    norms = 2 + layers  # in the block
    costs = [_words_cost(model, config)]
    for name, (T, scale) in ternary_matrices(model, config).items():
        scaling = 0 if scale == 1.0 else R * len(T)
        costs.append(Cost(name, T.size, scaling, R * _additions(T), T.size))
    return [
        *costs,
        _conv_cost(model, config),
        Cost("norms", (norms + 1) * D, (R * norms + 1) * (3 * D + 2), (R * norms + 1) * D),
        Cost("gates", 0, R * (3 * layers * D + 2 * H), R * layers * D),
        Cost("residual sums", 0, 0, R * (2 + layers) * D),
        Cost("router (unused)", D + 1, 0, 0),
        *_prior_cost(model, config),
    ]


def _words_cost(model, config):
    """The embedding and the head: in use, each of its rows is multiplied with h once."""
    V, D = config.vocab_size, config.d_model
    own = [p.data for p in model.lm_head.parameters() if p is not model.embedding.weight]
    rows = sum(len(p) for p in own if p.ndim == 2)  # each with a bias
    table = 0 if config.head == "tree" else V  # the tree has a matrix of its own
    count = V * D + sum(p.size for p in own)
    products = (table + rows) * D
    return Cost("embedding and head", count, products, table * (D - 1) + rows * D)


def _prior_cost(model, config):
    """The gate; for each word, two backoffs and the mixture. Counts are no parameters."""
    if model.prior is None:
        return []
    V, products = config.vocab_size, config.d_model + 4
    return [Cost("gate of the prior", products + 1, products + 4 * V, products + V)]


def ternary_matrices(model: FlashLM, config: Config) -> dict[str, tuple[np.ndarray, float]]:
    """T and the scale of each ternary layer, by the layer's name."""
    weights, options = model.state_dict(), ternary_options(config)
    matrices = [name for name, shape in ternary_shapes(config).items() if len(shape) == 2]
    return {name.split(".")[-2]: ternarize(weights[name], **options) for name in matrices}


def _additions(T):
    """Additions of a product with T (O, D): a row with n weights that are not 0 takes n - 1."""
    return int(np.count_nonzero(T) - np.count_nonzero(T.any(axis=1)))


def _conv_cost(model, config):
    """Every tap counts, also where it sees only the zeros before the text."""
    D, R, convs = config.d_model, config.recursions, 2 * len(config.dilations)
    count = convs * D * (D // config.conv_groups) * config.taps
    if not config.ternary_convs:
        return Cost("convolutions", count, R * count, R * (count - convs * D))
    layers = model.block.token_mixer.layers
    kernels = [conv.kernel().data for g in layers for conv in (g.conv_gate, g.conv_value)]
    additions = R * sum(_additions(w.reshape(D, -1)) for w in kernels)
    scaling = 0 if config.ternary_scale == "none" else R * convs * D
    return Cost("convolutions", count, scaling, additions, count)


def total(costs: list[Cost]) -> Cost:
    """The sum of the costs."""
    fields = ("parameters", "multiplications", "additions", "ternary_parameters")
    return Cost("all", **{field: sum(getattr(c, field) for c in costs) for field in fields})


def cost_table(costs: list[Cost]) -> str:
    """The costs in columns, and their sum."""
    every = total(costs)
    counts = ("mult/token", "add/token")
    heads = "".join(f"{h:>12}" for h in ("parameters", *(f"{f} kB" for f in FORMS), *counts))
    lines = [f"{'':22}{heads}{'share':>8}{'µJ':>8}{'DRAM µJ':>9}"]
    for c in (*costs, every):
        sizes = "".join(f"{c.nbytes(form) / 1e3:12,.1f}" for form in FORMS)
        lines.append(
            f"{c.component:22}{c.parameters:12,}{sizes}{c.multiplications:12,}{c.additions:12,}"
            f"{c.operations / every.operations:8.1%}{c.arithmetic_picojoules / 1e6:8.2f}"
            f"{c.reading_picojoules() / 1e6:9.1f}"
        )
    return "\n".join(lines)


def cost_summary(costs: list[Cost]) -> str:
    """The ternary part of a model, and the multiplications that remain."""
    every, ternary = total(costs), total([c for c in costs if c.ternary_parameters])
    largest = sorted(costs, key=lambda c: -c.multiplications)[:3]
    named = (f"{c.component} {c.multiplications / every.multiplications:.1%}" for c in largest)
    return (
        f"{ternary.parameters / every.parameters:.2%} of the parameters are ternary; "
        f"{ternary.additions / every.operations:.2%} of the arithmetic is additions that "
        f"replaced products.\n{every.multiplications:,} multiplications per token remain: "
        f"{', '.join(named)}."
    )
