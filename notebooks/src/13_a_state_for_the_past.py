# %% [markdown]
# # 13 · A state for the past
#
# **The question.** The MatMul-free language model has no attention and no convolution. It reads
# a text token by token, and keeps the same few numbers however long the text is. How does a
# gradient get back through a thousand steps? How long does such a state remember? And how do
# its matrices manage with integers of 8 bits?
#
# **Beside the student's path.** This notebook explains [mlgru.py](../minigrad/ops/mlgru.py) and
# [bit_linear.py](../minigrad/ops/bit_linear.py). [matmul_free.md](../docs/matmul_free.md)
# describes the whole model. Put each prediction in place of `...`, and run that cell before the
# cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.course.predictions import Predictions
from minigrad import TABLE, Tensor
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.ops.bit_linear import absmax, absmean

rng = np.random.default_rng(0)
mine = Predictions("13")

# %% [markdown]
# ## 1. By hand
#
# A channel of the recurrence has one number $h$, its *state*. At each position it keeps the
# part $f_t$ of the state, and takes the part $1 - f_t$ of a new number, the *candidate* $c_t$:
#
# $$ h_t = f_t\, h_{t-1} + (1 - f_t)\, c_t , \qquad 0 < f_t < 1 . $$
#
# *Predict first:* let $f = 1/2$ at all positions, $h_0 = 0$, and $c = 8, 0, 0, 4$. Compute $h$.

# %%
mine.predict("h at the last of four positions", ...)


# %%
def scan(f, c, h0=0.0):
    """The states of one channel (T,), from the first position to the last."""
    h, last = np.empty_like(c), h0
    for t in range(len(c)):
        last = h[t] = f[t] * last + (1 - f[t]) * c[t]
    return h


half = np.full(4, 0.5)
h = scan(half, np.array([8.0, 0, 0, 4]))
print("h =", h)
mine.reveal("h at the last of four positions", h[-1])

# %% [markdown]
# The 8 enters as 4, and is halved by each later position. In the model, $f_t = \sigma(z_t)$,
# and $c_t = a_t\, \sigma(a_t)$ is the SiLU of $a_t$. Both $z$ and $a$ come from the token by a
# matrix. So each token decides how much of the past stays.

# %%
a, z = rng.standard_normal((2, 6))
by_hand = scan(1 / (1 + np.exp(-z)), a / (1 + np.exp(-a)))
print("by hand  ", by_hand.round(4))
print("F.mlgru  ", F.mlgru(a[None, :, None], z[None, :, None]).data.ravel().round(4))

# %% [markdown]
# ## 2. Which inputs are in the state?
#
# Put $h_{t-1}$ into the formula of $h_t$, and so on. Then candidate $u$ has in $h_t$ the weight
#
# $$ M_{tu} = f_t\, f_{t-1} \cdots f_{u+1}\, (1 - f_u) , \quad u \le t . $$
#
# *Predict first:* the next figure shows $M$ for $f = 0.5$, for $f = 0.9$, and for $f = 0.9$
# with one position, 12, at which $f = 0$. How does that one position change the picture? And
# what is the sum of a row of $M$, if we add the weight of $h_0$?

# %%
mine.predict("sum of a row of M, with the weight of h_0", ...)

# %%
T = 24


def weights(f):
    """M (T, T): the weight of candidate u in the state t."""
    return np.stack([scan(f, one) for one in np.eye(len(f))], axis=1)


reset = np.full(T, 0.9)
reset[12] = 0
gates = {"f = 0.5": np.full(T, 0.5), "f = 0.9": np.full(T, 0.9), "f = 0.9, and 0 at 12": reset}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, (title, f) in zip(axes, gates.items(), strict=True):
    axis.imshow(weights(f) ** 0.5, cmap="Greys", vmin=0, vmax=1)  # the root shows small ones
    axis.set(title=title, xlabel="candidate u", xticks=[0, 12, 23], yticks=[0, 12, 23])
    of_h0 = scan(f, np.zeros(T), h0=1.0)
    print(f"{title:20} smallest and largest sum of a row:", end=" ")
    sums = weights(f).sum(axis=1) + of_h0
    print(f"{sums.min():.12f} {sums.max():.12f}")
axes[0].set_ylabel("state t")
plt.show()
mine.reveal("sum of a row of M, with the weight of h_0", round(sums.max(), 12))

# %% [markdown]
# The sum is 1 in every row: the state is a weighted mean of the candidates and $h_0$. So it can
# never grow beyond the largest candidate, in a text of any length. A position with $f = 0$ is a
# wall. Nothing from before it gets through. It takes its own candidate with the weight 1.
#
# ## 3. The gradient: a scan from the last position to the first
#
# The state $h_t$ is used twice: in $y_t$, and in $h_{t+1}$, with the factor $f_{t+1}$. So
#
# $$ \lambda_t = \frac{\partial L}{\partial h_t} = dy_t + f_{t+1}\, \lambda_{t+1} , \qquad
#    dc_t = (1 - f_t)\, \lambda_t , \qquad df_t = (h_{t-1} - c_t)\, \lambda_t . $$
#
# To get $\lambda_t$ we need $\lambda_{t+1}$. The loop runs backwards. It begins with $\lambda_T
# = dy_T$, because nothing follows the last state.
#
# *Predict first:* $f = 1/2$ again, and the loss is $L = 8 h_4$. So $dy = 0, 0, 0, 8$. Compute
# $\lambda$ and $dc$.

# %%
mine.predict("λ at the first position", ...)
mine.predict("dc at the first position", ...)


# %%
def scan_back(f, c, h, dy, h0=0.0):
    """λ, df, dc (T,) and dh0, from the last position to the first."""
    lam, later = np.empty_like(dy), 0.0
    for t in reversed(range(len(dy))):
        lam[t] = dy[t] + later  # += is the point: h_t was used twice
        later = f[t] * lam[t]
    before = np.append(h0, h[:-1])  # h_{t-1}
    return lam, lam * (before - c), lam * (1 - f), later


c = np.array([8.0, 0, 0, 4])
lam, df, dc, dh0 = scan_back(half, c, scan(half, c), np.array([0.0, 0, 0, 8]))
print("λ =", lam, " dc =", dc, " dh0 =", dh0)
mine.reveal("λ at the first position", lam[0])
mine.reveal("dc at the first position", dc[0])

# %% [markdown]
# The gradient decays on its way back by the same factors by which the past decayed on its way
# forward. Now the whole operation, with $\sigma$ and SiLU, against the engine:

# %%
f, s_a = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-a))
dy = rng.standard_normal(6)
lam, df, dc, dh0 = scan_back(f, a * s_a, by_hand, dy)
da, dz = dc * s_a * (1 + a * (1 - s_a)), df * f * (1 - f)
leaves = [Tensor(x[None, :, None], requires_grad=True) for x in (a, z)]
F.mlgru(*leaves).backward(dy[None, :, None])
for name, own, leaf in zip(("da", "dz"), (da, dz), leaves, strict=True):
    print(name, "differs by at most", np.abs(own - leaf.grad.ravel()).max())

# %% [markdown]
# The checker compares all four gradients with finite differences. Then we plant a bug: the `+=`
# is forgotten, so $\lambda_t = dy_t$.
#
# *Predict first:* how many positions must a text have so that the checker finds it: 1, 2 or 5?

# %%
mine.predict("positions at which the bug is found", ..., choices=(1, 2, 5))

# %%
mlgru = TABLE["mlgru"]


def forgetful(dy, saved):
    """Every position alone: the backward pass of T texts with one position each."""
    a, s, h, b, h0 = saved
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    parts = [
        mlgru.backward(
            dy[:, t : t + 1], (*(x[:, t : t + 1] for x in (a, s, h)), b, before[:, t])
        )
        for t in range(a.shape[1])
    ]
    da, dz = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    return da, dz, sum(part[2] for part in parts), parts[0][3]


found_at = []
for T in (1, 2, 5):
    arrays = [rng.standard_normal(size) for size in ((2, T, 3), (2, T, 3))]
    arrays += [rng.uniform(0, 1, 3), rng.standard_normal((2, 3))]  # b and h_0
    print(f"T = {T}: right:", str(gradcheck("mlgru", *arrays)).splitlines()[0])
    try:
        gradcheck(replace(mlgru, backward=forgetful), *arrays)
        print("   the bug was not found")
    except GradientError as error:
        print("   found:", str(error).splitlines()[0][:84])
        found_at.append(T)
mine.reveal("positions at which the bug is found", min(found_at))

# %% [markdown]
# With one position there is no later state, and the bug has no effect. A test of something
# that acts over time needs at least two positions.
#
# ## 4. How long does it remember?
#
# With a constant $f$, a candidate has half of its weight after $\ln 2 / {-\ln f}$ positions.
#
# *Predict first:* how large is the gradient that comes back over 1,000 positions, with $f =
# 0.9$, $0.99$ and $0.999$? What does float32 make of the first?

# %%
mine.predict("gradient over 1,000 positions with f = 0.99", ...)
mine.predict("gradient over 1,000 positions with f = 0.999", ...)
mine.predict("float32 with f = 0.9", ..., choices=("exactly 0", "not 0"))

# %%
in_float32 = {}
print("    f   half-life   over 1,000 positions   in float32")
for f in (0.9, 0.99, 0.999, 1.01):
    lam = np.float32(1)
    for _ in range(1000):
        lam = lam * np.float32(f)
    in_float32[f] = lam
    print(f"{f:6} {abs(np.log(2) / np.log(f)):10.1f} {f**1000:21.1e} {lam:14.1e}")
mine.reveal("gradient over 1,000 positions with f = 0.99", 0.99**1000)
mine.reveal("gradient over 1,000 positions with f = 0.999", 0.999**1000)
mine.reveal("float32 with f = 0.9", "exactly 0" if in_float32[0.9] == 0 else "not 0")

# %% [markdown]
# The smallest number above 0 in float32 is $1.4 \cdot 10^{-45}$. With $f = 0.9$ the product
# stops at four times that number, because $0.9 \cdot 4$ is rounded to 4 again. Such a gradient
# teaches nothing: it *vanishes*. With an $f$ of more than 1 it would explode; $\sigma$ forbids
# that.
#
# A memory of 1,000 positions needs an $f$ very near to 1, far out on the flat end of $\sigma$.
# So the authors' code gives $f$ a lower bound $b$: $f = b + (1 - b)\, \sigma(z)$. In the deeper
# blocks $b$ is larger, and these blocks remember longer.

# %%
zs = np.linspace(-4, 8, 200)
fig, axis = plt.subplots(figsize=(6, 3), layout="constrained")
for b, style in ((0, "k-"), (0.9, "k--"), (0.99, "k:")):
    f = b + (1 - b) / (1 + np.exp(-zs))
    axis.semilogy(zs, np.log(2) / -np.log(f), style, label=f"b = {b}")
axis.axvspan(-2, 2, color="0.93", zorder=0)
axis.set(xlabel="z (grey: where most of them are at first)", ylabel="half-life, positions")
axis.legend()
plt.show()

# %% [markdown]
# ## 5. A gate that the token chooses
#
# A constant $f$ forgets at a constant rate. But $f$ depends on the token. Let one channel have
# this rule: at a *marked* token $f = 0$, at all others $f = 1$.
#
# *Predict first:* a text of 10,000 random candidates has one mark, at position 100. What is the
# state at the end? At how many positions is $dc$ not 0, if the loss is the last state?

# %%
mine.predict("positions at which dc is not 0", ...)

# %%
T, mark = 10_000, 100
f, c = np.ones(T), rng.standard_normal(T)
f[mark] = 0
h = scan(f, c)
lam, df, dc, dh0 = scan_back(f, c, h, np.eye(T)[-1])
print(f"the candidate at the mark {c[mark]:.4f}, the last state {h[-1]:.4f}")
print("dc is not 0 at", np.flatnonzero(dc), "where it is", dc[mark], "; dh0 =", dh0)
mine.reveal("positions at which dc is not 0", np.count_nonzero(dc))

# %% [markdown]
# One number has kept one value over 9,900 positions, exactly, and the gradient came back to the
# right position undiminished. A model must *learn* such a gate. [Notebook
# 14](14_three_ways_to_see.ipynb) trains one.
#
# The last state is all that later positions need of the past. So a text can be read in parts.
#
# *Predict first:* are the two results equal up to rounding, or bit for bit?

# %%
results = ("equal up to rounding", "bit for bit")
mine.predict("a text in two parts and the whole", ..., choices=results)

# %%
a, z = rng.standard_normal((2, 1, 1000, 16)).astype(np.float32)
whole = F.mlgru(Tensor(a), z).data
first = F.mlgru(Tensor(a[:, :300]), z[:, :300]).data
second = F.mlgru(Tensor(a[:, 300:]), z[:, 300:], None, first[:, -1]).data
same = np.array_equal(whole, np.concatenate([first, second], axis=1))
print("bit for bit:", same)
print(f"the past of 1,000 positions: {first[:, -1].nbytes} bytes; all candidates: {a.nbytes:,}")
mine.reveal("a text in two parts and the whole", results[int(same)])

# %% [markdown]
# The past of a text has $4 D$ bytes in each block, after 1,000 tokens and after a million. That
# is the strength of a recurrence, and its limit: $D$ numbers cannot hold everything.
#
# ## 6. BitLinear: integers of 8 bits
#
# The matrices of this model are [ternary](03_weights_in_three_values.ipynb). Their *inputs* are
# rounded, too. Each position gets a step $s = \max |a| / 127$, and $k = \mathrm{round}(a/s)$ is
# an integer from −127 to 127. So a product $k\, t^\top$ adds integers, and the two scales $s$
# and $m$ are multiplied once, at the end.
#
# *Predict first:* compute $k$ for the row $a = (0.2, -1, 0.6)$. Then: what happens to the first
# and the third number if a fourth, 50, comes into the row?

# %%
mine.predict("k of 0.2", ...)
mine.predict("k of 0.2 beside 50", ...)

# %%
integers = []
for row in ([0.2, -1.0, 0.6], [0.2, -1.0, 0.6, 50.0]):
    k, s = absmax(np.array(row))
    integers.append(k.astype(int))
    print("k =", integers[-1], f" s = {s[0]:.4f}  s k =", (s * k).round(3))
mine.reveal("k of 0.2", integers[0][0])
mine.reveal("k of 0.2 beside 50", integers[1][0])

# %% [markdown]
# One large number takes the steps of all others. BitLinear therefore has a norm inside; it
# cannot remove an outlier, but the model learns with it.

# %%
normal = rng.standard_normal((1, 4096))
outlier = normal.copy()
outlier[0, 0] = 100
fig, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained", sharey=True)
for axis, row, title in zip(
    axes, (normal, outlier), ("normal", "one number is 100"), strict=True
):
    k, s = absmax(row)
    q, order = (s * k).ravel(), np.argsort(row.ravel())
    axis.plot(row.ravel()[order], q[order], "k-", lw=0.8)
    error = np.sqrt(((q - row.ravel())[1:] ** 2).mean())
    axis.set(xlim=(-2, 2), ylim=(-2.2, 2.2), xlabel="a", title=title)
    print(f"{title:18} {len(np.unique(k)):4} different integers, error {error:.3f}")
axes[0].set_ylabel("s k")
plt.show()

# %% [markdown]
# Integers have another advantage. *Predict first:* a row of 4,096 numbers is multiplied by a
# row of the matrix, in float32, with both rows in 50 different orders. How many different sums
# are there? And with the integers $k$ and $t$?

# %%
mine.predict("different sums of 50 orders in float32", ...)
mine.predict("different sums of 50 orders with integers", ...)

# %%
x, w = rng.standard_normal((2, 4096)).astype(np.float32)
k, t = absmax(x)[0], absmean(w)[0]
orders = [rng.permutation(4096) for _ in range(50)]
different = {}
for name, left, right in (("float32", x, w), ("integers, stored as float32", k, t)):
    different[name] = len({float(np.dot(left[order], right[order])) for order in orders})
    print(f"{name:28} {different[name]:2} different sums of 50 orders")
in_floats, in_integers = different.values()
mine.reveal("different sums of 50 orders in float32", in_floats)
mine.reveal("different sums of 50 orders with integers", in_integers)

# %% [markdown]
# A sum of whole numbers below $2^{24}$ has no rounding in float32, so no order matters. A
# program that writes text may split the sum among cores, or read many tokens at once, and gives
# the same bits.
#
# ## 7. The gradient of a rounding
#
# The derivative of a rounding is 0 almost everywhere. [Notebook
# 03](03_weights_in_three_values.ipynb) has the way out for weights, the straight-through
# estimator. BitLinear uses it twice: for the weights, and for the activations.
#
# *Predict first:* we move one input, $x_3$, by $10^{-6}$ and look at all 40 outputs. How many
# of them change by what the backward pass says?

# %%
mine.predict("outputs that change as the backward pass says, of 40", ...)

# %%
x, w, g = rng.standard_normal((1, 32)), rng.standard_normal((40, 32)), np.ones(32)
bit_linear = TABLE["bit_linear"]
y, saved = bit_linear.forward(x, w, g)
moved = x.copy()
moved[0, 3] += 1e-6
slopes = ((bit_linear.forward(moved, w, g)[0] - y) / 1e-6).ravel()
told = np.array([bit_linear.backward(one[None], saved)[0][0, 3] for one in np.eye(40)])
equal = np.isclose(slopes, told, rtol=0.1)
print(f"equal within 10 %: {equal.sum()}; of these the weight t of x_3 is 0 in", end=" ")
print((saved[3][equal, 3] == 0).sum())
print("of output 0, the true slope and that of the backward:", slopes[0], told[0])
print(gradcheck("bit_linear", x, w, g))
mine.reveal("outputs that change as the backward pass says, of 40", equal.sum())

# %% [markdown]
# The integers $k$ stayed as they were. The true slope knows only that the norm has rescaled the
# whole row a little. The backward pass answers another question: where would the output go if
# nothing had been rounded? That is the gradient of the *surrogate*, and with that the checker
# compares.
#
# It is a useful question. Here a BitLinear learns from the outputs of another one, by the
# straight-through gradient alone:

# %%
inputs, teacher = rng.standard_normal((256, 32)), rng.standard_normal((16, 32))
wanted = bit_linear.forward(inputs, teacher, g)[0]
w, losses = rng.standard_normal((16, 32)), []
for step in range(400):
    y, saved = bit_linear.forward(inputs, w, g)
    losses.append(((y - wanted) ** 2).mean())
    _, dw, _ = bit_linear.backward(2 * (y - wanted) / len(y), saved)
    w -= 0.05 * (1 - step / 400) * dw
same = (absmean(w)[0] == absmean(teacher)[0]).mean()
print(f"loss {losses[0]:.1f} at first, {losses[-1]:.3f} at the end;", end=" ")
print(f"{same:.1%} of the ternary weights are the teacher's")

# %% [markdown]
# ## Exercises
#
# 1. *Think.* All $f$ are 0.99 and all candidates are 1, with $h_0 = 0$. How large is $h_{100}$?
#    Why would a model without the factor $1 - f$ have trouble with long texts?
# 2. *Think.* A channel shall remember *whether* a word has occurred since the start of the
#    text. Choose $f$ and $c$ for that word and for all others.
# 3. *Think.* The backward pass needs all states $h_t$. How many bytes are they for a batch of 4
#    texts, 1,024 positions and $D = 256$? Which of them could be computed again, and from what?
# 4. *Change.* In section 3, let `forgetful` keep $\lambda$ over two positions. Which smallest
#    $T$ finds the bug now?
# 5. *Change.* In section 5, let $f$ be 0.999 where it is 1. How exact is the value after 9,900
#    positions? What would a lower bound $b$ do to the mark, where $f$ must be 0?
# 6. *Change.* In section 6, give `absmax` 15 steps in place of 127, which are 4 bits and a
#    sign. How large is the error in both rows?
# 7. *Workbook.* Run `python3 run.py course check DIR mlgru` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR mlgru`), where DIR is your workbook. Continue
#    with `bit_linear`. Plant the `forgetful` bug in your own answer. What does the grader say?
#
# Next, [notebook 14](14_three_ways_to_see.ipynb) puts the recurrence beside convolutions and
# attention: what does each see, and what does it cost?

# %%
mine.show()
