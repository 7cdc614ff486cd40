# %% [markdown]
# # 03 · Weights in three values
#
# **The question.** A ternary layer multiplies by −1, 0 and +1 only. How much of a matrix
# survives such rounding? How can a layer *learn* when its derivative is 0 almost everywhere?
# And why does the signal in FlashLM v3, which is made of such layers, explode to twenty
# thousand in its first block?
#
# The operation's page is [ternary.py](../minigrad/ops/ternary.py). Write each prediction down
# before you run the cell below it.

# %%
import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.model.config import V3
from flashlm_np.model.flashlm import FlashLM
from minigrad import TABLE, Tensor, no_grad
from minigrad.engine import observe
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.layers import TernaryLinear
from minigrad.ops.ternary import ternarize, ternary_linear_forward
from minigrad.optim import SGD

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. The cut
#
# A weight becomes +1 above $\tau$, −1 below $-\tau$, and 0 in between. The cut is a multiple of
# the mean size over the whole matrix: $\tau = \theta \cdot \mathrm{mean}\,|w|$. FlashLM v3 has
# $\theta = 1$.

# %%
w = np.array([[0.9, -0.2, 0.3], [-1.1, 0.4, -0.1]])
T, s = ternarize(w, threshold=1.0, scale="none")
print(f"mean |w| = {np.abs(w).mean():.3f}\n{T.astype(int)}")

# %% [markdown]
# *Predict first:* with $\theta = 1$, which share of the weights becomes 0 if they are normal,
# as they are before training? Half, less, more? And if they are uniform?

# %%
samples = {
    "normal": rng.standard_normal(400_000),
    "uniform": rng.uniform(-1, 1, 400_000),
    "Laplace (heavy tails)": rng.laplace(size=400_000),
}
for name, sample in samples.items():
    T, _ = ternarize(sample, threshold=1.0)
    print(f"{name:22} {np.mean(T == 0):.1%} zeros")

# %% [markdown]
# More than half, because a few large weights pull the mean up, above the median. For normal
# weights it is $\mathrm{erf}(1/\sqrt{\pi}) = 57.5\,\%$. Heavier tails mean more zeros.
#
# ## 2. What is lost
#
# We put $sT$ in place of $w$ and lose $\|w - sT\|^2$. The operation knows three scales $s$:
# `none` is 1; `mean` is the mean of $|w|$; `kept` is the mean of $|w|$ over the weights that
# are not cut to 0.
#
# *Predict first:* which threshold loses least with `mean`, and which with `kept`? Is it the
# same one?

# %%
normal = rng.standard_normal((683, 256)) / 16  # as v3's gate_proj is at the beginning
thresholds = np.arange(0, 2.01, 0.05)  # 0, 0.05, ..., 2


def lost(w, threshold, scale):
    T, s = ternarize(w, threshold=threshold, scale=scale)
    return ((w - s * T) ** 2).sum() / (w**2).sum()


losses = {s: [lost(normal, t, s) for t in thresholds] for s in ("none", "mean", "kept")}
for scale, values in losses.items():
    best = int(np.argmin(values))
    print(f"{scale:5} least at threshold {thresholds[best]:.2f}: {values[best]:8.1%} is lost")

# %%
mean = np.abs(normal).mean()
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.hist(normal.ravel() / mean, bins=121, density=True, color="#bbbbbb")
for threshold, style in ((0.5, ":"), (0.75, "--"), (1.0, "-")):
    for sign in (-1, 1):
        label = f"cut {threshold}" if sign == 1 else None
        left.axvline(sign * threshold, color="black", lw=1.2, ls=style, label=label)
left.set(xlabel="w / mean |w|", ylabel="density", xlim=(-4, 4), title="What becomes 0")
left.legend(fontsize=8)
for scale, style, color in (("mean", "--", "#c44e52"), ("kept", "-", "#3b6ea5")):
    right.plot(thresholds, losses[scale], style, color=color, label=f"scale {scale}")
    best = int(np.argmin(losses[scale]))
    right.plot(thresholds[best], losses[scale][best], "o", color=color)
right.set(xlabel="threshold θ", ylabel="share of ‖w‖² lost", ylim=(0, 1), title="What it costs")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# **Why not the same?** For a given $s$ a weight is best rounded to the nearer of 0 and $s$: the
# cut belongs at $s/2$. With `mean`, $s$ does not depend on the cut, so $\theta = 0.5$, which is
# BitNet b1.58's rounding. With `kept` the scale grows as the cut rises, and both conditions,
# $\tau = s/2$ and $s$ = the mean of what is kept, meet at about $0.77\,\mathrm{mean}\,|w|$:
# that is the best three-level quantizer there is for a normal variable, and 19 % is what it
# loses. (Ternary weight networks, arXiv:1605.04711, take 0.7.) With `none` the loss is not a
# matter of percents, and would be least with everything cut to 0: ±1 stands where ±0.05 was.
#
# ## 3. What the scale does, and what `none` does not
#
# *Predict first:* we multiply $w$ by 1,000. By how much does $y$ grow, under each scale?

# %%
x = rng.standard_normal((64, 256))
for scale in ("none", "mean", "kept"):
    y, _ = ternary_linear_forward(x, normal, scale=scale)
    large, _ = ternary_linear_forward(x, 1000 * normal, scale=scale)
    print(f"scale {scale:5} std of y {y.std():7.3f}; after w ← 1000 w: {large.std():9.3f}")

# %% [markdown]
# Without a scale $y$ does not move at all: $T$ knows only which weights are large *for their
# matrix*. Keep this in mind for part 6. And $y$ is large: a sum of $Dp$ inputs of standard
# deviation 1, each with a sign, has the standard deviation $\sqrt{D p}$. Here $D = 256$ is the
# number of inputs, and $p = 42.5\,\%$ the share of weights that are not 0.
#
# ## 4. A staircase has no slope
#
# Take a layer of one output and seven inputs, and sweep its first weight.

# %%
row = np.array([[0.4, 1.2, -1.1, 0.1, -0.05, 1.3, -0.1]])
seen = np.array([[2.0, 0.5, 1.0, -1.0, 0.3, -0.4, 0.8]])
values = np.linspace(-2, 2, 801)


def output(value, scale):
    moved = row.copy()
    moved[0, 0] = value
    return ternary_linear_forward(seen, moved, scale=scale)[0].item()


fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, scale in zip(axes, ("none", "mean"), strict=True):
    here = output(row[0, 0], scale)
    smooth = here + seen[0, 0] * (values - row[0, 0])
    axis.plot(values, [output(v, scale) for v in values], "k.", ms=2, label="the layer")
    axis.plot(values, smooth, "--", color="#c44e52", label="the surrogate, made at ×")
    axis.plot(row[0, 0], here, "x", color="#c44e52", ms=9, mew=2)
    axis.set(xlabel="one weight w", ylabel="y", ylim=(-4, 3), title=f"scale {scale}")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# The left one has slope 0 wherever it has a slope. On the right the steps lean a little,
# because $s$ is the mean of all $|w|$, and this weight is one of them. Gradient descent on the
# left curve would never move. So the layer returns a *promise* in place of the derivative, the
# **straight-through estimator**: the gradient that $w$ would get if $sT$ *were* $w$, the slope
# of the dashed line,
#
# $$ \frac{\partial L}{\partial w} := \left(\frac{\partial L}{\partial y}\right)^{\top} x . $$
#
# *Predict first:* of the 12 finite differences of the true layer with scale `none`, how many
# are exactly 0? And with `mean`?

# %%
inputs, w, dy = (
    rng.standard_normal((5, 4)),
    rng.standard_normal((3, 4)),
    rng.standard_normal((5, 3)),
)
for scale in ("none", "mean"):
    slopes = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        h = np.zeros_like(w)
        h[index] = 1e-6
        up, down = (ternary_linear_forward(inputs, v, scale=scale)[0] for v in (w + h, w - h))
        slopes[index] = (dy * (up - down)).sum() / 2e-6
    print(f"{scale}: {np.sum(slopes == 0)} of {w.size} are exactly 0", end="; ")
    print(f"the largest is {np.abs(slopes).max():.2f}", end="; ")
    print(f"straight through, {np.abs(dy.T @ inputs).max():.2f}")

# %% [markdown]
# ### "My gradient is right, but the checker says no"
#
# Both are right, about different functions. A finite difference of the staircase says 0; the
# backward pass says $dy^\top x$. So the operation *declares* the function whose gradient it
# returns, $y = x\,(sT(w_0) + (w - w_0))^\top$, and `gradcheck` differentiates that one. Take
# the declaration away, and the same correct backward pass fails:

# %%
print(gradcheck("ternary_linear", inputs, w, scale="mean"))
ternary = TABLE["ternary_linear"]
undeclared = replace(ternary, forward=lambda *arrays, **o: ternary.forward(*arrays, **o))
try:
    gradcheck(undeclared, inputs, w, scale="mean")
except GradientError as error:
    print("\nwithout the surrogate:", error)

# %% [markdown]
# So a check proves that the code keeps its promise. Whether the promise is a good one, no check
# of gradients can tell. That takes an experiment.
#
# ## 5. An experiment that surprises
#
# A teacher is a matrix $A$; the pupil is a ternary layer that sees $x$ and $Ax$, and learns by
# plain gradient descent. It has two kinds of weights: the real numbers $w$, called *latent*,
# which are what the optimizer moves; and $sT$, made of them anew in each step, which is what is
# used. First a teacher that is ternary itself.
#
# *Predict first:* can the pupil find all of its 1,024 values by gradient descent?

# %%
O = D = 32


@threadpool_limits.wrap(limits=1)  # products so small gain nothing from a second core
def learn(A, steps=600, lr=0.5, scale="kept", threshold=0.7):
    """The loss, the latent weights w and the sT that is used, at each step."""
    rng = np.random.default_rng(1)
    layer = TernaryLinear(D, O, rng=rng, scale=scale, threshold=threshold)
    optimizer, log = SGD(layer.named_parameters(), lr=lr), []
    for _ in range(steps):
        x = rng.standard_normal((256, D)).astype(np.float32)
        error = layer(Tensor(x)) - x @ A.T
        loss = (error * error).mean()
        T, s = ternarize(layer.weight.data, scale=scale, threshold=threshold)
        log.append((loss.item(), layer.weight.data.copy(), s * T))
        layer.zero_grad()
        loss.backward()
        optimizer.step()
    return [np.array(column) for column in zip(*log, strict=True)]


def flips(used):
    """At each step, the share of weights that took another of the three values."""
    return (np.sign(used[1:]) != np.sign(used[:-1])).mean(axis=(1, 2))


T, s = ternarize(rng.standard_normal((O, D)).astype(np.float32), scale="kept", threshold=0.7)
losses, _, used = learn(s * T, steps=200)
for step in (0, 10, 50, 100, 199):
    wrong = (np.sign(used[step]) != T).mean()
    print(f"step {step:3}: loss {losses[step]:9.5f}, {wrong:5.1%} of the signs are wrong")

# %% [markdown]
# It can. Once all signs are right, only the scale has some way left to go. Now a teacher of
# real numbers between −1 and 1, of which a ternary layer can only ever be an approximation.
#
# *Predict first:* is the loss after 600 steps lower than after 60, the same, or higher? How
# many of the weights still flip at each step at the end: 0, 1 in 100, 1 in 2?

# %%
A = rng.uniform(-1, 1, (O, D)).astype(np.float32)
losses, latent, used = learn(A)
rounded = min(D * lost(A, t, "kept") * (A**2).mean() for t in thresholds)
print(f"step 0 {losses[0]:.2f}; least {losses.min():.2f}, at step {losses.argmin()}")
print(f"last 50 steps {losses[-50:].mean():.2f}; flips per step {flips(used)[-50:].mean():.1%}")
print(f"A itself, rounded at the best cut: {rounded:.2f}")

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
left.plot(losses, color="#3b6ea5", lw=1)
left.axhline(rounded, color="black", ls=":", lw=1, label="A, rounded")
left.set(xlabel="step", ylabel="mean squared error", title="The loss", ylim=(0, None))
left.legend(fontsize=8)
middle.plot(100 * flips(used), color="#3b6ea5", lw=1)
middle.set(xlabel="step", ylabel="% of the weights", title="Flips per step", ylim=(0, 60))
tau = 0.7 * np.abs(latent).mean(axis=(1, 2))
targets = (0.95, 0.4, 0.15)
places = [np.unravel_index(np.abs(A - target).argmin(), A.shape) for target in targets]
for (o, d), style in zip(places, ("-", "--", ":"), strict=True):
    path = latent[:150, o, d] / tau[:150]
    right.plot(path, "k", ls=style, lw=1.2, label=f"teacher {A[o, d]:.2f}")
right.axhline(1, color="#c44e52", lw=5, alpha=0.3, label="the cut")
right.set(xlabel="step", ylabel="latent w / τ", title="Three weights, first steps")
right.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, 0.54))
plt.show()

# %% [markdown]
# **Is this loss curve normal?** Yes, and no bug is in it. Look at the third picture. A latent
# weight moves in proportion to $a - sT$, the teacher's number minus what is used. Where the
# teacher has 0.4, neither 0 nor $s$ is right: at 0 the weight is pushed up, at $s$ it is pushed
# down. It can rest nowhere but *at the cut*, and there it flips. At first most weights are far
# from the cut, and the loss falls. Then one after another arrives and begins to flip, and the
# loss rises again: a weight that flips is wrong by more, on average, than one that stays with
# the nearer value.
#
# *Predict first:* what is the *mean* of $sT$ over the last 300 steps, where the teacher has
# 0.4?

# %%
average, (o, d) = used[300:].mean(axis=0), places[1]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.step(range(560, 600), used[560:, o, d], "k", lw=1, where="mid")
left.axhline(average[o, d], color="#3b6ea5", ls="--", label=f"its mean, {average[o, d]:.3f}")
left.set(xlabel="step", ylabel="sT", title=f"One weight; the teacher has {A[o, d]:.3f}")
left.set_ylim(-0.2, 1.3)
left.legend(fontsize=8)
right.plot(A.ravel(), used[-1].ravel(), "x", color="#999999", ms=4, label="sT, last step")
right.plot(A.ravel(), average.ravel(), ".", color="#3b6ea5", ms=4, label="mean of 300 steps")
right.set(xlabel="teacher's number", ylabel="pupil's number", title="All weights")
right.set_xticks([-1, -0.5, 0, 0.5, 1])
right.legend(fontsize=8)
plt.show()
print("mean squared distance from the teacher, per weight:")
print(f"last step {((used[-1] - A) ** 2).mean():.3f}", end=", ")
print(f"the average {((average - A) ** 2).mean():.4f}", end=", ")
print(f"the best rounding of A {rounded / D:.3f}")

# %% [markdown]
# The layer learned the real numbers after all, and writes them in *time*: a weight that should
# be $0.4\,s$ is on in 40 % of the steps. (Engineers know this as sigma-delta modulation.) Each
# single layer along the way is a bad one. Of a weight that should be $a$, between 0 and $s$,
# rounding leaves $\min(a, s-a)^2$, flipping $a(s-a)$: for evenly spread $a$ the means are
# $s^2/12$ and $s^2/6$.
#
# *Predict first:* with a learning rate 20 times smaller, how many weights flip per step, once
# they have arrived? (With scale `none`, so that $s = 1$ and the theory is plain.)

# %%
for lr in (2.0, 0.5, 0.1):
    losses, _, used = learn(A, steps=900, lr=lr, scale="none", threshold=1.0)
    last = f"flips {flips(used)[-50:].mean():.1%}, loss {losses[-50:].mean():.2f}"
    print(f"lr {lr:3}: last 50 steps: {last}")
print(f"flipping, in theory: D/6 = {D / 6:.2f}")

# %% [markdown]
# As many. The learning rate sets how far from the cut a weight strays, not how often it crosses
# it: the rhythm is the teacher's number. (A weight that is on in a share $a$ of the steps flips
# in at most $2 \min(a, 1 - a)$ of them; for evenly spread $a$ the mean of that is one half.) In
# a large model gradients are noisy and optimizers have momentum; but the effect is known there,
# too ("Overcoming Oscillations in Quantization-Aware Training", arXiv:2203.11086). Near the cut
# a rounding error of $10^{-7}$ decides between 0 and 1; that is why two float32 runs of FlashLM
# part after a few steps, and why this project compares runs in float64.
#
# ## 6. Why v3's signal explodes
#
# Now the block of FlashLM v3 at its full width, 256, before training. Its embedding is random
# here, with the standard deviation 0.11 of the one that this project counts from a corpus
# ([v3.md](../docs/v3.md)). An observer notes the standard deviation of what each operation
# returns: the norms, gates and convolutions (notebooks 04 and 05), and the ternary layers
# `out_proj`, `gate_proj`, `up_proj` and `down_proj`. The *residual stream* is what the two
# `add` after `out_proj` and `down_proj` add to.
#
# *Predict first:* the residual stream begins at 0.11. With v3's scale `none` and threshold 1,
# what is it after one block: 1, 100, 10,000? In which operation does it happen?


# %%
class Sizes:
    """An observer: notes each operation's name, and the standard deviation of its output."""

    def __init__(self):
        self.rows = []

    def forward(self, operation, arrays, options, y, node, seconds):
        self.rows.append((operation.name, float(y.std())))

    def backward(self, node, dy, gradients, seconds):
        pass


def sizes(scale, threshold, **changes):
    changes = {"vocab_size": 2000, "embedding_std": 0.11} | changes
    config = replace(V3, ternary_scale=scale, ternary_threshold=threshold, **changes)
    model = FlashLM(config, np.random.default_rng(0))
    ids = np.random.default_rng(1).integers(0, 2000, (4, 64))
    with no_grad(), observe(Sizes()) as seen:
        hidden = model.hidden(ids).data
    return seen.rows, hidden


variants = {
    "none, 1 (v3)": ("none", 1.0),
    "mean, 0.5": ("mean", 0.5),
    "kept, 0.7": ("kept", 0.7),
}
found = {name: sizes(*variant)[0] for name, variant in variants.items()}
conv = [[f"rms_norm {d}", f"gated_conv {d}", "add"] for d in V3.dilations]
mixer = ["rms_norm", *(name for names in conv for name in names), "out_proj", "add"]
glu = ["rms_norm", "gate_proj", "up_proj", "relu² gate", "down_proj", "add"]
names = ["embedding", *mixer, *glu, *mixer, *glu, "final norm"]
print(f"{'output of':20}" + "".join(f"{name:>15}" for name in found))
for i, name in enumerate(names[:19]):
    print(f"{name:20}" + "".join(f"{rows[i][1]:15.4g}" for rows in found.values()))

# %%
fig, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
styles = {"none, 1 (v3)": "o-", "mean, 0.5": "^--", "kept, 0.7": "s:"}
for name, rows in found.items():
    axis.plot([std for _, std in rows], styles[name], ms=4, lw=1, label=name)
axis.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
axis.axvspan(0.5, 18.5, color="#eeeeee", zorder=0)
axis.text(1, 6e4, "the block, first time", fontsize=9)
axis.text(19, 6e4, "second time", fontsize=9)
axis.set(yscale="log", ylabel="standard deviation", ylim=(0.03, 2e5))
axis.legend(fontsize=8, title="scale, threshold", loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Everything before `out_proj` is tame. That is the first ternary product, and multiplies the
# standard deviation by $\sqrt{Dp} = 10.4$, as in part 3. Then the gated layer: each of its
# three products does the same (the last one has 683 inputs), and the gate multiplies the first
# two results *with each other*, one of them squared. For normal $g$ and $v$ of standard
# deviation $\sigma$, that of $\mathrm{relu}(g)^2 v$ is $\sqrt{3/2}\,\sigma^3$:

# %%
p, H = 1 - math.erf(1 / math.sqrt(math.pi)), V3.glu_width
sigma = math.sqrt(256 * p)
gated = math.sqrt(1.5) * sigma**3
down = gated * math.sqrt(H * p)
print(f"gate and up {sigma:.2f}, gated {gated:.0f}, down {down:,.0f}: on paper")
measured = [found["none, 1 (v3)"][i][1] for i in (15, 16, 17)]
print("gate and up {:.2f}, gated {:.0f}, down {:,.0f}: measured".format(*measured))

# %% [markdown]
# The author gave `out_proj` and `down_proj` an initial standard deviation of 0.01, so that each
# branch begins small. *Predict first:* what happens if we make it 0.0001?

# %%
for scale, threshold in (("none", 1.0), ("mean", 0.5)):
    (rows, before), (tiny, after) = (
        sizes(scale, threshold, out_std=std) for std in (0.01, 0.0001)
    )
    print(f"{scale}: down_proj {rows[17][1]:.4g} and {tiny[17][1]:.4g};", end=" ")
    print(f"what the head sees moves by at most {np.abs(before - after).max():.2g}")

# %% [markdown]
# With `none`, nothing changes (part 3: $T$ does not know the size of $w$). RMSNorm in front of
# the head hides the explosion, and training goes on; but a norm keeps the *proportions* of what
# was summed up:

# %%
for name, rows in found.items():
    embedding, stream = rows[0][1], rows[-2][1]
    print(
        f"{name:13} the embedding is {embedding / stream:8.2g} of the stream that the head sees"
    )

# %% [markdown]
# In v3 the residual path, which exists so that the token itself can pass through, carries it at
# a few millionths of the stream. The quickstart preset therefore has `mean` with threshold 0.5.
#
# ## Exercises
#
# 1. *Think.* Why is the cut a multiple of mean $|w|$ and not a fixed number? What would a fixed
#    cut do when $w$ is multiplied by 10?
# 2. *Think.* `mean` with threshold 0.5 makes `gate_proj` multiply the signal by about 0.66, and
#    `kept` with 0.7 by 0.90. Find both from $s$, $p$ and $D$. Why are they below 1?
# 3. *Change.* In part 5, average the latent $w$ over the last 300 steps and ternarize the
#    average (that is what an EMA, a running average of the weights, does). Is it as good as the
#    average of $sT$? Then let the learning rate fall to 0: `optimizer.step(1 - i / steps)` in
#    step number i. Does the flipping end?
# 4. *Change.* In part 6, add a variant with scale `mean` and threshold 1. By how much does the
#    GLU branch differ from `mean, 0.5`, and why?
# 5. *Workbook.* `python3 run.py course check DIR ternarize` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR ternarize`), where DIR is your workbook. Then
#    `ternary_linear`.
#
# Next, [notebook 04](04_seeing_the_past.ipynb) turns from channels to positions: what of the
# text before it does a position see?
