"""The costs of the MatMul-free model, for costs.py, which says how they are counted.

    BitLinear     4 products per input (x², r x, g n, a/s), one per output (s m), and 3 for the
                  mean, the root and the step; its matrix only adds
    recurrence    f has one product, c one, h two; each of the two sigmoids has two
    gates         a SiLU has three products, its use one; a norm has 3 D + 2

The lower bounds and the ternary matrices are made once, before the first token.
"""

from minigrad.ops.bit_linear import absmean

from ..model.config import Config
from ..model.matmul_free.lm import MatMulFreeLM
from ..model.shapes import ternary_shapes
from .components import Cost, additions
from .mixer_costs import recurrence_costs


def matmul_free_costs(model: MatMulFreeLM, config: Config) -> list[Cost]:
    """The costs of the components, in the order in which a token meets them."""
    V, D, H, L = config.vocab_size, config.d_model, config.glu_width, config.blocks
    norms, bounds = 2 * L + 1, L * D * config.lower_bounds
    return [
        Cost("embedding", V * D, 0, 0),
        *(_bit_linear(name, T) for name, (T, _) in absmean_matrices(model, config).items()),
        *recurrence_costs(config.gru_gate, D, L, L, bounds),
        Cost("gated unit", 0, 4 * L * H, L * H),
        Cost("norms", norms * D, norms * (3 * D + 2), norms * D),
        Cost("residual sums", 0, 0, 2 * L * D),
    ]


def _bit_linear(name, T):
    O, D = T.shape
    return Cost(name, T.size + D, 4 * D + O + 3, additions(T) + D, T.size)


def absmean_matrices(model: MatMulFreeLM, config: Config) -> dict[str, tuple]:
    """T and the scale of each BitLinear by its name; with its block from 2 on."""
    weights = model.state_dict()
    return {_label(name): absmean(weights[name]) for name in ternary_shapes(config)}


def _label(name):
    """model.layers.1.attn.i_proj.weight is "i_proj 2"."""
    *path, layer, _ = name.split(".")
    block = int(path[2]) if path else 0
    return f"{layer} {block + 1}" if block else layer
