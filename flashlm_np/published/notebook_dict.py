"""The dict that v3's notebook saves, or one like it: entries, weights, sizes, remarks.

A training script may wrap the model, and each wrapper adds a part to the names of the weights:
`module.` of DataParallel, `_orig_mod.` of torch.compile. These parts are removed wherever they
stand. A script may save its settings as an object (Namespace, dataclass). Its attributes serve
as the dict. A whole model as an object is refused, because only its class knows its names.
"""

import math

import numpy as np

from .stack_machine import Opaque

# Of DataParallel (also AveragedModel's), of torch.compile, and of FSDP.
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
COUNTER = "n_averaged"  # AveragedModel's, which is no weight
REMARKS = ("val_loss", "note")
LONGEST_REMARK = 1000
SAVE_DICT = "; save a dict, such as the state_dict() of a model"

# Each size is taken from the first weight that has it. If they agree, all weights of the model
# together are at most a few times as large as the file.
SHAPES = {
    "embedding.weight": "VD",
    "block.token_mixer.out_proj.weight": "DD",
    "block.token_mixer.layers.0.conv_gate.conv.weight": "DCK",
    "block.glu.gate_proj.weight": "HD",
}


def entry(published: object, key: str, kind: type) -> object:
    """The entry of this type; a tensor of one number is a number.

    Raises ValueError that says what is there instead.
    """
    wanted = f"it has no {key!r} that is a {kind.__name__}"
    if not isinstance(published, dict):
        raise ValueError(f"{wanted}: the file holds {_described(published)}{SAVE_DICT}")
    if key not in published:
        keys = [str(name)[:40] for name in published]
        raise ValueError(f"{wanted}; its {len(keys):,} entries: {', '.join(keys[:6])!a}")
    value = _number(published[key])
    if not isinstance(value, kind) or isinstance(value, bool):
        advice = SAVE_DICT if kind is dict else ""
        raise ValueError(f"{wanted}: it is {_described(value)}{advice}")
    return value


def settings(published: object, key: str) -> dict:
    """A dict of settings, or the attributes of an object."""
    value = published.get(key) if isinstance(published, dict) else None
    if isinstance(value, Opaque) and isinstance(value.state, dict):
        return value.state
    return entry(published, key, dict)


def weights(published: object, key: str) -> dict[str, np.ndarray]:
    """A set of weights under the names that the model itself has.

    Raises ValueError that names the first entry that is no weight.
    """
    found: dict[str, np.ndarray] = {}
    for wrapped, array in entry(published, key, dict).items():
        name = ".".join(part for part in str(wrapped).split(".") if part not in WRAPPERS)
        if name == COUNTER:
            continue
        is_floating = isinstance(array, np.ndarray) and array.dtype.kind == "f"
        if not (is_floating and name.isprintable()):
            raise ValueError(
                f"{str(wrapped)[:80]!a} in {key!r} is no array of floating-point numbers: "
                f"it is {_described(array)}"
            )
        if name in found:
            raise ValueError(f"{key!r} has {name[:80]!r} twice, with and without a prefix")
        found[name] = array
    return found


def sizes(weights: dict[str, np.ndarray]) -> dict[str, int]:
    """The size of each letter in SHAPES. Raises ValueError if two weights disagree."""
    found: dict[str, int] = {}
    for name, letters in SHAPES.items():
        if name not in weights:
            raise ValueError(f"it lacks {name}")
        shape = weights[name].shape
        where = ", ".join(f"{letter} = {size}" for letter, size in found.items())
        if len(shape) == len(letters) and 0 not in shape:
            found = dict(zip(letters, shape, strict=True)) | found
        if tuple(found.get(letter) for letter in letters) != shape:
            raise ValueError(f"{name} is {shape}, expected ({', '.join(letters)}); {where}")
    return found


def remarks(published: dict) -> dict[str, str | int | float]:
    """The remarks that JSON can hold."""
    values = {key: _number(published.get(key)) for key in REMARKS}
    short = {k: v[:LONGEST_REMARK] for k, v in values.items() if isinstance(v, str)}
    return short | {k: v for k, v in values.items() if _is_finite(v)}


def _number(value):
    """The number of an array that holds only one."""
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _is_finite(value):
    if isinstance(value, int):
        return value.bit_length() < 64
    return isinstance(value, float) and math.isfinite(value)


def _described(value):
    if isinstance(value, Opaque):
        return f"an object of {str(value)!a}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return f"a {type(value).__name__}"
