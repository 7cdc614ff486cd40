# Weights in three values

import numpy as np

from minigrad import Tensor
from minigrad import functional as F
from minigrad.ops.ternary import ternarize

rng = np.random.default_rng(0)
w = Tensor(rng.normal(size=(4, 8)), requires_grad=True)
T, scale = ternarize(w.data, threshold=0.5, scale="mean")
print(T.astype(int), "times", round(scale, 3))

# The forward pass uses T; the gradient goes straight through to w.
x = Tensor(rng.normal(size=(3, 8)))
F.ternary_linear(x, w, threshold=0.5, scale="mean").sum().backward()
print(w.grad.round(2))
