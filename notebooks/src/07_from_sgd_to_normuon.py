# %% [markdown]
# # 07 · From SGD to NorMuon
#
# **The question.** The gradient gives the direction of a step, but not its length. It is often
# hundreds of times longer in one direction than in another. How does each optimizer handle
# this, and which information does it throw away?
#
# **On the student's path.** This notebook explains [adamw.py](../minigrad/optim/adamw.py) and
# [normuon.py](../minigrad/optim/normuon.py). The simplest optimizer,
# [sgd.py](../minigrad/optim/sgd.py), is beside the path. All three are short. Put each
# prediction in place of `...`, and run that cell before the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, V3, Phase
from flashlm_np.analysis.multiply_adds import multiply_adds
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import DataSource, sample_batch
from flashlm_np.data.loading import load_dataset
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import Parameter, Tensor, no_grad
from minigrad import functional as F
from minigrad.layers import Linear
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.optim import (
    EMA,
    SGD,
    AdamW,
    NorMuon,
    adamw_update,
    clip_scale,
    cosine,
    newton_schulz,
    normuon_update,
    wsd,
)

one_thread = threadpool_limits(1)  # such small products gain nothing from a second core
mine = Predictions("07")

# %% [markdown]
# ## 1. A long narrow valley
#
# The smallest difficult problem is $L(x) = \frac{1}{2}(h_1 u_1^2 + h_2 u_2^2)$ with
# $h = (1, 100)$. Here $u$ is $x$ in the valley's own axes. The curvature along $u_2$ is 100
# times that along $u_1$. In each step plain gradient descent multiplies $u_i$ by
# $1 - \mathrm{lr} \cdot h_i$.
#
# *Predict first:* above which learning rate does it diverge? And in which direction is it slow
# at a rate just below that?

# %%
mine.predict("rate above which it diverges", ...)

# %%
CURVATURE = np.array([1.0, 100.0])


def axes_at(degrees):
    """The valley's own axes, as the columns of a matrix."""
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def descend(make, steps=40, degrees=0):
    """The path (steps + 1, 2) of an optimizer from u = (2, 0.5), and the loss on it."""
    own_axes = axes_at(degrees)
    x = Parameter((own_axes @ [2.0, 0.5])[None])
    optimizer, path, losses = make([("x", x)]), [], []
    for _ in range(steps + 1):
        x.zero_grad()
        loss = ((x @ own_axes) ** 2 * CURVATURE).sum() * 0.5
        loss.backward()
        path.append(x.data[0].copy())
        losses.append(loss.item())
        optimizer.step()
    return np.array(path), losses


for lr in (0.005, 0.01, 0.0195, 0.0205):
    path, losses = descend(lambda named, lr=lr: SGD(named, lr=lr))
    flat, steep = 1 - lr * CURVATURE
    print(
        f"lr {lr:.4f}: factors {flat:.4f}, {steep:+.3f}; loss after 40 steps {losses[-1]:.2g}"
    )
mine.reveal("rate above which it diverges", 2 / CURVATURE.max())

# %% [markdown]
# The bound is $2/h_2 = 0.02$. The steepest direction limits the rate, so the flattest direction
# is slow. The ratio $h_2/h_1$ is the *condition number*. A large one makes a problem difficult
# for SGD.
#
# **Momentum** averages gradients over steps: components that change their sign cancel, and the
# others add up. **AdamW** divides each coordinate by the recent size of *its own* gradient, so
# both coordinates move equally fast.
#
# *Predict first:* we turn the valley by 45 degrees. Which of the three optimizers gives another
# path?

# %%
names = ("SGD", "SGD with momentum", "AdamW")
mine.predict("optimizer with another path", ..., choices=names)

# %%
makers = {
    "SGD": lambda named: SGD(named, lr=0.018),
    "SGD with momentum": lambda named: SGD(named, lr=0.01, momentum=0.8),
    "AdamW": lambda named: AdamW(named, lr=0.1, betas=(0.8, 0.95)),
}
STYLES = (
    {"color": "0.55", "ls": ":", "marker": "s"},
    {"color": "#3b6ea5", "ls": "--", "marker": "^"},
    {"color": "black", "ls": "-", "marker": "o"},
)
ends = {name: [] for name in makers}
fig, panels = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained", sharey=True)
grid = np.stack(np.meshgrid(np.linspace(-0.6, 2.4, 150), np.linspace(-0.8, 2, 150)), -1)
for axes, degrees in zip(panels, (0, 45), strict=True):
    height = 0.5 * ((grid @ axes_at(degrees)) ** 2 * CURVATURE).sum(-1)
    axes.contour(*np.moveaxis(grid, -1, 0), height, 4.0 ** np.arange(-3, 5), colors="0.85")
    for (name, make), style in zip(makers.items(), STYLES, strict=True):
        path, losses = descend(make, degrees=degrees)
        axes.plot(*path.T, markersize=3.5, lw=0.9, label=name, **style)
        ends[name].append(losses[-1])
        print(f"{degrees:2} degrees, {name:18} loss after 40 steps {losses[-1]:.2g}")
    axes.plot(0, 0, "k*", markersize=12)
    axes.set(
        xlabel="x₁", title=f"valley turned by {degrees}°", xlim=(-0.6, 2.4), ylim=(-0.8, 2)
    )
panels[0].set_ylabel("x₂")
panels[0].legend(fontsize=8)
plt.show()
changes = {name: abs(straight - turned) for name, (straight, turned) in ends.items()}
mine.reveal("optimizer with another path", max(changes, key=changes.get))

# %% [markdown]
# SGD, with or without momentum, takes the same path, turned with the valley, because its update
# does not depend on the axes. AdamW does depend on the axes of $x$: it scales each weight
# separately. If the valley lies along these axes, this removes the condition number. If the
# valley lies across them, each coordinate's gradient is a mixture of steep and flat. Dividing
# by its size helps little, and here AdamW is slower along the valley's floor than plain SGD.
# *Adam scales single weights, but a matrix has directions that are not single weights.* Muon
# works on these directions.
#
# ## 2. AdamW: steps of nearly constant size, and decoupled weight decay
#
# In the very first step $\hat m = g$ and $\hat v = g^2$. So the step is
# $\mathrm{lr} \cdot g / |g|$: only the sign of $g$ counts.

# %%
p, g = np.zeros(4), np.array([1000.0, 1.0, -1e-3, 0.0])
adamw_update(p, g, np.zeros(4), np.zeros(4), 1, lr=0.1)
print("gradient", g, " first step", p.round(4))

# %% [markdown]
# **Why "decoupled" weight decay?** The older form adds $\lambda p$ to the gradient (L2). Then
# Adam divides this term by $\sqrt{\hat v}$, like the rest of the gradient, and a weight with
# large gradients hardly decays. AdamW multiplies the weight directly by
# $1 - \mathrm{lr} \cdot \lambda$. In the next cell two groups of weights start at 1. Their
# gradients are only noise, small in one group and large in the other.
#
# *Predict first:* lr·λ is 0.002. How large is an AdamW weight after 400 steps? And with L2,
# which of the two groups shrinks more?

# %%
mine.predict("AdamW weight after 400 steps", ...)
mine.predict("gradients whose weights L2 shrinks more", ..., choices=("small", "large"))

# %%
rng = np.random.default_rng(7)
sizes = np.array([[0.01], [10.0]])  # of the noise, for each group of 500 weights
for kind in ("AdamW, decoupled", "L2 in the gradient"):
    p, m, v = np.ones((2, 500)), np.zeros((2, 500)), np.zeros((2, 500))
    decoupled = kind.startswith("AdamW")
    for t in range(1, 401):
        g = sizes * rng.normal(size=p.shape)
        if decoupled:
            adamw_update(p, g, m, v, t, lr=0.02, weight_decay=0.1)
        else:
            adamw_update(p, g + 0.1 * p, m, v, t, lr=0.02)
    small, large = p.mean(axis=1)
    print(f"{kind:19} mean weight: small gradients {small:.3f}, large {large:.3f}")
print(f"0.998 to the 400 = {0.998**400:.3f}")
mine.reveal("AdamW weight after 400 steps", 0.998**400)
mine.reveal("gradients whose weights L2 shrinks more", "small" if small < large else "large")

# %% [markdown]
# With decoupled decay both groups shrink as $\lambda$ says. With L2 neither does. If the
# gradients are large, $\lambda p$ is small beside them. If they are small, $\lambda p$ *is* the
# gradient, and Adam makes full steps of it.
#
# ## 3. A matrix's gradient has singular values
#
# A weight matrix maps directions to directions, and so does its gradient.
# $G = \sum_i s_i\, u_i v_i^T$ means: for the input direction $v_i$, move the output in the
# direction $u_i$, by $s_i$. We take a real layer, the 170 × 64 `gate_proj` of a small FlashLM.
# Its gradients are averaged by NorMuon's momentum over 20 steps of training. Each step is a
# call of `train_step` ([step.py](../flashlm_np/training/step.py)).
#
# *Predict first:* how many of its 64 directions carry 90 % of the squared norm?

# %%
mine.predict("directions of 64 that carry 90 %", ...)

# %%
config = replace(SMALL_V3, d_model=64, phases=(Phase(1, 64, 8),), stories=300)
dataset, _ = load_dataset(DataSource(), **config.data_options())
model, batch_rng = FlashLM(config, np.random.default_rng(0)), np.random.default_rng(0)
optimizers, grad_norms = Optimizers(model, config), []
for step in range(1, 21):
    batch = sample_batch(dataset, batch=8, sequence=64, position_share=1.0, rng=batch_rng)
    grad_norms.append(train_step(model, optimizers, step, [batch]).grad_norm)
state = optimizers.by_group["normuon"].state
momentum = state["block.glu.gate_proj.weight"]["m"].astype(np.float64)
s = np.linalg.svd(momentum, compute_uv=False)
cumulated = np.cumsum(s**2) / (s**2).sum()
needed = np.searchsorted(cumulated, 0.9) + 1
print(f"{momentum.shape}: largest singular value / smallest = {s[0] / s[-1]:.0f}")
print(f"{needed} of {len(s)} directions carry 90 % of the squared norm")
mine.reveal("directions of 64 that carry 90 %", needed)

# %% [markdown]
# SGD moves far in a few directions and hardly in the others. *Muon* keeps the directions and
# makes all $s_i$ equal. The exact result is $U V^T$, which needs a singular value decomposition
# (SVD), and that is slow. Newton-Schulz approximates it with matrix products only. Each of its
# steps maps every singular value $s$ to $a s + b s^3 + c s^5$, without computing any of them.
#
# To follow *one* singular value we give `newton_schulz` a diagonal matrix of norm 1.
#
# *Predict first:* it starts at $s = 0.01$. How large is it after five steps? And after fifty?

# %%
mine.predict("s after five steps, from 0.01", ...)
mine.predict("s after fifty steps, from 0.01", ...)


# %%
def after(s, steps):
    return newton_schulz(np.diag([s, np.sqrt(1 - s * s)]), steps=steps)[0, 0]


values = np.logspace(-5, -1e-4, 160)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for steps, style in ((0, ":"), (1, "-."), (3, "--"), (5, "-")):
    mapped = [after(x, steps) for x in values]
    left.plot(
        values, mapped, color="black", ls=style, lw=1 + (steps == 5), label=f"{steps} steps"
    )
left.axhspan(0.68, 1.14, color="0.9")
left.set(xscale="log", xlabel="singular value at first, s / ‖G‖", ylabel="singular value after")
left.set(ylim=(0, 1.35), title="Newton-Schulz on one singular value")
left.legend(fontsize=8)
order = np.arange(1, len(s) + 1)
right.plot(order, s / np.linalg.norm(s), "ko", markersize=3, label="momentum, s / ‖G‖")
mapped_s = np.linalg.svd(newton_schulz(momentum), compute_uv=False)
right.plot(order, mapped_s, "k^", mfc="white", markersize=4, label="after five steps")
right.axhspan(0.68, 1.14, color="0.9")
right.set(yscale="log", xlabel="number of the singular value", title="gate_proj's momentum")
right.legend(fontsize=8)
plt.show()
mine.reveal("s after five steps, from 0.01", after(0.01, 5))
mine.reveal("s after fifty steps, from 0.01", after(0.01, 50))

# %%
for steps in (3, 5, 10, 50):
    mapped = np.array([after(x, steps) for x in values])
    band = mapped[values >= 0.01]
    text = f"0.01 to 1 are at {band.min():.3f} to {band.max():.3f}"
    print(f"{steps:2} steps: {text}, 0.001 is at {after(1e-3, steps):.3f}")
exact = np.linalg.svd(momentum, full_matrices=False)
exact = exact.U @ exact.Vh
approximate = newton_schulz(momentum)
norms = np.linalg.norm(approximate) * np.linalg.norm(exact)
cosine_to_exact = (approximate * exact).sum() / norms
print(f"cosine between Newton-Schulz and the exact U Vᵀ of the momentum: {cosine_to_exact:.4f}")

# %% [markdown]
# *The values never converge to 1, not in fifty steps and not in a million.* 1 is not even a
# fixed point: $3.4445 - 4.7750 + 2.0315 = 0.701$. The coefficients give the steepest possible
# start: while $s$ is small, it grows 3.4-fold per step. The cost is that the values stay spread
# over a band of about 0.68 to 1.13 (1.2 at the first peak of the curve). The step is multiplied
# by a learning rate that nobody knows to ten per cent, so this is accurate enough. A value
# below a thousandth of the norm is still small after five steps.
#
# The textbook polynomial $1.5 s - 0.5 s^3$ does converge to 1. How fast is it, from 0.01?

# %%
x = 0.01
for step in range(1, 16):
    x = 1.5 * x - 0.5 * x**3
    if step in (5, 10, 15):
        print(f"textbook polynomial after {step:2} steps: {x:.4f}")

# %% [markdown]
# ## 4. NorMuon makes the rows equally long, too
#
# In $q = \mathrm{NS}(m)$ all *directions* have nearly equal length. But a row of $q$ is the
# step of one output neuron, and the rows can differ. NorMuon divides each row by the running
# root mean square of its own past: one number per row, where Adam has one per weight. The
# result is $\hat q$.
#
# *Predict first:* $q$ has nearly orthonormal rows *or* columns, whichever are fewer. Which of
# these two matrices has rows of nearly equal length already: the tall `gate_proj` (170 × 64),
# or the wide `down_proj` (64 × 170)?

# %%
mine.predict("matrix with rows of nearly equal length", ..., choices=("gate_proj", "down_proj"))

# %%
spread = {}
fig, panels = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained", sharey=True)
for axes, name in zip(panels, ("gate_proj", "down_proj"), strict=True):
    m, v = (state[f"block.glu.{name}.weight"][key].copy() for key in ("m", "v"))
    q = newton_schulz(m)
    spread[name] = np.linalg.norm(q, axis=1).std()
    p = np.zeros_like(m)
    normuon_update(p, m.copy(), m, v, lr=1.0)  # a step from 0 with g = m: m stays as it is
    for label, matrix, style in (
        ("momentum", m, "k:"),
        ("q", q, "k--"),
        ("q̂", -p, "k-"),
    ):
        lengths = np.sort(np.linalg.norm(matrix, axis=1))
        lengths /= np.sqrt((lengths**2).mean())
        axes.plot(np.linspace(0, 100, len(lengths)), lengths, style, label=label)
        print(f"{name}, {label:10} rows from {lengths[0]:.2f} to {lengths[-1]:.2f}")
    axes.set(xlabel="rows, sorted (%)", title=f"{name} {m.shape[0]} × {m.shape[1]}")
panels[0].set(ylabel="length / root mean square", ylim=(0, None))
panels[0].legend()
plt.show()
mine.reveal("matrix with rows of nearly equal length", min(spread, key=spread.get))

# %% [markdown]
# In the wide matrix $q q^T \approx I$. The rows have nearly one length, within the band of the
# singular values, and NorMuon changes little. In the tall matrix only the columns are
# orthonormal and the rows can differ, so NorMuon makes them more equal. (They do not become
# exactly equal, because it divides by a row's *running* mean and not by its present length.)
#
# ## 5. Two forms of one method
#
# v3's NorMuon differs from its authors' form. [normuon.py](../minigrad/optim/normuon.py) has
# both, as `form="v3"` and `form="published"`. They differ in β₂, in Nesterov momentum, and
# above all in the *length* of the step. *Predict first:* at the same learning rate, 0.02, which
# form moves v3's matrices farther in one step?

# %%
mine.predict("form with the longer steps", ..., choices=("v3", "published"))

# %%
shapes = {"out_proj": (256, 256), "gate_proj": (683, 256), "down_proj": (256, 683)}
stds = {"out_proj": V3.out_std, "gate_proj": 256**-0.5, "down_proj": V3.out_std}
total = {"v3": 0.0, "published": 0.0}
print(f"{'':24}{'length':>8}{'rms':>9}{'of initial weights':>20}{'largest s':>11}")
for name, shape in shapes.items():
    g = rng.normal(size=shape).astype(np.float32)
    for form, beta2 in (("v3", 0.999), ("published", 0.95)):
        p = np.zeros_like(g)
        m, v = np.zeros_like(g), np.zeros((shape[0], 1), np.float32)
        normuon_update(p, g, m, v, lr=0.02, beta2=beta2, form=form)
        length, rms = np.linalg.norm(p), np.sqrt((p * p).mean())
        largest = np.linalg.norm(p, 2)
        total[form] += length
        print(
            f"{name:10} {form:13}{length:8.3f}{rms:9.5f}{rms / stds[name]:20.1%}{largest:11.4f}"
        )
mine.reveal("form with the longer steps", max(total, key=total.get))

# %% [markdown]
# At the same "learning rate", v3's steps are longer by a factor of about 3 to 6. Their root
# mean square is always $0.2 \cdot 0.02 = 0.004$. Two matrices start with weights of standard
# deviation 0.01, so a full step moves a weight by 40 % of that. A learning rate means nothing
# without the form of the update. (The warm-up begins at 1/200 of it. A ternary layer uses only
# the side of a threshold on which a weight lies. So the step relative to the weights is the
# important number.)
#
# In v3's form the row statistics $v$ start at 0 and are not corrected. This looks like a bug,
# but it is none: the step is rescaled to a fixed length, so a factor common to all rows
# cancels.
#
# ## 6. The surprise: a loss a thousand times as large
#
# We multiply the loss by 1000, so every gradient is 1000 times as large. *Predict first*, for
# SGD, AdamW and NorMuon: how different are the weights after 20 steps? With how many of the
# three does a weight differ by more than one per cent?

# %%
mine.predict("optimizers of three whose weights differ", ...)

# %%
x, target = rng.normal(size=(64, 24)), rng.normal(size=(64, 16))


def weights_after(make, factor, steps=20):
    layer = Linear(24, 16, rng=np.random.default_rng(0), bias=False, dtype=np.float64)
    optimizer = make(layer.named_parameters())
    for _ in range(steps):
        layer.weight.zero_grad()
        difference = layer(Tensor(x)) - target
        ((difference * difference).mean() * factor).backward()
        optimizer.step()
    return layer.weight.data


candidates = {
    "SGD": lambda named: SGD(named, lr=0.1),
    "AdamW": lambda named: AdamW(named, lr=0.01),
    "NorMuon": lambda named: NorMuon(named, lr=0.01),
}
changed = 0
print("largest change of a weight, relative to the largest weight")
for name, make in candidates.items():
    usual = weights_after(make, 1.0)
    changes = [
        abs(weights_after(make, factor) - usual).max() / abs(usual).max()
        for factor in (1000.0, 1e-3, 1e-9)
    ]
    print(f"{name:8} loss x 1000: {changes[0]:8.1e}   x 0.001: {changes[1]:8.1e}"
          f"   x 1e-9: {changes[2]:8.1e}")  # fmt: skip
    changed += int(changes[0] > 0.01)
mine.reveal("optimizers of three whose weights differ", changed)

# %% [markdown]
# SGD diverges, or does not move. The other two hardly change: AdamW divides by the gradient's
# own size, and NorMuon uses only directions. At $10^{-9}$ the small numbers in the denominators
# are no longer small ($\varepsilon = 10^{-8}$, and $10^{-7}$ in Newton-Schulz).
#
# So: *is clipping useless with NorMuon?* A constant factor would be. But clipping scales down
# only the large gradients, and momentum averages gradients. Without clipping, one huge gradient
# would dominate $m$ for the next twenty steps. And *why does the loss not converge at a
# constant rate?* Near the minimum the gradients become small, but these steps do not. So the
# schedule must end at 0.
#
# ## 7. Clipping, schedule, averaged weights
#
# Every optimizer is used with three more methods. The *schedule* multiplies its rate.
# *Clipping* scales all gradients together to a norm of at most 1. A running *average* of the
# weights is kept beside them, $a \leftarrow d\, a + (1 - d)\, p$. To show the average we take
# one weight with the target 0. It starts at 3 and gets a noisy gradient.
#
# *Predict first:* v3's schedule is made for 10,000 steps, and its author stopped after 4,050.
# Which fraction of its full value did the rate have then? And which average is nearer to 0
# after 100 steps, with $d = 0.9$ or with $d = 0.99$?

# %%
mine.predict("fraction of the rate at step 4,050", ...)
mine.predict("average nearer to 0 after 100 steps", ..., choices=(0.9, 0.99))

# %%
layer = Linear(1, 1, rng=rng, bias=False, std=0.0)
layer.weight.data += 3
sgd, emas = SGD(layer.named_parameters(), lr=0.05), {d: EMA(layer, d) for d in (0.9, 0.99)}
weights, averages = [], {d: [] for d in emas}
for _ in range(400):
    layer.weight.grad = layer.weight.data + 3 * rng.normal(size=(1, 1))
    sgd.step()
    weights.append(layer.weight.data.item())
    for d, ema in emas.items():
        ema.update()
        averages[d].append(ema.average["weight"].item())

# %%
fig, (first, second, third) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
steps = np.arange(1, 10_001, 25)
first.plot(steps, [wsd(t, warmup=200, decay_from=9000, total=10_000) for t in steps], "k-")
first.plot(steps, [cosine(t, warmup=200, total=10_000) for t in steps], "k:")
first.axvline(4050, color="0.6", ls="--")
first.text(3900, 0.3, "v3's author\nstopped here", fontsize=8, ha="right")
first.set(xlabel="step", ylabel="factor on the rate", title="wsd (line), cosine (dots)")
before = np.linspace(0, 1.1 * max(grad_norms), 100)
second.plot(before, [n * clip_scale(n, 1.0) for n in before], "k-", lw=1)
second.plot(
    grad_norms, [n * clip_scale(n, 1.0) for n in grad_norms], "ko", mfc="white", markersize=4
)
second.set(xlabel="gradient norm before", ylabel="after", title="clipped to 1.0")
third.plot(weights, color="0.75", lw=0.8, label="weight")
for (d, average), style in zip(averages.items(), ("k--", "k-"), strict=True):
    third.plot(average, style, lw=1.2, label=f"average, d = {d}")
third.set(xlabel="step", ylabel="value", title="averaged weights")
third.legend(fontsize=8)
plt.show()
factor = wsd(4050, warmup=200, decay_from=9000, total=10_000)
mine.reveal("fraction of the rate at step 4,050", factor)
nearest = min(averages, key=lambda d: abs(averages[d][99]))
mine.reveal("average nearer to 0 after 100 steps", nearest)

# %% [markdown]
# Left: v3's schedule warms up, stays constant, and would decay over the last tenth. At step
# 4050 the rate had not decayed at all: the published model *never had its decay*. Middle: the
# gradients of section 3's run (circles); clipping reduced every one of them. Right: an average
# with $d = 0.99$ covers about 100 steps. It removes the noise, but it lags: at first it is
# mostly the start value. v3's $d = 0.999$ over 4,050 steps still contains $0.999^{4050} = 1.7$
# % of the initial weights.
#
# ## 8. A small, fair comparison
#
# There are two problems with one weight matrix each, three optimizers, and five rates for each.
# Steps, batches and schedule are the same. We compare each optimizer at its *best* rate. If
# only one of them is tuned, a comparison measures only the tuning.
#
# - **Regression.** Linear, no noise, inputs whose scales differ by a factor of 100.
# - **Memory.** 300 random vectors, each with its own right answer among 300. The right answer
#   comes with probability 0.8. The $k$-th vector comes in proportion to $1/k^{1.3}$, as words
#   do, so the rare ones are hardly ever seen. We report the loss above its exact minimum.
#
# *Predict first:* which optimizer is the best, on each?

# %%
names = ("SGD, momentum", "AdamW", "NorMuon")
mine.predict("best optimizer on the regression", ..., choices=names)
mine.predict("best optimizer on the memory problem", ..., choices=names)


# %%
def regression(make, rng, D=48, O=64, steps=120):
    rotation = np.linalg.qr(rng.normal(size=(D, D)))[0]
    X = ((rng.normal(size=(2048, D)) * np.logspace(0.6, -1.4, D)) @ rotation).astype(np.float32)
    Y = X @ rng.normal(size=(D, O)) / 8
    layer = Linear(D, O, rng=rng, bias=False)

    def loss(rows):
        difference = layer(Tensor(X[rows])) - Y[rows]
        return (difference * difference).mean()

    train(layer, make, steps, lambda: loss(rng.integers(0, 1536, 64)))
    with no_grad():
        return loss(slice(1536, None)).item()


def memory(make, rng, V=300, D=64, steps=150, noise=0.2):
    keys = rng.normal(size=(V, D)).astype(np.float32)
    answers = rng.permutation(V)
    frequency = 1 / np.arange(1, V + 1) ** 1.3
    frequency /= frequency.sum()
    layer = Linear(D, V, rng=rng, bias=False, std=0.01)

    def loss():
        k = rng.choice(V, 128, p=frequency)
        y = np.where(rng.random(128) < noise, rng.integers(0, V, 128), answers[k])
        return F.cross_entropy(layer(Tensor(keys[k])), y)

    train(layer, make, steps, loss)
    z = keys @ layer.weight.data.T  # (V, V)
    target = np.full((V, V), noise / V)
    target[np.arange(V), answers] += 1 - noise
    excess = (target * (np.log(target) - z + log_sum_exp(z)[:, None])).sum(axis=1)  # nats
    return float(frequency @ excess)


# %%
def train(layer, make, steps, loss):
    optimizer = make(layer.named_parameters())
    for t in range(1, steps + 1):
        layer.weight.zero_grad()
        loss().backward()
        optimizer.step(wsd(t, warmup=5, decay_from=steps // 2, total=steps))


optimizer_grid = {  # the optimizer, and the middle of its grid of rates
    "SGD, momentum": (lambda named, lr: SGD(named, lr=lr, momentum=0.9), 1.0),
    "AdamW": (lambda named, lr: AdamW(named, lr=lr, betas=(0.9, 0.95)), 0.03),
    "NorMuon": (lambda named, lr: NorMuon(named, lr=lr), 0.03),
}
RATES = np.array([0.1, 0.3, 1.0, 3.0, 10.0])  # relative to the middle


def run(problem, name, rate):
    """The loss after training, for two seeds."""
    make, middle = optimizer_grid[name]
    rngs = [np.random.default_rng(seed) for seed in (0, 1)]
    return [problem(lambda named: make(named, middle * rate), rng) for rng in rngs]


results = {}  # losses (rates, seeds)
with np.errstate(over="ignore", invalid="ignore"):  # some diverge
    for problem in (regression, memory):
        for name in optimizer_grid:
            losses = [run(problem, name, rate) for rate in RATES]
            results[problem, name] = np.array(losses)

# %%
fig, panels = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
units = {regression: "mean squared error", memory: "nats above the least possible"}
for axes, problem in zip(panels, (regression, memory), strict=True):
    for (name, (_, middle)), style in zip(optimizer_grid.items(), STYLES, strict=True):
        losses = results[problem, name]
        axes.plot(RATES, losses.mean(axis=1), markersize=5, label=name, **style)
        best = np.nanargmin(losses.mean(axis=1))
        a, b = sorted(losses[best])
        print(f"{problem.__name__:10} {name:14} best rate {middle * RATES[best]:5.3g}: "
              f"{losses[best].mean():.3g} ({a:.3g} and {b:.3g})")  # fmt: skip
    axes.set(xscale="log", yscale="log", title=problem.__name__, ylabel=units[problem])
    axes.set(xlabel="rate, relative to the grid's middle")
panels[0].set_ylim(1e-3, 30)
panels[1].set_ylim(0.05, 50)
panels[0].legend(fontsize=8)
plt.show()

# %%
winner = {}
for problem in (regression, memory):
    best = {name: np.nanmin(results[problem, name].mean(axis=1)) for name in optimizer_grid}
    ranked = sorted(best, key=best.get)
    winner[problem] = ranked[0]
    others = " and ".join(f"{name} {best[name] / best[ranked[0]]:.1f}" for name in ranked[1:])
    print(f"{problem.__name__}: {ranked[0]} is best; relative to its loss, {others}")
mine.reveal("best optimizer on the regression", winner[regression])
mine.reveal("best optimizer on the memory problem", winner[memory])

# %% [markdown]
# (A missing point diverged.) On the regression NorMuon is the *worst* of the three. There is no
# noise, so the last part of the way needs steps that become small by themselves. SGD's steps
# shrink with the gradient. AdamW's steps shrink if a gradient keeps changing its sign, because
# then $\hat m$ is small beside $\sqrt{\hat v}$. NorMuon's steps all have one length, so its
# final loss depends on the last steps of the schedule. On the memory problem NorMuon is the
# best. Frequent vectors make a few large singular values, and rare vectors many small ones.
# Equal steps in all directions train the rare vectors, too. Language has the same distribution,
# and this may be why Muon does well there.
#
# Two toy problems do *not* show that either result holds for your model. The rates are a factor
# of 3 apart, there are two seeds each, and all three end within a factor of about four. Even
# the size of the problem matters: with `V=240, D=48, steps=100` the memory problem has no
# winner. And Newton-Schulz has a cost:

# %%
for phase in V3.phases[:3]:
    counts = multiply_adds(V3, phase)
    part = counts["newton-schulz"] / sum(counts.values())
    print(f"v3, {phase.tokens:,} tokens a step: Newton-Schulz {part:.1%} of the multiply-adds")

# %% [markdown]
# ## Exercises
#
# 1. *Think.* v3 gives the embedding to AdamW, though it is a matrix. How much would
#    Newton-Schulz cost for 50,257 × 256? And how would "equal steps in all directions" move the
#    row of a token that did not occur in the batch?
# 2. *Think.* Somebody's SGD diverges, and halving the loss helps. Which effect has halving the
#    loss under AdamW? And under NorMuon, with clipping at 1.0?
# 3. *Change.* In section 1, find the best momentum for the valley at its best rate. (Theory for
#    a quadratic: $\mu = ((\sqrt{100} - 1)/(\sqrt{100} + 1))^2$.)
# 4. *Change.* Add `NorMuon(named, lr=lr, form="published")` to the comparison. How does its
#    best rate differ from that of v3's form? Does section 5's table explain it?
# 5. *Change.* In section 6, clip the gradients to norm 1.0 (`clip_grad_norm`), and multiply the
#    loss of *every tenth* step only by 1000. Does clipping help NorMuon now?
# 6. *Workbook.* Run `python3 run.py course check DIR adamw` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR adamw`), where DIR is your workbook. Continue
#    with `newton_schulz` and `normuon`.
#
# Next, [notebook 08](08_build_flashlm.ipynb) builds the whole model from the operations and the
# loss.

# %%
mine.show()
