"""Local steps: each process trains alone for H steps, and then all move together (DiLoCo).

    a is the anchor: the weights after the last exchange, the same in all processes. Process r
    starts there, takes H inner steps with its own optimizers on its own windows, and is at w_r.
    d_r = a - w_r                 its way, with the sign of a gradient
    Δ = mean over r of d_r        the only numbers that are sent
    m ← μ m + Δ                   the outer step: Nesterov's momentum, as on sgd's page
    a ← a - η (Δ + μ m)
    w_r ← a                       The inner optimizers keep their state.

With η = 1 and μ = 0, a becomes the mean of the w_r: plain averaging. Each process may send its
way in a few bits, which are wrong by an error. Error feedback adds this error to the next way:

    x_r = d_r + e_r ;  q_r = the message's numbers (quantization.py) ;  e_r ← x_r - q_r
    Δ = mean over r of q_r

So no part of a way is lost. It arrives later.

source   DiLoCo: Douillard et al. 2023, arXiv:2311.08105, algorithm 1, η = 0.7 and μ = 0.9. With
         Muon as the inner optimizer, and 2 bits with error feedback: MuLoCo, Thérien et al.
         2025, arXiv:2505.23725
"""

from collections.abc import Iterable

import numpy as np

from minigrad.optim import sgd_update

from ..model.config import Config
from ..model.language_model import LanguageModel
from .processes import Processes
from .quantization import dequantized, quantized


class LocalSteps:
    """The outer step of a model. Arrays are by the parameters' names."""

    def __init__(self, model: LanguageModel, config: Config, processes: Processes):
        self.model, self.config, self.processes = model, config, processes
        self.parameters = dict(model.named_parameters())
        self.anchor = {name: p.data.copy() for name, p in self.parameters.items()}
        self.momentum = {name: np.zeros_like(a) for name, a in self.anchor.items()}
        self.errors = {}  # only a message of few bits has any
        if config.difference_bits < 32:
            self.errors = {name: np.zeros_like(a) for name, a in self.anchor.items()}

    def exchange(self, steps: Iterable[int]) -> None:
        """Take the outer step after these inner steps."""
        ways = {
            name: self.anchor[name] - p.data
            for name, p in self.parameters.items()
            if not self._is_frozen(p, steps)
        }
        options = {"lr": self.config.outer_lr, "momentum": self.config.outer_momentum}
        for name, mean in self._mean(ways).items():
            a = self.anchor[name]
            sgd_update(a, mean, self.momentum[name], **options, nesterov=True)
            self.parameters[name].data[...] = a

    def _is_frozen(self, parameter, steps):
        """Whether a parameter was frozen in all steps: its old momentum must not move it."""
        frozen = all(self.config.phase(step).frozen_embedding for step in steps)
        return frozen and parameter is self.model.embedding.weight

    def _mean(self, ways):
        """The mean of the ways over the processes, in one message."""
        x = _flat(ways)
        bits = self.config.difference_bits
        if bits == 32:
            return _parts(self.processes.mean(x), ways)
        x += _flat({name: self.errors[name] for name in ways})
        own = quantized(x, bits)
        read = (len(x), x.dtype)
        errors = x - dequantized(own, bits, *read)
        self.errors |= _parts(errors, ways)
        messages = self.processes.all_of(own)
        total = sum(dequantized(message, bits, *read) for message in messages)
        return _parts(total / len(messages), ways)

    def state_dict(self) -> dict[str, np.ndarray]:
        """outer/NAME, the momentum: the same in all processes. The anchor is the weights."""
        return {f"outer/{name}": m for name, m in self.momentum.items()}

    def own_state_dict(self) -> dict[str, np.ndarray]:
        """outer_error/NAME, which each process has for itself."""
        return {f"outer_error/{name}": e for name, e in self.errors.items()}

    def load_state_dict(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from the arrays of both, with the weights of the last exchange."""
        for name, p in self.parameters.items():
            self.anchor[name] = p.data.copy()
        parts = (("outer/", self.momentum), ("outer_error/", self.errors))
        for start, part in parts:
            for name, array in part.items():
                saved = arrays.get(start + name)
                if saved is None or saved.shape != array.shape:
                    raise ValueError(f"{start}{name} is missing or of another shape")
                array[...] = saved


def _flat(arrays):
    return np.concatenate([array.ravel() for array in arrays.values()])


def _parts(flat, arrays):
    """The parts of a flat array, by name and in the shapes of `arrays`."""
    borders = np.cumsum([array.size for array in arrays.values()])[:-1]
    parts = zip(arrays.items(), np.split(flat, borders), strict=True)
    return {name: part.reshape(array.shape) for (name, array), part in parts}
