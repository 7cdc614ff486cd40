# %% [markdown]
# # 08 · Build FlashLM v3
#
# **The question.** FlashLM v3 is announced as a ternary language model of 13.6 million
# parameters whose one block is applied twice. Where are the millions, which of them have
# three values, and what does "twice" do to a gradient?
#
# We put the model together piece by piece, count it by hand to the last parameter, measure
# what it can see and what it says before it has learned anything, and then walk through a
# whole training step, forward and back.
#
# The pages to keep open are [layers.py](../flashlm_np/model/layers.py) and
# [flashlm.py](../flashlm_np/model/flashlm.py). Write each prediction down before you run the cell below
# it; being wrong on paper is how this notebook works.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.model.config import V3
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.layers import RecursiveBlock, TiedHead
from minigrad import Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import gradcheck
from minigrad.layers import Embedding, RMSNorm
from minigrad.look import step_through
from minigrad.ops import RowGradient

threadpool_limits(1)  # BLAS's threads: the other cores stay free
V, D, H = V3.vocab_size, V3.d_model, V3.glu_width
K, G, R = V3.taps, V3.conv_groups, V3.recursions
print(f"V = {V:,} tokens, D = {D} numbers per position, H = {H} inside the gated layer")
print(f"K = {K} taps, G = {G} groups, dilations {V3.dilations}, R = {R} applications")

# %% [markdown]
# ## 1. A row for each token
#
# The embedding is a table of $V$ rows with $D$ numbers each. A token is looked up, nothing is
# computed. *Predict first:* the shape of the table's output for ids of shape (2, 16).

# %%
dice = np.random.default_rng(42)
embedding = Embedding(V, D, rng=dice, std=V3.embedding_std)
ids = np.random.default_rng(0).integers(0, V, (2, 16))
x = embedding(ids)
print("ids", ids.shape, "-> x", x)

# %% [markdown]
# ## 2. The mixer looks back, the gated layer thinks
#
# The block has two halves, each with a norm before it and a sum around it:
#
# $$x \leftarrow x + \mathrm{mixer}(\mathrm{norm}_1(x)), \qquad
#   x \leftarrow x + \mathrm{glu}(\mathrm{norm}_2(x)).$$
#
# The mixer is the only part in which positions meet: three gated convolutions that see the
# present and the past, at dilations 1, 4 and 64. Then a ternary matrix. *Predict first:* the
# shape of one convolution kernel ($D$ channels in $G$ groups, $K$ taps), and of the mixer's
# output.

# %%
block = RecursiveBlock(V3, dice)
with no_grad():
    mixed = block.token_mixer(block.norm1(x))
print("a kernel", block.token_mixer.layers[0].conv_value.conv.weight.shape)
print("mixer   ", mixed)

# %% [markdown]
# A kernel is (256, 16, 4): each of 256 outputs sees the 16 channels of its group at 4 places,
# the present and three in the past. In the gated layer each position is alone: two ternary
# matrices make $H$ numbers, one is squared where it is positive and multiplies the other, and a
# third goes back to $D$. *Predict first:* the three shapes, and whether the output is larger or
# smaller than the mixer's.

# %%
glu = block.glu
with no_grad():
    x1 = x + mixed
    thought = glu(block.norm2(x1))
shapes = [w.shape for w in (glu.gate_proj.weight, glu.up_proj.weight, glu.down_proj.weight)]
print("gate, up, down", shapes)
print("gated layer   ", thought)

# %% [markdown]
# Its numbers are more than a thousand times as large. v3's ternary matrices are −1, 0 and +1
# with **no scale**: each adds and subtracts a hundred numbers or more, and the square and the
# product multiply what came out. [Notebook 03](03_weights_in_three_values.ipynb) takes this
# apart; here we shall meet its consequences.
#
# ## 3. The same block again, and the table again
#
# The rest is short. The block is applied once more, *the same object*, a last norm brings every
# position to a root mean square of 1, and the output matrix is the embedding table itself: the
# logit of a token is the dot product of its row with what the model has made of the position.
#
# *Predict first:* the shape of the logits. And if `FlashLM` draws its weights with the same
# dice, 42, will our hand-made logits be near the model's, or the same bits?

# %%
final_norm = RMSNorm(D, eps=V3.norm_eps)
head = TiedHead(embedding.weight)
with no_grad():
    logits = head(final_norm(block(block(x))))
model = FlashLM(replace(V3, fused=False), np.random.default_rng(42))  # composed, as above
with no_grad():
    same = np.array_equal(logits.data, model(ids).data)
print("logits", logits.shape, "the same bits as FlashLM's:", same)

# %% [markdown]
# ## 4. Count it by hand
#
# A formula for each part. Embedding and head are one table and count once. The block counts
# once, however often it is applied. The router is one row and a bias: v3 has it, computes
# nothing with it, and counts it.
#
# *Predict first:* evaluate the six lines on paper as far as you can. Which one is the
# largest, and which share of the whole is it?


# %%
def count_by_hand(V, D, H, K=K, G=G, dilations=3):
    """FlashLM's parameters by part: a formula each."""
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

# %% [markdown]
# ## 5. What is ternary, and what is not
#
# Only the parts `out_proj` and `gate, up, down` are rounded to three values. *Predict first:*
# a student concludes that a *wider* FlashLM would be a truly ternary model. With v3's
# vocabulary, at which width $D$ do ternary weights become the majority: 512, 1,024, or more?

# %%
TERNARY = ("mixer's out_proj", "gate, up, down")


def ternary_share(V, D):
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
    shares = [100 * ternary_share(size, int(width)) for width in widths]
    right.plot(widths, shares, style, ms=4, color="k", label=f"V = {size:,}")
right.plot(D, 100 * ternary_share(V, D), "*", ms=14, color="#c44e52", label="v3")
right.axhline(50, color="#777777", lw=0.8)
right.set(
    xscale="log", xlabel="width D (logarithmic)", ylabel="% of the weights that are ternary"
)
right.legend(fontsize=8)
plt.show()
majority = next(width for width in range(16, 20_000, 16) if ternary_share(V, width) > 0.5)
print(f"v3: {ternary_share(V, D):.2%} of the weights are ternary")
print(f"with {V:,} tokens, more than half from D = {majority:,} on")

# %% [markdown]
# Far more than most guess. The table grows with $V D$, the matrices with about $9 D^2$ (one
# $D \times D$ and three of $2.67 D \times D$), the kernels with $1.5 D^2$. More than half
# means $9 D^2 > V D + 1.5 D^2$, so $D > V / 7.5$. A small vocabulary helps more than a wide
# model.
#
# Parameters are memory. Time is another count: in the lookup the table costs nothing, in the
# head every number of it is multiplied, and the block is used twice. *Predict first:* the
# block holds 5 % of the parameters. Which share of the multiply-adds of one prediction does
# it have?

# %%
multiplies = {
    "head": by_hand["embedding = head"],
    "convolutions": R * by_hand["convolutions"],
    "ternary (additions are enough)": R * sum(by_hand[part] for part in TERNARY),
}
for part, n in multiplies.items():
    print(f"{part:32} {n:>12,} {n / sum(multiplies.values()):7.1%}")

# %% [markdown]
# A tenth. The rest is the head's: the same table that costs nothing when it is looked up.
#
# ## 6. How far it looks back
#
# One block looks back $(K-1)(1 + 4 + 64) = 207$ tokens, two look back 414: with the present
# one, 415 are in reach. *Predict first:* how many of these 415 can really change the
# prediction?
#
# A gradient answers it: give the last position's output a random upstream gradient and see at
# which inputs something arrives. (A narrow model in float64 does; the reach does not depend
# on the width.)

# %%
narrow = FlashLM(replace(V3, vocab_size=50, d_model=32), np.random.default_rng(1), np.float64)
T = 440
words = np.random.default_rng(2).integers(0, 50, (1, T))
x = Tensor(narrow.embedding.weight.data[words], requires_grad=True)  # (1, T, D), a leaf
y = narrow.final_norm(narrow.block(narrow.block(x)))[0, -1]  # (D,)
y.backward(np.random.default_rng(3).standard_normal(32))
size = np.linalg.norm(x.grad[0], axis=1)[::-1]  # (T,) by distance into the past
print("in reach:", V3.receptive_field, " furthest seen:", size.nonzero()[0].max() + 1)
print("really seen:", np.count_nonzero(size))
figure, axes = plt.subplots(figsize=(9, 2.6), layout="constrained")
seen = size > 0
axes.vlines(np.flatnonzero(seen), size[seen].min() / 10, size[seen], color="#3b6ea5", lw=1)
axes.axvspan(V3.receptive_field, T, color="#dddddd")
axes.text(V3.receptive_field + 2, size.max() / 10, "out of\nreach", fontsize=8)
axes.set(yscale="log", xlim=(-2, T), ylim=(size[seen].min() / 10, None))
axes.set(xlabel="tokens back from the prediction", ylabel="size of the gradient")
plt.show()

# %% [markdown]
# The picture has holes. Dilation 64 jumps further than the 15 tokens that dilations 1 and 4
# fill ($3 \cdot 1 + 3 \cdot 4$), so one block sees the distances 0-15, 64-79, 128-143,
# 192-207. Two blocks make seven islands of 31: 217 tokens, about one half. A word that stands
# 40 tokens back does not exist. Do not believe the gradient alone: change words, and compare
# bits.

# %%
with no_grad():
    before = narrow.next_logits(words)
    for distance in (3, 40, 128, 414, 415):
        changed = words.copy()
        changed[0, T - 1 - distance] = (changed[0, T - 1 - distance] + 1) % 50
        moved = np.abs(narrow.next_logits(changed) - before).max()
        print(f"another word {distance:3} tokens back: logits move by {moved:.2g}")

# %% [markdown]
# ## 7. What it says before it has learned
#
# Know your first loss, or you will not notice that it is wrong. A model that knows nothing
# should give each token $1/V$ and lose $\ln V$ nats. If its logits are random numbers of
# standard deviation $\sigma$, it is overconfident, and pays for it: about
# $\ln V + \sigma^2/2$ (while $\sigma$ is small against $\sqrt{2 \ln V}$). After the last norm
# $\sigma = \sqrt{D} \cdot$ (the standard deviation of the embedding).
#
# *Predict first:* the stream explodes without a scale. With `ternary_scale="mean"` it does
# not. Which of the two has the larger first loss?

# %%
targets = np.random.default_rng(4).integers(0, V, (1, 64))  # what comes next is anybody's guess
ids = np.random.default_rng(5).integers(0, V, (1, 64))
stds = np.array([0.005, 0.02, 0.05, 0.1, 0.15, 0.2])
repaired = FlashLM(replace(V3, ternary_scale="mean"), np.random.default_rng(42))


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


(none, z_none), (mean, z_mean) = first_losses(model), first_losses(repaired)
print(f"at {V3.embedding_std}: none {none[1]:.3f}, mean {mean[1]:.3f}; ln V = {np.log(V):.3f}")

# %%
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.plot(stds, mean, "s--", color="#c44e52", label="scale 'mean': a tame stream")
axes.plot(stds, none, "o-", color="#3b6ea5", label="scale 'none': v3, exploding")
axes.plot(stds, np.log(V) + D * stds**2 / 2, "k:", label="ln V + σ²/2")
axes.axhline(np.log(V), color="#777777", lw=0.8)
axes.text(stds[0], np.log(V) + 0.5, f"ln V = {np.log(V):.3f}", fontsize=8)
axes.set(xscale="log", xlabel="standard deviation of the embedding", ylabel="first loss (nats)")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# With a small table both begin near $\ln V$: the last norm divides the explosion away, so a
# first loss **cannot show it**. With a large table the *tame* model is worse, much worse than
# the formula. Why? Its stream still carries the token that was read. The head multiplies it
# with the same table, and a row's product with itself is large: a tied, untrained model
# predicts that every token is *repeated*. In v3 the explosion has drowned the token, so it
# does not.

# %%
for name, z in (("none", z_none), ("mean", z_mean)):
    again = z[np.arange(len(z)), ids[0]].mean()
    print(
        f"{name}: logits deviate by {z.std():.1f}; that of the token just read is {again:+.1f}"
    )

# %% [markdown]
# v3's author began with GPT-2's embedding, whose numbers are larger (0.12 or more in root
# mean square, from its printed singular values), and read 13.58 at step 1: worse than
# guessing, as on the right of this figure.
#
# ## 8. Twice applied: the gradient arrives twice
#
# The block's weights are used twice in one forward pass, so the chain rule has two paths back
# to each of them: $\partial L / \partial w$ is the **sum** over both uses. That is why a leaf
# accumulates with `+=`. `backward_steps` shows each contribution as it arrives, the last use
# first. The embedding is used twice as well: looked up, and as the head.


# %%
def contributions(loss):
    """The gradients that reach each leaf, in the order in which they arrive."""
    arrived = {}
    for node, _, gradients in loss.backward_steps():
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if isinstance(parent, Tensor):  # a leaf; the others are nodes
                rows = isinstance(gradient, RowGradient)
                arrived.setdefault(parent, []).append(gradient.dense() if rows else gradient)
    return arrived


arrived = contributions(model.loss(ids, targets))
from_head, from_lookup = arrived[model.embedding.weight]
for name, g in (("head", from_head), ("lookup", from_lookup)):
    print(f"from the {name:6}: {np.count_nonzero(g.any(axis=1)):,} of {V:,} rows")
print("their sum is .grad:", np.allclose(from_head + from_lookup, model.embedding.weight.grad))
print("no gradient at all:", [n for n, p in model.named_parameters() if p.grad is None])

# %% [markdown]
# The head moves *every* row at every step, because softmax pushes down each token that did
# not come; the lookup moves only the rows of tokens that were read. And the router, which
# nothing asks, has no gradient: `None`, which says more than zeros would. No optimizer will
# ever move it.
#
# **My answer is right, but the grader says no.** A frequent reason is `=` where `+=` belongs:
# each contribution is right, and the last one wins. Move one kernel a little in a random
# direction and see which number the loss agrees with (a small model in float64):

# %%
small = replace(
    V3, vocab_size=20, d_model=16, conv_groups=4, dilations=(1, 3), ternary_scale="mean"
)
little = FlashLM(small, np.random.default_rng(6), np.float64)
text = np.random.default_rng(7).integers(0, 20, (2, 13))
kernel = little.block.token_mixer.layers[0].conv_value.conv.weight
d = np.random.default_rng(8).standard_normal(kernel.shape)


def loss_at(h):
    kernel.data += h * d
    loss = little.loss(text[:, :-1], text[:, 1:])
    kernel.data -= h * d
    return loss.item()


second, first = contributions(little.loss(text[:, :-1], text[:, 1:]))[kernel]
print(f"measured                {(loss_at(1e-5) - loss_at(-1e-5)) / 2e-5:+.8f}")
print(f"second use only         {np.sum(second * d):+.8f}")
print(f"first use only: with =  {np.sum(first * d):+.8f}")
print(f"both:          with +=  {np.sum((first + second) * d):+.8f}")

# %% [markdown]
# ## 9. The surprise: which of the two uses teaches?
#
# *Predict first:* in v3 as it begins, is the second use's share of a weight's gradient about
# as large as the first's, ten times larger, or ten times smaller? The second stands nearer to
# the loss.

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(10, 3.4), sharex=True, sharey=True, layout="constrained"
)
halves = {}
for ax, name, each in zip(axes, ("none", "mean"), (model, repaired), strict=True):
    gradients = contributions(each.loss(ids, targets))
    twice = [(n, p) for n, p in each.named_parameters() if n.startswith("block.")]
    twice = [(n, p) for n, p in twice if len(gradients.get(p, [])) == 2]
    sizes = np.array([[np.linalg.norm(g) for g in gradients[p]] for _, p in twice])
    halves[name] = {n: size for (n, _), size in zip(twice, sizes, strict=True)}
    labels = [n.removeprefix("block.").replace("token_mixer.", "") for n, _ in twice]
    ax.plot(sizes[:, 1], labels, "o", color="#3b6ea5", label="first use")
    ax.plot(sizes[:, 0], labels, "x", color="#c44e52", label="second use")
    ax.set(xscale="log", xlabel="norm of the gradient's part", title=f"scale '{name}'")
    ax.tick_params(labelsize=8)
    ax.grid(axis="y", lw=0.3)
axes[0].invert_yaxis()
axes[0].legend(fontsize=8, loc="lower left")
plt.show()

# %%
with no_grad():
    x = model.embedding(ids)
    for use in ("first", "second"):
        mixed = model.block.token_mixer(model.block.norm1(x))
        print(f"{use} use: stream {x.data.std():.3g}, the mixer adds {mixed.data.std():.3g}")
        x = model.block(x)
late, early = halves["none"]["block.token_mixer.out_proj.weight"]
print(f"out_proj learns {early / late:,.0f} times as much from its first use")

# %% [markdown]
# With a scale the two uses teach about equally. In v3, everything in the mixer hears its
# second use only as a whisper. The numbers say why: in the second use the mixer adds its
# dozen to a stream of tens of thousands, so what it says hardly moves anything, and what does
# not move the loss gets no gradient. v3 begins as a model that mixes positions *once*; the
# second use of the mixer is paid for in time and not heard. (Measured before the first step,
# on random ids. Whether training repairs it is exercise 4.)
#
# ## 10. Check all of it
#
# The whole model in one call, every parameter of it in float64, its ternary layers against
# their declared surrogate:

# %%
parameters = [p for name, p in little.named_parameters() if "router" not in name]
report = gradcheck(lambda *_: little.loss(text[:, :-1], text[:, 1:]), *parameters)
worst = max(abs(e - f) / max(abs(e), abs(f)) for _, e, f in report.compared)
print(f"{len(report.compared)} parameters, {report.mode} check, apart by {worst:.1e} at most")

# %% [markdown]
# ## 11. Step through it
#
# `step_through` runs a function and makes a page that shows every step:
# the inputs, the result, the rule, the operation's own source lines; then backward, one
# edge at a time. *Predict first,* before you step: the block is applied twice. From which of
# the two does `block.norm1.scale` get its first gradient, and which later step says `+=`? (The
# button *predict first*, or the key p, asks you at every step.)

# %%
tiny = replace(
    small, d_model=8, conv_groups=2, glu_ratio=1.5, dilations=(1,), embedding_std=0.5
)
toy = FlashLM(tiny, np.random.default_rng(9))
sentence = np.array([[3, 1, 4, 1]])
step_through(lambda: toy.loss(sentence[:, :-1], sentence[:, 1:]), model=toy)

# %% [markdown]
# A whole step of v3 at its real size is no different, only wider: its tables are cut where
# they are large. The page is written to a temporary folder here; choose a path of your own to
# keep it and open it in a browser. `check=False` leaves out the numeric check beside each
# gradient, which takes two partial forward passes per number, some seconds at this size.

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
# 1. *Think.* v3 is printed as "13.6 M parameters". Storing each ternary weight in 2
#    bits and the rest in 32, how many megabytes does it take, and how many would it take if
#    nothing were ternary? ([docs/packed-format.md](../docs/packed-format.md) has the answer
#    for real.)
# 2. *Change.* Give section 6 the dilations (1, 4, 16) of the quickstart. Predict reach and
#    number of seen tokens first. Which third dilation is the largest that leaves no hole? (For
#    one use of the block it is 16. For two?)
# 3. *Change.* In section 8, apply the block three times (`recursions=3`). How many
#    contributions arrive at a kernel, and at the embedding? Does the count of section 4 change?
# 4. *Change.* Train v3 for a few steps (notebook 09 shows how) on random windows, and draw
#    section 9 again after each. Does the second use of the mixer come to be heard?
# 5. *Change.* Untie the head: a `TiedHead` with a parameter of its own. What is the model's
#    size now, what becomes of the "repeat" logit of section 7, and which contribution is
#    missing from the embedding's gradient?
# 6. *Workbook.* `python3 run.py course check DIR embedding` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR embedding`), where DIR is your workbook. With
#    `rms_norm`, `sigmoid_gate`, `causal_conv`, `ternary_linear` and `tied_head` from before,
#    these are the operations on which this model stands.
#
# Next, [notebook 09](09_train_and_be_honest.ipynb): the model is built, and knows nothing yet.
# It trains a small one, and asks how one can tell whether it has learned anything.
