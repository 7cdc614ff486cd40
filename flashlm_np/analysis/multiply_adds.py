"""How much arithmetic a training step is: its multiply-adds, part by part, and its limit.

A product of (n, k) and (k, m) takes n·k·m multiply-adds, two floating-point operations each.
Its backward pass is two such products, so a layer costs three times its forward pass; a head
whose table is frozen needs no gradient of it, and costs twice. The rest of a step (norms,
gates, softmax, AdamW) multiplies little and is bound by memory; it is not counted.
"""

from __future__ import annotations

from ..model.config import Config, Phase


def multiply_adds(config: Config, phase: Phase) -> dict[str, int]:
    """Of one optimizer step: "ternary", "convolutions", "head" and "newton-schulz"."""
    D, H, V, R = config.d_model, config.glu_width, config.vocab_size, config.recursions
    matrices = [(D, D), (H, D), (H, D), (D, H)]
    in_conv = D * (D // config.conv_groups) * config.taps
    micro = phase.batch * phase.sequence
    scored = phase.micro_batches * max(1, int(config.position_share * micro))
    products = 2 if phase.frozen_embedding else 3
    return {
        "ternary": 3 * R * phase.tokens * sum(rows * columns for rows, columns in matrices),
        "convolutions": 3 * R * phase.tokens * 2 * len(config.dilations) * in_conv,
        "head": products * scored * V * D,
        "newton-schulz": sum(_newton_schulz(*sorted(shape)) for shape in matrices),
    }


def _newton_schulz(short: int, long: int, steps: int = 5) -> int:
    """x xᵀ and B x, (short, short, long) each, and A A, (short, short, short)."""
    return steps * (2 * short * short * long + short**3)


def limit(config: Config, phase: Phase, peak: float) -> float:
    """Seconds of the multiply-adds alone, at `peak` floating-point operations a second."""
    return 2 * sum(multiply_adds(config, phase).values()) / peak
