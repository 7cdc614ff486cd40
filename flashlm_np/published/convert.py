"""The published checkpoint, flashlm_final.pt, as a checkpoint of this project.

Its author saved a dict with torch.save:

    model_state_dict   the weights, by the names that the model here has too
    ema_state          their running average (may be missing)
    config             the notebook's numbers: d_model, n_recursions, label_smoothing, ...
    last_step, val_loss, note

Sizes are read off the weights, and must be those of `config`. The dilations stand nowhere in
the file; they are those of v3. The tokenizer, GPT-2's, is not in it either.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.tokenizers.plain_ids import PlainIds
from ..data.tokenizers.saving import save_tokenizer
from ..data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer
from ..errors import UserError
from ..model.config import V3, Config
from ..model.flashlm import FlashLM
from ..training import checkpoint
from ..training.checkpoint import Checkpoint
from .torch_file import read_torch_file
from .unpickle import shown

# The notebook's names of what a Config holds too. Without the first four there is no model.
CONFIG = {
    "d_model": "d_model",
    "vocab_size": "vocab_size",
    "glu_expansion": "glu_ratio",
    "n_recursions": "recursions",
    "label_smoothing": "label_smoothing",
    "zloss_coeff": "z_loss",
    "normuon_lr": "normuon_lr",
    "adamw_lr": "adamw_lr",
    "weight_decay": "weight_decay",
    "max_grad_norm": "clip_norm",
    "ema_decay": "ema_decay",
}
NEEDED = list(CONFIG)[:4]

# Each size is read off the first weight that has it. With these right, all weights of the model
# together are at most a few times as large as the file.
SHAPES = {
    "embedding.weight": "VD",
    "block.token_mixer.out_proj.weight": "DD",
    "block.token_mixer.layers.0.conv_gate.conv.weight": "DCK",
    "block.glu.gate_proj.weight": "HD",
}


def convert(path: Path, out: Path, tokenizer: str | None = None) -> Checkpoint:
    """Write the checkpoint of the published file `path` into the folder `out`, and return it.

    `tokenizer` is a name as in Tokenizer.named, or "numbers", for one that is unknown. If it is
    not given, a vocabulary of 50,257 means GPT-2's, any other "numbers".

    Raises:
        UserError: the file is not what its author publishes, or `out` holds a run already.
    """
    if (out / "last.json").exists():
        raise UserError(f"{out} holds a run already; choose another folder")
    converted = _checkpoint(path, read_torch_file(path))
    kept = _tokenizer(path, converted.config.vocab_size, tokenizer)
    converted.state["tokenizer"] = {"name": kept.name, "fingerprint": kept.fingerprint}
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(out, kept)
    checkpoint.save(out, converted, ["last", "best"])
    return converted


def _tokenizer(path, V, name) -> Tokenizer | PlainIds:
    name = name or ("gpt2" if V == GPT2_TOKENS else PlainIds.name)
    tokenizer = PlainIds(V) if name == PlainIds.name else Tokenizer.named(name)
    if tokenizer.vocab_size > V:
        raise UserError(
            f"{path} has a vocabulary of {V:,}, but the tokenizer {tokenizer.name} has "
            f"{tokenizer.vocab_size:,} tokens; choose another --tokenizer"
        )
    return tokenizer


def _checkpoint(path, published) -> Checkpoint:
    try:
        weights = _weights(published, "model_state_dict")
        config = _config(_entry(published, "config", dict), _sizes(weights))
        model = FlashLM(config, np.random.default_rng(0))
        arrays = _loaded(model, "model", weights)
        if "ema_state" in published:
            arrays |= _loaded(model, "ema", _weights(published, "ema_state"))
        step = _entry(published, "last_step", int)
        if not 0 <= step < 10**9:
            raise ValueError(f"its last_step is {step}, which no run has reached")
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path} is not a checkpoint of FlashLM v3: {error}") from None
    return Checkpoint(config, step, arrays, _state(path, published))


def _entry(published, key, kind):
    value = published.get(key) if type(published) is dict else None
    if type(value) is not kind:
        raise ValueError(f"it has no {key!r} that is a {kind.__name__}")
    return value


def _weights(published, key) -> dict[str, np.ndarray]:
    """One of its two sets of weights; as they stand in the file, no copies."""
    weights = _entry(published, key, dict)
    for name, array in weights.items():
        numbers = isinstance(array, np.ndarray) and array.dtype.kind == "f"
        if not (numbers and str(name).isprintable()):
            raise ValueError(f"{shown(name)} in {key!r} is no array of floating-point numbers")
    return weights


def _sizes(weights) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, letters in SHAPES.items():
        if name not in weights:
            raise ValueError(f"it lacks {name}")
        shape, known = weights[name].shape, dict(sizes)
        if len(shape) == len(letters) and 0 not in shape:
            sizes = dict(zip(letters, shape, strict=True)) | known
        if tuple(sizes.get(letter) for letter in letters) != shape:
            where = ", ".join(f"{letter} = {size}" for letter, size in known.items())
            raise ValueError(f"{name} is {shape}, expected ({', '.join(letters)}); {where}")
    return sizes


def _config(numbers, sizes) -> Config:
    V, D, C, K, H = (sizes[letter] for letter in "VDCKH")
    names = [theirs for theirs in CONFIG if theirs in numbers or theirs in NEEDED]
    known = {CONFIG[theirs]: _number(numbers, theirs) for theirs in names}
    config = replace(V3, taps=K, conv_groups=D // C, **known)
    if (config.vocab_size, config.d_model, config.glu_width) != (V, D, H):
        raise ValueError(
            f"its config has vocabulary {config.vocab_size}, d_model {config.d_model} and GLU "
            f"width {config.glu_width}, but its weights have {V}, {D} and {H}"
        )
    return config


def _number(numbers, theirs):
    """A number of the notebook's config, of the type that ours has."""
    kind = type(getattr(V3, CONFIG[theirs]))
    value = numbers.get(theirs)
    if type(value) not in (kind, int):
        raise ValueError(f"its config has no {theirs!r} that is a number ({kind.__name__})")
    return kind(value)


def _loaded(model, prefix, weights) -> dict[str, np.ndarray]:
    """Copies of the model's own arrays, float32, after it has taken the weights."""
    with np.errstate(over="ignore"):  # what is too large for float32 becomes inf, and is found
        model.load_state_dict(weights)
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise ValueError(f"{name} of the {prefix} weights is not finite everywhere")
    return {f"{prefix}/{name}": p.data.copy() for name, p in model.named_parameters()}


def _state(path, published) -> dict:
    """What a run's checkpoint says beside its arrays; here there was no run."""
    told = {key: published.get(key) for key in ("val_loss", "note")}
    told = {key: value for key, value in told.items() if isinstance(value, str | int | float)}
    return {
        "published": {"file": path.name, "sha256": _sha256(path)} | told,
        "corpus": {"name": "published", "separated": False},
    }


def _sha256(path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
