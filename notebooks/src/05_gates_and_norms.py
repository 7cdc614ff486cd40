# %% [markdown]
# # 05 · Gates, ReLU² and RMSNorm
#
# **The question.** One pass through FlashLM's block meets four gates and five norms, and
# nothing else there is non-linear in the signal. What does a gate do to the signal, and to the
# gradient on its way back? What exactly does a norm make the network forget, and what does it
# cost to leave out half of its backward pass?
#
# The pages: [gated.py](../minigrad/ops/gated.py),
# [activations.py](../minigrad/ops/activations.py), [rms_norm.py](../minigrad/ops/rms_norm.py).
# Where they stand in the model: [layers.py](../flashlm_np/model/layers.py). Write each prediction
# down before you run the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigrad import TABLE, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.layers import Linear, RMSNorm
from minigrad.look import saved_bytes

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. Two gates
#
# A gate multiplies: one array, $g$, decides how much of another, $v$, passes. The convolutions
# of FlashLM use $\sigma(g)\,v$, where $\sigma(g) = 1/(1+e^{-g})$ lies between 0 and 1. Its wide
# layer uses $\max(g, 0)^2\,v$, "ReLU²": closed below 0 and without a limit above.
#
# *Predict first:* how steep is each gate at its steepest? At $g = -6$, which of the two can
# still be opened by a gradient?


# %%
def opening_and_slope(gate, g):
    """How far the gate is open at g, and the derivative of that."""
    leaf = Tensor(g, requires_grad=True)
    y = gate(leaf, np.ones_like(g))
    y.sum().backward()
    return y.data, leaf.grad


gates = {"σ": F.sigmoid_gate, "ReLU²": F.relu_squared_gate}
line = np.linspace(-8, 4, 241)
fig, panels = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for axes, quantity in zip(panels, ("opening", "slope"), strict=True):
    for (name, gate), style in zip(gates.items(), ("k-", "k--"), strict=True):
        values = dict(zip(("opening", "slope"), opening_and_slope(gate, line), strict=True))
        axes.plot(line, values[quantity], style, label=name)
    axes.set(xlabel="g", ylabel=f"{quantity} of the gate", ylim=(-0.1, 3))
    axes.legend(fontsize=8)
plt.show()
for name, gate in gates.items():
    opening, slope = opening_and_slope(gate, np.array([-6.0, 0.0, 2.0, 6.0]))
    print(f"{name:6} at g = -6, 0, 2, 6: open {opening.round(4)}, slope {slope.round(4)}")

# %% [markdown]
# $\sigma$ is never steeper than 1/4 and flattens on both sides: there it is *saturated*. It
# never reaches 0 (float32 does round it to 0 below about −88), so a gradient, however small,
# gets through. ReLU² has no steepest place: its slope is $2g$, the steeper the further it is
# open. Below 0 both it and its slope are exactly 0.
#
# What goes back through a gate is gated too. With $y = \mathrm{gate}(g)\,v$,
#
# $$ dv = dy \cdot \mathrm{gate}(g), \qquad dg = dy \cdot v \cdot \mathrm{gate}'(g) . $$
#
# Where the gate is shut, $v$ learns nothing; where $v$ is small, the gate learns little.
#
# ## 2. Saturation, measured
#
# *Predict first:* $g$ is normal with standard deviation $s$. As $s$ grows from 1 to 30, does
# the average slope of each gate grow, shrink or stay?

# %%
sizes = np.logspace(-1, 1.5, 21)
normal = rng.standard_normal(20_000)
slopes = {
    name: np.array([opening_and_slope(gate, s * normal)[1] for s in sizes])
    for name, gate in gates.items()
}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for (name, slope), style in zip(slopes.items(), ("k-", "k--"), strict=True):
    left.loglog(sizes, slope.mean(axis=1), style, label=name)
flat, shut = (slopes["σ"] < 0.01).mean(axis=1), (slopes["ReLU²"] == 0).mean(axis=1)
right.semilogx(sizes, 100 * flat, "k-", label="σ: slope below 0.01")
right.semilogx(sizes, 100 * shut, "k--", label="ReLU²: slope exactly 0")
left.set(xlabel="standard deviation s of g", ylabel="average slope")
right.set(xlabel="standard deviation s of g", ylabel="share of all, %", ylim=(-3, 103))
for axes in (left, right):
    axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# The average slope of $\sigma$ shrinks like $1/s$, because fewer and fewer elements lie on the
# flank; at $s = 30$ most have stopped learning. That of ReLU² *grows* with $s$. Half of its
# elements are shut, whatever $s$ is.
#
# Both need their $g$ at a sensible size, for opposite reasons: $\sigma$ would fall asleep,
# ReLU² would explode. That is what the norm in front of them is for (part 5). In v3 it does not
# help the ReLU² gate, because a ternary layer without a scale stands in between:
# [notebook 03](03_weights_in_three_values.ipynb).
#
# ## 3. Why ReLU² is sparse
#
# Half of the outputs are exactly 0. But ReLU does that too. What does the square add?
#
# *Predict first:* $g$ and $v$ are normal. Sort the outputs by size. Which share of the *energy*
# $\sum y^2$ do the largest tenth carry, without a gate, with $\sigma$, with ReLU and with
# ReLU²?

# %%
g, v = rng.standard_normal((2, 100_000))
outputs = {
    "no gate": (v, "k:"),
    "σ": (F.sigmoid_gate(g, v).data, "k-."),
    "ReLU": ((F.relu(g) * v).data, "k--"),
    "ReLU²": (F.relu_squared_gate(g, v).data, "k-"),
}
fig, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, (y, style) in outputs.items():
    energy = np.cumsum(np.sort(y.astype(np.float64) ** 2)[::-1])
    share = energy / energy[-1]
    axes.plot(np.linspace(0, 100, len(y)), 100 * share, style, label=name)
    print(f"{name:8} {np.mean(y == 0):4.0%} zeros, a tenth carries {share[len(y) // 10]:.0%}")
axes.axvline(10, color="0.6", lw=0.8)
axes.set(xlabel="the largest outputs, % of all", ylabel="their share of the energy, %")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# The square pushes small openings towards 0 and large ones up. A tenth of the outputs carries
# nearly all, so a position is in effect described by some seventy of v3's 683 units, and
# another position by others. (The zeros save no time here: a matrix product in NumPy multiplies
# zeros as well.)
#
# ## 4. Dead units
#
# "Half are zero" may mean two things: each unit is shut for half of the positions, or half of
# the units are shut *for ever*. A unit that is shut for every input gets no gradient at all,
# neither its $g$ nor its $v$, and nothing that it learns can open it again: it is dead, unless
# the layers before it move its inputs.
#
# *Predict first:* $g = Wx$ with 512 random units, no bias, and 256 positions that went through
# RMSNorm. How many units never open, if the elements of $x$ have mean 0? And if their mean is 3
# times their deviation?


# %%
def gate_gradients(gate, mean, units=512, D=64):
    """Share of gates that are shut, of units that never open, and dL/dW, row by row."""
    draw = np.random.default_rng(3)
    x = F.rms_norm(Tensor(mean + draw.standard_normal((256, D))), np.ones(D))
    W = Tensor(draw.standard_normal((units, D)) / D**0.5, requires_grad=True)
    g = F.linear(x, W)  # (256, units)
    y = gate(g, draw.standard_normal(g.shape))
    y.backward(draw.standard_normal(g.shape))
    never_open = (g.data <= 0).all(axis=0)
    return (g.data <= 0).mean(), never_open, np.abs(W.grad).max(axis=1)


for mean in (0, 1, 3, 10):
    shut, never_open, _ = gate_gradients(F.relu_squared_gate, mean)
    print(f"mean {mean:2} deviations: {shut:.0%} shut, {never_open.mean():3.0%} of units dead")
for name, gate in gates.items():
    _, never_open, gradient = gate_gradients(gate, 3)
    largest = gradient[never_open].max()
    print(f"{name}, mean 3: the largest gradient of a unit with all g < 0 is {largest:.2g}")

# %% [markdown]
# The share of shut gates hardly changes, and is no alarm. Dead units come from inputs that all
# point the same way, and *RMSNorm does not take the mean away* (LayerNorm does). Where the
# inputs lie on all sides of 0 and there is no bias, as at the top of the list, no unit can be
# dead: for some input $w \cdot x > 0$. With $\sigma$ the very same units, whose $g$ is negative
# for every input, do get a gradient.
#
# ## 5. What RMSNorm forgets
#
# $$ y = w \, \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} , \qquad \epsilon = 10^{-8} . $$
#
# *Predict first:* what comes out for $1000\,x$, for $-x$, and for $x / 100{,}000$? And what
# becomes of the gradient $dL/dx$ when $x$ is 1000 times as large?

# %%
x, dy = rng.standard_normal((2, 64))
w = np.ones(64)


def norm_and_gradient(x, operation="rms_norm"):
    leaf = Tensor(x, requires_grad=True)
    y = apply(operation, leaf, w)
    y.backward(dy)
    return y.data, leaf.grad


y, dx = norm_and_gradient(x)
for c in (1000, -1, 1e-5):
    y_c, dx_c = norm_and_gradient(c * x)
    ratio = np.vdot(dx_c, dx) / np.vdot(dx, dx)
    print(
        f"{c:7g} x: output {np.vdot(y_c, y) / np.vdot(y, y):8.5f} y, gradient {ratio:9.5g} dx"
    )

# %% [markdown]
# The size of $x$ does not matter, its sign does. The gradient is divided by $|c|$: the same
# small step turns a long vector less than a short one. And the last line shows the limit: once
# $\mathrm{mean}(x^2)$ is as small as $\epsilon$, the norm gives up, so that silence is not
# blown up into noise.
#
# If stretching $x$ changes nothing, then the derivative *along* $x$ is 0. In other words: the
# gradient is orthogonal to $x$.

# %%
cosine = np.vdot(x, dx) / np.linalg.norm(x) / np.linalg.norm(dx)
print(f"cosine of the angle between x and dx: {cosine:.0e}")  # not quite 0: there is ε

# %% [markdown]
# ## 6. An experiment that surprises
#
# Let us *learn* $x$ by plain gradient descent, so that $y$ becomes a given $t$: the loss is
# $\mathrm{mean}\,(y - t)^2$, over 64 elements. First without a norm ($y = x$), then with one.
#
# *Predict first:* which learning rates work? What happens with a norm at a learning rate of
# 1,000? At a million?


# %%
def descend(learning_rate, operation=None, size=1.0, steps=100):
    """The loss and the length of x at each step; operation None: y is x itself."""
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


for rate in (10, 100, 1000, 1e6):
    with np.errstate(over="ignore", invalid="ignore"):  # we want to see it explode
        plain, _ = descend(rate)
    normed, length = descend(rate, "rms_norm")
    print(f"rate {rate:9,.0f}: the loss ends at {plain[-1]:7.0e} without a norm,", end=" ")
    print(f"at {normed[-1]:.0e} with one; x grew from {length[0]:.1f} to {length[-1]:,.1f}")

# %% [markdown]
# Without a norm, 100 is too much and the loss explodes. With a norm *nothing* explodes. The
# gradient is orthogonal to $x$, so by Pythagoras every step makes $x$ longer:
# $\|x - \eta\,dx\|^2 = \|x\|^2 + \eta^2 \|dx\|^2$. And a longer $x$ has a smaller gradient. A
# step that is too long therefore turns $x$ by at most a right angle and shortens all steps
# after it: the norm tunes the learning rate. At a million the first step alone did it: in 64
# dimensions a random $x$ is nearly at a right angle to the target, so that a turn by a right
# angle, towards the target, all but arrives. After it $x$ was so long that nothing moved any
# more. (Theory: Arora, Li & Lyu 2018, arXiv:1812.03981, for batch normalization.)
#
# It holds for weights as well: where a norm follows a matrix at once, gradient descent can only
# make the matrix longer, and weight decay no longer says "prefer small weights", but sets the
# pace of learning.
#
# ## 7. Leave half of it out
#
# The backward pass is $dx = r\,(dn - n \cdot \mathrm{mean}(dn \cdot n))$. The subtracted part
# is a projection: it takes away what only stretches $x$. Whoever differentiates $x \cdot r$ and
# takes $r$ for a constant gets $r\,dn$ alone (the bug of [notebook 00](00_first_look.ipynb)).
#
# We train with both, first for a target $t$ that the norm can reach, then for one that is
# smaller (0.3) than anything that it can give.
#
# *Predict first:* in which of the two cases does the loss show that something is wrong?


# %%
def forgetful_backward(dy, saved):
    x, w, r = saved
    return r * dy * w, (dy * x * r).reshape(-1, w.size).sum(axis=0)


forgetful = replace(TABLE["rms_norm"], backward=forgetful_backward)
right_dx, wrong_dx = dx, norm_and_gradient(x, forgetful)[1]
cosine = np.vdot(right_dx, wrong_dx) / np.linalg.norm(right_dx) / np.linalg.norm(wrong_dx)
print(f"cosine of the angle between the right and the wrong gradient: {cosine:.3f}")

fig, (reachable, too_small, length) = plt.subplots(1, 3, figsize=(9.5, 3), layout="constrained")
for operation, style, name in (("rms_norm", "k-", "right"), (forgetful, "k:", "forgetful")):
    reachable.plot(descend(2, operation)[0], style, label=name)
    losses, lengths = descend(2, operation, size=0.3, steps=300)
    too_small.plot(losses, style, label=name)
    length.semilogy(lengths, style, label=name)
reachable.set(title="target of size 1", xlabel="step", ylabel="loss")
too_small.set(title="target of size 0.3", xlabel="step", ylabel="loss")
length.set(title="target of size 0.3", xlabel="step", ylabel="length of x")
reachable.legend(fontsize=8)
plt.show()

# %% [markdown]
# **Is this loss curve normal?** On the left both are, and the wrong one is even better. A
# projection never turns a vector further than a right angle, so the wrong gradient leads
# downhill, and a random direction in 64 dimensions loses little by it: see the cosine. But it
# also pulls at the length of $x$, all the time and for nothing. With a target that is too small
# it pulls inwards: $x$ is driven through 0 (where it turns to the opposite direction), is
# thrown far out by the huge gradient there, creeps back, and so for ever; no learning rate
# cures that. So a loss that falls does not prove a gradient, and a loss with spikes need not be
# the data's fault. The check takes a moment:

# %%
try:
    gradcheck(forgetful, x[None], w)
except GradientError as error:
    print(error)

# %% [markdown]
# ## 8. What a norm does to the residual stream
#
# In a residual network each layer adds to a stream: $x \leftarrow x + f(x)$, or, with a norm on
# the branch, $x \leftarrow x + f(\mathrm{norm}(x))$, as in FlashLM. Each $f$ here is a random
# linear layer that keeps the size of its input.
#
# *Predict first:* after 24 layers, how large is the stream, with and without norms, if it
# starts at 1? If it starts at 0.02, like an embedding?


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


fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
for with_norm, style in ((False, "k--"), (True, "k-")):
    for start, marker in ((1.0, "o"), (0.02, "s")):
        sizes = stream(start, with_norm)
        name = f"{'norm' if with_norm else 'no norm'}, starts at {start}"
        axes.semilogy(sizes, style, marker=marker, ms=3, label=name)
        print(f"{name}: ends at {sizes[-1]:.3g}")
axes.set(xlabel="layers", ylabel="standard deviation")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Without norms every layer multiplies: by about $\sqrt{2}$, as two independent parts of equal
# size are added, so about $2^{12}$ after 24. With norms every layer adds the same amount,
# whatever the stream's size, and $n$ independent amounts add up like $\sqrt{n}$. The norm turns
# explosion into growth.
#
# The price: each layer changes a long stream less than a short one, and the beginning counts
# for little. A stream that starts at 0.02 is, after one layer, to 99.96 % of its energy that
# layer's branch. In FlashLM v3 that goes to an extreme:
# [notebook 03](03_weights_in_three_values.ipynb) measures it layer by layer.
#
# ## 9. Fused: the same, in fewer bytes
#
# `sigmoid_gate` and `relu_squared_gate` could be composed of operations that exist:
# `F.sigmoid(g) * v`. Why have them at all?
#
# *Predict first:* how many arrays of the size of $g$ does each form keep for its backward pass?

# %%
g, v, arriving = (rng.standard_normal((64, 256)).astype(np.float32) for _ in range(3))
activations = {"σ": F.sigmoid, "ReLU²": F.relu_squared}
for name, activation in activations.items():
    pairs = [(Tensor(g, requires_grad=True), Tensor(v, requires_grad=True)) for _ in range(2)]
    fused = gates[name](*pairs[0])
    composed = activation(pairs[1][0]) * pairs[1][1]
    product = composed.node
    kept = [*product.saved, *product.parents[0].saved]  # the product's, and the activation's
    once = list({id(array): array for array in kept}.values())
    listed, held = saved_bytes(kept) / g.nbytes, saved_bytes(once) / g.nbytes
    print(f"{name:5} fused keeps {saved_bytes(fused.node.saved) / g.nbytes:g} arrays;", end=" ")
    print(f"composed lists {listed:g}, of which {held:g} are different")
    fused.backward(arriving)
    composed.backward(arriving)
    gap = max(np.abs(a.grad - b.grad).max() for a, b in zip(*pairs, strict=True))
    same = np.array_equal(fused.data, composed.data)
    print(f"      outputs equal: {same}, gradients within {gap:.0e}")

# %% [markdown]
# ReLU² composed keeps three: $\max(g,0)$, its square, and $v$. The fused form squares again
# when it is asked. For $\sigma$ the composed form *lists* three, but two are one and the same
# array, kept by two operations, and what the fused form wins is time: fewer passes over memory.
# Counting what each operation keeps is not the same as counting what is kept.
#
# The results are equal but for float32's rounding. A fused operation that is not tested against
# its composition is a second opinion that nobody asked for: the tests of this project hold
# every one of them to it.
#
# ## Exercises
#
# 1. *Think.* Let $g$ and $v$ both be $Wx$, with the same $W$. What is $\mathrm{ReLU}^2$-gated
#    $y$ as a function of $x$? Why do gated layers have two matrices?
# 2. *Think.* Add a constant to every element of $x$. Does RMSNorm forget that? What would a
#    norm have to do, so that its gradient is also orthogonal to $(1, 1, \ldots, 1)$?
# 3. *Change.* In part 6, add weight decay: `x.data = 0.99 * x.data - ...`. Plot the length of
#    $x$ and the loss for a rate of 1,000 and 1,000 steps. Where do the jumps come from?
# 4. *Change.* In part 4, give `F.linear` a bias of −3 for every unit, and count again. Then put
#    `x - x.mean(axis=-1, keepdims=True)` in front of the norm, with a mean of 10 deviations.
# 5. *Change.* In part 7, set the target's size to 3. Where does the length of $x$ go now, with
#    each of the two gradients, and what does that do to the pace of learning?
# 6. *Workbook.* `python3 run.py course check DIR sigmoid_gate` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR sigmoid_gate`), where DIR is your workbook.
#    Then `rms_norm`, whose hint knows the forgetful answer.
#
# Next, [notebook 06](06_fifty_thousand_choices.ipynb) comes to the end of the model: one choice
# among 50,257 tokens, and the loss that judges it.
