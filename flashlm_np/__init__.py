"""flashlm_np: FlashLM v3, a ternary language model, built on minigrad and trained on a CPU.

The student's path through both packages, about 1,500 lines, in this order:

    minigrad/engine.py              record operations as nodes, walk the nodes backward
    minigrad/tensor.py              the Tensor: an array, its gradient, and the operators
    minigrad/ops/elementwise.py     + - * / and powers, and gradients under broadcasting
    minigrad/ops/linear.py          the matrix product of a layer
    minigrad/ops/rms_norm.py        scale a row to unit root mean square
    minigrad/ops/causal_conv.py     mix a position with earlier positions
    minigrad/ops/ternary.py         weights in {-1, 0, 1}, and how they learn
    minigrad/ops/gated.py           one signal decides how much of another passes
    minigrad/ops/cross_entropy.py   the loss, in nats per token
    minigrad/module.py              parameters with names, in a tree
    flashlm_np/model/glu.py         the half of FlashLM's block that treats each position alone
    flashlm_np/model/mixers/gated_convs.py  the half that reads earlier positions
    flashlm_np/model/layers.py      the block, composed from both
    flashlm_np/model/flashlm.py     the language model, up to the input of its output layer
    flashlm_np/model/language_model.py  its logits and its loss
    minigrad/optim/adamw.py         the optimizer of embeddings, convolutions and gains
    minigrad/optim/normuon.py       the optimizer of the ternary matrices
    flashlm_np/training/step.py     one training step
    flashlm_np/inference/generate.py  one token after another

Beside the path: data (tokenizers, stories, token files), ngrams, evaluation, the rest of
training and inference, published (the author's checkpoint, GPT-2's table), analysis, the course
and its grader, and cli (the command `flashlm`).

For notebooks and scripts: `train`, `resume` and `load` give a `Run`, which can generate text,
score a text, and inspect its model. api.py documents them, with examples.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors; at run time `__getattr__` imports these
    from .api import TINY, Run, load, resume, train
    from .errors import UserError
    from .model.config import Config, Phase
    from .model.presets import QUICKSTART, SMALL_V3, V3

__version__ = "0.2.0"

__all__ = [
    "QUICKSTART",
    "SMALL_V3",
    "TINY",
    "V3",
    "Config",
    "Phase",
    "Run",
    "UserError",
    "load",
    "resume",
    "train",
]


def __getattr__(name: str):
    """Import a name at its first use: these modules import NumPy and nearly all rooms."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    homes = {"UserError": "errors", "Config": "model.config", "Phase": "model.phase"}
    homes |= dict.fromkeys(("QUICKSTART", "SMALL_V3", "V3"), "model.presets")
    from .errors import extra_package

    with extra_package(f"flashlm_np.{name}"):
        return getattr(import_module(f".{homes.get(name, 'api')}", __name__), name)
