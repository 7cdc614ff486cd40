"""The model of rung 2 with an engine: minigrad records the forward pass and walks it back.

Rung 2 has a backward line for each forward line. A change of the model changes both, in two
places, and nobody notices a mistake. This adds:

    the graph    of rung 1, whose nodes are operations on arrays. An operation has its forward
                 and its backward pass on one page (minigrad/ops), and each page is tested.
    modules      that know their parameters by name, and optimizers that move them

The model is its formula again. It has no backward line, and it is as fast as rung 2 nearly.

    python notebooks/ladder/rung3_minigrad.py
"""

from functools import partial

import numpy as np
from rung1_scalars import RATE, STEPS, K, V, initial_weights

from minigrad import Module, Parameter, Tensor, no_grad
from minigrad import functional as F
from minigrad.optim import AdamW, wsd

# A weight becomes 0 below half the mean size, and the mean size is the scale.
ternary = partial(F.ternary_linear, threshold=0.5, scale="mean")


class Network(Module):
    """From ids (B, T) to the logits (B, T, V) of the character after each."""

    def __init__(self):
        weights = {name: np.array(rows) for name, rows in initial_weights().items()}
        gains = {name: w[0] for name, w in weights.items() if name.startswith("norm")}
        self.w = {name: Parameter(w) for name, w in (weights | gains).items()}

    def forward(self, ids: np.ndarray) -> Tensor:
        w = self.w
        x = F.embedding(w["embedding"], ids)  # (B, T, D)
        n = F.rms_norm(x, w["norm1"])
        g, v = F.split(ternary(n, w["in"]), 2, axis=-1)  # (B, T, D) each
        h = F.depthwise_conv(v, w["kernel"])
        x = x + ternary(F.sigmoid_gate(g, h), w["out"])
        n = F.rms_norm(x, w["norm2"])
        gated = F.relu_squared_gate(ternary(n, w["gate"]), ternary(n, w["up"]))  # (B, T, H)
        x = x + ternary(gated, w["down"])
        return F.linear(F.rms_norm(x, w["norm3"]), w["embedding"])  # (B, T, V)


class Model:
    def __init__(self, steps=STEPS):
        self.steps, self.taken, self.network = steps, 0, Network()
        # Without weight decay, AdamW is the Adam of rung 1.
        self.adam = AdamW(self.network, lr=RATE, betas=(0.9, 0.95), weight_decay=0)

    def step(self, windows) -> float:
        """Take one training step, and return the loss before it."""
        ids, answers = np.array(windows)[:, :-1], np.array(windows)[:, 1:]  # (B, T) each
        loss = F.cross_entropy(self.network(ids).reshape(-1, V), answers.reshape(-1))
        self.network.zero_grad()
        loss.backward()
        self.taken += 1
        self.adam.step(wsd(self.taken, warmup=0, decay_from=0, total=self.steps + 1))
        return loss.item()

    def logits(self, ids) -> np.ndarray:
        """The logits of the character after ids."""
        with no_grad():
            return self.network(np.array([ids[-K:]])).data[0, -1]


if __name__ == "__main__":
    from watch import watch

    watch(Model)
