"""A model for inference only, with its ternary matrices packed: `flashlm export`.

    packed/NAME, scale/NAME   a ternary matrix, or a flattened kernel: codes (packing.py), and s
    int8/NAME, rows/NAME      the embedding and head in int8 (int8.py): q, and a step per row;
                              the nodes of the head tree, too
    half/NAME                 every other matrix, in float16
    model/NAME                vectors, in float32

These are the arrays of a checkpoint, and eval, generate and inspect read it like any other.
An unpacked ternary weight is -s, 0 or s. The configuration of an exported FlashLM has threshold
0 and the scale "kept" (the mean of |w| where w is not 0), so that the model's layers leave
these weights as they are. With v3's threshold and the scale "mean" they would shrink.

The MatMul-free model always has the scale m = mean |w|. Its export holds s = m/ρ, with ρ the
share of the weights that are not 0. So mean |w| of the unpacked weights is m, as before.
"""

from dataclasses import dataclass, replace

import numpy as np

from minigrad.ops.bit_linear import absmean
from minigrad.ops.ternary import ternarize

from ..errors import UserError
from ..model.config import Config
from ..model.glu import ternary_options
from ..model.shapes import ternary_shapes
from .int8 import quantize
from .packing import PackedTernary, pack

EMBEDDING = "embedding.weight"
GAINS = "model.lower_bounds"  # a matrix of few numbers, which stays in float32
# A row for each word, each pair of words, or each node of the head tree.
LARGE = (EMBEDDING, "model.embeddings.weight", "bigrams.weight", "lm_head.nodes")


@dataclass(frozen=True)
class PackedModel:
    """The arrays of an export, and the configuration and encoding to unpack them with."""

    config: Config
    arrays: dict[str, np.ndarray]
    encoding: str  # of the ternary weights: "base-3" or "2-bit"
    head: str  # the dtype of the embedding and head: "int8" or "float16"


def pack_weights(
    config: Config, weights: dict[str, np.ndarray], encoding: str = "base-3", head: str = "int8"
) -> PackedModel:
    """Pack a model's weights, given by parameter name.

    Raises UserError if a weight is not finite: no ternary digit stands for NaN; or if the model
    has a prior, whose counts no export holds.
    """
    if config.prior != "none":
        raise UserError(
            f"--prior is {config.prior}, and an export has no place for the counts; export a "
            "run that was trained with --prior none"
        )
    arrays, ternary = {}, ternary_shapes(config)
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise UserError(f"{name} holds NaN or an infinity; export another checkpoint")
        if name in ternary:
            T, s = _ternary_parts(config, w)
            packed = pack(T.reshape(len(T), -1), s, encoding)
            arrays |= {f"packed/{name}": packed.codes, f"scale/{name}": np.float32([s])}
        elif name in LARGE and head == "int8":
            q, step = quantize(w)
            arrays |= {f"int8/{name}": q, f"rows/{name}": step[:, 0]}
        elif name != "lm_head.weight":  # the second name of the embedding
            with np.errstate(over="ignore"):
                half = w.astype(np.float16)
            # A vector, and a matrix beyond float16's range, stays as it is.
            fits = w.ndim > 1 and name != GAINS and np.isfinite(half).all()
            arrays |= {f"half/{name}": half} if fits else {f"model/{name}": w}
    if config.model == "flashlm":
        config = replace(config, ternary_threshold=0.0, ternary_scale="kept")
    return PackedModel(config, arrays, encoding, head)


def _ternary_parts(config, w):
    """T, and the size s of an unpacked weight that is not 0."""
    if config.model == "flashlm":
        return ternarize(w, **ternary_options(config))
    t, m = absmean(w)
    return t, m / max(float(np.abs(t).mean()), 1 / t.size)  # a zero matrix has no share


def unpack_weights(
    config: Config, arrays: dict[str, np.ndarray], encoding: str
) -> dict[str, np.ndarray]:
    """The weights of an export, in float32, by parameter name.

    Raises ValueError if the arrays are not those of an export of this configuration.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # such numbers are refused below
        weights = dict(_unpacked(config, arrays, encoding))
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise ValueError(f"{name} holds NaN or an infinity")
    return weights


def _unpacked(config, arrays, encoding):
    """(parameter name, weights) of each array that holds weights."""
    ternary = ternary_shapes(config)
    for key, array in arrays.items():
        kind, _, name = key.partition("/")
        if kind in ("model", "half"):
            yield name, array.astype(np.float32)
        elif kind == "int8":
            if array.ndim != 2:
                raise ValueError(f"{key} has shape {array.shape}, expected a matrix")
            rows = _array(arrays, f"rows/{name}", (len(array),))
            yield name, array.astype(np.float32) * rows[:, None]
        elif kind == "packed":
            if name not in ternary:
                raise ValueError(f"unexpected packed weight {name}")
            O, *rest = ternary[name]
            (scale,) = _array(arrays, f"scale/{name}", (1,))
            matrix = PackedTernary(encoding, (O, int(np.prod(rest))), scale, array)
            matrix.validate()
            yield name, matrix.dense().reshape(ternary[name])


def _array(arrays, key, shape):
    if key not in arrays or arrays[key].shape != shape:
        raise ValueError(f"expected {key} of shape {shape}")
    return arrays[key]
