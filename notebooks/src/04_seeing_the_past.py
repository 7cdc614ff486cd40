# %% [markdown]
# # 04 · Seeing the past
#
# **The question.** FlashLM has no attention. A position gets information about other positions
# only through causal dilated convolutions: weighted sums over some of the earlier positions.
# Which positions influence an output, which do not, and how would we notice an influence of the
# future?
#
# **On the student's path.** This notebook explains
# [causal_conv.py](../minigrad/ops/causal_conv.py). Put each prediction in place of `...`, and
# run that cell before the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import V3
from flashlm_np.course.predictions import Predictions
from flashlm_np.model.flashlm import FlashLM
from minigrad import Module, Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import gradcheck
from minigrad.layers import CausalConv1d, Embedding, Linear
from minigrad.optim import AdamW

rng = np.random.default_rng(0)
mine = Predictions("04")

# %% [markdown]
# ## 1. By hand
#
# A convolution with $K$ taps gives each position a weighted sum of itself and of $K-1$ earlier
# positions, at distances that are multiples of $d$:
#
# $$ y_t = \sum_{k=0}^{K-1} w_k\, x_{t - (K-1-k)\,d} , \quad x_t = 0 \;\mathrm{for}\; t < 0 . $$
#
# The number $d$ is the *dilation*. The last tap reads the present position, the first tap the
# oldest one. Positions before the text count as zeros. With the taps 100, 10 and 1, the digits
# of a result show its inputs.
#
# *Predict first:* let $x = 1, 2, \ldots, 7$. Compute $y$ with dilation 1 and with dilation 2.

# %%
mine.predict("last y with dilation 1", ...)
mine.predict("last y with dilation 2", ...)

# %%
numbers = np.arange(1.0, 8)[None, :, None]  # (B, T, D) = (1, 7, 1)
x = Tensor(numbers, requires_grad=True)
taps = np.array([[[100.0, 10, 1]]])  # (O, C, K): outputs, channels, taps
y = {d: F.causal_conv(x, taps, dilation=d).data.ravel() for d in (1, 2)}
for dilation, results in y.items():
    print(f"dilation {dilation}:", results)
mine.reveal("last y with dilation 1", y[1][-1])
mine.reveal("last y with dilation 2", y[2][-1])

# %% [markdown]
# 567 means: the present input is 7, the input before it 6, the one before that 5. With dilation
# 2 the last result is 357: the convolution reads every second position. (`dilation=1` leaves no
# gap.)
#
# ## 2. A picture of the receptive field
#
# The cell below feeds $T$ texts at once. Each consists of zeros with a single 1, and each has
# the 1 at another position. An output that is not 0 depends on that position: we say that it
# *sees* the position.

# %%
T = 24
one_each = np.eye(T)[:, :, None]  # text s has its 1 at position s: (T, T, 1)


def seen(*dilations, K=4):
    """Row t, column s: whether output t of convolutions, one after the other, sees input s."""
    y = Tensor(one_each)
    for dilation in dilations:
        y = F.causal_conv(y, np.ones((1, 1, K)), dilation=dilation)
    return y.data[:, :, 0].T > 0


leaking = np.roll(seen(1), -1, axis=0)  # one of the three zeros is behind the text
leaking[-1] = np.arange(T) > T - 4
pictures = {
    "dilation 1": seen(1),
    "dilation 4": seen(4),
    "1, then 4": seen(1, 4),
    "a leak": leaking,
}
fig, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="Greys", vmin=0, vmax=1.8)
    t, s = np.nonzero(np.triu(picture, 1))
    axis.plot(s, t, "x", color="#c44e52", ms=5, mew=1.5)
    axis.set(title=title, xlabel="input position", xticks=[0, 12, 23], yticks=[0, 12, 23])
axes[0].set_ylabel("output position")
plt.show()

# %% [markdown]
# A convolution is causal if nothing lies above the diagonal (×). Two layers with dilations 1
# and 4 leave no gap, and see 16 positions with 8 taps. The fourth picture shows padding on
# *both* sides ("same" padding, a usual mistake), with only one of the three zeros behind the
# text. Each position sees the next token, which is the token that it must predict.
#
# The same test works for any model: **change the future, and compare the outputs of the past.**
# They must not change.
#
# *Predict first:* the cell below changes the token at position 50 of 100. At which position do
# the logits (the scores for the next token) first differ? Is the difference before that
# position small, or exactly 0?

# %%
mine.predict("first position whose logits change", ...)

# %%
small = replace(V3, vocab_size=512, d_model=32, ternary_scale="mean", ternary_threshold=0.5)
model = FlashLM(small, np.random.default_rng(0))
ids = rng.integers(0, 512, (1, 100))
changed = ids.copy()
changed[0, 50] = (ids[0, 50] + 1) % 512
with no_grad():
    difference = np.abs(model(ids).data - model(changed).data)[0].max(axis=1)
first = np.flatnonzero(difference)[0]
print("first at", first, "; before it, at most", difference[:50].max())
mine.reveal("first position whose logits change", first)

# %% [markdown]
# ## 3. Groups
#
# A full convolution connects every channel with every other. It has $K D^2$ weights: 262,144
# for v3's $D = 256$. With $G$ groups, an output sees only the $D/G$ channels of its own group,
# and the convolution has $K D^2/G$ weights.
#
# *Predict first:* v3 has $G = 16$. How many weights does one convolution have? Can channel 0
# ever get information from channel 255?

# %%
mine.predict("weights of one convolution of v3", ...)

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 3.2), layout="constrained")
for axis, groups in zip(axes, (1, 4, 16), strict=True):
    x16 = np.eye(16)[:, None, :]  # text c has a 1 in channel c of its only position
    y = F.causal_conv(x16, np.ones((16, 16 // groups, 1)), groups=groups).data[:, 0].T
    axis.imshow(y > 0, cmap="Greys", vmin=0, vmax=1.8)
    axis.set(title=f"G = {groups}", xlabel="input channel", xticks=[0, 15], yticks=[0, 15])
axes[0].set_ylabel("output channel")
plt.show()
conv = FlashLM(replace(V3, vocab_size=2), rng).block.token_mixer.layers[0].conv_gate.conv
print("v3's kernel (O, C, K):", conv.weight.shape, "=", f"{conv.weight.size:,} weights")
mine.reveal("weights of one convolution of v3", conv.weight.size)

# %% [markdown]
# Inside the convolutions it cannot, but right after them it can. The projection `out_proj` and
# the gated layer connect every channel with every other, at one position. So convolutions mix
# positions, and matrices mix channels.
#
# ## 4. The receptive field: computed and measured
#
# The lag of an input is its distance back from the output, in positions. Lags add up through
# layers. A block with dilations 1, 4, 64 and four taps sees back $(K-1)(1 + 4 + 64) = 207$
# positions, and 208 with the present one. Applied twice, it sees $1 + 2 \cdot 207 = 415$. This
# is the receptive field, from the present to the *farthest* position.
#
# The gradient measures which of them an output really sees. Every position gets a token of its
# own. Then the gradient of row $i$ of the embedding is the gradient for the position of token
# $i$.
#
# *Predict first:* how many of those 415 positions does the last prediction really see?

# %%
mine.predict("positions of 415 that are seen", ...)


# %%
def influence(dilations, recursions, T=512):
    """|gradient| of the last position's output, for each lag 0, 1, 2, ...: shape (T,)."""
    config = replace(small, dilations=dilations, recursions=recursions, vocab_size=T)
    model = FlashLM(config, np.random.default_rng(0))
    ids = np.random.default_rng(1).permutation(T)[None]
    model.hidden(ids)[:, -1].sum().backward()
    return config, np.abs(model.embedding.weight.grad[ids[0]]).sum(axis=1)[::-1]


lags_seen = {}
for dilations in ((1, 4, 64), (1, 4, 16)):
    for recursions in (1, 2):
        config, gradient = influence(dilations, recursions)
        lags_seen[dilations, recursions] = np.count_nonzero(gradient)
        print(
            f"dilations {dilations}, {recursions} times: computed {config.receptive_field}",
            end="; ",
        )
        print(
            f"farthest lag {np.flatnonzero(gradient).max()}, seen {np.count_nonzero(gradient)}"
        )
mine.reveal("positions of 415 that are seen", lags_seen[(1, 4, 64), 2])

# %%
fig, axes = plt.subplots(2, 1, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for axis, dilations in zip(axes, ((1, 4, 64), (1, 4, 16)), strict=True):
    _, gradient = influence(dilations, 2)
    lags = np.flatnonzero(gradient)
    axis.plot(lags, gradient[lags], "k.", ms=3)
    gaps = np.setdiff1d(np.arange(lags.max()), lags)
    axis.vlines(gaps, 1e-2, 1e4, color="#eeaaaa", lw=1.5, zorder=0)
    axis.set(yscale="log", ylabel="|gradient|", ylim=(1e-2, 1e4))
    axis.set_title(
        f"dilations {dilations}: {len(lags)} lags seen, {len(gaps)} missed (shaded)",
        fontsize=10,
    )
axes[1].set(xlabel="lag, positions back", xlim=(-5, 430))
plt.show()

# %% [markdown]
# With v3's dilations the receptive field has **holes**. Together, the layers with dilations 1
# and 4 see the lags 0 to 15; applied twice, 0 to 30. The third layer adds 0, 64, 128 or 192
# positions to a lag. So the model sees only the lags 0 to 30 after each multiple of 64. It
# cannot see a token 40 positions ago, and training cannot change this. With dilations 1, 4, 16
# each layer continues where the last one ended ($4^i$ with four taps, like the digits in base
# 4). This gives 127 positions without a hole and needs as many weights. The preset
# `small_v3` has these dilations for this reason.
#
# The height of the dots matters, too. A position that is *seen* may have a small influence. The
# farthest lag is reached along one path only, through the oldest tap of every layer. Near lags
# are reached along many paths.
#
# ## 5. Taps that see only padding
#
# v3's first 999 steps train on sequences of 64 tokens.
#
# *Predict first:* the layer with dilation 64 has four taps. How many of them ever read anything
# but zeros?

# %%
mine.predict("taps of four that read more than zeros", ...)

# %%
print("fraction of the inputs of the taps that lies before the text, mean over positions")
print("  sequence" + "".join(f"{f'dilation {d}':>14}" for d in V3.dilations))
for T in (64, 128, 256, 512):
    # A tap of lag l reads padding at the first l positions.
    lags = [np.arange(V3.taps) * d for d in V3.dilations]
    fractions = [np.minimum(lag, T).mean() / T for lag in lags]
    print(f"{T:10}" + "".join(f"{fraction:14.1%}" for fraction in fractions))
mine.reveal("taps of four that read more than zeros", np.sum(lags[-1] < 64))

# %% [markdown]
# Only one tap does: the tap of the present position. In a sequence of 64 tokens, three of four
# taps read only zeros. The layer is then no convolution but a matrix for each position by
# itself. A tap that reads only zeros gets a gradient of exactly 0, since $dw_k = \sum_t dy_t\,
# x_{t - \mathrm{lag}}$:

# %%
for T in (64, 128, 256):
    ids = rng.integers(0, 512, (2, T + 1))
    model.zero_grad()
    model.loss(ids[:, :-1], ids[:, 1:]).backward()
    grad = model.block.token_mixer.layers[2].conv_value.conv.weight.grad  # (D, D/G, K)
    norms = np.sqrt((grad**2).sum(axis=(0, 1)))
    print(f"sequence {T}: |dw| per tap, oldest first:", np.array2string(norms, precision=5))

# %% [markdown]
# A gradient of 0 is not always a bug: look at the *inputs* of the layer to decide. In sequences
# of 128 tokens, two of the three past taps still read only zeros. The oldest tap reads 192
# positions back, so all taps learn only in sequences longer than that.
#
# ## 6. The gradient flows backwards in time
#
# $x_t$ is used $K$ times, by the positions $t$, $t+d$, $t+2d$, ... So its gradient is a *sum*
# over these uses. (This is the `+=` of [notebook 01](01_a_derivative_is_a_promise.ipynb),
# inside a single operation.)
#
# $$ dx_t = \sum_{k} w_k\, dy_{t + (K-1-k)\,d} . $$
#
# *Predict first:* the taps are 100, 10, 1 again, the dilation is 1, and $dy = 1, 2, \ldots, 7$.
# Compute $dx$.

# %%
mine.predict("first element of dx", ...)
mine.predict("last element of dx", ...)

# %%
y = F.causal_conv(x, taps)
y.backward(numbers)
dx = x.grad.ravel()
print("dx =", dx)
mine.reveal("first element of dx", dx[0])
mine.reveal("last element of dx", dx[-1])

# %% [markdown]
# 321 means: 1 comes from its own position, 2 from the next one, 3 from the one after that. So
# the backward is a convolution with the same taps, which looks *ahead*. To compute it with a
# causal convolution, reverse the order of the positions, convolve, and reverse the order again.
# With many channels, inputs and outputs change places as well:

# %%
x3, w3, dy3 = (rng.standard_normal(shape) for shape in ((2, 20, 3), (5, 3, 4), (2, 20, 5)))
leaf = Tensor(x3, requires_grad=True)
F.causal_conv(leaf, w3, dilation=4).backward(dy3)
from_reversed = F.causal_conv(dy3[:, ::-1], w3.transpose(1, 0, 2), dilation=4).data[:, ::-1]
print("largest difference:", np.abs(leaf.grad - from_reversed).max())
print(gradcheck("causal_conv", x3, w3, dilation=4))

# %%
impulse = np.zeros((1, 25, 1))
impulse[0, 12] = 1
leaf, kernel = Tensor(impulse, requires_grad=True), np.array([[[0.25, 0.5, 0.75, 1.0]]])
y = F.causal_conv(leaf, kernel, dilation=4)
y.backward(impulse)
fig, axis = plt.subplots(figsize=(8, 2.6), layout="constrained")
for values, style, label in (
    (y.data.ravel(), "ko", "y, when x is 1 at position 12"),
    (-leaf.grad.ravel(), "C3s", "dx, when dy is 1 at position 12 (downwards)"),
):
    places = np.flatnonzero(values)
    axis.vlines(places, 0, values[places], color=style[:-1], lw=1)
    axis.plot(places, values[places], style, label=label)
axis.axhline(0, color="grey", lw=0.8)
axis.set(xlabel="position", ylabel="size", xticks=range(0, 25, 4), ylim=(-1.2, 1.2))
axis.set_title("y reaches later positions, dx reaches earlier positions")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Values flow to later positions, and gradients flow to earlier ones. If the gradient of the
# loss at one position reaches a *later* position, the model uses the future. This is the
# quickest test for a leak.
#
# ## 7. An experiment that surprises: the leak
#
# The tokens below are random: 16 kinds, all equally likely, without any pattern. No model can
# have a loss below $\ln 16 = 2.773$ nats per token. The model consists of an embedding, a
# convolution, ReLU and a linear head. A bug lets a few of the 32 channels see one position
# ahead.
#
# *Predict first:* a single channel of 32 leaks. Estimate the training loss after 250 steps, and
# the loss on *new* tokens.

# %%
mine.predict("training loss with one leaking channel", ...)
mine.predict("loss on new tokens with one leaking channel", ...)


# %%
class Leaky(Module):
    """A next-token model; the first `leak` channels of its convolution see one token ahead."""

    def __init__(self, V, D, leak, rng):
        self.embedding, self.head = Embedding(V, D, rng=rng), Linear(D, V, rng=rng)
        self.conv, self.leak = CausalConv1d(D, D, 2, rng=rng), leak

    def forward(self, ids):
        y = self.conv(self.embedding(ids))  # (B, T, D)
        if self.leak:
            zeros = Tensor(np.zeros((len(ids), 1, self.leak), np.float32))
            early = F.concatenate(y[:, 1:, : self.leak], zeros, axis=1)
            y = F.concatenate(early, y[:, :, self.leak :], axis=2)
        return self.head(F.relu(y))


# %%
V, steps = 16, 250


def loss_of(model, texts):
    logits = model(texts[:, :-1])
    return F.cross_entropy(logits.reshape(-1, V), texts[:, 1:].reshape(-1))


@threadpool_limits.wrap(limits=1)  # products so small gain nothing from a second core
def train(leak):
    rng = np.random.default_rng(0)
    model, losses = Leaky(V, 32, leak, rng), []
    optimizer = AdamW(model.named_parameters(), lr=0.01)
    for _ in range(steps):
        loss = loss_of(model, rng.integers(0, V, (16, 33)))
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


runs = {leak: train(leak) for leak in (0, 1, 2, 8)}
new_texts = np.random.default_rng(99).integers(0, V, (128, 33))
with no_grad():
    held_out = {leak: loss_of(model, new_texts).item() for leak, (model, _) in runs.items()}

# %%
fig, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for (leak, (_, losses)), style in zip(runs.items(), ("-", "--", "-.", ":"), strict=True):
    axis.plot(losses, "k", ls=style, lw=1, label=f"leaking channels: {leak}")
    axis.plot(steps + 4, held_out[leak], "o", color="#c44e52")
axis.plot([], [], "o", color="#c44e52", label="on new tokens")
axis.axhline(np.log(V), color="#3b6ea5", lw=3, alpha=0.4, label="best possible loss, ln 16")
axis.set(xlabel="step", ylabel="loss, nats per token", ylim=(0, 3.2))
axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
mine.reveal("training loss with one leaking channel", np.mean(runs[1][1][-20:]))
mine.reveal("loss on new tokens with one leaking channel", held_out[1])

# %% [markdown]
# One channel is enough to get far below the best possible loss. A single number can separate
# many of 16 tokens, if training chooses the numbers well. With eight channels the loss is 0.09,
# and that is $\ln 16 / 32$: only the last of the 32 positions of a text has no next token to
# look at. And held-out data does **not** reveal the leak, because the model sees the next token
# in held-out texts, too. The loss curve looks perfect. Three tests reveal the leak:

# %%
for leak, (trained, _) in runs.items():
    changed = new_texts.copy()
    changed[:, 20] = (new_texts[:, 20] + 1) % V
    with no_grad():
        a, b = trained(new_texts[:, :-1]).data, trained(changed[:, :-1]).data
        end = F.cross_entropy(Tensor(a[:, -1]), new_texts[:, -1]).item()
    first = np.flatnonzero(np.abs(a - b).max(axis=(0, 2)))[0]
    print(f"leaking channels {leak}: new tokens {held_out[leak]:.2f}", end="; ")
    print(f"token 20 changed, outputs change from {first}; last position {end:.2f}")

# %% [markdown]
# The first test changes the future. The second test scores the *last* position, whose next
# token is not in the input, as in generation. The third test compares with the best possible
# loss, here $\ln 16$. (The best possible loss of this project's [stories](../docs/stories.md)
# is known, too.) **A loss below the best possible is always a sign of a bug.** The test suite
# makes the first test for each convolution and for a whole model.
#
# ## Exercises
#
# 1. *Think.* Which lags does a block with dilations (1, 4, 16, 64) see? How many weights does
#    it need? And (1, 3, 9) with four taps?
# 2. *Think.* A model that generates text reads one token at a time. Which rows must a
#    convolution store for this? (Then read
#    [streaming.py](../flashlm_np/inference/streaming.py), or notebook 10.)
# 3. *Change.* In part 4, measure `influence` with `recursions=4` for v3's dilations. Are there
#    still holes? Find the smallest number of recursions without any, first by hand.
# 4. *Think.* v3 trains the kernels with AdamW and weight decay 0.1: each step multiplies a
#    weight by $1 - 0.1\,\mathrm{lr}$. In part 5 some taps get no gradient in the first 999
#    steps. By which factor do they shrink in these steps? (The rate rises over 200 steps to $3
#    \cdot 10^{-4}$.)
# 5. *Change.* Make a leak that the test of part 2 can miss, such as one that acts only where
#    the next token is 3. How many tokens must be changed to find it almost surely? Does the
#    gradient find it?
# 6. *Workbook.* Run `python3 run.py course check DIR causal_conv` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR causal_conv`), where DIR is your workbook.
#    Its hints distinguish a leak of the future from taps in the wrong order.
#
# Next, [notebook 05](05_gates_and_norms.ipynb) measures the effect of the gates and norms
# between the convolutions, on the signal and on its gradient.

# %%
mine.show()
