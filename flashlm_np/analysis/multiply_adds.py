"""The arithmetic of a training step: the multiply-adds of its parts, and its least time.

The product of (n, k) and (k, m) takes n·k·m multiply-adds, which are two floating-point
operations each. A backward pass is two such products, so a layer costs three times its forward
pass. The head is the exact one, also if the configuration names another. With a frozen table it
needs no gradient of the table, and costs twice. The rest of a step (norms, gates, softmax,
AdamW) multiplies little and is bound by memory; it is not counted.
"""

import math

from minigrad.ops.causal_attention_fast import computed_scores

from ..model.block_options import CONVOLUTIONS
from ..model.config import Config, Phase
from ..model.shapes import matrix_shapes, mixer_shapes


def multiply_adds(config: Config, phase: Phase) -> dict[str, int]:
    """Multiply-adds of an optimizer step, by part.

    Example:
        >>> from flashlm_np.model.presets import V3
        >>> multiply_adds(V3, V3.phase(1000))["head"] == 3 * 512 * 50257 * 256
        True
    """
    D, V, R = config.d_model, config.vocab_size, config.recursions
    matrices = matrix_shapes(config).values()
    of_mixers = mixer_shapes(config).values()
    moved = [*matrices, *(shape for shape in of_mixers if len(shape) == 2)]
    iterations = moved if config.matrix_optimizer == "normuon" else []
    name = "convolutions" if config.mixer in CONVOLUTIONS else "projections"
    micro = phase.batch * phase.sequence
    scored = phase.micro_batches * max(1, int(config.position_share * micro))
    products = 2 if phase.frozen_embedding else 3
    return {
        "ternary": 3 * R * phase.tokens * sum(rows * columns for rows, columns in matrices),
        name: 3 * R * phase.tokens * sum(map(math.prod, of_mixers)),
        **_attention(config, phase),
        "head": products * scored * V * D,
        "newton-schulz": sum(_newton_schulz(*sorted(shape)) for shape in iterations),
    }


def _attention(config, phase):
    """The scores of all windows, and the sums that they weigh."""
    if config.mixer != "attention":
        return {}
    windows, uses = phase.tokens // phase.sequence, config.recursions * config.blocks
    products = 2 * computed_scores(phase.sequence) * config.inner_width
    return {"attention": 3 * uses * windows * products}


def _newton_schulz(short, long, steps=5):
    """x xᵀ and B x are (short, short, long) each, and A A is (short, short, short)."""
    return steps * (2 * short * short * long + short**3)


def seconds_at_peak(config: Config, phase: Phase, peak: float) -> float:
    """The least time of a step at `peak` floating-point operations per second."""
    return 2 * sum(multiply_adds(config, phase).values()) / peak
