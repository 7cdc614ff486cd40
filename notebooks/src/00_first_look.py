# %% [markdown]
# # 00 · A first look
#
# **The question.** A language model is a function with millions of parameters. How can anybody
# be *sure* that its gradients are right? How do weights of −1, 0 and +1 change the gradients?
#
# Each of the six short parts introduces a subject of a later notebook. The notebook runs in
# seconds, without a network. Type `python3 run.py lab` in the project's folder (on Windows `py`
# instead of `python3`) to open all notebooks.
#
# **Predict first.** You learn most if you compare a prediction with the truth. Put your answer
# in place of `...` and run that cell. The cell below it shows the truth beside your answer, and
# their distance: 0 if they are equal, 0.33 if one is twice the other, 1 at most. The answer
# that you gave before the truth counts. It is kept in the file `predictions.csv` beside this
# notebook, and nothing leaves your computer. All cells run without answers, too. (Where no cell
# asks for the answer to a question, write it down.)
#
# To see a whole language model first, read [one file of plain Python](ladder/rung1_scalars.py).
# It takes ten minutes, and [ladder.md](../docs/ladder.md) leads from there to here.
#
# Before you install anything, [a page in your browser](../docs/playground.md) can check a
# gradient, step through a graph and train a small ternary model.
#
# **On the student's path.** The path consists of nineteen files, which the
# [README](../README.md) lists in order. This notebook uses four of them:
# [rms_norm.py](../minigrad/ops/rms_norm.py), [ternary.py](../minigrad/ops/ternary.py),
# [module.py](../minigrad/module.py) and [flashlm.py](../flashlm_np/model/flashlm.py). Each
# later notebook names the files that it explains.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np import V3
from flashlm_np.course.predictions import Predictions
from flashlm_np.model.flashlm import FlashLM
from minigrad import TABLE, Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.look import trace
from minigrad.ops.ternary import ternarize

rng = np.random.default_rng(1)
mine = Predictions("00")

# %% [markdown]
# ## 1. A gradient can be tested
#
# *Predict first:* the derivative $dy/dx$ of $y = \mathrm{relu}(x)^2$ at −1, at 0 and at 2.

# %%
mine.predict("slope of relu(x)² at x = 2", ...)

# %%
x = Tensor([-1.0, 0.0, 2.0], requires_grad=True, name="x")
with trace() as steps:
    F.relu_squared(x).sum().backward()
print(steps)
print("gradient:", x.grad)
mine.reveal("slope of relu(x)² at x = 2", x.grad[2])

# %% [markdown]
# Above 0 the function is $x^2$, so its slope is $2x$. Below 0 the function is constant, so its
# slope is 0. At 0 the slopes from both sides are 0. The lines above list the operations: first
# each forward pass, then each backward pass in reverse order.
#
# A derivative predicts a change: *if* `x` *moves by a small step, the output changes by about
# slope times step.* A prediction can be tested. The checker works in float64 and moves all
# elements of `x` along one random direction. It multiplies the outputs by random weights,
# called `dy`. In a model, `dy` is the gradient that arrives from the later operations. The
# checker also says how small an error of one element it would have noticed.

# %%
print(gradcheck("relu_squared", np.array([-1.0, 0.0, 2.0])))

# %% [markdown]
# ## 2. A wrong backward pass
#
# RMSNorm divides each row `x` by its root mean square and multiplies the result by a gain `w`.
# The backward pass below lacks one term. That term removes the part of the gradient that points
# along `x`: stretching `x` does not change the output. The shapes are right, and the numbers
# look reasonable.
#
# *Predict first:* will the checker find the mistake? Will it report the gradient of `x` or the
# gradient of `w`?

# %%
mine.predict("gradient that the checker reports", ..., choices=("x", "w", "none"))


# %%
def incomplete_backward(dy, saved):
    x, w, r = saved
    return r * dy * w, (dy * x * r).sum(axis=0)


incomplete = replace(TABLE["rms_norm"], backward=incomplete_backward)
reported = "none"
try:
    gradcheck(incomplete, rng.standard_normal((4, 6)), np.ones(6))
except GradientError as error:
    print(error)
    reported = "x" if "gradient of x" in str(error) else "w"
mine.reveal("gradient that the checker reports", reported)

# %% [markdown]
# The checker finds the mistake and names an element of `x`. "Expected" is the result of a small
# step, "found" is the result of the backward pass. [Notebook 05](05_gates_and_norms.ipynb)
# trains with this same mistake, and the loss still falls. (There is a third answer: the checker
# says when it can show neither. [Notebook 02](02_check_every_gradient.ipynb) explains it.)
#
# ## 3. Weights of −1, 0 and +1
#
# A ternary layer rounds its weights. A weight whose absolute value is larger than the mean
# absolute value becomes +1 or −1; every other weight becomes 0. One number, the *scale*, then
# multiplies all of them. In this example the scale is the mean absolute value. The rounded
# function is piecewise constant, so its derivative is 0 almost everywhere. Therefore the
# operation returns the gradient of another, smooth function, its *surrogate*. The operation
# declares the surrogate, and the checker compares with it.
#
# *Predict first:* how many of twelve normally distributed weights become 0: three, seven, or
# eleven?

# %%
mine.predict("zeros among 12 ternary weights", ...)

# %%
w = rng.standard_normal((3, 4)) / 2
T, s = ternarize(w, scale="mean")
print("w =\n", w.round(2), "\nT =\n", T.astype(int), "\nscale =", round(s, 3))
print(gradcheck("ternary_linear", rng.standard_normal((2, 4)), w, scale="mean"))
mine.reveal("zeros among 12 ternary weights", np.sum(T == 0))

# %% [markdown]
# FlashLM v3 has no scale: its weights *are* −1, 0 and +1. [Notebook
# 03](03_weights_in_three_values.ipynb) shows how a layer learns with a surrogate, and why a
# scale helps.
#
# ## 4. The parameters of FlashLM v3
#
# FlashLM v3 is known as a ternary model. A model is a `Module`, and `named_parameters` of
# [module.py](../minigrad/module.py) lists its parameters with their names.
#
# *Predict first:* how many per cent of its 13.6 million parameters are ternary?

# %%
mine.predict("ternary parameters of v3, in %", ...)

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
mine.reveal("ternary parameters of v3, in %", 100 * kinds["ternary"] / total)

# %% [markdown]
# Nearly all parameters of v3 belong to one table, the embedding. It has a row of 256 numbers
# for each of 50,257 tokens, and it is stored and multiplied in full precision. [Notebook
# 10](10_adds_and_subtracts.ipynb) counts which part of the *arithmetic* is ternary.
#
# ## 5. The signal of v3
#
# The row of a token enters the *residual stream*, and each layer adds its output to the stream.
# v3 has one block of layers and applies it twice.
#
# *Predict first:* the stream starts with a standard deviation of 0.02. Estimate it at the end,
# first without a scale (as in v3), then with the mean absolute weight as the scale.

# %%
mine.predict("the stream at the end, without a scale", ...)
mine.predict("the stream at the end, with a scale", ...)

# %%
ids, ends = rng.integers(0, V3.vocab_size, (1, 64)), {}
for scale in ("none", "mean"):
    model = FlashLM(replace(V3, ternary_scale=scale), np.random.default_rng(0))
    with no_grad():
        x = model.embedding(ids)
        print(f"scale {scale!r}: embedding {x.data.std():.3g}", end="")
        for _ in range(2):
            x = model.block(x)
            print(f", after the block {x.data.std():.3g}", end="")
    ends[scale] = x.data.std()
    print()
mine.reveal("the stream at the end, without a scale", ends["none"])
mine.reveal("the stream at the end, with a scale", ends["mean"])

# %% [markdown]
# Without a scale, the standard deviation grows from 0.02 to more than twenty thousand. Part 6
# of [notebook 03](03_weights_in_three_values.ipynb) finds the layer that causes this, and
# derives the number by hand.
#
# ## 6. Every gradient of a whole model, in one call
#
# A model is a function, too, so `gradcheck` accepts a whole model. It needs a few forward
# passes for each parameter array. (The check leaves out the router. v3 computes nothing from
# the router's output, so the router gets no gradient.)
#
# *Predict first:* the layers of this model are ternary, and a piecewise constant function has
# the derivative 0. Can the check pass?

# %%
mine.predict("the check of the whole model passes", ..., choices=("yes", "no"))

# %%
small = replace(V3, vocab_size=50, d_model=32)
model = FlashLM(small, rng, np.float64)
ids = rng.integers(0, 50, (2, 80))
positions = rng.permutation(160)[:40]
parameters = [p for name, p in model.named_parameters() if "router" not in name]
report = gradcheck(lambda *_: model.loss(ids, ids, positions, z_loss=1e-4), *parameters)
worst = max(report.resolution.values())
print(f"{len(report.resolution)} parameters checked; an error of {worst:.0e} would show")
passed = len(report.resolution) == len(parameters)  # gradcheck raises at a wrong gradient
mine.reveal("the check of the whole model passes", "yes" if passed else "no")

# %% [markdown]
# The check passes: it compares each ternary layer with its declared surrogate, as in part 3.
#
# ## Exercises
#
# 1. *Think.* Is there a `dy` for which the missing term of part 2 is 0? Look at the formula on
#    the operation's page, [rms_norm.py](../minigrad/ops/rms_norm.py).
# 2. *Change.* Plant another bug in `incomplete_backward` (a wrong sign, a missing sum) and read
#    the checker's message.
# 3. *Change.* Import `profile` from `minigrad.look`, put `with profile() as p:` around one
#    `model.loss(ids, ids).backward()`, and `print(p)`. Which operation takes the most time?
#    Which operation saves the most bytes?
# 4. *Change.* In part 5, add `ternary_threshold=0.5` to `replace(...)`. The limit is then half
#    the mean. Why does the standard deviation change?
# 5. *Workbook.* In the project's folder, `python3 run.py course start DIR` writes the workbook
#    of the course into a new folder DIR. The workbook holds pages of the package, and you write
#    their functions. `python3 run.py course check DIR` reports for each function: to do, right,
#    or wrong and why. (The command `flashlm` is inside `.venv`. Where `.venv` is active,
#    `flashlm course check DIR` does the same.)
#
# Next, [notebook 01](01_a_derivative_is_a_promise.ipynb) starts with a function of one number.
# It shows the meaning of a derivative, and how a program computes it.

# %%
mine.show()
