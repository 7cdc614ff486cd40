"""Convert a published checkpoint to one of this project: FlashLM v3's, flashlm_final.pt.

Those of the MatMul-free model are read by matmul_free.py. v3's author saved a dict with
torch.save:

    model_state_dict   the weights; the model here has the same names
    ema_state          their running average (may be missing)
    config             the notebook's settings: d_model, n_recursions, label_smoothing, ...
    last_step, val_loss, note

The sizes are taken from the weights, and must agree with `config`. The file holds no dilations;
they are those of v3. It does not hold the tokenizer, which is GPT-2's.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.tokenizers.base import PlainIds
from ..data.tokenizers.saving import save_tokenizer
from ..data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer
from ..errors import UserError, one_line
from ..model.config import Config
from ..model.flashlm import FlashLM
from ..model.phase import MOST_STEPS
from ..model.presets import V3
from ..runs import checkpoint
from ..runs.checkpoint import Checkpoint
from ..runs.run_folders import new_run
from . import notebook_dict
from .matmul_free import is_matmul_free, read_matmul_free
from .torch_file import read_torch_file

# The notebook's names of fields of Config. Without the first four there is no model.
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


def convert(path: Path, out: Path, tokenizer: str | None = None) -> Checkpoint:
    """Write the checkpoint that was published as `path` into the folder `out`, and return it.

    `tokenizer` is a name as in Tokenizer.named, or "numbers" for plain ids. The default is
    GPT-2's for a vocabulary of 50,257, else plain ids.

    Raises:
        UserError: the file is no such checkpoint, or `out` holds a run already.
    """
    with new_run(out):
        if is_matmul_free(path):
            converted = read_matmul_free(path)
        else:
            converted = _checkpoint(path, read_torch_file(path))
        chosen = _tokenizer(path, converted.config.vocab_size, tokenizer)
        converted.state["tokenizer"] = chosen.identity
        save_tokenizer(out, chosen)
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
        weights = notebook_dict.weights(published, "model_state_dict")
        config = _config(
            notebook_dict.settings(published, "config"), notebook_dict.sizes(weights)
        )
        model = FlashLM(config, np.random.default_rng(0))
        arrays = _loaded(model, "model", weights)
        if published.get("ema_state") is not None:
            averages = notebook_dict.weights(published, "ema_state")
            arrays |= _loaded(model, "ema", averages)
        step = notebook_dict.entry(published, "last_step", int)
        if not 0 <= step <= MOST_STEPS:
            raise ValueError(f"its last_step is {step}, which no run has reached")
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{path} is not a checkpoint of FlashLM v3: {one_line(error)}"
        ) from None
    return Checkpoint(config, step, arrays, _state(path, published))


def _config(settings, sizes) -> Config:
    V, D, C, K, H = (sizes[letter] for letter in "VDCKH")
    names = [name for name in CONFIG if name in settings or name in NEEDED]
    fields = {CONFIG[name]: _setting(settings, name) for name in names}
    config = replace(V3, taps=K, conv_groups=D // C, **fields)
    if (config.vocab_size, config.d_model, config.glu_width) != (V, D, H):
        raise ValueError(
            f"its config has vocabulary {config.vocab_size}, d_model {config.d_model} and GLU "
            f"width {config.glu_width}, but its weights have {V}, {D} and {H}"
        )
    return config


def _setting(settings, name):
    """A number of the notebook's config, in the type of the same field of Config."""
    kind = type(getattr(V3, CONFIG[name]))
    value = settings.get(name)
    if type(value) not in (kind, int):
        raise ValueError(f"its config has no {name!r} that is a number ({kind.__name__})")
    return kind(value)


def _loaded(model, prefix, weights) -> dict[str, np.ndarray]:
    """Copies of the model's own arrays, float32, after it has taken the weights."""
    with np.errstate(over="ignore"):  # a number too large for float32 becomes inf, see below
        model.load_state_dict(weights)
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise ValueError(f"{name} of the {prefix} weights is not finite everywhere")
    return {f"{prefix}/{name}": p.data.copy() for name, p in model.named_parameters()}


def _state(path, published) -> dict:
    """The state that a run would have saved; here it says where the weights are from."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    about = {"file": path.name, "sha256": sha256, **notebook_dict.remarks(published)}
    return {"published": about, "corpus": {"name": "published", "separated": False}}
