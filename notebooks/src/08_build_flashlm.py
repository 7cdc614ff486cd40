# %% [markdown]
# # 08 · Build FlashLM v3
#
# **The question.** FlashLM v3 is announced as a ternary language model of 13.6 million
# parameters, with one block that is applied twice. Which parts hold the millions? Which of them
# are ternary? How does "twice" change a gradient?
#
# We build the model from its parts and count its parameters by hand. We measure how far it can
# see and how large its first loss is. Then we go through a whole training step, forward and
# backward.
#
# **On the student's path.** This notebook explains [glu.py](../flashlm_np/model/glu.py),
# [gated_convs.py](../flashlm_np/model/mixers/gated_convs.py),
# [layers.py](../flashlm_np/model/layers.py) and [flashlm.py](../flashlm_np/model/flashlm.py).
# Their weights are parameters of a [module](../minigrad/module.py). Put each prediction in
# place of `...`, and run that cell before the cell below it. You learn most from the wrong
# ones.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import V3
from flashlm_np.course.predictions import Predictions
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads.exact import ExactHead
from flashlm_np.model.layers import RecursiveBlock
from minigrad import Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import gradcheck
from minigrad.layers import Embedding, RMSNorm
from minigrad.look import step_through
from minigrad.ops import RowGradient

threadpool_limits(1)  # one BLAS thread: the other cores stay free
V, D, H = V3.vocab_size, V3.d_model, V3.glu_width
K, G, R = V3.taps, V3.conv_groups, V3.recursions
print(f"V = {V:,} tokens, D = {D} numbers per position, H = {H} inside the gated layer")
print(f"K = {K} taps, G = {G} groups, dilations {V3.dilations}, R = {R} applications")
mine = Predictions("08")

# %% [markdown]
# ## 1. One row for each token
#
# The embedding is a table of $V$ rows with $D$ numbers each. The layer looks up the row of a
# token and computes nothing. *Predict first:* which shape has its output for ids of shape (2,
# 16)?

# %%
shapes = ("(2, 16, 1)", "(2, 16, 256)", "(2, 16, 50257)")
mine.predict("shape of the embedding's output", ..., choices=shapes)

# %%
rng = np.random.default_rng(42)
embedding = Embedding(V, D, rng=rng, std=V3.embedding_std)
ids = np.random.default_rng(0).integers(0, V, (2, 16))
x = embedding(ids)
print("ids", ids.shape, "-> x", x)
mine.reveal("shape of the embedding's output", str(x.shape))

# %% [markdown]
# ## 2. The block: a mixer and a gated layer
#
# The block has two halves. Each has a norm before it and a sum after it:
#
# $$x \leftarrow x + \mathrm{mixer}(\mathrm{norm}_1(x)), \qquad
#   x \leftarrow x + \mathrm{glu}(\mathrm{norm}_2(x)).$$
#
# The mixer is the only part in which positions exchange information. It has three gated
# convolutions over the present and the past, with dilations 1, 4 and 64, and then a ternary
# matrix. *Predict first:* which shape has one convolution kernel ($D$ channels in $G$ groups,
# $K$ taps)?

# %%
shapes = ("(256, 256, 4)", "(256, 16, 4)", "(16, 16, 4)")
mine.predict("shape of a convolution kernel", ..., choices=shapes)

# %%
block = RecursiveBlock(V3, rng)
with no_grad():
    mixed = block.token_mixer(block.norm1(x))
kernel = block.token_mixer.layers[0].conv_value.conv.weight
print("a kernel", kernel.shape)
print("mixer   ", mixed)
mine.reveal("shape of a convolution kernel", str(kernel.shape))

# %% [markdown]
# A kernel is (256, 16, 4): each of 256 outputs sees the 16 channels of its group at 4
# positions, the present and three in the past. The gated layer treats each position separately.
# Two ternary matrices make $H$ numbers each. The first result is squared where it is positive,
# and multiplied by the second. A third matrix maps the product back to $D$ numbers. *Predict
# first:* which shapes have the three matrices? How many times as large as the mixer's numbers
# are those of the output (their standard deviations)?

# %%
mine.predict("size of the gated layer's output, if the mixer's is 1", ...)

# %%
glu = block.glu
with no_grad():
    x1 = x + mixed
    glu_output = glu(block.norm2(x1))
shapes = [w.shape for w in (glu.gate_proj.weight, glu.up_proj.weight, glu.down_proj.weight)]
print("gate, up, down", shapes)
print("gated layer   ", glu_output)
ratio = glu_output.data.std() / mixed.data.std()
mine.reveal("size of the gated layer's output, if the mixer's is 1", ratio)

# %% [markdown]
# Its numbers are more than a thousand times as large. v3's ternary matrices are −1, 0 and +1
# with **no scale**. Each output adds and subtracts a hundred numbers or more, and the square
# and the product make the result larger still. [Notebook 03](03_weights_in_three_values.ipynb)
# explains this. The consequences follow below.
#
# ## 3. The block again, and the head
#
# The block, *the same object*, is applied a second time. A last norm gives every position a
# root mean square of 1. The output matrix is the embedding table itself: the logit of a token
# is the dot product of its row with the model's output at the position.
#
# *Predict first:* which shape have the logits? `FlashLM` draws its weights from a generator
# with the same seed, 42. Are our logits close to the model's, or the same bits?

# %%
mine.predict("our logits and the model's", ..., choices=("close", "the same bits"))

# %%
final_norm = RMSNorm(D, eps=V3.norm_eps)
head = ExactHead()
with no_grad():
    logits = head(final_norm(block(block(x))), embedding.weight)
model = FlashLM(replace(V3, fused=False), np.random.default_rng(42))  # composed, as above
with no_grad():
    same = np.array_equal(logits.data, model(ids).data)
print("logits", logits.shape, "the same bits as FlashLM's:", same)
mine.reveal("our logits and the model's", "the same bits" if same else "close")

# %% [markdown]
# ## 4. Count the parameters by hand
#
# Each part has a formula. Embedding and head are one table and count once. The block counts
# once, however often it is applied. The router is one row and a bias. v3 has it in its
# parameter count, but does not use it.
#
# *Predict first:* evaluate the six lines on paper as far as you can. Which is the largest, and
# how many per cent of the whole is it?

# %%
mine.predict("the largest part, in % of all parameters", ...)


# %%
def count_by_hand(V, D, H, K=K, G=G, dilations=3):
    """FlashLM's parameters by part, one formula each."""
    return {
        "embedding = head": V * D,
        "norms": (1 + dilations + 1 + 1) * D,  # norm1, one per dilation, norm2, final_norm
        "convolutions": dilations * 2 * D * (D // G) * K,  # a gate and a value for each
        "mixer's out_proj": D * D,
        "gate, up, down": 3 * H * D,
        "router (unused)": D + 1,
    }


by_hand = count_by_hand(V, D, H)
for part, n in by_hand.items():
    print(f"{part:18} {n:>12,} {n / sum(by_hand.values()):9.4%}")
own = sum(p.size for p in model.parameters())
print(f"{'by hand':18} {sum(by_hand.values()):>12,}\n{'the model itself':18} {own:>12,}")
assert sum(by_hand.values()) == own == 13_555_969
mine.reveal("the largest part, in % of all parameters", 100 * max(by_hand.values()) / own)

# %% [markdown]
# `print` shows every model as a tree, with the parameters of each part. *Predict first:* which
# part has 0 parameters, although it has a weight?

# %%
print(model)

# %% [markdown]
# The head has none: its weight is the embedding, which is counted already.
#
# ## 5. The ternary part
#
# Only `out_proj` and `gate, up, down` are rounded to three values. *Predict first:* a student
# concludes that a *wider* FlashLM would be a truly ternary model. With v3's vocabulary, at
# which width $D$ is more than half of the weights ternary: 512, 1,024, or more?

# %%
mine.predict("width from which more than half is ternary", ...)

# %%
TERNARY = ("mixer's out_proj", "gate, up, down")


def ternary_fraction(V, D):
    parts = count_by_hand(V, D, int(D * V3.glu_ratio))
    return sum(parts[part] for part in TERNARY) / sum(parts.values())


widths = 16 * 2 ** np.arange(11)  # 16 to 16,384
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
for part, n in by_hand.items():
    ternary = part in TERNARY
    left.barh(part, n, color="#9fc3e0" if ternary else "#e4e4e4", ec="k", hatch="//" * ternary)
    left.annotate(f" {n:,}", (n, part), va="center", fontsize=8)
left.invert_yaxis()
left.set(xscale="log", xlim=(100, 4e8), xlabel="parameters (logarithmic); hatched: ternary")
for size, style in ((V, "o-"), (2000, "s--")):
    percent = [100 * ternary_fraction(size, int(width)) for width in widths]
    right.plot(widths, percent, style, ms=4, color="k", label=f"V = {size:,}")
right.plot(D, 100 * ternary_fraction(V, D), "*", ms=14, color="#c44e52", label="v3")
right.axhline(50, color="#777777", lw=0.8)
right.set(
    xscale="log", xlabel="width D (logarithmic)", ylabel="% of the weights that are ternary"
)
right.legend(fontsize=8)
plt.show()
majority = next(width for width in range(16, 20_000, 16) if ternary_fraction(V, width) > 0.5)
print(f"v3: {ternary_fraction(V, D):.2%} of the weights are ternary")
print(f"with {V:,} tokens, more than half from D = {majority:,} on")
mine.reveal("width from which more than half is ternary", majority)

# %% [markdown]
# The width is far larger than most people guess. The table grows with $V D$, the matrices with
# about $9 D^2$ (one $D \times D$ and three of $2.67 D \times D$), the kernels with $1.5 D^2$.
# More than half means $9 D^2 > V D + 1.5 D^2$, so $D > V / 7.5$. A smaller vocabulary helps
# more than a wider model.
#
# The number of parameters decides the memory. Time depends on another number. The lookup
# multiplies nothing, the head multiplies every number of the table, and the block is used
# twice. *Predict first:* the block has 5 % of the parameters. How many per cent of the
# multiply-adds of one prediction does it have?

# %%
mine.predict("the block's multiply-adds, in %", ...)

# %%
multiplies = {
    "head": by_hand["embedding = head"],
    "convolutions": R * by_hand["convolutions"],
    "ternary (additions are enough)": R * sum(by_hand[part] for part in TERNARY),
}
for part, n in multiplies.items():
    print(f"{part:32} {n:>12,} {n / sum(multiplies.values()):7.1%}")
outside = multiplies["head"] / sum(multiplies.values())
mine.reveal("the block's multiply-adds, in %", 100 * (1 - outside))

# %% [markdown]
# It is a tenth. The other nine tenths belong to the head, whose table costs nothing in the
# lookup.
#
# ## 6. The receptive field
#
# One block sees $(K-1)(1 + 4 + 64) = 207$ tokens back, and two blocks see 414. With the present
# token, 415 are in reach. *Predict first:* how many of these 415 can really change the
# prediction?
#
# A gradient answers this. We give the last position's output a random upstream gradient, and
# look at which inputs the gradient is not 0. (A narrow model in float64 is enough, because the
# reach does not depend on the width.)

# %%
mine.predict("tokens that can change the prediction", ...)

# %%
narrow = FlashLM(replace(V3, vocab_size=50, d_model=32), np.random.default_rng(1), np.float64)
T = 440
ids_narrow = np.random.default_rng(2).integers(0, 50, (1, T))
x = Tensor(narrow.embedding.weight.data[ids_narrow], requires_grad=True)  # (1, T, D), a leaf
y = narrow.final_norm(narrow.block(narrow.block(x)))[0, -1]  # (D,)
y.backward(np.random.default_rng(3).standard_normal(32))
size = np.linalg.norm(x.grad[0], axis=1)[::-1]  # (T,) by distance into the past
print("in reach:", V3.receptive_field, " furthest:", size.nonzero()[0].max() + 1)
print("tokens with a gradient:", np.count_nonzero(size))
figure, axes = plt.subplots(figsize=(9, 2.6), layout="constrained")
seen = size > 0
axes.vlines(np.flatnonzero(seen), size[seen].min() / 10, size[seen], color="#3b6ea5", lw=1)
axes.axvspan(V3.receptive_field, T, color="#dddddd")
axes.text(V3.receptive_field + 2, size.max() / 10, "out of\nreach", fontsize=8)
axes.set(yscale="log", xlim=(-2, T), ylim=(size[seen].min() / 10, None))
axes.set(xlabel="tokens back from the prediction", ylabel="size of the gradient")
plt.show()
mine.reveal("tokens that can change the prediction", np.count_nonzero(size))

# %% [markdown]
# The reach has holes. Dilation 64 is larger than the 15 tokens that dilations 1 and 4 fill
# ($3 \cdot 1 + 3 \cdot 4$). So one block sees the distances 0-15, 64-79, 128-143 and 192-207.
# Two blocks see seven ranges of 31 tokens: 217 in all, about one half. A token that is 40
# places back has no effect. Check this without the gradient: change single tokens, and compare
# the logits.

# %%
with no_grad():
    before = narrow.next_logits(ids_narrow)
    for distance in (3, 40, 128, 414, 415):
        changed = ids_narrow.copy()
        changed[0, T - 1 - distance] = (changed[0, T - 1 - distance] + 1) % 50
        difference = np.abs(narrow.next_logits(changed) - before).max()
        print(f"another token {distance:3} places back: logits change by {difference:.2g}")

# %% [markdown]
# ## 7. The first loss
#
# You must know the expected first loss, or you will not notice a wrong one. A model that knows
# nothing should give each token the probability $1/V$ and have the loss $\ln V$. If its logits
# are random numbers of standard deviation $\sigma$, it is too confident, and its loss is about
# $\ln V + \sigma^2/2$ (if $\sigma$ is small against $\sqrt{2 \ln V}$). After the last norm
# $\sigma$ is $\sqrt{D}$ times the standard deviation of the embedding.
#
# *Predict first:* without a scale the signal grows enormously from layer to layer. With
# `ternary_scale="mean"` it does not. Which first loss does each of the two models have, with
# v3's embedding (0.02)?

# %%
mine.predict("first loss without a scale, in nats", ...)
mine.predict("first loss with a scale, in nats", ...)

# %%
targets = np.random.default_rng(4).integers(0, V, (1, 64))  # independent of the ids
ids = np.random.default_rng(5).integers(0, V, (1, 64))
stds = np.array([0.005, 0.02, 0.05, 0.1, 0.15, 0.2])
scaled = FlashLM(replace(V3, ternary_scale="mean"), np.random.default_rng(42))


def first_losses(model):
    """The loss at the first step, in nats, for embeddings of growing size."""
    table, drawn = model.embedding.weight.data, model.embedding.weight.data.copy()
    losses = []
    with no_grad():
        for std in stds:
            np.multiply(drawn, std / V3.embedding_std, out=table)
            z = model(ids)[0]  # (T, V)
            losses.append(F.cross_entropy(z, targets[0]).item())
    table[...] = drawn
    return losses, z.data  # the logits are those of the largest embedding


(none, z_none), (mean, z_mean) = first_losses(model), first_losses(scaled)
print(f"at {V3.embedding_std}: none {none[1]:.3f}, mean {mean[1]:.3f}; ln V = {np.log(V):.3f}")
mine.reveal("first loss without a scale, in nats", none[1])
mine.reveal("first loss with a scale, in nats", mean[1])

# %%
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.plot(stds, mean, "s--", color="#c44e52", label="scale 'mean': the signal stays small")
axes.plot(stds, none, "o-", color="#3b6ea5", label="scale 'none': v3, the signal grows")
axes.plot(stds, np.log(V) + D * stds**2 / 2, "k:", label="ln V + σ²/2")
axes.axhline(np.log(V), color="#777777", lw=0.8)
axes.text(stds[0], np.log(V) + 0.5, f"ln V = {np.log(V):.3f}", fontsize=8)
axes.set(xscale="log", xlabel="standard deviation of the embedding", ylabel="first loss (nats)")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# With a small table both models begin near $\ln V$. The last norm normalizes the large signal,
# so a first loss **cannot show that it grows**. With a large table the model *with a scale* is
# worse, much worse than the formula. Why? Its signal still contains the embedding of the token
# that was read. The head multiplies it with the same table, and the product of a row with
# itself is large. A tied, untrained model predicts that every token is *repeated*. In v3 the
# block's output is so large that the token's own embedding has almost no part in the signal, so
# v3 does not predict this.

# %%
for name, z in (("none", z_none), ("mean", z_mean)):
    again = z[np.arange(len(z)), ids[0]].mean()
    print(
        f"{name}: standard deviation of the logits {z.std():.1f}, "
        f"logit of the token just read {again:+.1f}"
    )

# %% [markdown]
# v3's author began with GPT-2's embedding, whose numbers are larger (a root mean square of 0.12
# or more, from its printed singular values). The first loss was 13.58, which is worse than
# uniform guessing, as at the right of this figure.
#
# ## 8. Applied twice: two gradients for one weight
#
# The block's weights are used twice in one forward pass, so the chain rule has two paths back
# to each of them. $\partial L / \partial w$ is the **sum** over both uses, so a leaf
# accumulates with `+=`. `backward_steps` yields each contribution, the last use first. The
# embedding is used twice as well: in the lookup, and in the head.


# %%
def contributions(loss):
    """The contributions to each leaf's gradient, in the order of the backward pass."""
    found = {}
    for node, _, gradients in loss.backward_steps():
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if isinstance(parent, Tensor):  # a leaf; the others are nodes
                rows = isinstance(gradient, RowGradient)
                found.setdefault(parent, []).append(gradient.dense() if rows else gradient)
    return found


by_leaf = contributions(model.loss(ids, targets))
from_head, from_lookup = by_leaf[model.embedding.weight]
for name, g in (("head", from_head), ("lookup", from_lookup)):
    print(f"from the {name:6}: {np.count_nonzero(g.any(axis=1)):,} of {V:,} rows")
print("their sum is .grad:", np.allclose(from_head + from_lookup, model.embedding.weight.grad))
print("no gradient at all:", [n for n, p in model.named_parameters() if p.grad is None])

# %% [markdown]
# The head changes *every* row at every step, because softmax lowers the logit of each token
# that did not come. The lookup changes only the rows of tokens that were read. The router is
# not used, so its gradient is `None`, and no optimizer ever moves it. `None` says more than
# zeros: no path leads from the loss to this weight.
#
# **My answer is right, but the grader says no.** A frequent reason is `=` in place of `+=`.
# Each contribution is right, but the last one overwrites the others. We move one kernel a
# little in a random direction, and compare the change of the loss with each of the sums (a
# small model in float64):

# %%
small = replace(
    V3, vocab_size=20, d_model=16, conv_groups=4, dilations=(1, 3), ternary_scale="mean"
)
small_model = FlashLM(small, np.random.default_rng(6), np.float64)
text = np.random.default_rng(7).integers(0, 20, (2, 13))
kernel = small_model.block.token_mixer.layers[0].conv_value.conv.weight
d = np.random.default_rng(8).standard_normal(kernel.shape)


def loss_at(h):
    kernel.data += h * d
    loss = small_model.loss(text[:, :-1], text[:, 1:])
    kernel.data -= h * d
    return loss.item()


second, first = contributions(small_model.loss(text[:, :-1], text[:, 1:]))[kernel]
print(f"measured                {(loss_at(1e-5) - loss_at(-1e-5)) / 2e-5:+.8f}")
print(f"second use only         {np.sum(second * d):+.8f}")
print(f"first use only: with =  {np.sum(first * d):+.8f}")
print(f"both:          with +=  {np.sum((first + second) * d):+.8f}")

# %% [markdown]
# ## 9. The surprise: the two contributions differ in size
#
# *Predict first:* take v3 before its first step. The second use is nearer to the loss. How
# large is its contribution to the gradient of the mixer's `out_proj`, if the first one's is 1?

# %%
mine.predict("contribution of the second use, if the first one's is 1", ...)

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(10, 3.4), sharex=True, sharey=True, layout="constrained"
)
norms = {}  # (second use, first use) of each weight
for panel, scale, network in zip(axes, ("none", "mean"), (model, scaled), strict=True):
    by_leaf = contributions(network.loss(ids, targets))
    norms[scale] = {
        name: np.array([np.linalg.norm(g) for g in by_leaf[weight]])
        for name, weight in network.block.named_parameters()
        if len(by_leaf.get(weight, [])) == 2
    }
    sizes = np.array(list(norms[scale].values()))  # (weights, 2)
    labels = [name.replace("token_mixer.", "") for name in norms[scale]]
    panel.plot(sizes[:, 1], labels, "o", color="#3b6ea5", label="first use")
    panel.plot(sizes[:, 0], labels, "x", color="#c44e52", label="second use")
    panel.set(xscale="log", xlabel="norm of the contribution", title=f"scale '{scale}'")
    panel.tick_params(labelsize=8)
    panel.grid(axis="y", lw=0.3)
axes[0].invert_yaxis()
axes[0].legend(fontsize=8, loc="lower left")
plt.show()

# %%
with no_grad():
    x = model.embedding(ids)
    for use in ("first", "second"):
        mixed = model.block.token_mixer(model.block.norm1(x))
        print(f"{use} use: signal {x.data.std():.3g}, the mixer adds {mixed.data.std():.3g}")
        x = model.block(x)
second, first = norms["none"]["token_mixer.out_proj.weight"]
print(f"out_proj: the first use contributes {first / second:,.0f} times as much")
mine.reveal("contribution of the second use, if the first one's is 1", second / first)

# %% [markdown]
# With a scale the two contributions are about equal. In v3 the mixer gets almost nothing from
# its second use. The printed numbers show the reason. In the second use the mixer adds about 13
# to a signal of tens of thousands, so the loss hardly depends on it, and the gradient is small.
# v3 begins as a model that mixes positions *once*: the second use of the mixer takes time and
# has almost no effect. (This is measured before the first step, on random ids. Exercise 4 asks
# whether training changes it.)
#
# ## 10. Check all gradients
#
# One call checks the whole model: every parameter in float64, the ternary layers against their
# declared surrogate.

# %%
parameters = [p for name, p in small_model.named_parameters() if "router" not in name]
report = gradcheck(lambda *_: small_model.loss(text[:, :-1], text[:, 1:]), *parameters)
worst = max(report.resolution.values())
print(f"{len(report.resolution)} parameters: an error of {worst:.0e} of any element would show")

# %% [markdown]
# ## 11. Step through it
#
# `step_through` runs a function and makes a page with every step: the inputs, the result, the
# rule, and the operation's own source lines. Then it goes backward, one edge at a time.
# *Predict first,* before you step: the block is applied twice. Which of the two applications
# gives `block.norm1.scale` its first gradient? Which later step shows `+=`? (The button
# *predict first*, or the key p, asks you at every step.)

# %%
tiny = replace(
    small, d_model=8, conv_groups=2, glu_ratio=1.5, dilations=(1,), embedding_std=0.5
)
toy = FlashLM(tiny, np.random.default_rng(9))
sentence = np.array([[3, 1, 4, 1]])
step_through(lambda: toy.loss(sentence[:, :-1], sentence[:, 1:]), model=toy)

# %% [markdown]
# A whole step of v3 at its real size has the same form. Its tables are wider, and are cut where
# they are large. This cell writes the page to a temporary folder. To keep it, choose a path of
# your own and open it in a browser. `check=False` leaves out the numeric check beside each
# gradient: it takes two partial forward passes per number, some seconds at this size.

# %%
with tempfile.TemporaryDirectory() as folder:
    page = Path(folder) / "v3.html"
    steps = step_through(
        lambda: model.loss(ids[:, :8], targets[:, :8]), page, model=model, check=False
    )
    print(steps)
    print(f"{page.name}: {page.stat().st_size / 1e6:.2f} MB")

# %% [markdown]
# ## Exercises
#
# 1. *Think.* v3 is printed as "13.6 M parameters". Each ternary weight is stored in 2 bits, and
#    the rest in 32. How many megabytes does the model take? How many would it take if nothing
#    were ternary? ([docs/packed-format.md](../docs/packed-format.md) has the measured answer.)
# 2. *Change.* Give section 6 the dilations (1, 4, 16) of `small_v3`. Predict the reach and
#    the number of tokens with a gradient first. Which third dilation is the largest without a
#    hole? (For one use of the block it is 16. For two?)
# 3. *Change.* In section 8, apply the block three times (`recursions=3`). How many
#    contributions does a kernel get, and the embedding? Does the count of section 4 change?
# 4. *Change.* Train v3 for a few steps (notebook 09 shows how) on random windows, and draw
#    section 9 again after each. Does the contribution of the mixer's second use grow?
# 5. *Change.* Untie the head: give `ExactHead` another table. How large is the model now?
#    How large is the logit of the repeated token in section 7? Which contribution to the
#    embedding's gradient is missing?
# 6. *Workbook.* Run `python3 run.py course check DIR embedding` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR embedding`), where DIR is your workbook.
#    With `rms_norm`, `sigmoid_gate`, `causal_conv`, `ternary_linear` and `tied_head` from
#    before, you then have the operations of this model.
#
# Next, [notebook 09](09_train_and_be_honest.ipynb): the model is built, and knows nothing. The
# notebook trains a small one and measures how much it has learned.

# %%
mine.show()
