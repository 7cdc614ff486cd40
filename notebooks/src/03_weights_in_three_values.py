# %% [markdown]
# # 03 · Weights in three values
#
# **The question.** A ternary layer multiplies only by −1, 0 and +1. How much of a matrix is
# left after such rounding? How can a layer *learn* when its derivative is 0 almost everywhere?
# And FlashLM v3 is made of such layers: why does its signal grow to twenty thousand in its
# first block?
#
# **On the student's path.** This notebook explains [ternary.py](../minigrad/ops/ternary.py).
# Part 6 uses the block of [layers.py](../flashlm_np/model/layers.py). Put each prediction in
# place of `...`, and run that cell before the cell below it.

# %%
import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import V3
from flashlm_np.course.predictions import Predictions
from flashlm_np.model.flashlm import FlashLM
from minigrad import TABLE, Tensor, no_grad, observe
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.layers import TernaryLinear
from minigrad.ops.ternary import ternarize, ternary_linear_forward
from minigrad.optim import SGD

rng = np.random.default_rng(0)
mine = Predictions("03")

# %% [markdown]
# ## 1. The threshold
#
# A weight becomes +1 above $\tau$, −1 below $-\tau$, and 0 in between. The limit $\tau$ is a
# multiple of the mean absolute value over the whole matrix: $\tau = \theta \cdot
# \mathrm{mean}\,|w|$. The factor $\theta$ is the *threshold*. FlashLM v3 has $\theta = 1$.

# %%
w = np.array([[0.9, -0.2, 0.3], [-1.1, 0.4, -0.1]])
T, s = ternarize(w, threshold=1.0, scale="none")
print(f"mean |w| = {np.abs(w).mean():.3f}\n{T.astype(int)}")

# %% [markdown]
# *Predict first:* let $\theta = 1$. How many per cent of the weights become 0 if they are
# normally distributed, as they are before training? And if they are uniformly distributed?

# %%
mine.predict("zeros of normal weights, in %", ...)
mine.predict("zeros of uniform weights, in %", ...)

# %%
samples = {
    "normal": rng.standard_normal(400_000),
    "uniform": rng.uniform(-1, 1, 400_000),
    "Laplace (heavy tails)": rng.laplace(size=400_000),
}
zeros = {}
for name, sample in samples.items():
    T, _ = ternarize(sample, threshold=1.0)
    zeros[name] = np.mean(T == 0)
    print(f"{name:22} {zeros[name]:.1%} zeros")
mine.reveal("zeros of normal weights, in %", 100 * zeros["normal"])
mine.reveal("zeros of uniform weights, in %", 100 * zeros["uniform"])

# %% [markdown]
# For normal weights more than half become 0, because a few large weights pull the mean above
# the median. The exact fraction is $\mathrm{erf}(1/\sqrt{\pi}) = 57.5\,\%$. Heavier tails give
# more zeros.
#
# ## 2. The error of rounding
#
# The layer uses $sT$ in place of $w$. The error is $\|w - sT\|^2$. The operation has three
# options for the scale $s$: `none` is 1; `mean` is the mean of $|w|$; `kept` is the mean of
# $|w|$ over the weights that do not become 0.
#
# *Predict first:* which threshold gives the smallest error with `mean`, and which with `kept`?
# Are they equal?

# %%
mine.predict("best threshold with mean", ...)
mine.predict("best threshold with kept", ...)

# %%
normal = rng.standard_normal((683, 256)) / 16  # like v3's gate_proj before training
thresholds = np.arange(0, 2.01, 0.05)  # 0, 0.05, ..., 2


def rounding_error(w, threshold, scale):
    """The error of s T as a fraction of the squared norm of w."""
    T, s = ternarize(w, threshold=threshold, scale=scale)
    return ((w - s * T) ** 2).sum() / (w**2).sum()


rounding_errors = {
    s: [rounding_error(normal, t, s) for t in thresholds] for s in ("none", "mean", "kept")
}
best = {scale: thresholds[np.argmin(values)] for scale, values in rounding_errors.items()}
for scale, values in rounding_errors.items():
    print(f"{scale:5} smallest at threshold {best[scale]:.2f}: {min(values):8.1%} of ‖w‖²")
mine.reveal("best threshold with mean", best["mean"])
mine.reveal("best threshold with kept", best["kept"])

# %%
mean = np.abs(normal).mean()
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.hist(normal.ravel() / mean, bins=121, density=True, color="#bbbbbb")
for threshold, style in ((0.5, ":"), (0.75, "--"), (1.0, "-")):
    for sign in (-1, 1):
        label = f"threshold {threshold}" if sign == 1 else None
        left.axvline(sign * threshold, color="black", lw=1.2, ls=style, label=label)
left.set(
    xlabel="w / mean |w|",
    ylabel="density",
    xlim=(-4, 4),
    title="Weights between the lines become 0",
)
left.legend(fontsize=8)
for scale, style, color in (("mean", "--", "#c44e52"), ("kept", "-", "#3b6ea5")):
    right.plot(thresholds, rounding_errors[scale], style, color=color, label=f"scale {scale}")
    right.plot(best[scale], min(rounding_errors[scale]), "o", color=color)
right.set(xlabel="threshold θ", ylabel="error / ‖w‖²", ylim=(0, 1), title="Error of rounding")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# **Why are they not equal?** For a given $s$, the best rounding takes the nearer of 0 and $s$,
# so the best limit is $s/2$. With `mean`, $s$ does not depend on the threshold, so the best
# threshold is $\theta = 0.5$. This is the rounding of BitNet b1.58. With `kept`, the scale
# grows with the threshold. Two conditions must hold: $\tau = s/2$, and $s$ is the mean of the
# kept weights. Both hold at about $0.77\,\mathrm{mean}\,|w|$. That is the best three-level
# quantizer of a normal variable, and its error is 19 %. (Ternary weight networks,
# arXiv:1605.04711, use 0.7.) With `none`, weights of about 0.05 become ±1, so the error is many
# times $\|w\|^2$. It would be smallest with every weight at 0.
#
# ## 3. The effect of the scale
#
# *Predict first:* multiply $w$ by 1,000. By which factor does $y$ grow with each scale?

# %%
mine.predict("growth of y with scale none", ...)
mine.predict("growth of y with scale mean", ...)

# %%
x, growth = rng.standard_normal((64, 256)), {}
for scale in ("none", "mean", "kept"):
    y, _ = ternary_linear_forward(x, normal, scale=scale)
    large, _ = ternary_linear_forward(x, 1000 * normal, scale=scale)
    print(f"scale {scale:5} std of y {y.std():7.3f}; after w ← 1000 w: {large.std():9.3f}")
    growth[scale] = large.std() / y.std()
mine.reveal("growth of y with scale none", growth["none"])
mine.reveal("growth of y with scale mean", growth["mean"])

# %% [markdown]
# Without a scale, $y$ does not change at all: $T$ depends only on which weights are large
# *relative to their matrix*. Part 6 uses this fact. And $y$ is large. It is a sum of $Dp$
# inputs of standard deviation 1, each with a sign, so its standard deviation is $\sqrt{D p}$.
# Here $D = 256$ is the number of inputs, and $p = 42.5\,\%$ is the fraction of weights that are
# not 0.
#
# ## 4. A piecewise constant function has the slope 0
#
# The cell below takes a layer of one output and seven inputs, and varies its first weight.

# %%
row = np.array([[0.4, 1.2, -1.1, 0.1, -0.05, 1.3, -0.1]])
fixed_input = np.array([[2.0, 0.5, 1.0, -1.0, 0.3, -0.4, 0.8]])
values = np.linspace(-2, 2, 801)


def output(value, scale):
    moved = row.copy()
    moved[0, 0] = value
    return ternary_linear_forward(fixed_input, moved, scale=scale)[0].item()


fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, scale in zip(axes, ("none", "mean"), strict=True):
    here = output(row[0, 0], scale)
    smooth = here + fixed_input[0, 0] * (values - row[0, 0])
    axis.plot(values, [output(v, scale) for v in values], "k.", ms=2, label="the layer")
    axis.plot(values, smooth, "--", color="#c44e52", label="the surrogate at ×")
    axis.plot(row[0, 0], here, "x", color="#c44e52", ms=9, mew=2)
    axis.set(xlabel="one weight w", ylabel="y", ylim=(-4, 3), title=f"scale {scale}")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# On the left the slope is 0 wherever it exists. On the right the pieces have a small slope: $s$
# is the mean of all $|w|$, and this weight is one of them. Gradient descent on the left
# function would never move the weight. So the layer does not return the derivative. It returns
# the gradient that $w$ would get if $sT$ *were* $w$. This is the slope of the dashed line, and
# its name is the **straight-through estimator**:
#
# $$ \frac{\partial L}{\partial w} := \left(\frac{\partial L}{\partial y}\right)^{\top} x . $$
#
# *Predict first:* the cell below takes 12 finite differences of the true layer, first with
# scale `none`. How many are exactly 0? And with `mean`?

# %%
mine.predict("differences of 12 that are 0, scale none", ...)
mine.predict("differences of 12 that are 0, scale mean", ...)

# %%
inputs, w, dy = (
    rng.standard_normal((5, 4)),
    rng.standard_normal((3, 4)),
    rng.standard_normal((5, 3)),
)
zeros = {}
for scale in ("none", "mean"):
    slopes = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        h = np.zeros_like(w)
        h[index] = 1e-6
        up, down = (ternary_linear_forward(inputs, v, scale=scale)[0] for v in (w + h, w - h))
        slopes[index] = (dy * (up - down)).sum() / 2e-6
    zeros[scale] = np.sum(slopes == 0)
    print(f"{scale}: {zeros[scale]} of {w.size} are exactly 0", end="; ")
    print(f"the largest is {np.abs(slopes).max():.2f}", end="; ")
    print(f"straight-through, the largest is {np.abs(dy.T @ inputs).max():.2f}")
mine.reveal("differences of 12 that are 0, scale none", zeros["none"])
mine.reveal("differences of 12 that are 0, scale mean", zeros["mean"])

# %% [markdown]
# ### "My gradient is right, but the checker says no"
#
# Both are right, but for different functions. A finite difference of the layer is 0, and the
# backward pass returns $dy^\top x$. So the operation *declares* the function whose gradient it
# returns, the surrogate $y = x\,(sT(w_0) + (w - w_0))^\top$. `gradcheck` takes the slopes of
# the surrogate. Without the declaration, the same correct backward pass fails:

# %%
print(gradcheck("ternary_linear", inputs, w, scale="mean"))
ternary = TABLE["ternary_linear"]
undeclared = replace(ternary, forward=lambda *arrays, **o: ternary.forward(*arrays, **o))
try:
    gradcheck(undeclared, inputs, w, scale="mean")
except GradientError as error:
    print("\nwithout the surrogate:", error)

# %% [markdown]
# So the check proves that the backward pass returns the gradient of its surrogate. No check of
# gradients can prove that the surrogate is a good choice. That needs an experiment.
#
# ## 5. An experiment that surprises
#
# The *teacher* is a matrix $A$. The *student* is a ternary layer that sees $x$ and $Ax$ and
# learns by plain gradient descent. The student has two kinds of weights. The optimizer moves
# the real numbers $w$, called *latent* weights. The layer computes $sT$ from them at each step
# and uses it. The first teacher is itself ternary.
#
# *Predict first:* can the student find all of its 1,024 values by gradient descent?

# %%
mine.predict("the student finds a ternary teacher", ..., choices=("yes", "no"))

# %%
O = D = 32


@threadpool_limits.wrap(limits=1)  # products so small gain nothing from a second core
def learn(A, steps=600, lr=0.5, scale="kept", threshold=0.7):
    """Return the loss, the latent weights w and the used weights sT of each step."""
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
    """The fraction of the weights that changed their value, for each step."""
    return (np.sign(used[1:]) != np.sign(used[:-1])).mean(axis=(1, 2))


T, s = ternarize(rng.standard_normal((O, D)).astype(np.float32), scale="kept", threshold=0.7)
losses, _, used = learn(s * T, steps=200)
for step in (0, 10, 50, 100, 199):
    wrong = (np.sign(used[step]) != T).mean()
    print(f"step {step:3}: loss {losses[step]:9.5f}, {wrong:5.1%} of the signs are wrong")
mine.reveal("the student finds a ternary teacher", "yes" if wrong == 0 else "no")

# %% [markdown]
# It can. Once all signs are right, only the scale is still a little wrong. The second teacher
# has real numbers between −1 and 1, and a ternary layer can only approximate it.
#
# *Predict first:* is the loss after 600 steps lower than after 60, the same, or higher? At the
# end, how many per cent of the weights still change their value (*flip*) at each step?

# %%
mine.predict("loss after 600 steps", ..., choices=("lower", "the same", "higher"))
mine.predict("weights that flip per step, in %", ...)

# %%
A = rng.uniform(-1, 1, (O, D)).astype(np.float32)
losses, latent, used = learn(A)
rounded = min(D * rounding_error(A, t, "kept") * (A**2).mean() for t in thresholds)
print(f"loss at step 0 {losses[0]:.2f}; smallest {losses.min():.2f}, at step {losses.argmin()}")
print(f"last 50 steps {losses[-50:].mean():.2f}; flips per step {flips(used)[-50:].mean():.1%}")
print(f"A rounded with the best threshold: {rounded:.2f}")
change = losses[-50:].mean() / losses[60]
outcome = "lower" if change < 0.95 else "higher" if change > 1.05 else "the same"
mine.reveal("loss after 600 steps", outcome)
mine.reveal("weights that flip per step, in %", 100 * flips(used)[-50:].mean())

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
right.axhline(1, color="#c44e52", lw=5, alpha=0.3, label="threshold")
right.set(xlabel="step", ylabel="latent w / τ", title="Three weights, first steps")
right.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, 0.54))
plt.show()

# %% [markdown]
# **Is this loss curve normal?** Yes, and the code has no bug. The third picture shows the
# reason. A latent weight moves in proportion to $a - sT$, the teacher's number minus the used
# weight. If the teacher's number is 0.4, neither 0 nor $s$ is right. At 0 the weight is pushed
# up, and at $s$ it is pushed down. It settles *at the threshold*, and there it flips. At first
# most weights are far from the threshold, and the loss falls. Then one after another reaches it
# and begins to flip, and the loss rises again. A weight that flips has a larger mean error than
# a weight that stays at the nearer value.
#
# *Predict first:* take a weight whose teacher is 0.4. Estimate the *mean* of $sT$ over the last
# 300 steps.

# %%
mine.predict("mean of a weight whose teacher is 0.4", ...)

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
right.set(xlabel="teacher's number", ylabel="student's number", title="All weights")
right.set_xticks([-1, -0.5, 0, 0.5, 1])
right.legend(fontsize=8)
plt.show()
print("mean squared distance from the teacher, per weight:")
print(f"last step {((used[-1] - A) ** 2).mean():.3f}", end=", ")
print(f"the average {((average - A) ** 2).mean():.4f}", end=", ")
print(f"the best rounding of A {rounded / D:.3f}")
mine.reveal("mean of a weight whose teacher is 0.4", average[o, d])

# %% [markdown]
# The layer did learn the real numbers, as averages over *time*: a weight that should be
# $0.4\,s$ is $s$ in 40 % of the steps and 0 in the others. (Engineers call this sigma-delta
# modulation.) But the layer of any single step is a bad one. For a target $a$ between 0 and
# $s$, the squared error of rounding is $\min(a, s-a)^2$, and that of flipping is $a(s-a)$. For
# evenly distributed $a$ the means are $s^2/12$ and $s^2/6$.
#
# *Predict first:* take a learning rate 20 times smaller. How many per cent of the weights flip
# per step, once they have reached the threshold? (The scale is `none`, so $s = 1$ and the
# theory is simple.)

# %%
mine.predict("flips at a rate 20 times smaller, in %", ...)

# %%
for lr in (2.0, 0.5, 0.1):
    losses, _, used = learn(A, steps=900, lr=lr, scale="none", threshold=1.0)
    flipping = flips(used)[-50:].mean()
    print(f"lr {lr:3}: last 50 steps: flips {flipping:.1%}, loss {losses[-50:].mean():.2f}")
print(f"loss with flips, in theory: D/6 = {D / 6:.2f}")
mine.reveal("flips at a rate 20 times smaller, in %", 100 * flipping)

# %% [markdown]
# The number of flips stays the same. The learning rate sets how far a weight moves away from
# the threshold. The teacher's number sets how often the weight crosses it. (A weight that is on
# in a fraction $a$ of the steps flips in at most $2 \min(a, 1 - a)$ of them. For evenly
# distributed $a$ the mean of this is one half.) In a large model, gradients are noisy and
# optimizers have momentum, but the effect is known there, too ("Overcoming Oscillations in
# Quantization-Aware Training", arXiv:2203.11086). Near the threshold a rounding error of
# $10^{-7}$ decides between 0 and 1. Therefore two float32 runs of FlashLM differ after a few
# steps, and this project compares runs in float64.
#
# ## 6. The signal of v3
#
# This part measures the block of FlashLM v3 at its full width, 256, before training. The
# embedding is random. Its standard deviation is 0.11, as in the embedding that this project
# counts from a corpus ([v3.md](../docs/v3.md)). An observer notes the standard deviation of the
# output of each operation: the norms, gates and convolutions (notebooks 04 and 05), and the
# ternary layers `out_proj`, `gate_proj`, `up_proj` and `down_proj`. The two `add` after
# `out_proj` and `down_proj` add to the *residual stream*.
#
# *Predict first:* the residual stream begins at 0.11. After one block with v3's scale `none`
# and threshold 1 it is above 10,000. Which operation multiplies the standard deviation most?

# %%
operations = ("out_proj", "gate_proj", "relu² gate", "down_proj")
mine.predict("operation that multiplies most", ..., choices=operations)


# %%
class Sizes:
    """An observer that notes each operation's name and its output's standard deviation."""

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
    with no_grad(), observe(Sizes()) as observed:
        hidden = model.hidden(ids).data
    return observed.rows, hidden


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
stds = np.array([std for _, std in found["none, 1 (v3)"][:19]])
factors = stds[1:] / stds[:-1]
mine.reveal("operation that multiplies most", names[1 + factors.argmax()])

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
# All standard deviations before `out_proj` lie between 0.1 and 1.3. `out_proj` is the first
# ternary product, and multiplies the standard deviation by $\sqrt{Dp} = 10.4$, as in part 3.
# Then comes the gated layer. Each of its three products multiplies in the same way (the last
# one has 683 inputs). The gate multiplies the first two results *with each other*, one of them
# squared. For normal $g$ and $v$ of standard deviation $\sigma$, the standard deviation of
# $\mathrm{relu}(g)^2 v$ is $\sqrt{3/2}\,\sigma^3$:

# %%
p, H = 1 - math.erf(1 / math.sqrt(math.pi)), V3.glu_width
sigma = math.sqrt(256 * p)
gated = math.sqrt(1.5) * sigma**3
down = gated * math.sqrt(H * p)
print(f"gate and up {sigma:.2f}, gated {gated:.0f}, down {down:,.0f}: by formula")
measured = [found["none, 1 (v3)"][i][1] for i in (15, 16, 17)]
print("gate and up {:.2f}, gated {:.0f}, down {:,.0f}: measured".format(*measured))

# %% [markdown]
# The author gave `out_proj` and `down_proj` an initial standard deviation of 0.01, so that each
# branch starts with a small output.
#
# *Predict first:* make it 0.0001. By which factor does the output of `down_proj` change with
# each scale?

# %%
mine.predict("change of down_proj with scale none", ...)
mine.predict("change of down_proj with scale mean", ...)

# %%
changes = {}
for scale, threshold in (("none", 1.0), ("mean", 0.5)):
    (rows, before), (tiny, after) = (
        sizes(scale, threshold, out_std=std) for std in (0.01, 0.0001)
    )
    changes[scale] = tiny[17][1] / rows[17][1]
    print(f"{scale}: down_proj {rows[17][1]:.4g} and {tiny[17][1]:.4g};", end=" ")
    print(f"the input of the head changes by at most {np.abs(before - after).max():.2g}")
mine.reveal("change of down_proj with scale none", changes["none"])
mine.reveal("change of down_proj with scale mean", changes["mean"])

# %% [markdown]
# With `none`, nothing changes, because $T$ does not depend on the size of $w$ (part 3). RMSNorm
# in front of the head rescales the stream, so training works. But a norm keeps the
# *proportions* of the terms that were added:

# %%
for name, rows in found.items():
    embedding, stream = rows[0][1], rows[-2][1]
    print(f"{name:13} the embedding is {embedding / stream:8.2g} of the stream")

# %% [markdown]
# The residual path exists to carry the token itself through the block. In v3 the token's
# embedding is only a few millionths of the stream. The quickstart preset therefore has the
# scale `mean` and the threshold 0.5.
#
# ## Exercises
#
# 1. *Think.* Why is the limit $\tau$ a multiple of mean $|w|$ and not a fixed number? Which
#    effect would a multiplication of $w$ by 10 have with a fixed limit?
# 2. *Think.* With `mean` and threshold 0.5, `gate_proj` multiplies the signal by about 0.66;
#    with `kept` and 0.7 by 0.90. Derive both from $s$, $p$ and $D$. Why are they below 1?
# 3. *Change.* In part 5, average the latent $w$ over the last 300 steps and ternarize the
#    average. (An EMA, a running average of the weights, does this.) Is it as good as the
#    average of $sT$? Then let the learning rate fall to 0: `optimizer.step(1 - i / steps)` in
#    step number i. Does the flipping end?
# 4. *Change.* In part 6, add a variant with scale `mean` and threshold 1. By how much does the
#    gated layer's output differ from that of `mean, 0.5`, and why?
# 5. *Workbook.* Run `python3 run.py course check DIR ternarize` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR ternarize`), where DIR is your workbook.
#    Continue with `ternary_linear`.
#
# Next, [notebook 04](04_seeing_the_past.ipynb) turns from channels to positions, and measures
# which earlier positions influence an output.

# %%
mine.show()
