# %% [markdown]
# # 05 · Gates, ReLU² and RMSNorm
#
# **The question.** One pass through FlashLM's block contains four gates and five norms, and no
# other function there is non-linear in the signal. How does a gate change the signal, and the
# gradient on its way back? Which information does a norm remove? And does training fail if half
# of the norm's backward pass is missing?
#
# **On the student's path.** This notebook explains [gated.py](../minigrad/ops/gated.py) and
# [rms_norm.py](../minigrad/ops/rms_norm.py). The file
# [layers.py](../flashlm_np/model/layers.py) shows their place in the model. A page beside the
# path, [activations.py](../minigrad/ops/activations.py), has $\sigma$ and ReLU². Put each
# prediction in place of `...`, and run that cell before the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.course.predictions import Predictions
from minigrad import TABLE, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.layers import Linear, RMSNorm
from minigrad.look import saved_bytes

rng = np.random.default_rng(0)
mine = Predictions("05")

# %% [markdown]
# ## 1. Two gates
#
# A gate multiplies: one array, $g$, decides how much of another array, $v$, passes. The
# convolutions of FlashLM use $\sigma(g)\,v$, where $\sigma(g) = 1/(1+e^{-g})$ lies between 0
# and 1. Its gated layer uses $\max(g, 0)^2\,v$, called ReLU²: closed below 0 and unbounded
# above.
#
# *Predict first:* how large is the largest slope of each gate? Which of the two can a gradient
# still open at $g = -6$?

# %%
mine.predict("largest slope of the σ gate", ...)
mine.predict("gate that a gradient opens at -6", ..., choices=("σ", "ReLU²"))


# %%
def value_and_slope(gate, g):
    """The value of the gate at g, and its derivative."""
    leaf = Tensor(g, requires_grad=True)
    y = gate(leaf, np.ones_like(g))
    y.sum().backward()
    return y.data, leaf.grad


gates = {"σ": F.sigmoid_gate, "ReLU²": F.relu_squared_gate}
line = np.linspace(-8, 4, 241)
fig, panels = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for axes, quantity in zip(panels, ("value", "slope"), strict=True):
    for (name, gate), style in zip(gates.items(), ("k-", "k--"), strict=True):
        values = dict(zip(("value", "slope"), value_and_slope(gate, line), strict=True))
        axes.plot(line, values[quantity], style, label=name)
    axes.set(xlabel="g", ylabel=f"{quantity} of the gate", ylim=(-0.1, 3))
    axes.legend(fontsize=8)
plt.show()
slope_when_closed = {}
for name, gate in gates.items():
    value, slope = value_and_slope(gate, np.array([-6.0, 0.0, 2.0, 6.0]))
    print(f"{name:6} at g = -6, 0, 2, 6: value {value.round(4)}, slope {slope.round(4)}")
    slope_when_closed[name] = slope[0]
mine.reveal("largest slope of the σ gate", value_and_slope(F.sigmoid_gate, line)[1].max())
mine.reveal("gate that a gradient opens at -6", max(gates, key=slope_when_closed.get))

# %% [markdown]
# The slope of $\sigma$ is at most 1/4 and becomes small on both sides. There the gate is
# *saturated*. $\sigma$ never reaches 0 (but float32 rounds it to 0 below about −88), so a small
# gradient always passes. ReLU² has no largest slope: its slope is $2g$ and grows with $g$.
# Below 0 both the gate and its slope are exactly 0.
#
# The gradient on its way back is gated, too. With $y = \mathrm{gate}(g)\,v$,
#
# $$ dv = dy \cdot \mathrm{gate}(g), \qquad dg = dy \cdot v \cdot \mathrm{gate}'(g) . $$
#
# Where the gate is closed, $v$ gets no gradient. Where $v$ is small, the gate gets a small
# gradient.
#
# ## 2. Saturation, measured
#
# *Predict first:* let $g$ be normal with standard deviation $s$, which grows from 1 to 30. By
# which factor does the mean slope of each gate change? (Below 1, it shrinks.)

# %%
mine.predict("change of the mean slope of σ", ...)
mine.predict("change of the mean slope of ReLU²", ...)

# %%
sizes = np.logspace(-1, 1.5, 21)
normal = rng.standard_normal(20_000)
slopes = {
    name: np.array([value_and_slope(gate, s * normal)[1] for s in sizes])
    for name, gate in gates.items()
}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for (name, slope), style in zip(slopes.items(), ("k-", "k--"), strict=True):
    left.loglog(sizes, slope.mean(axis=1), style, label=name)
saturated, closed = (slopes["σ"] < 0.01).mean(axis=1), (slopes["ReLU²"] == 0).mean(axis=1)
right.semilogx(sizes, 100 * saturated, "k-", label="σ: slope below 0.01")
right.semilogx(sizes, 100 * closed, "k--", label="ReLU²: slope exactly 0")
left.set(xlabel="standard deviation s of g", ylabel="mean slope")
right.set(xlabel="standard deviation s of g", ylabel="% of all elements", ylim=(-3, 103))
for axes in (left, right):
    axes.legend(fontsize=8)
plt.show()
change = {
    name: value_and_slope(gate, 30 * normal)[1].mean() / value_and_slope(gate, normal)[1].mean()
    for name, gate in gates.items()
}
mine.reveal("change of the mean slope of σ", change["σ"])
mine.reveal("change of the mean slope of ReLU²", change["ReLU²"])

# %% [markdown]
# The mean slope of $\sigma$ shrinks like $1/s$, because fewer and fewer elements lie in its
# steep part. At $s = 30$ most elements have a slope near 0 and hardly learn. The mean slope of
# ReLU² *grows* with $s$. Half of its elements are closed for every $s$.
#
# Both gates need a $g$ of moderate size, for opposite reasons: $\sigma$ saturates, and ReLU²
# grows without a bound. The norm in front of them sets this size (part 5). In v3 it does not
# help the ReLU² gate, because a ternary layer without a scale stands between the norm and the
# gate: [notebook 03](03_weights_in_three_values.ipynb).
#
# ## 3. ReLU² is sparse
#
# Half of the outputs are exactly 0, but the same is true for ReLU. So which effect does the
# square have?
#
# *Predict first:* let $g$ and $v$ be normal, and sort the outputs by size. How many per cent of
# the *energy* $\sum y^2$ does the largest tenth have, without a gate, with $\sigma$, with ReLU
# and with ReLU²?

# %%
mine.predict("energy of the largest tenth without a gate, in %", ...)
mine.predict("energy of the largest tenth with ReLU², in %", ...)

# %%
g, v = rng.standard_normal((2, 100_000))
outputs = {
    "no gate": (v, "k:"),
    "σ": (F.sigmoid_gate(g, v).data, "k-."),
    "ReLU": ((F.relu(g) * v).data, "k--"),
    "ReLU²": (F.relu_squared_gate(g, v).data, "k-"),
}
tenth = {}
fig, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, (y, style) in outputs.items():
    energy = np.cumsum(np.sort(y.astype(np.float64) ** 2)[::-1])
    fraction = energy / energy[-1]
    axes.plot(np.linspace(0, 100, len(y)), 100 * fraction, style, label=name)
    tenth[name] = fraction[len(y) // 10]
    print(f"{name:8} {np.mean(y == 0):4.0%} zeros, the largest tenth has {tenth[name]:.0%}")
axes.axvline(10, color="0.6", lw=0.8)
axes.set(xlabel="the largest outputs, % of all", ylabel="% of the energy")
axes.legend(fontsize=8)
plt.show()
mine.reveal("energy of the largest tenth without a gate, in %", 100 * tenth["no gate"])
mine.reveal("energy of the largest tenth with ReLU², in %", 100 * tenth["ReLU²"])

# %% [markdown]
# The square makes small gate values smaller and large ones larger. A tenth of the outputs has
# nearly all of the energy. So about seventy of v3's 683 units describe a position, and other
# units describe another position. (The zeros save no time here, because a matrix product in
# NumPy multiplies zeros as well.)
#
# ## 4. Dead units
#
# "Half are zero" can mean two things: each unit is closed for half of the positions, or half of
# the units are *always* closed. A unit that is closed for every input gets no gradient at all,
# neither its $g$ nor its $v$. Its own learning cannot open it again. It is dead, unless the
# layers before it change its inputs.
#
# *Predict first:* let $g = Wx$ with 512 random units and no bias, for 256 positions that went
# through RMSNorm. How many per cent of the units never open if the elements of $x$ have the
# mean 0? And if their mean is 3 times their standard deviation?

# %%
mine.predict("dead units at mean 0, in %", ...)
mine.predict("dead units at mean 3, in %", ...)


# %%
def gate_gradients(gate, mean, units=512, D=64):
    """The fraction of closed gates, the dead units as a mask, and each unit's |dL/dW|."""
    draw = np.random.default_rng(3)
    x = F.rms_norm(Tensor(mean + draw.standard_normal((256, D))), np.ones(D))
    W = Tensor(draw.standard_normal((units, D)) / D**0.5, requires_grad=True)
    g = F.linear(x, W)  # (256, units)
    y = gate(g, draw.standard_normal(g.shape))
    y.backward(draw.standard_normal(g.shape))
    never_open = (g.data <= 0).all(axis=0)
    return (g.data <= 0).mean(), never_open, np.abs(W.grad).max(axis=1)


dead = {}
for mean in (0, 1, 3, 10):
    closed, never_open, _ = gate_gradients(F.relu_squared_gate, mean)
    dead[mean] = never_open.mean()
    print(f"mean {mean:2} deviations: {closed:.0%} closed, {dead[mean]:3.0%} of units dead")
for name, gate in gates.items():
    _, never_open, gradient = gate_gradients(gate, 3)
    largest = gradient[never_open].max()
    print(f"{name}, mean 3: the largest gradient of a unit with all g < 0 is {largest:.2g}")
mine.reveal("dead units at mean 0, in %", 100 * dead[0])
mine.reveal("dead units at mean 3, in %", 100 * dead[3])

# %% [markdown]
# The fraction of closed gates hardly changes, so it does not show dead units. Dead units come
# from inputs that all point in nearly the same direction, and *RMSNorm does not remove the
# mean* (LayerNorm does). With inputs on all sides of 0 and without a bias, no unit is dead: for
# some input $w \cdot x > 0$. This is the case at the top of the list. With $\sigma$ the same
# units, whose $g$ is negative for every input, do get a gradient.
#
# ## 5. The scale that RMSNorm removes
#
# $$ y = w \, \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} , \qquad \epsilon = 10^{-8} . $$
#
# *Predict first:* the outputs for $1000\,x$, for $-x$, and for $x / 100{,}000$. By which factor
# does the gradient $dL/dx$ change when $x$ is 1000 times as large?

# %%
mine.predict("change of the gradient when x is 1000 times as large", ...)

# %%
x, dy = rng.standard_normal((2, 64))
w = np.ones(64)


def norm_and_gradient(x, operation="rms_norm"):
    leaf = Tensor(x, requires_grad=True)
    y = apply(operation, leaf, w)
    y.backward(dy)
    return y.data, leaf.grad


y, dx = norm_and_gradient(x)
ratios = {}
for c in (1000, -1, 1e-5):
    y_c, dx_c = norm_and_gradient(c * x)
    ratios[c] = np.vdot(dx_c, dx) / np.vdot(dx, dx)
    output = np.vdot(y_c, y) / np.vdot(y, y)
    print(f"{c:7g} x: output {output:8.5f} y, gradient {ratios[c]:9.5g} dx")
mine.reveal("change of the gradient when x is 1000 times as large", ratios[1000])

# %% [markdown]
# The size of $x$ does not matter, but its sign does. The gradient is divided by $|c|$: the same
# small step turns a long vector less than a short one. The last line shows the limit. If
# $\mathrm{mean}(x^2)$ is as small as $\epsilon$, the output becomes smaller, so RMSNorm does
# not amplify very small noise to full size.
#
# Stretching $x$ does not change the output, so the derivative *along* $x$ is 0. In other words,
# the gradient is orthogonal to $x$.

# %%
cosine = np.vdot(x, dx) / np.linalg.norm(x) / np.linalg.norm(dx)
print(f"cosine of the angle between x and dx: {cosine:.0e}")  # not exactly 0, because of ε

# %% [markdown]
# ## 6. An experiment that surprises
#
# Here plain gradient descent *learns* $x$, so that $y$ becomes a given $t$. The loss is
# $\mathrm{mean}\,(y - t)^2$ over 64 elements. The first run has no norm ($y = x$), the second
# run has one.
#
# *Predict first:* how many of the learning rates 10, 100, 1,000 and a million work without a
# norm, and with one? (A rate works if the loss ends below 0.001.)

# %%
mine.predict("rates of four that work without a norm", ...)
mine.predict("rates of four that work with a norm", ...)


# %%
def descend(learning_rate, operation=None, size=1.0, steps=100):
    """Return the loss and the length of x of each step. Without an operation, y is x."""
    draw = np.random.default_rng(1)
    t = size * norm_and_gradient(draw.standard_normal(64))[0]
    x = Tensor(draw.standard_normal(64), requires_grad=True)
    losses, lengths = [], []
    for _ in range(steps):
        y = x if operation is None else apply(operation, x, w)
        loss = ((y - t) ** 2).mean()
        x.zero_grad()
        loss.backward()
        losses.append(loss.item())
        lengths.append(np.linalg.norm(x.data))
        x.data = x.data - learning_rate * x.grad
    return np.array(losses), np.array(lengths)


work = {"plain": 0, "normed": 0}
for rate in (10, 100, 1000, 1e6):
    with np.errstate(over="ignore", invalid="ignore"):  # the explosion is intended
        plain, _ = descend(rate)
    normed, length = descend(rate, "rms_norm")
    print(f"rate {rate:9,.0f}: the loss ends at {plain[-1]:7.0e} without a norm,", end=" ")
    print(f"at {normed[-1]:.0e} with one; x grew from {length[0]:.1f} to {length[-1]:,.1f}")
    work["plain"] += int(plain[-1] < 1e-3)
    work["normed"] += int(normed[-1] < 1e-3)
mine.reveal("rates of four that work without a norm", work["plain"])
mine.reveal("rates of four that work with a norm", work["normed"])

# %% [markdown]
# Without a norm, a rate of 100 is too large, and the loss explodes. With a norm *nothing*
# explodes. The gradient is orthogonal to $x$, so by Pythagoras every step makes $x$ longer:
# $\|x - \eta\,dx\|^2 = \|x\|^2 + \eta^2 \|dx\|^2$. And a longer $x$ has a smaller gradient. So
# a step that is too long turns $x$ by at most a right angle, and makes all later steps shorter:
# the norm adapts the learning rate. At a million, the first step alone nearly reached the
# target. In 64 dimensions a random $x$ is nearly at a right angle to the target, so a turn by a
# right angle towards the target nearly reaches it. After this step $x$ was so long that it
# hardly moved any more. (Theory: Arora, Li & Lyu 2018, arXiv:1812.03981, for batch
# normalization.)
#
# The same holds for weights. If a norm directly follows a matrix, gradient descent can only
# make the matrix longer. Weight decay then does not make the function simpler. It sets the
# effective learning rate.
#
# ## 7. An incomplete backward pass
#
# The backward pass is $dx = r\,(dn - n \cdot \mathrm{mean}(dn \cdot n))$. The subtracted term
# is a projection: it removes the part of the gradient that points along $x$. If you
# differentiate $x \cdot r$ and treat $r$ as a constant, you get only $r\,dn$. This is the bug
# of [notebook 00](00_first_look.ipynb).
#
# The cell below trains with both gradients. The first target $t$ is one that the norm can
# reach. The second target is smaller (0.3) than any output of the norm.
#
# *Predict first:* in which of the two cases does the loss show that something is wrong?

# %%
mine.predict("target at which the loss shows the bug", ..., choices=("1", "0.3"))


# %%
def incomplete_backward(dy, saved):
    x, w, r = saved
    return r * dy * w, (dy * x * r).reshape(-1, w.size).sum(axis=0)


incomplete = replace(TABLE["rms_norm"], backward=incomplete_backward)
right_dx, wrong_dx = dx, norm_and_gradient(x, incomplete)[1]
cosine = np.vdot(right_dx, wrong_dx) / np.linalg.norm(right_dx) / np.linalg.norm(wrong_dx)
print(f"cosine of the angle between the right and the wrong gradient: {cosine:.3f}")

fig, (reachable, too_small, length) = plt.subplots(1, 3, figsize=(9.5, 3), layout="constrained")
largest = {}  # loss of the second half
for operation, style, name in (("rms_norm", "k-", "right"), (incomplete, "k:", "incomplete")):
    for size, axes, steps in ((1, reachable, 100), (0.3, too_small, 300)):
        losses, lengths = descend(2, operation, size=size, steps=steps)
        axes.plot(losses, style, label=name)
        largest[size, name] = losses[steps // 2 :].max()
    length.semilogy(lengths, style, label=name)
reachable.set(title="target of size 1", xlabel="step", ylabel="loss")
too_small.set(title="target of size 0.3", xlabel="step", ylabel="loss")
length.set(title="target of size 0.3", xlabel="step", ylabel="length of x")
reachable.legend(fontsize=8)
plt.show()
higher = {size: largest[size, "incomplete"] / largest[size, "right"] for size in (1, 0.3)}
mine.reveal("target at which the loss shows the bug", max(higher, key=higher.get))

# %% [markdown]
# **Is this loss curve normal?** On the left both curves look normal, and the wrong one is even
# better. A projection never turns a vector by more than a right angle, so the wrong gradient
# still leads downhill. A random direction in 64 dimensions loses little by it: see the cosine.
# But the wrong gradient also changes the length of $x$ at every step, without any benefit. With
# the small target it shortens $x$. Then $x$ passes through 0 and points in the opposite
# direction. Near 0 the gradient is huge, so the next step makes $x$ very long. Then $x$ becomes
# shorter again, and the cycle repeats for ever. No learning rate prevents this. So a falling
# loss does not prove a gradient, and a loss with spikes need not be the fault of the data. The
# check takes a moment:

# %%
try:
    gradcheck(incomplete, x[None], w)
except GradientError as error:
    print(error)

# %% [markdown]
# ## 8. The effect of a norm on the residual stream
#
# In a residual network each layer adds to a stream: $x \leftarrow x + f(x)$. With a norm on the
# branch, as in FlashLM, it is $x \leftarrow x + f(\mathrm{norm}(x))$. Each $f$ here is a random
# linear layer that keeps the size of its input.
#
# *Predict first:* how large is the stream after 24 layers, without and with norms, if it starts
# at 1? And if it starts at 0.02, like an embedding?

# %%
mine.predict("stream without norms, from 1", ...)
mine.predict("stream with norms, from 1", ...)
mine.predict("stream with norms, from 0.02", ...)


# %%
def stream(start, with_norm, layers=24, D=128):
    """The standard deviation of the stream before the first and after each layer."""
    draw = np.random.default_rng(4)
    norm = RMSNorm(D, dtype=np.float64)
    x = Tensor(start * draw.standard_normal((64, D)))
    sizes = [x.data.std()]
    for _ in range(layers):
        branch = Linear(D, D, bias=False, rng=draw, dtype=np.float64)
        x = x + branch(norm(x) if with_norm else x)
        sizes.append(x.data.std())
    return sizes


ends = {}
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
for with_norm, style in ((False, "k--"), (True, "k-")):
    for start, marker in ((1.0, "o"), (0.02, "s")):
        sizes = stream(start, with_norm)
        ends[with_norm, start] = sizes[-1]
        name = f"{'norm' if with_norm else 'no norm'}, starts at {start}"
        axes.semilogy(sizes, style, marker=marker, ms=3, label=name)
        print(f"{name}: ends at {sizes[-1]:.3g}")
axes.set(xlabel="layers", ylabel="standard deviation")
axes.legend(fontsize=8)
plt.show()
mine.reveal("stream without norms, from 1", ends[False, 1.0])
mine.reveal("stream with norms, from 1", ends[True, 1.0])
mine.reveal("stream with norms, from 0.02", ends[True, 0.02])

# %% [markdown]
# Without norms every layer multiplies the standard deviation by about $\sqrt{2}$, because it
# adds two independent terms of equal size. After 24 layers this gives about $2^{12}$. With
# norms every layer adds the same amount for every size of the stream. The sum of $n$
# independent amounts grows like $\sqrt{n}$. So the norm turns exponential growth into slow
# growth.
#
# The norm has a price. A layer changes a long stream less than a short one, and the first value
# of the stream counts for little. Take a stream that starts at 0.02: after one layer, 99.96 %
# of its energy is the branch of that layer. In FlashLM v3 the effect is extreme. [Notebook
# 03](03_weights_in_three_values.ipynb) measures it layer by layer.
#
# ## 9. Fused operations save bytes
#
# Existing operations could replace `sigmoid_gate` and `relu_squared_gate`: `F.sigmoid(g) * v`
# computes the same. Why does the table have the fused operations?
#
# *Predict first:* how many arrays of the size of $g$ does each form keep for its backward pass?

# %%
mine.predict("arrays that the fused ReLU² gate keeps", ...)
mine.predict("arrays that the composed ReLU² gate keeps", ...)

# %%
g, v, arriving = (rng.standard_normal((64, 256)).astype(np.float32) for _ in range(3))
activations = {"σ": F.sigmoid, "ReLU²": F.relu_squared}
arrays = {}
for name, activation in activations.items():
    pairs = [(Tensor(g, requires_grad=True), Tensor(v, requires_grad=True)) for _ in range(2)]
    fused = gates[name](*pairs[0])
    composed = activation(pairs[1][0]) * pairs[1][1]
    product = composed.node
    kept = [*product.saved, *product.parents[0].saved]  # of the product and the activation
    different = list({id(array): array for array in kept}.values())
    listed, held = saved_bytes(kept) / g.nbytes, saved_bytes(different) / g.nbytes
    arrays[name] = saved_bytes(fused.node.saved) / g.nbytes, held
    print(f"{name:5} fused keeps {arrays[name][0]:g} arrays;", end=" ")
    print(f"composed lists {listed:g}, of which {held:g} are different")
    fused.backward(arriving)
    composed.backward(arriving)
    distance = max(np.abs(a.grad - b.grad).max() for a, b in zip(*pairs, strict=True))
    same = np.array_equal(fused.data, composed.data)
    print(f"      outputs equal: {same}, gradients within {distance:.0e}")
mine.reveal("arrays that the fused ReLU² gate keeps", arrays["ReLU²"][0])
mine.reveal("arrays that the composed ReLU² gate keeps", arrays["ReLU²"][1])

# %% [markdown]
# The composed ReLU² keeps three arrays: $\max(g,0)$, its square, and $v$. The fused form keeps
# two, and computes the square again in its backward pass. For $\sigma$ the composed form
# *lists* three arrays, but two of them are one and the same array, kept by two operations.
# There the fused form saves only time: it passes over memory less often. So count the different
# arrays, not the arrays of each operation.
#
# The results agree up to float32's rounding. The tests of this project compare every fused
# operation with its composition.
#
# ## Exercises
#
# 1. *Think.* Let $g$ and $v$ both be $Wx$, with the same $W$. Write the $\mathrm{ReLU}^2$-gated
#    $y$ as a function of $x$. Why do gated layers have two matrices?
# 2. *Think.* Add a constant to every element of $x$. Does RMSNorm remove it? How must a norm be
#    defined so that its gradient is also orthogonal to $(1, 1, \ldots, 1)$?
# 3. *Change.* In part 6, add weight decay: `x.data = 0.99 * x.data - ...`. Plot the length of
#    $x$ and the loss for a rate of 1,000 and 1,000 steps. Where do the jumps come from?
# 4. *Change.* In part 4, give `F.linear` a bias of −3 for every unit, and count again. Then put
#    `x - x.mean(axis=-1, keepdims=True)` in front of the norm, with a mean of 10 standard
#    deviations.
# 5. *Change.* In part 7, set the target's size to 3. Does the length of $x$ grow or shrink now,
#    with each of the two gradients? How does this change the effective learning rate?
# 6. *Workbook.* Run `python3 run.py course check DIR sigmoid_gate` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR sigmoid_gate`), where DIR is your workbook.
#    Continue with `rms_norm`. Its hint recognizes the incomplete answer.
#
# Next, [notebook 06](06_fifty_thousand_choices.ipynb) explains the end of the model: the choice
# of one of 50,257 tokens, and the loss that measures it.

# %%
mine.show()
