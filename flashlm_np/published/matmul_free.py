"""Read a checkpoint of the MatMul-free model in its authors' form.

    FOLDER/config.json          hidden_size, num_hidden_layers, vocab_size, use_lower_bound, ...
    FOLDER/model*.safetensors   the weights, in one file or in several, under their own names

A .safetensors file alone is enough, because the weights decide all sizes. config.json must
agree with them, and must not ask for a part that the model here has not. Numbers of 16 bits,
bfloat16 among them, become float32. The tokenizer is not read: it is that of Mistral 7B.
"""

import hashlib
import json
import re
import reprlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors

from ..errors import UserError, one_line
from ..files import read_bytes
from ..model.config import Config
from ..model.matmul_free.shapes import parameter_shapes, ratio_for
from ..model.presets import MATMUL_FREE
from ..records import Number, misfit
from ..runs.checkpoint import Checkpoint

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
TABLE, BOUNDS = "model.embeddings.weight", "model.lower_bounds"
MOST_CONFIG = 10**6  # bytes of a config.json
COUNT = Number(int, 1)
SIZES = {"hidden_size": COUNT, "num_hidden_layers": COUNT, "vocab_size": COUNT}
# What config.json may say about parts that have one form here. Some entries may be missing.
ONLY = {
    "expand_ratio": 1,
    "use_short_conv": False,
    "tie_word_embeddings": False,
    "rms_norm_eps": 1e-6,
}


def is_matmul_free(path: Path) -> bool:
    """Whether a path can be that of such a checkpoint, and not of FlashLM v3's."""
    return path.is_dir() or path.suffix == ".safetensors"


def read_matmul_free(path: Path) -> Checkpoint:
    """The checkpoint of a folder or file. Raises UserError if it is none."""
    try:
        files = _files(path)
        weights, sha256 = {}, hashlib.sha256()
        for file in files:
            data = read_bytes(file)
            sha256.update(data)
            for name, array in _tensors(data):
                if name in weights:
                    raise ValueError(f"two of its files hold {name}")
                weights[name] = array
        config = _config(weights)
        _expect_shapes(config, weights)
        if path.is_dir():
            _expect_settings(path / "config.json", config)
    except ValueError as error:
        raise UserError(f"{path} is no MatMul-free model: {one_line(error)}") from None
    about = {"file": path.name, "sha256": sha256.hexdigest()}
    state = {"published": about, "corpus": {"name": "published", "separated": False}}
    return Checkpoint(config, 0, {f"model/{name}": a for name, a in weights.items()}, state)


def _files(path):
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("model*.safetensors"))
    if not files:
        raise ValueError("the folder holds no model*.safetensors")
    return files


def _tensors(data):
    """(name, float32 array) of each tensor of a safetensors file."""
    try:
        entries = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"its weights cannot be read: {error}") from None
    for name, entry in entries:
        array = _float32(name, entry["dtype"], entry["data"])
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite everywhere")
        yield name, array.reshape(entry["shape"])


def _float32(name, dtype, data):
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if dtype not in DTYPES:
        known = ", ".join([*DTYPES, "BF16"])
        raise ValueError(f"{name} has the type {dtype}, expected one of {known}")
    with np.errstate(over="ignore"):  # too large for float32: not finite
        return np.frombuffer(data, DTYPES[dtype]).astype(np.float32)


def _config(weights) -> Config:
    """The configuration with the sizes of the weights."""
    table = weights.get(TABLE)
    if table is None or table.ndim != 2:
        raise ValueError(f"it has no matrix {TABLE}")
    blocks = {int(m[1]) for n in weights if (m := re.match(r"model\.layers\.(\d{1,4})\.", n))}
    inner = weights.get("model.layers.0.mlp.down_proj.norm.weight")
    if inner is None:
        raise ValueError("it has no block model.layers.0")
    (V, D), H, L = table.shape, inner.size, max(blocks) + 1
    sizes = {"vocab_size": V, "d_model": D, "blocks": L, "glu_ratio": ratio_for(H, max(1, D))}
    return replace(MATMUL_FREE, **sizes, lower_bounds=BOUNDS in weights)


def _expect_shapes(config, weights):
    shapes = parameter_shapes(config)
    if unknown := sorted(weights.keys() - shapes.keys()):
        raise ValueError(f"it has weights that the model has not: {', '.join(unknown[:3])}")
    for name, shape in shapes.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise ValueError(f"{name} has shape {found}, expected {shape}")


def _expect_settings(path, config):
    """Raise a ValueError unless config.json agrees with the weights and with the model."""
    try:
        settings = json.loads(read_bytes(path, MOST_CONFIG))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its config.json is no JSON: {error}") from None
    if problem := misfit(settings, SIZES, "config.json"):
        raise ValueError(problem)
    sizes = (config.d_model, config.blocks, config.vocab_size)
    for name, size in zip(SIZES, sizes, strict=True):
        if settings[name] != size:
            raise ValueError(f"its config.json has {name} {settings[name]}, its weights {size}")
    only = ONLY | {"use_lower_bound": config.lower_bounds}
    for name, value in only.items():
        if settings.get(name, value) != value:
            found = reprlib.repr(settings[name])
            raise ValueError(f"its {name} is {found}, and the model here has {value}")
