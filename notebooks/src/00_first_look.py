# %% [markdown]
# # 00 · A first look
#
# **The question.** A language model is a function with millions of numbers in it. How can
# anybody be *sure* that its gradients are right, and what do weights of −1, 0 and +1 do to
# them?
#
# This notebook takes a minute. It needs the project installed (`python3 run.py train` did that)
# and no network.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.config import V3
from flashlm_np.model import FlashLM
from minigrad import TABLE, Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.look import trace
from minigrad.ops.ternary import ternarize

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. A gradient is a promise
#
# *Predict first:* for $y = \mathrm{relu}(x)^2$, what is $dy/dx$ at −1, at 0 and at 2?

# %%
x = Tensor([-1.0, 0.0, 2.0], requires_grad=True, name="x")
with trace() as steps:
    F.relu_squared(x).sum().backward()
print(steps)
print("gradient:", x.grad)

# %% [markdown]
# The promise can be tested: move `x` a little, and see whether the output moves as promised.
# The checker does this with a random upstream gradient, in float64.

# %%
print(gradcheck("relu_squared", np.array([-1.0, 0.0, 2.0])))

# %% [markdown]
# ## 2. Break it
#
# Here is RMSNorm's backward pass with one term forgotten: the one that takes away what only
# stretches `x`, which the norm undoes. *Predict:* will the checker see it if the upstream
# gradient is all ones and every input is the same?


# %%
def forgetful_backward(dy, saved):
    x, w, r = saved
    return r * dy * w, (dy * x * r).sum(axis=0)


forgetful = replace(TABLE["rms_norm"], backward=forgetful_backward)
try:
    gradcheck(forgetful, rng.standard_normal((4, 6)), np.ones(6))
except GradientError as error:
    print(error)

# %% [markdown]
# ## 3. Three values are enough to add and subtract with
#
# A ternary layer rounds its weights to −1, 0, +1. The rounded function is a staircase: its
# derivative is 0 almost everywhere. So the backward pass declares a *surrogate*, and the
# checker holds it to that.

# %%
w = rng.standard_normal((3, 4)) / 2
T, s = ternarize(w, scale="mean")
print("w =\n", w.round(2), "\nT =\n", T.astype(int), "\nscale =", round(s, 3))
print(gradcheck("ternary_linear", rng.standard_normal((2, 4)), w, scale="mean"))

# %% [markdown]
# ## 4. Count FlashLM v3
#
# *Predict:* which share of its 13.6 million parameters is ternary?

# %%
model = FlashLM(V3, rng)
kinds = {"embedding": 0, "ternary": 0, "convolutions": 0, "the rest": 0}
for name, p in model.named_parameters():
    if name.startswith("embedding"):
        kinds["embedding"] += p.size
    elif p.ndim == 3:
        kinds["convolutions"] += p.size
    elif p.ndim == 2 and "router" not in name:
        kinds["ternary"] += p.size
    else:
        kinds["the rest"] += p.size
total = sum(kinds.values())
fig, axes = plt.subplots(figsize=(7, 1.8))
bars = axes.barh(list(kinds), [100 * n / total for n in kinds.values()], color="#3b6ea5")
axes.bar_label(bars, [f" {n:,} ({n / total:.2%})" for n in kinds.values()])
axes.set(xlabel="% of the parameters", xlim=(0, 135), title=f"FlashLM v3: {total:,} parameters")
axes.invert_yaxis()
plt.show()

# %% [markdown]
# ## 5. Why v3's signal explodes
#
# The author's ternary layers have no scale. *Predict:* the residual stream starts with a
# standard deviation of 0.02. What is it after the block?

# %%
ids = rng.integers(0, V3.vocab_size, (1, 64))
for scale in ("none", "mean"):
    model = FlashLM(replace(V3, ternary_scale=scale), np.random.default_rng(0))
    with no_grad():
        x = model.embedding(ids)
        print(f"scale {scale!r}: embedding {x.data.std():.3g}", end="")
        for _ in range(2):
            x = model.block(x)
            print(f", after the block {x.data.std():.3g}", end="")
    print()

# %% [markdown]
# ## 6. Every gradient of a whole model, in one call

# %%
small = replace(V3, vocab_size=50, d_model=32)
model = FlashLM(small, rng, np.float64)
ids = rng.integers(0, 50, (2, 80))
positions = rng.permutation(160)[:40]
parameters = [p for name, p in model.named_parameters() if "router" not in name]
report = gradcheck(lambda *_: model.loss(ids, ids, positions, z_loss=1e-4), *parameters)
print(len(report.compared), "parameters checked:", report.mode)

# %% [markdown]
# ## Exercises
#
# 1. Plant another bug in `forgetful_backward` (a wrong sign, a missing sum) and read what the
#    checker says.
# 2. Is there a `dy` for which the forgotten term does not matter? Look at the formula in
#    `minigrad/ops/rms_norm.py`.
# 3. Run `with minigrad.look.profile() as p:` around one `model.loss(...)` and its `backward()`.
#    Which operation takes longest, and which keeps the most bytes?
# 4. In part 5, try `ternary_threshold=0.5`. Why does the size change?
