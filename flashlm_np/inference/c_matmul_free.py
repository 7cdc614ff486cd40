"""The constants of the C program of the MatMul-free model, for c_source.py.

For each kind of matrix, the codes, the scales m, and the gains of the norms of all blocks stand
one after another. The scale of an export is that of its unpacked weights: see export.py.
"""

from collections.abc import Iterator

import numpy as np

from minigrad import Tensor
from minigrad.ops.bit_linear import absmean

from ..model.matmul_free.lm import bounds_of
from .export import PackedModel

TABLE, BOUNDS = "model.embeddings.weight", "model.lower_bounds"
MATRICES = {  # the name in the program, and those of the weights: in each block, or one
    **{f"{name}_proj": f"model.layers.{{}}.attn.{name}_proj" for name in "ifgo"},
    **{f"{name}_proj": f"model.layers.{{}}.mlp.{name}_proj" for name in ("gate", "down")},
    "lm_head": "lm_head",
}
NORMS = {"attn_norm": "attn_norm", "mlp_norm": "mlp_norm", "g_norm": "attn.g_norm"}


def sizes(packed: PackedModel, V: int) -> dict[str, int]:
    """The sizes of the program, which knows the first V tokens."""
    config = packed.config
    return {
        "V": V,
        "D": config.d_model,
        "H": config.glu_width,
        "BLOCKS": config.blocks,
        "MOST_ROWS": max(V, config.d_model, 2 * config.glu_width),
        "HAS_NORM": int(config.gru_gate == "code"),
    }


def arrays(packed: PackedModel, weights: dict[str, np.ndarray], V: int) -> Iterator[tuple]:
    """The C type, the name and the values of each constant; `weights` are unpacked."""
    L, D = packed.config.blocks, packed.config.d_model
    yield "int8_t", "table_q", packed.arrays[f"int8/{TABLE}"][:V]
    yield "float", "table_scale", packed.arrays[f"rows/{TABLE}"][:V]
    yield "float", "bounds", _bounds(weights, L, D)
    yield "float", "final_norm", weights["model.norm.weight"]
    for name, path in NORMS.items():
        names = [f"model.layers.{l}.{path}.weight" for l in range(L)]
        yield "float", name, [weights[n] for n in names if n in weights] or [0.0]
    for name, path in MATRICES.items():
        paths = [path.format(l) for l in range(L)] if "{}" in path else [path]
        rows = V if name == "lm_head" else None
        yield "uint8_t", name, [packed.arrays[f"packed/{p}.weight"][:rows] for p in paths]
        yield "float", f"{name}_scale", [absmean(weights[f"{p}.weight"])[1] for p in paths]
        yield "float", f"{name}_gain", [weights[f"{p}.norm.weight"] for p in paths]


def _bounds(weights, L, D):
    """The lower bounds (L, D) of the recurrences."""
    if BOUNDS not in weights:
        return np.zeros((L, D), np.float32)
    return bounds_of(Tensor(weights[BOUNDS])).data
