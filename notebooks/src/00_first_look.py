# %% [markdown]
# # 00 · A first look
#
# **The question.** A language model is a function with millions of numbers in it. How can
# anybody be *sure* that its gradients are right, and what do weights of −1, 0 and +1 do to
# them?
#
# Six short looks at what the other notebooks take apart. They run in seconds, without a
# network; `python3 run.py lab`, typed in the project's folder, opens all notebooks. Where it
# says *Predict first*, write your answer down before you run the cell below it. That is where
# the learning is.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.model.config import V3
from flashlm_np.model.flashlm import FlashLM
from minigrad import TABLE, Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.look import trace
from minigrad.ops.ternary import ternarize

rng = np.random.default_rng(1)

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
# Above 0 the function is $x^2$, so its slope is $2x$; below 0 it is flat; and at 0 the slopes
# on both sides are 0. The lines above are the steps that led there: each operation forward,
# then each backward, in reverse order.
#
# A derivative is a promise: *move* `x` *a little, and the output moves by slope times step.*
# Promises can be tested. The checker moves all of `x` along a random direction, in float64. It
# weighs the outputs at random, too: the weights are `dy`, the gradient that would arrive from
# the rest of a model.

# %%
print(gradcheck("relu_squared", np.array([-1.0, 0.0, 2.0])))

# %% [markdown]
# ## 2. Break it
#
# RMSNorm divides each row `x` by its root mean square, and multiplies it by a gain `w`. Here is
# its backward pass with one term forgotten: the one that takes away what only stretches `x`,
# because the norm undoes that. The shapes are right, and the numbers look reasonable.
#
# *Predict first:* will the checker see it? Of which of the two inputs, `x` and `w`, will it say
# that the gradient is wrong?


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
# It sees it, and names an element of `x`, with what a small step measured ("expected") and what
# the backward pass returned ("found"). [Notebook 05](05_gates_and_norms.ipynb) trains with this
# very mistake: the loss falls all the same.
#
# ## 3. Three values are enough to add and subtract with
#
# A ternary layer rounds its weights: to +1 or −1 where they are larger in size than the mean
# size of all, else to 0. Then one *scale* multiplies them all, here that mean. The rounded
# function is a staircase: its derivative is 0 almost everywhere. So the operation declares a
# *surrogate*, a smooth function whose gradient it returns instead, and the checker holds it to
# that.
#
# *Predict first:* of twelve normal weights, how many become 0: three, seven, or eleven?

# %%
w = rng.standard_normal((3, 4)) / 2
T, s = ternarize(w, scale="mean")
print("w =\n", w.round(2), "\nT =\n", T.astype(int), "\nscale =", round(s, 3))
print(gradcheck("ternary_linear", rng.standard_normal((2, 4)), w, scale="mean"))

# %% [markdown]
# FlashLM v3 has no scale: there the weights *are* −1, 0 and +1. What learning by a surrogate
# does, and why a scale is a good thing, is in [notebook 03](03_weights_in_three_values.ipynb).
#
# ## 4. Count FlashLM v3
#
# It is known as a ternary model. *Predict first:* which share of its 13.6 million parameters is
# ternary?

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
fig, axes = plt.subplots(figsize=(8, 2.2), layout="constrained")
bars = axes.barh(list(kinds), [100 * n / total for n in kinds.values()], color="#3b6ea5")
axes.bar_label(bars, [f" {n:,} ({n / total:.2%})" for n in kinds.values()])
axes.set(xlabel="% of the parameters", xlim=(0, 135), title=f"FlashLM v3: {total:,} parameters")
axes.invert_yaxis()
plt.show()

# %% [markdown]
# Nearly all of v3 is one table, a row of 256 numbers for each of 50,257 tokens. It is kept and
# multiplied in full precision. What of the *arithmetic* is ternary is counted in
# [notebook 10](10_adds_and_subtracts.ipynb).
#
# ## 5. Why v3's signal explodes
#
# A token's row goes through the model as the *residual stream*: each layer adds something to
# it. v3 has one block of layers, which it applies twice.
#
# *Predict first:* the stream starts with a standard deviation of 0.02. What is it after the
# block, without a scale as in v3, and with the mean size of the weights as a scale?

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
# From 0.02 to more than twenty thousand. Part 6 of
# [notebook 03](03_weights_in_three_values.ipynb) finds the layer, and computes the number on
# paper.
#
# ## 6. Every gradient of a whole model, in one call
#
# A model is a function, too. Its gradients are checked like those of one operation: two forward
# passes for each parameter array. (The router is left out: v3 computes nothing from its output,
# so there is no gradient to check.)
#
# *Predict first:* the layers of this model are ternary, and a staircase has a derivative of 0.
# Can the check pass?

# %%
small = replace(V3, vocab_size=50, d_model=32)
model = FlashLM(small, rng, np.float64)
ids = rng.integers(0, 50, (2, 80))
positions = rng.permutation(160)[:40]
parameters = [p for name, p in model.named_parameters() if "router" not in name]
report = gradcheck(lambda *_: model.loss(ids, ids, positions, z_loss=1e-4), *parameters)
print(len(report.compared), "parameters checked:", report.mode)

# %% [markdown]
# It passes: each ternary layer is compared with its declared surrogate, as in part 3.
#
# ## Exercises
#
# 1. *Think.* Is there a `dy` for which the forgotten term does not matter? Look at the formula
#    on the operation's page, [rms_norm.py](../minigrad/ops/rms_norm.py).
# 2. *Change.* Plant another bug in `forgetful_backward` (a wrong sign, a missing sum) and read
#    what the checker says.
# 3. *Change.* `from minigrad.look import profile`, then put `with profile() as p:` around one
#    `model.loss(ids, ids).backward()`, and `print(p)`. Which operation takes longest, and which
#    keeps the most bytes?
# 4. *Change.* In part 5, add `ternary_threshold=0.5` to `replace(...)`: half the mean is the
#    limit now. Why does the size change?
# 5. *Workbook.* In the project's folder, `python3 run.py course start DIR` writes the workbook
#    of the course into a new folder DIR: pages of the package, whose functions are for you to
#    write. `python3 run.py course check DIR` says of each: to do, right, or wrong and why. (The
#    command `flashlm` is inside `.venv`; where that is active, `flashlm course check DIR` is
#    the same.)
#
# Next, [notebook 01](01_a_derivative_is_a_promise.ipynb) begins at the beginning, with one
# number: what does a gradient promise, and how does a program keep it?
