"""The costs of a mixer, for costs.py: of reading its input, and of its work with the past."""

from minigrad.ops.ternary import ternarize

from ..model.block_options import CONVOLUTIONS
from ..model.glu import ternary_options
from ..model.shapes import mixer_shapes
from .components import Cost, additions


def reading_cost(model, config):
    """Convolutions or projections. Every tap counts, also on the zeros before the text."""
    R, weights = config.recursions, model.state_dict()
    arrays = [weights[name] for name in mixer_shapes(config)]  # (O, C, K) or (W, D) each
    count, outputs = sum(w.size for w in arrays), sum(len(w) for w in arrays)
    name = "convolutions" if config.mixer in CONVOLUTIONS else "projections"
    if not config.ternary_mixer:
        return Cost(name, count, R * count, R * (count - outputs))
    signs = [ternarize(w.reshape(len(w), -1), **ternary_options(config))[0] for w in arrays]
    scaling = 0 if config.ternary_scale == "none" else R * outputs
    return Cost(name, count, scaling, R * sum(map(additions, signs)), count)


def memory_cost(config, position):
    """What a mixer does with its past: attention at `position`, from 1, or the recurrence."""
    W, L, A = config.inner_width, config.blocks, config.recursions * config.blocks
    if config.mixer == "attention":
        G, N = config.attention_heads, position
        # Turned pairs, scaled scores, e^s and its division by the sum, the weighted mean.
        products = 4 * W + N * (W + G) + 2 * N * G + N * W
        sums = 2 * W + N * (W - G) + (N - 1) * G + (N - 1) * W
        yield Cost(f"attention over {N:,}", 0, A * products, A * sums)
        if K := config.attention_taps:  # of the convolutions of q, k and v
            yield Cost("taps", L * 3 * W * K, A * 3 * W * K, A * 3 * W * (K - 1))
    if config.mixer == "mlgru":
        yield from recurrence_costs(config.gru_gate, W, L, A)


def recurrence_costs(gate, W, L, A, bounds=0):
    """Of MLGRU and its gate, W wide, in L blocks that are applied A times in all.

    bounds: the number of lower bounds of f, each with a product and a sum.
    """
    # SiLU of a has 3 products and an addition, σ(z) 2 and 1, the state 2 and 2.
    yield Cost("recurrence", bounds, A * 7 * W + bounds, A * 4 * W + bounds)
    if gate == "paper":
        yield Cost("gate of the state", 0, A * 3 * W, A * W)
    else:  # a norm of g, SiLU of h, and their product
        yield Cost("gate of the state", L * W, A * (7 * W + 2), A * 2 * W)
