"""The weights of the MatMul-free model by name, known without making a model.

A block has 4·D² + 3·D·H + 8·D + H parameters, and the rest is 2·V·D + L·D + 2·D.
"""

from dataclasses import replace
from math import prod

from ..config import Config

# The published sizes: width, blocks, width of the gated unit. All have 32,000 tokens.
PUBLISHED = {"370M": (1024, 24, 2816), "1.3B": (2048, 24, 5632), "2.7B": (2560, 32, 6912)}


def published_config(size: str, preset: Config) -> Config:
    """The preset in one of the sizes of PUBLISHED."""
    D, L, H = PUBLISHED[size]
    return replace(preset, vocab_size=32_000, d_model=D, blocks=L, glu_ratio=ratio_for(H, D))


def ratio_for(H: int, D: int) -> float:
    """The glu_ratio of a configuration whose gated unit is H wide inside."""
    return H / D if int(D * (H / D)) == H else (H + 0.5) / D  # a quotient may be rounded down


def block_matrices(config: Config) -> dict[str, tuple[int, int]]:
    """The matrices of all blocks, (O, D) each. All are ternary."""
    D, H = config.d_model, config.glu_width
    own = {f"attn.{name}_proj": (D, D) for name in "ifgo"}
    own |= {"mlp.gate_proj": (2 * H, D), "mlp.down_proj": (D, H)}
    blocks = (f"model.layers.{l}" for l in range(config.blocks))
    return {f"{block}.{name}.weight": own[name] for block in blocks for name in own}


def matrix_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """All ternary matrices: those of the blocks and the head's."""
    return block_matrices(config) | {"lm_head.weight": (config.vocab_size, config.d_model)}


def parameter_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """All parameters: the matrices, the gains of their norms, and the rest."""
    D, L, matrices = config.d_model, config.blocks, matrix_shapes(config)
    gains = {name.replace("weight", "norm.weight"): (s[1],) for name, s in matrices.items()}
    names = ["attn_norm", "mlp_norm"] + ["attn.g_norm"] * (config.gru_gate == "code")
    norms = [f"model.layers.{l}.{name}.weight" for l in range(L) for name in names]
    return {
        "model.embeddings.weight": (config.vocab_size, D),
        **({"model.lower_bounds": (L, D)} if config.lower_bounds else {}),
        **matrices,
        **gains,
        **dict.fromkeys([*norms, "model.norm.weight"], (D,)),
    }


def parameter_count(config: Config) -> int:
    return sum(map(prod, parameter_shapes(config).values()))
