# %% [markdown]
# # 06 · Fifty thousand choices
#
# **The question.** At every position a language model chooses one of 50,257 tokens. Which
# number says how well it chose, what does its gradient ask for, when can two such numbers be
# compared, and what do fifty thousand choices cost?
#
# You need softmax and the chain rule. The pages to keep open are
# [cross_entropy.py](../minigrad/ops/cross_entropy.py) and
# [tied_head.py](../minigrad/ops/tied_head.py). Write each prediction down before you run the
# cell below it.

# %%
import math
import tracemalloc
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.analysis.multiply_adds import multiply_adds
from flashlm_np.analysis.step_profile import HEAD
from flashlm_np.data.dataset import DataSource, load_dataset, sample_batch
from flashlm_np.evaluation.evaluate import mean_and_error, token_losses
from flashlm_np.evaluation.ngrams import baselines
from flashlm_np.model.config import QUICKSTART, V3, Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.fused import FusedTiedHead
from flashlm_np.model.layers import TiedHead
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.threads import Workers
from minigrad import Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import gradcheck
from minigrad.look import profile
from minigrad.ops.cross_entropy import log_sum_exp

threadpool_limits(1)  # BLAS's threads: products so small gain nothing from a second core
V, EPSILON, Z_LOSS = V3.vocab_size, V3.label_smoothing, V3.z_loss
print(f"V = {V:,}, label smoothing {EPSILON}, z-loss {Z_LOSS}")

# %% [markdown]
# ## 1. Surprise, in nats
#
# The head gives one number per token, the *logits* $z_v$. Softmax makes probabilities of them,
# $p_v = e^{z_v} / \sum_u e^{z_u}$, and the loss is the surprise at the token $y$ that came:
# $-\ln p_y = \mathrm{lse}(z) - z_y$, with $\mathrm{lse}(z) = \ln \sum_v e^{z_v}$. With the
# natural logarithm its unit is the *nat*; a nat is $1/\ln 2 = 1.44$ bits.
#
# *Predict first:* what is the loss of a model that gives every one of the 50,257 tokens the
# same logit? And if that logit is 1000 instead of 0?

# %%
y = np.array([464])  # any id will do
for logit in (0.0, 1000.0):
    loss = F.cross_entropy(Tensor(np.full((1, V), logit)), y)
    nats = loss.item()
    print(f"every logit {logit:g}: {nats:.4f} nats, perplexity {math.exp(nats):,.0f}")
print(f"ln V = {math.log(V):.4f}")

# %% [markdown]
# The loss of knowing nothing is $\ln V$. *Perplexity*, $e^{\mathrm{loss}}$, turns it back into
# a number of equally likely choices. And only differences of logits count: adding a constant to
# all of them changes no probability.
#
# ## 2. Why the largest logit is subtracted
#
# The formula, typed in as it stands, takes $e^{1000}$. *Predict first:* what is the largest
# logit for which `np.exp` still gives a finite float32?

# %%
largest = np.finfo(np.float32).max
print(f"float32 ends at {largest:.4g}, e to the {np.log(largest):.2f}")


def as_typed(z):
    return np.log(np.exp(z).sum(axis=1))  # wrong on purpose


with np.errstate(over="ignore", divide="ignore"):
    for top in (10, 88, 89, 1000, -200):
        z = (top + np.array([[0.0, -1.0, -2.0]])).astype(np.float32)
        typed, page = as_typed(z)[0], log_sum_exp(z)[0]
        print(f"largest logit {top:5}: as typed {typed:9.4f}, page {page:9.4f}")

# %% [markdown]
# Because $\mathrm{lse}(z) = m + \ln \sum_v e^{z_v - m}$ for every $m$, the page takes for $m$
# the row's largest logit. Then the largest term is $e^0 = 1$: nothing overflows, and the sum is
# at least 1, so that its logarithm is finite too. (The last line is the other accident: every
# exponential is rounded to 0, and the logarithm of 0 is $-\infty$.) It changes no derivative,
# because it changes no value.
#
# ## 3. The gradient is what you believed minus what came
#
# $\partial\, \mathrm{lse} / \partial z_v = p_v$, so that
# $\partial\, \mathrm{loss} / \partial z = p - \mathrm{onehot}(y)$. *Predict first:* the sum of
# these numbers over the vocabulary. And which wrong token is pushed down hardest?

# %%
words = ["mat", "sofa", "floor", "bed", "moon", "of", "idea", "zip"]
logits = np.array([[2.0, 2.6, 1.2, 0.8, -0.5, -1.0, -1.5, -3.0]])
z = Tensor(logits, requires_grad=True)
F.cross_entropy(z, np.array([0])).backward()  # "The cat sat on the" mat
p = np.exp(logits - log_sum_exp(logits)[:, None])[0]

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.bar(words, p, color="0.75", edgecolor="0.3", label="p, believed")
left.plot([0], [1], "k*", markersize=11, label="onehot, what came")
left.set(ylabel="probability", title="The cat sat on the ...", ylim=(0, 1.1))
left.legend()
right.bar(words, z.grad[0], color=["0.3"] + ["0.75"] * 7, edgecolor="0.3")
right.axhline(0, color="black", lw=0.8)
right.set(ylabel="∂loss/∂z (nats)", title="gradient = p - onehot")
for axes in (left, right):
    axes.tick_params(axis="x", rotation=45)
plt.show()
print(f"p - onehot and the gradient differ by {abs(p - np.eye(8)[0] - z.grad[0]).max():.1e}")
print(f"the gradient sums to {z.grad.sum():.1e}")

# %% [markdown]
# A step against it raises the right logit in proportion to what its probability lacks, and
# lowers each wrong one in proportion to the probability it was given. So "sofa", the likeliest
# mistake, is corrected hardest and "zip" hardly at all, and the whole sums to 0. A model that
# is certain and right gets no gradient; one that is certain and wrong gets the largest there
# is: 1 for each of the two logits, never more. Do not take it on trust:

# %%
rng = np.random.default_rng(6)
z, ids = rng.normal(size=(5, 7)), rng.integers(0, 7, 5)
print(gradcheck("cross_entropy", z, ids, label_smoothing=0.1, z_loss=0.01))

# %% [markdown]
# ## 4. The surprise: a smoothed loss no longer is $-\ln p$
#
# FlashLM v3 replaces the target "all on $y$" by "$1-\varepsilon$ on $y$ and $\varepsilon$
# spread over all $V$ tokens", with $\varepsilon = 0.1$:
# $$\mathrm{smoothed} = (1-\varepsilon)(-\ln p_y) + \varepsilon \cdot
# \frac{1}{V} \sum_v (-\ln p_v).$$
# It holds the logits back from growing for ever. But it is the answer to another question.
#
# *Predict first:* a perfect model gives the right token the probability 1. Its true loss is 0.
# What is its smoothed loss?

# %%
wrong_share = np.logspace(-12, 0, 37)[:-1]  # 1 - p_y, divided equally among the other tokens
z = np.zeros((36, V))
z[:, 0] = np.log((1 - wrong_share) * (V - 1) / wrong_share)
target = np.zeros(1, int)
true = np.array([F.cross_entropy(row[None], target).item() for row in z])
smoothed = np.array(
    [F.cross_entropy(row[None], target, label_smoothing=EPSILON).item() for row in z]
)

fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogx(wrong_share, true, "k--", label="true loss, -ln p")
axes.semilogx(wrong_share, smoothed, "k-", lw=2, label=f"label-smoothed, ε = {EPSILON}")
best = smoothed.argmin()
axes.plot(wrong_share[best], smoothed[best], "ko", markersize=8)
axes.annotate(
    f"least: {smoothed[best]:.4f}", (wrong_share[best], smoothed[best]), (3e-3, 2.6),
    arrowprops={"arrowstyle": "->"},
)  # fmt: skip
axes.invert_xaxis()
axes.set(xlabel="probability left to the wrong tokens, 1 - p   (better →)", ylabel="nats")
axes.set(ylim=(0, 5), title=f"More certain and right, and a worse smoothed loss (V = {V:,})")
axes.legend()
plt.show()

# %% [markdown]
# The perfect model's smoothed loss is *infinite*: it gives 0 to tokens that the smoothed target
# says must come in nearly one case of ten. The best that can be done is to match the smoothed
# target itself, and the least loss is that target's entropy, $-\sum_v q_v \ln q_v$ with $q_y =
# 1 - \varepsilon + \varepsilon/V$ and $q_v = \varepsilon/V$ for the rest. This is exact:

# %%
q_right, q_wrong = 1 - EPSILON + EPSILON / V, EPSILON / V
floor = -q_right * math.log(q_right) - (V - 1) * q_wrong * math.log(q_wrong)
z = Tensor(np.zeros((1, V)), requires_grad=True)
z.data[0, 0] = math.log(q_right / q_wrong)  # a model that matches the smoothed target
at_floor = F.cross_entropy(z, target, label_smoothing=EPSILON)
at_floor.backward()
print(f"floor by the formula     {floor:.6f} nats")
print(f"the page, at that model  {at_floor.item():.6f} nats")
print(f"the gradient there       {abs(z.grad).max():.0e} at most")
print(f"its true loss            {-math.log(q_right):.6f} nats")

# %% [markdown]
# No model whatsoever gets below 1.4075 nats, even where the next token is certain. For a text
# that is not certain the floor lies higher still: for smoothed loss $s$ and true loss $t$
# (means over the text) $s = 0.9\,t + 0.1\,u$, where $u$, the mean of $-\ln p_v$ over the
# vocabulary, is at least $\ln V$. So one number bounds the other. The author of FlashLM v3
# printed 6.8019:

# %%
published = 6.8019
bound = (published - EPSILON * math.log(V)) / (1 - EPSILON)
print(f"where the smoothed loss is {published}, the true loss is at most {bound:.3f}")

# %% [markdown]
# ## 5. 6.80 is not 6.80
#
# So far algebra. Now measure: a small FlashLM, trained for a few seconds with v3's loss
# (smoothing 0.1 and z-loss, here on all positions) on the stories of this package, whose best
# possible loss is known exactly. Every few steps we read both numbers *off the same weights*.
#
# *Predict first:* at the first step, before the model knows anything, how far apart are they?
# And at the end?

# %%
config = replace(
    QUICKSTART, d_model=96, dilations=(1,), recursions=1, phases=(Phase(1, 64, 8),),
    label_smoothing=EPSILON, z_loss=Z_LOSS, normuon_lr=0.04, adamw_lr=0.04, stories=1500,
    eval_tokens=8192,
)  # fmt: skip
corpus, _ = load_dataset(DataSource(), **config.data_options())
corpus = replace(corpus, starts_at_documents=False)  # windows from anywhere
counted = baselines(corpus.train, corpus.valid, config.vocab_size)


def read_off(model, tokens=2048):
    """The true and the smoothed loss of the first validation tokens, one by one."""
    return token_losses(model, corpus.valid[: tokens + 1], config.receptive_field - 1)


# %%
model = FlashLM(config, np.random.default_rng(0))
fast_step, batch_rng, found = FastStep(model, config), np.random.default_rng(0), []
for step in range(101):
    if step in (0, 3, 6, 10, 20, 40, 70, 100):
        found.append((step, *(losses.mean() for losses in read_off(model))))
    batch = sample_batch(corpus, batch=8, sequence=64, position_share=1.0, rng=batch_rng)
    fast_step.step(step + 1, [batch])
for step, true, smoothed in found[::2] + found[-1:]:
    print(f"step {step:3}: true {true:.3f}, smoothed {smoothed:.3f}: {smoothed - true:+.3f}")

# %% [markdown]
# One model, one text, two numbers. At first they agree, because a model that gives all tokens
# the same probability has $-\ln p_v = \ln V$ everywhere. As it learns they part. So a smoothed
# loss compares with a smoothed loss of the same $\varepsilon$ and the same $V$, and with
# nothing else: not with the literature, and not with a perplexity. v3's recipe on textbooks,
# measured in [docs/v3.md](../docs/v3.md), ends at a true loss of 5.695 and a smoothed one of
# 6.397.
#
# Four things to ask of a published loss, and what they are for v3's:
#
# 1. *Smoothed or true?* Smoothed, in training and in evaluation.
# 2. *What else is in it?* In training the z-loss (section 6); not in evaluation.
# 3. *Over which positions?* In training a random quarter, which is right on average and
#    noisier. In evaluation all positions of five random batches, 2,560 in all, drawn anew each
#    time.
# 4. *Which reading?* The least of nine, at step 2000; the later ones are worse.
#
# How much do the third and fourth matter? Take many readings of our *one* trained model.

# %%
per_token, _ = read_off(model, 8192)
rng = np.random.default_rng(1)


def draws(windows, length):
    starts = rng.integers(0, len(per_token) - length + 1, (1800, windows))
    return per_token[starts[..., None] + np.arange(length)].mean(axis=(1, 2))  # (1800,)


readings = draws(windows=20, length=128)  # 5 batches of 4 windows, 2,560 positions
least = readings.reshape(-1, 9).min(axis=1).mean()
loss, error = mean_and_error(per_token)
print(f"the model's loss                       {loss:.3f}, standard error {error:.3f}")
print(f"2,560 positions, 20 random windows     ± {readings.std():.3f}")
print(f"the least of nine readings, on average {least - loss:+.3f}")

# %% [markdown]
# "The least of nine" is better than the model by pure luck; nothing was learned between those
# readings. That is why this package scores the *same* tokens each time, *all* of them, and
# prints a standard error.
#
# ## 6. z-loss: what it holds
#
# Adding a constant to all logits changes no probability, so the cross-entropy cannot tell where
# the logits are as a whole, and they may drift. The z-loss adds $\lambda\, \mathrm{lse}^2$, and
# the gradient in section 3, which summed to 0, gets a sum of $2 \lambda\, \mathrm{lse}$ per
# row.
#
# *Predict first:* with $\lambda = 10^{-4}$, how many nats is it at the start, where
# $\mathrm{lse} \approx \ln V$? Is it in the way?

# %%
shifts = np.linspace(-60, 60, 25)
logits = rng.normal(size=(1, 50))
plain = [F.cross_entropy(logits + c, target).item() for c in shifts]
held = [F.cross_entropy(logits + c, target, z_loss=Z_LOSS).item() for c in shifts]
fig, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
axes.plot(shifts, plain, "k--", label="cross-entropy")
axes.plot(shifts, held, "k-o", markersize=3, label=f"with z-loss, λ = {Z_LOSS:g}")
axes.axvline(-log_sum_exp(logits)[0], color="0.6", ls=":", label="lse = 0")
axes.set(xlabel="constant added to all logits", ylabel="nats", title="What z-loss holds")
axes.legend()
plt.show()
print(f"at the start, lse = ln V: {Z_LOSS * math.log(V) ** 2:.4f} nats")

# %% [markdown]
# A shallow valley with its floor at $\mathrm{lse} = 0$, where the logits themselves are the
# log-probabilities. It costs about a hundredth of a nat and pulls gently. Nets trained with few
# bits need it more than ours: in float32, differences of logits near 1000 are still exact to
# about $10^{-4}$; in bfloat16, to 4.
#
# ## 7. Is this loss curve normal?
#
# **The first number.** With small random weights it is $\ln V$. With larger logits it is
# *more*: if they are spread normally with standard deviation $\sigma$, then
# $\mathrm{lse} \approx \ln V + \sigma^2 / 2$, while the right token's logit is 0 on average.
# v3's first printed loss was 13.58, worse than knowing nothing. *Predict first:* an untrained
# v3 whose embedding has a standard deviation of 0.02; of 0.147.

# %%
ids = rng.integers(0, V, (1, 65))
model_v3 = FlashLM(V3, np.random.default_rng(0))
table = model_v3.embedding.weight.data
for std in (0.02, 0.1, 0.147):
    table *= std / table.std()
    with no_grad():
        z = model_v3(ids[:, :-1])[0]  # (64, V)
        first = F.cross_entropy(z, ids[0, 1:]).item()
    sigma = z.data.std()
    expected = math.log(V) + sigma**2 / 2
    print(f"embedding {std}: logits ± {sigma:.2f}; loss {first:.2f}, by formula {expected:.2f}")

# %% [markdown]
# The final norm gives the head rows of length $\sqrt{256} = 16$, so $\sigma$ is 16 times the
# embedding's standard deviation, and 13.58 is what one of about 0.147 gives. *It is confidence
# without knowledge, and it is paid for.* If your first loss is far from $\ln V$, look at the
# scale of the logits before anything else. (In v3 the embedding comes from GPT-2, so its logits
# are not random in truth; that the block drowns it is the
# subject of [notebook 03](03_weights_in_three_values.ipynb).)
#
# **The milestones.** Counting tokens gives the *unigram* loss; counting pairs the *bigram*
# loss. A model first learns how frequent each token is, and then what follows what. Here is our
# run, with those lines. Beside it a run with a bug: its targets are its inputs, as when
# somebody forgets to shift them by one. *Predict first:* which of the two looks better while it
# trains?

# %%
plain_loss = replace(config, label_smoothing=0.0, z_loss=0.0)
buggy = FastStep(FlashLM(config, np.random.default_rng(0)), plain_loss)
reported = []
for step in range(1, 51):
    batch = sample_batch(corpus, batch=8, sequence=64, position_share=1.0, rng=batch_rng)
    ids, targets, positions = batch
    reported.append(buggy.step(step, [(ids, ids, positions)]).loss)  # ids, ids: the bug
true_loss = read_off(buggy.model)[0].mean()
last = np.mean(reported[-5:])
print(f"its last five steps report {last:.3f} on average; its true loss is {true_loss:.2f}")

# %%
steps, true, smoothed = np.array(found).T
fig, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
axes.plot(steps, smoothed, "k-s", markersize=4, label="validation, label-smoothed")
axes.plot(steps, true, "k-o", lw=2, markersize=4, label="validation, true loss")
axes.plot(range(1, 51), reported, color="0.5", ls="--", label="training loss with the bug")
lines = {"ln V": counted.uniform, "unigram": counted.unigram, "bigram": counted.bigram}
for name, nats in (lines | {"best possible": corpus.best_possible_loss}).items():
    axes.axhline(nats, color="0.7", ls=":", zorder=0)
    axes.text(101, nats, f"{name} {nats:.2f}", va="center", fontsize=9)
axes.set(xlim=(0, 100), ylim=(0, 8.5), xlabel="optimizer step", ylabel="nats per token")
axes.set_title("Is this loss curve normal?")
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# The buggy run looks wonderful, and goes *below what any model can reach on this text*. On your
# own text nobody knows that limit. But ordinary prose costs a good small model several nats per
# token: a loss that falls under 1 within minutes is a leak until proven otherwise.
#
# | what you see | what to look at first |
# | --- | --- |
# | first loss above $\ln V$ | logits too large: embedding, norms, scales |
# | first loss below $\ln V$ | targets leak; the sum is divided by the wrong count |
# | stays at $\ln V$ | no gradient arrives, or the rate is 0: print the norm |
# | stays at the unigram | the model does not see its input: shuffled ids, a dead block |
# | fast to the unigram, slower to the bigram and below | normal |
# | far below the bigram in no time | the future leaks: mask, shift, padding |
# | training falls, validation rises | too little text for so many steps |
# | goes up and down by its standard error | nothing; score more tokens |
#
# ## 8. The price: where a step's time goes
#
# FlashLM v3's author found the output layer to be 86 % of the training time. First count.
# *Predict first:* with D = 256, V = 50,257 and 590,080 ternary weights used twice, is the head
# more or less than half of the multiply-adds?

# %%
phase = V3.phases[1]  # sequences of 128, 16 of them in a step
for share in (1.0, 0.25):
    work = multiply_adds(replace(V3, position_share=share), phase)
    del work["newton-schulz"]  # the optimizer's
    total = sum(work.values())
    parts = ", ".join(f"{name} {count / total:.1%}" for name, count in work.items())
    print(f"{share:4.0%} of the positions scored: {total / 1e9:.0f} G multiply-adds: {parts}")

# %% [markdown]
# Now measure: the v3-sized model, a small batch of 128 tokens, forward and backward, on one
# core. The head runs in two forms. *Plain* is `linear`, then `cross_entropy`: all logits are in
# memory at once. *Fused* is `tied_head`, which never has them all. The rest of the model is the
# same.

# %%
one_core = Workers(1)
ids, targets = rng.integers(0, V, (2, 1, 128))
options = {"label_smoothing": EPSILON, "z_loss": Z_LOSS}


def seconds(fused, positions):
    """Of one forward and backward: in the head, and in the rest."""
    head = FusedTiedHead if fused else TiedHead
    model_v3.lm_head = head(model_v3.embedding.weight)
    for parameter in model_v3.parameters():
        parameter.grad = None
    with one_core.at_work(), profile() as watched:
        model_v3.loss(ids, targets, positions, **options).backward()
    head = sum(s.seconds for (name, _), s in watched.stats.items() if name in HEAD)
    return head, sum(s.seconds for s in watched.stats.values()) - head


scored = {"all positions": None, "a quarter of them": rng.permutation(128)[:32]}
measured = {}
for name, positions in scored.items():
    for form in ("plain", "fused"):
        rounds = [seconds(form == "fused", positions) for _ in range(3)]
        measured[name, form] = np.median(rounds, axis=0)

# %%
fig, axes = plt.subplots(figsize=(8, 2.9), layout="constrained")
names = [f"{name}, {form}" for name, form in measured]
head, rest = 1e3 * np.array(list(measured.values())).T  # milliseconds
axes.barh(names, rest, color="0.9", edgecolor="0.3", label="the rest")
axes.barh(names, head, left=rest, color="0.6", edgecolor="0.3", hatch="//", label="the head")
for place, (of_head, total) in enumerate(zip(head, head + rest, strict=True)):
    ceiling = total / (total - of_head)
    axes.text(total, place, f"  head {of_head / total:.0%}; without it {ceiling:.1f}x")
axes.set(xlabel="milliseconds, forward and backward of 128 tokens")
axes.set_xlim(0, 1.5 * max(head + rest))
axes.invert_yaxis()
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# Read the two numbers beside each bar together. The second is Amdahl's law: if a part takes the
# share $s$ of the time, then removing it *altogether* makes the whole at most $1/(1-s)$ times
# as fast. With the author's 86 % that is 7.1 times, and never more. Scoring fewer positions
# makes the head's share smaller; so does a faster head; so does a slower block! A share by
# itself is no measure of how fast anything is.
#
# The multiply-adds above say which share the head would have if everything ran equally fast.
# Softmax and its gradient come on top: the plain head passes over $N \cdot V$ logits in main
# memory many times, the fused one does in two visits to each block, while it is in the cache,
# all that is to be done with it. How much that is worth depends on the rows and the cores:

# %%
for name in scored:
    (plain, _), (fused, _) = measured[name, "plain"], measured[name, "fused"]
    print(f"{name}: the fused head takes {fused / plain:.0%} of the plain one's time")

# %% [markdown]
# With so few rows on one core, not very much. In a whole step of v3, 2,048 tokens on two cores,
# the fused head takes a third of the plain one's time, mostly because its blocks can be shared
# out to both: `python3 run.py profile` measures it on your machine, and
# [docs/speed.md](../docs/speed.md) has the table.
#
# ## 9. A gradient before anybody asks for one
#
# The fused head has a trick that looks forbidden: it computes its gradients in the *forward*
# pass. The loss is a single number, and whatever comes back to it, $dy$, only multiplies. So
# $dh = dz\, w$ and $dw = dz^T h$ are known, but for that factor, as soon as the logits and
# their lse are. It takes 512 rows of $h$ at a time: in a first visit to each block of words it
# makes the exponentials and their sum; in a second one, when all sums are known, it turns them
# into $dz$ in the same memory, multiplies, and needs them no more. Is it the same gradient?

# %%
h, w = rng.normal(size=(30, 8)), rng.normal(size=(3000, 8))
y = rng.integers(0, 3000, 30)
gradients = []
for fused in (False, True):
    h_t, w_t = Tensor(h, requires_grad=True), Tensor(w, requires_grad=True)
    if fused:
        loss = F.tied_head(h_t, w_t, y, **options)
    else:
        loss = F.cross_entropy(F.linear(h_t, w_t), y, **options)
    (3 * loss).backward()  # so that dy is not 1
    gradients.append((loss.data, h_t.grad, w_t.grad))
for name, a, b in zip(("loss", "dh", "dw"), *gradients, strict=True):
    print(f"{name}: plain and fused differ by at most {abs(a - b).max():.1e}")

# %% [markdown]
# Now the memory. The plain head holds $z$ until its backward pass, and beside it the gradient
# $dz$: each $4 N V$ bytes in float32, and in passing a third array of that size. The fused one
# keeps $dh$ and $dw$, $4 (N D + V D)$ bytes, and has at most 512 rows of $z$ at a time.
# *Predict first:* for $N = 1024$ rows of $V = 50257$, how many megabytes is one array of
# logits? (Measured here with $D = 32$, so that $dw$, which both forms need, is small.)

# %%
D, rows = 32, {"plain": (60, 180), "fused": (60, 180, 540)}
table = rng.normal(size=(V, D)).astype(np.float32)


def peak_bytes(N, fused):
    """The most that one forward and backward had allocated at once."""
    h_t = Tensor(rng.normal(size=(N, D)).astype(np.float32), requires_grad=True)
    w_t, y = Tensor(table, requires_grad=True), rng.integers(0, V, N)
    tracemalloc.start()
    head = F.tied_head(h_t, w_t, y) if fused else F.cross_entropy(F.linear(h_t, w_t), y)
    head.backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


peaks = {form: [peak_bytes(N, form == "fused") for N in rows[form]] for form in rows}

# %%
N = np.logspace(1.7, 4.3, 100)
fig, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
axes.loglog(N, (4 * N * V) / 1e6, color="0.6", ls=":", label="one array of logits, 4NV")
axes.loglog(N, (3 * 4 * N * V) / 1e6, "k--", label="plain, 3 of them")
axes.loglog(
    N,
    (4 * np.minimum(N, 512) * V + 4 * V * D) / 1e6,
    "k-",
    label="fused, 512 rows of one, and dw",
)
for form, style, inside in (("plain", "ks", "black"), ("fused", "ko", "white")):
    measured_mb = np.array(peaks[form]) / 1e6
    axes.loglog(rows[form], measured_mb, style, mfc=inside, label=f"{form}, measured")
axes.axvline(4 * 8 * 512, color="0.8")
axes.text(15500, 25, "a step of v3's phase 1d,\nall positions", ha="right", fontsize=9)
axes.set(xlabel="rows N that are scored", ylabel="peak memory (MB)")
axes.legend(fontsize=9)
plt.show()
print(f"one array for 1,024 rows: {4 * 1024 * V / 1e6:.0f} MB")
print(f"for 4·8·512 rows:         {4 * 4 * 8 * 512 * V / 1e9:.1f} GB")

# %% [markdown]
# The plain head's memory grows with the batch; the fused one's stops growing at 512 rows. That
# is why this package can take all of a step's micro-batches as one batch. (v3's notebook ran
# them one by one and had 3.3 GB resident.)
#
# ## Exercises
#
# 1. *Think.* A model reports a perplexity of 40 with a vocabulary of 50,257, another one of 30
#    with 2,000 tokens, on the same text. Which is better? What would you ask for? (Hint: nats
#    per *byte*.)
# 2. *Think.* In the buggy run we switched label smoothing off. Compute the smoothed loss's
#    floor for V = 2,000. Would the leak have been seen with smoothing on?
# 3. *Change.* In section 4, draw the curves for ε = 0.01 and 0.3. Where are their least values,
#    and at which probability of the right token?
# 4. *Change.* Forget the subtraction of the largest logit in a copy of `cross_entropy_forward`,
#    put it into the table's line with
#    `dataclasses.replace(TABLE["cross_entropy"], forward=...)`, and run `gradcheck`. Does the
#    checker notice? Why not? What would?
# 5. *Change.* In section 8, score only 8 of the 128 positions. What is the head's share now,
#    and which operation is the largest? (`print(watched)` in `seconds` shows the table.)
# 6. *Workbook.* `python3 run.py course check DIR cross_entropy` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR cross_entropy`), where DIR is your workbook.
#    Then `tied_head`, the hardest of the operations: write the plain form first, and only then
#    the blocks.
#
# Next, [notebook 07](07_from_sgd_to_normuon.ipynb): a gradient says which way is down. How far
# should one go?
