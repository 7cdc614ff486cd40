# %% [markdown]
# # 06 · Fifty thousand choices
#
# **The question.** At every position a language model chooses one of 50,257 tokens. Which
# number measures the choice? What is the gradient of this number? When can two losses be
# compared? What does a vocabulary of 50,257 tokens cost?
#
# You need softmax and the chain rule.
#
# **On the student's path.** This notebook explains
# [cross_entropy.py](../minigrad/ops/cross_entropy.py). Section 5 uses
# [step.py](../flashlm_np/training/step.py). From section 8 on, it also explains two files
# beside the path: [tied_head.py](../minigrad/ops/tied_head.py) and its fast form,
# [tied_head_fast.py](../minigrad/ops/tied_head_fast.py). Put each prediction in place of `...`,
# and run that cell before the cell below it.

# %%
import math
import tracemalloc
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, V3, Phase
from flashlm_np.analysis.multiply_adds import multiply_adds
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import DataSource, sample_batch
from flashlm_np.data.loading import load_dataset
from flashlm_np.evaluation.baselines import baselines
from flashlm_np.evaluation.evaluate import mean_and_error, token_losses
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads.exact import ExactHead, FusedHead
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import gradcheck
from minigrad.look import profile
from minigrad.ops.cross_entropy import log_sum_exp

threadpool_limits(1)  # one BLAS thread: such small products gain nothing from a second core
V, EPSILON, Z_LOSS = V3.vocab_size, V3.label_smoothing, V3.z_loss
print(f"V = {V:,}, label smoothing {EPSILON}, z-loss {Z_LOSS}")
mine = Predictions("06")

# %% [markdown]
# ## 1. Surprise, in nats
#
# The head computes one number per token, the *logits* $z_v$. Softmax makes probabilities of
# them: $p_v = e^{z_v} / \sum_u e^{z_u}$. The loss is the surprise at the token $y$ that came:
# $-\ln p_y = \mathrm{lse}(z) - z_y$, with $\mathrm{lse}(z) = \ln \sum_v e^{z_v}$. The natural
# logarithm gives the unit *nat*. A nat is $1/\ln 2 = 1.44$ bits.
#
# *Predict first:* a model gives every one of the 50,257 tokens the same logit. How large is its
# loss if this logit is 0? And if it is 1000?

# %%
mine.predict("loss if every logit is 0", ...)
mine.predict("loss if every logit is 1000", ...)

# %%
y = np.array([464])  # any id will do
nats = {z: F.cross_entropy(Tensor(np.full((1, V), z)), y).item() for z in (0.0, 1000.0)}
for logit, loss in nats.items():
    print(f"every logit {logit:g}: {loss:.4f} nats, perplexity {math.exp(loss):,.0f}")
print(f"ln V = {math.log(V):.4f}")
mine.reveal("loss if every logit is 0", nats[0.0])
mine.reveal("loss if every logit is 1000", nats[1000.0])

# %% [markdown]
# A model that knows nothing has the loss $\ln V$. *Perplexity*, $e^{\mathrm{loss}}$, turns a
# loss into a number of equally likely choices. Only differences of logits count: a constant
# added to all logits changes no probability.
#
# ## 2. Why the largest logit is subtracted
#
# The formula as it stands computes $e^{1000}$. *Predict first:* for which largest logit does
# `np.exp` still give a finite float32?

# %%
mine.predict("largest logit for exp in float32", ...)

# %%
largest = np.finfo(np.float32).max
print(f"the largest float32 is {largest:.4g}, e to the {np.log(largest):.2f}")


def naive_log_sum_exp(z):
    return np.log(np.exp(z).sum(axis=1))  # overflows


with np.errstate(over="ignore", divide="ignore"):
    for top in (10, 88, 89, 1000, -200):
        z = (top + np.array([[0.0, -1.0, -2.0]])).astype(np.float32)
        naive, page = naive_log_sum_exp(z)[0], log_sum_exp(z)[0]
        print(f"largest logit {top:5}: naive {naive:9.4f}, page {page:9.4f}")
mine.reveal("largest logit for exp in float32", np.log(largest))

# %% [markdown]
# For every $m$, $\mathrm{lse}(z) = m + \ln \sum_v e^{z_v - m}$. The page takes the row's
# largest logit as $m$. Then the largest term is $e^0 = 1$, so nothing overflows. The sum is at
# least 1, so its logarithm is finite. (The last line shows underflow: every exponential is
# rounded to 0, and the logarithm of 0 is $-\infty$.) The subtraction changes no value, so it
# changes no derivative.
#
# ## 3. The gradient is the prediction minus the target
#
# $\partial\, \mathrm{lse} / \partial z_v = p_v$, so
# $\partial\, \mathrm{loss} / \partial z = p - \mathrm{onehot}(y)$.
#
# *Predict first:* the model in the cell below gives the right token the probability 0.27. Which
# gradient does its logit get? To which number do the gradients of all logits add up? And which
# wrong token gets the largest gradient?

# %%
mine.predict("gradient of the right logit", ...)
mine.predict("sum of the gradient of the logits", ...)

# %%
words = ["mat", "sofa", "floor", "bed", "moon", "of", "idea", "zip"]
logits = np.array([[2.0, 2.6, 1.2, 0.8, -0.5, -1.0, -1.5, -3.0]])
z = Tensor(logits, requires_grad=True)
F.cross_entropy(z, np.array([0])).backward()  # "The cat sat on the" mat
p = np.exp(logits - log_sum_exp(logits)[:, None])[0]

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.bar(words, p, color="0.75", edgecolor="0.3", label="p, predicted")
left.plot([0], [1], "k*", markersize=11, label="onehot, the target")
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
mine.reveal("gradient of the right logit", z.grad[0, 0])
mine.reveal("sum of the gradient of the logits", abs(z.grad.sum().round(12)))

# %% [markdown]
# A gradient step raises the right logit in proportion to $1 - p_y$. It lowers each wrong logit
# in proportion to that token's probability. So "sofa", the likeliest mistake, is corrected
# most, and "zip" hardly at all. The sum of the gradient is 0. A model that is certain and right
# gets no gradient. A model that is certain and wrong gets the largest possible one: ±1 for two
# logits. The checker confirms it:

# %%
rng = np.random.default_rng(6)
z, ids = rng.normal(size=(5, 7)), rng.integers(0, 7, 5)
print(gradcheck("cross_entropy", z, ids, label_smoothing=0.1, z_loss=0.01))

# %% [markdown]
# ## 4. The surprise: a smoothed loss is no longer $-\ln p$
#
# FlashLM v3 changes the target. In place of "all on $y$" it is "$1-\varepsilon$ on $y$, and
# $\varepsilon$ spread over all $V$ tokens", with $\varepsilon = 0.1$:
#
# $$\mathrm{smoothed} = (1-\varepsilon)(-\ln p_y) + \varepsilon \cdot
# \frac{1}{V} \sum_v (-\ln p_v).$$
#
# Label smoothing keeps the logits from growing without limit. But the smoothed loss measures
# something else.
#
# *Predict first:* a perfect model gives the right token the probability 1. Its true loss is 0.
# How large is its smoothed loss?

# %%
p_wrong = np.logspace(-12, 0, 37)[:-1]  # 1 - p_y, divided equally among the other tokens
z = np.zeros((36, V))
z[:, 0] = np.log((1 - p_wrong) * (V - 1) / p_wrong)
target = np.zeros(1, int)
true = np.array([F.cross_entropy(row[None], target).item() for row in z])
smoothed = np.array(
    [F.cross_entropy(row[None], target, label_smoothing=EPSILON).item() for row in z]
)

fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogx(p_wrong, true, "k--", label="true loss, -ln p")
axes.semilogx(p_wrong, smoothed, "k-", lw=2, label=f"label-smoothed, ε = {EPSILON}")
best = smoothed.argmin()
axes.plot(p_wrong[best], smoothed[best], "ko", markersize=8)
axes.annotate(
    f"least: {smoothed[best]:.4f}", (p_wrong[best], smoothed[best]), (3e-3, 2.6),
    arrowprops={"arrowstyle": "->"},
)  # fmt: skip
axes.invert_xaxis()
axes.set(xlabel="probability of all wrong tokens, 1 - p   (better →)", ylabel="nats")
axes.set(ylim=(0, 5), title=f"A better model can have a worse smoothed loss (V = {V:,})")
axes.legend()
plt.show()

# %% [markdown]
# The perfect model's smoothed loss is *infinite*: it gives the probability 0 to tokens that
# together have nearly a tenth of the smoothed target. The best model matches the smoothed
# target exactly. Its loss is the entropy of that target, $-\sum_v q_v \ln q_v$, with
# $q_y = 1 - \varepsilon + \varepsilon/V$ and $q_v = \varepsilon/V$ for the other tokens:

# %%
q_right, q_wrong = 1 - EPSILON + EPSILON / V, EPSILON / V
least = -q_right * math.log(q_right) - (V - 1) * q_wrong * math.log(q_wrong)
z = Tensor(np.zeros((1, V)), requires_grad=True)
z.data[0, 0] = math.log(q_right / q_wrong)  # a model that matches the smoothed target
loss = F.cross_entropy(z, target, label_smoothing=EPSILON)
loss.backward()
print(f"least, by the formula    {least:.6f} nats")
print(f"the page, at that model  {loss.item():.6f} nats")
print(f"the gradient there       {abs(z.grad).max():.0e} at most")
print(f"its true loss            {-math.log(q_right):.6f} nats")

# %% [markdown]
# No model has a smoothed loss below 1.4075 nats, even if the next token is certain. For a text
# that is not certain the bound is higher. For a smoothed loss $s$ and a true loss $t$ (means
# over the text), $s = 0.9\,t + 0.1\,u$. Here $u$ is the mean of $-\ln p_v$ over the vocabulary,
# and it is at least $\ln V$. So one number bounds the other. The author of FlashLM v3 printed
# 6.8019:

# %%
published = 6.8019
bound = (published - EPSILON * math.log(V)) / (1 - EPSILON)
print(f"where the smoothed loss is {published}, the true loss is at most {bound:.3f}")

# %% [markdown]
# ## 5. The two losses of one model
#
# Now measure. We train a small FlashLM for a few seconds with v3's loss: smoothing 0.1 and
# z-loss, here on all positions. The text is the stories of this package, for which the best
# possible loss is known exactly. Every few steps we compute both losses *with the same
# weights*. One training step is the function `train_step` of
# [step.py](../flashlm_np/training/step.py).
#
# *Predict first:* how many nats are the two losses apart at the first step, before the model
# knows anything? And at the end, after 100 steps?

# %%
mine.predict("nats between the two losses after 100 steps", ...)

# %%
config = replace(
    SMALL_V3, d_model=96, dilations=(1,), recursions=1, phases=(Phase(1, 64, 8),),
    label_smoothing=EPSILON, z_loss=Z_LOSS, normuon_lr=0.04, adamw_lr=0.04, stories=1500,
    eval_tokens=8192,
)  # fmt: skip
dataset, _ = load_dataset(DataSource(), **config.data_options())
dataset = replace(dataset, starts_at_documents=False)  # windows may start anywhere
counted = baselines(dataset.train, dataset.valid, config.vocab_size)


def validation_losses(model, tokens=2048):
    """The true and the smoothed loss of each of the first validation tokens."""
    return token_losses(model, dataset.valid[: tokens + 1], config.receptive_field - 1)


def draw_batch():
    return sample_batch(dataset, batch=8, sequence=64, position_share=1.0, rng=batch_rng)


# %%
model, batch_rng = FlashLM(config, np.random.default_rng(0)), np.random.default_rng(0)
optimizers, curve = Optimizers(model, config), []
for step in range(101):
    if step in (0, 3, 6, 10, 20, 40, 70, 100):
        curve.append((step, *(losses.mean() for losses in validation_losses(model))))
    train_step(model, optimizers, step + 1, [draw_batch()])
for step, true, smoothed in curve[::2] + curve[-1:]:
    print(f"step {step:3}: true {true:.3f}, smoothed {smoothed:.3f}: {smoothed - true:+.3f}")
mine.reveal("nats between the two losses after 100 steps", smoothed - true)

# %% [markdown]
# It is one model and one text, but there are two numbers. At first they agree: if all tokens
# have the same probability, $-\ln p_v = \ln V$ for each of them. They separate while the model
# learns. So a smoothed loss can only be compared with a smoothed loss of the same $\varepsilon$
# and the same $V$. It cannot be compared with the losses in the literature, or with a
# perplexity. v3's recipe on textbooks ends at a true loss of 5.695 and a smoothed one of 6.397
# ([docs/v3.md](../docs/v3.md)).
#
# Ask four questions about a published loss. For v3 the answers are:
#
# 1. *Smoothed or true?* Smoothed, in training and in evaluation.
# 2. *Are there other terms?* The z-loss in training (section 6), none in evaluation.
# 3. *Over which positions?* In training over a random quarter, which is right on average but
#    noisier. In evaluation over all positions of five random batches, 2,560 in all, drawn anew
#    each time.
# 4. *Which evaluation?* The lowest of nine, at step 2000. The later ones are higher.
#
# How much do the third and the fourth answer matter? We evaluate our *one* trained model many
# times.

# %%
per_token, _ = validation_losses(model, 8192)
rng = np.random.default_rng(1)


def random_evaluations(windows, length):
    """The mean losses of 1,800 sets of random windows."""
    starts = rng.integers(0, len(per_token) - length + 1, (1800, windows))
    return per_token[starts[..., None] + np.arange(length)].mean(axis=(1, 2))  # (1800,)


evaluations = random_evaluations(windows=20, length=128)  # 5 batches of 4 windows
lowest = evaluations.reshape(-1, 9).min(axis=1).mean()
loss, error = mean_and_error(per_token)
print(f"the model's loss                      {loss:.3f}, standard error {error:.3f}")
print(f"2,560 positions, 20 random windows    ± {evaluations.std():.3f}")
print(f"the lowest of nine, on average        {lowest - loss:+.3f}")

# %% [markdown]
# "The lowest of nine" is better than the model's loss by chance alone: the model did not
# change. So this package scores the *same* tokens each time, *all* of them, and prints a
# standard error.
#
# ## 6. z-loss keeps the logits near 0
#
# A constant added to all logits changes no probability. So the cross-entropy has no gradient in
# this direction, and the logits can drift. The z-loss adds $\lambda\, \mathrm{lse}^2$. With it
# the gradient of section 3 has the sum $2 \lambda\, \mathrm{lse}$ in each row, in place of 0.
#
# *Predict first:* $\lambda = 10^{-4}$. At the start $\mathrm{lse} \approx \ln V$. How many nats
# is the z-loss then?

# %%
mine.predict("z-loss at the start, in nats", ...)

# %%
shifts = np.linspace(-60, 60, 25)
logits = rng.normal(size=(1, 50))
plain = [F.cross_entropy(logits + c, target).item() for c in shifts]
with_z_loss = [F.cross_entropy(logits + c, target, z_loss=Z_LOSS).item() for c in shifts]
fig, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
axes.plot(shifts, plain, "k--", label="cross-entropy")
axes.plot(shifts, with_z_loss, "k-o", markersize=3, label=f"with z-loss, λ = {Z_LOSS:g}")
axes.axvline(-log_sum_exp(logits)[0], color="0.6", ls=":", label="lse = 0")
axes.set(
    xlabel="constant added to all logits",
    ylabel="nats",
    title="The z-loss has its minimum at lse = 0",
)
axes.legend()
plt.show()
at_start = F.cross_entropy(np.zeros((1, V)), target, z_loss=Z_LOSS).item() - math.log(V)
print(f"at the start, lse = ln V: {at_start:.4f} nats")
mine.reveal("z-loss at the start, in nats", at_start)

# %% [markdown]
# The z-loss is a shallow parabola with its minimum at $\mathrm{lse} = 0$. There the logits
# themselves are the log-probabilities. It costs about a hundredth of a nat, and its gradient is
# small. It matters more for networks that are trained with few bits: near 1000, float32 still
# represents differences of logits to about $10^{-4}$, and bfloat16 only to 4.
#
# ## 7. Is this loss curve normal?
#
# **The first loss.** With small random weights it is $\ln V$. With larger logits it is *more*.
# If the logits are normal with standard deviation $\sigma$, then
# $\mathrm{lse} \approx \ln V + \sigma^2 / 2$, while the right token's logit is 0 on average.
# v3's first printed loss was 13.58, which is worse than $\ln V$. *Predict first:* how large is
# the first loss of an untrained v3 whose embedding has a standard deviation of 0.02? And of
# 0.147?

# %%
mine.predict("first loss, embedding 0.02", ...)
mine.predict("first loss, embedding 0.147", ...)

# %%
ids = rng.integers(0, V, (1, 65))
model_v3 = FlashLM(V3, np.random.default_rng(0))
table, first = model_v3.embedding.weight.data, {}
for std in (0.02, 0.1, 0.147):
    table *= std / table.std()
    with no_grad():
        z = model_v3(ids[:, :-1])[0]  # (64, V)
        first[std] = F.cross_entropy(z, ids[0, 1:]).item()
    sigma = z.data.std()
    print(f"embedding {std}: logits ± {sigma:.2f}; loss {first[std]:.2f}", end=", ")
    print(f"by formula {math.log(V) + sigma**2 / 2:.2f}")
mine.reveal("first loss, embedding 0.02", first[0.02])
mine.reveal("first loss, embedding 0.147", first[0.147])

# %% [markdown]
# The final norm gives the head rows of length $\sqrt{256} = 16$. So $\sigma$ is 16 times the
# embedding's standard deviation, and a standard deviation of about 0.147 gives the loss 13.58.
# *The model is confident without knowledge, and that costs nats.* If your first loss is far
# from $\ln V$, look at the size of the logits first. (v3's embedding comes from GPT-2, so its
# logits are not really random. But the block's output is so large that the embedding has little
# effect: see [notebook 03](03_weights_in_three_values.ipynb).)
#
# **The milestones.** Counts of tokens give the *unigram* loss, counts of pairs the *bigram*
# loss, and counts of triples the *trigram* loss. A model first learns how frequent each token
# is, and then which token follows which. The figure shows our run, with these lines. It also
# shows a run with a bug: the targets are the inputs, because somebody forgot to shift them by
# one. *Predict first:* which of the two runs looks better while it trains?

# %%
mine.predict("run that looks better", ..., choices=("ours", "the one with the bug"))

# %%
plain_loss = replace(config, label_smoothing=0.0, z_loss=0.0)
buggy = FlashLM(config, np.random.default_rng(0))
optimizers, reported = Optimizers(buggy, plain_loss), []
for step in range(1, 51):
    ids, _, positions = draw_batch()
    batch = ids, ids, positions  # the bug: the targets are the inputs
    reported.append(train_step(buggy, optimizers, step, [batch]).loss)
true_loss = validation_losses(buggy)[0].mean()
last = np.mean(reported[-5:])
print(f"its last five steps report {last:.3f} on average; its true loss is {true_loss:.2f}")
mine.reveal("run that looks better", "the one with the bug" if last < curve[-1][1] else "ours")

# %%
steps, true, smoothed = np.array(curve).T
fig, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
axes.plot(steps, smoothed, "k-s", markersize=4, label="validation, label-smoothed")
axes.plot(steps, true, "k-o", lw=2, markersize=4, label="validation, true loss")
axes.plot(range(1, 51), reported, color="0.5", ls="--", label="training loss with the bug")
lines = {"ln V": counted.uniform, "unigram": counted.unigram, "bigram": counted.bigram}
lines |= {"trigram": counted.trigram, "best possible": dataset.best_possible_loss}
for name, nats in lines.items():
    axes.axhline(nats, color="0.7", ls=":", zorder=0)
    axes.text(101, nats, f"{name} {nats:.2f}", va="center", fontsize=9)
axes.set(xlim=(0, 100), ylim=(0, 8.5), xlabel="optimizer step", ylabel="nats per token")
axes.set_title("Is this loss curve normal?")
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# The buggy run looks wonderful. Its loss is *below the best possible loss on this text*. On
# your own text this bound is unknown. But ordinary text costs a good small model several nats
# per token. If the loss falls below 1 within minutes, look for a leak.
#
# | symptom | look first at |
# | --- | --- |
# | first loss above $\ln V$ | logits too large: embedding, norms, scales |
# | first loss below $\ln V$ | targets leak; the sum is divided by the wrong count |
# | stays at $\ln V$ | no gradient, or a learning rate of 0: print the gradient's norm |
# | stays at the unigram | the model does not see its input: shuffled ids, a dead block |
# | fast to the unigram, slower to the bigram and below | normal |
# | far below the bigram within a few steps | the future leaks: mask, shift, padding |
# | training falls, validation rises | too little text for so many steps |
# | goes up and down by its standard error | nothing; score more tokens |
#
# ## 8. The cost: the time of a training step
#
# FlashLM v3's author reports that the output layer took 86 % of the training time. First count.
# *Predict first:* D = 256, V = 50,257, and there are 590,080 ternary weights, each used twice.
# How many per cent of the multiply-adds has the head if all positions are scored? And if a
# quarter of them is?

# %%
mine.predict("multiply-adds of the head, in %", ...)
mine.predict("multiply-adds of the head, a quarter scored, in %", ...)

# %%
phase = V3.phases[1]  # sequences of 128, 16 of them in a step
of_head = {}
for fraction in (1.0, 0.25):
    counts = multiply_adds(replace(V3, position_share=fraction), phase)
    del counts["newton-schulz"]  # it belongs to the optimizer
    total = sum(counts.values())
    of_head[fraction] = 100 * counts["head"] / total
    parts = ", ".join(f"{name} {count / total:.1%}" for name, count in counts.items())
    print(
        f"{fraction:4.0%} of the positions scored: {total / 1e9:.0f} G multiply-adds: {parts}"
    )
mine.reveal("multiply-adds of the head, in %", of_head[1.0])
mine.reveal("multiply-adds of the head, a quarter scored, in %", of_head[0.25])

# %% [markdown]
# Now measure: a model of v3's size, a small batch of 128 tokens, forward and backward, on one
# core. The head has two forms. The *plain* form is `linear`, then `cross_entropy`: all logits
# are in memory at once. The *fused* form is `tied_head`: only a part of them is. The rest of
# the model is the same.

# %%
ids, targets = rng.integers(0, V, (2, 1, 128))
options = {"label_smoothing": EPSILON, "z_loss": Z_LOSS}
HEAD_OPERATIONS = ("tied_head", "linear", "cross_entropy")


def seconds(head_class, positions):
    """The time of one forward and backward pass: in the head, and in the rest."""
    model_v3.lm_head = head_class()
    model_v3.lm_head.weight = model_v3.embedding.weight  # tied
    model_v3.zero_grad()
    with profile() as result:
        model_v3.loss(ids, targets, positions, **options).backward()
    head = sum(s.seconds for (name, _), s in result.stats.items() if name in HEAD_OPERATIONS)
    return head, sum(s.seconds for s in result.stats.values()) - head


heads = {"plain": ExactHead, "fused": FusedHead}
scored = {"all positions": None, "a quarter of them": rng.permutation(128)[:32]}
measured = {}
for name, positions in scored.items():
    for form, head_class in heads.items():
        runs = [seconds(head_class, positions) for _ in range(5)]
        measured[name, form] = np.min(runs, axis=0)  # the least disturbed by other programs

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
# Read both numbers beside each bar. The second one is Amdahl's law. If a part takes the
# fraction $s$ of the time, then the whole without this part is $1/(1-s)$ times as fast, and no
# improvement of the part gives more. For the author's 86 % that is 7.1 times. The head's
# fraction falls if fewer positions are scored, and if the head is faster. It also falls if the
# block is slower! A fraction alone does not measure speed.
#
# The multiply-adds above give the fraction that the head would have if all products ran equally
# fast. Softmax and its gradient add to it. The plain head passes over $N \cdot V$ logits in
# main memory many times. The fused head visits each block of logits twice, and does all its
# work there while the block is in the cache. The gain depends on the number of rows and of
# cores:

# %%
for name in scored:
    (plain, _), (fused, _) = measured[name, "plain"], measured[name, "fused"]
    print(f"{name}: the fused head takes {fused / plain:.0%} of the plain one's time")

# %% [markdown]
# With so few rows on one core the gain is small, or nothing. In a whole step of v3, 2,048
# tokens on two cores, the fused head takes a third of the plain one's time, mostly because both
# cores share its blocks. `python3 run.py profile` measures this on your machine, and
# [docs/speed.md](../docs/speed.md) has the table.
#
# ## 9. The gradient can be computed in the forward pass
#
# The fused head computes its gradients in the *forward* pass. The loss is a single number, so
# the upstream gradient $dy$ is only a factor. Except for this factor, $dh = dz\, w$ and
# $dw = dz^T h$ are known as soon as the logits and their lse are known. The fused head takes
# 512 rows of $h$ at a time, and the vocabulary in blocks. In a first visit to each block it
# computes the exponentials and their sum. After that all sums are known. In a second visit it
# turns the exponentials into $dz$ in the same memory, and multiplies. After that the block is
# not needed any more. Is it the same gradient?

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
# Now the memory. The plain head holds $z$ until its backward pass, then also the probabilities
# $p$, the gradient $dz$, and for a short time a fourth array of that size. Each takes $4 N V$
# bytes in float32. The fused head keeps $dh$ and $dw$, $4 (N D + V D)$ bytes, and has at most
# 512 rows of $z$ at a time. *Predict first:* for $N = 1024$ rows and $V = 50257$, how many
# megabytes is one array of logits? (We measure with $D = 32$. Then $dw$, which both forms need,
# is small.)

# %%
mine.predict("megabytes of the logits of 1,024 rows", ...)

# %%
D, rows = 32, {"plain": (60, 180), "fused": (60, 180, 540)}
table = rng.normal(size=(V, D)).astype(np.float32)


def peak_bytes(N, fused):
    """The peak of the allocated memory during one forward and backward pass."""
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
axes.loglog(N, (4 * 4 * N * V) / 1e6, "k--", label="plain, 4 of them")
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
megabytes = 4 * 1024 * V / 1e6
print(f"one array for 1,024 rows: {megabytes:.0f} MB")
print(f"for 4·8·512 rows:         {4 * 4 * 8 * 512 * V / 1e9:.1f} GB")
mine.reveal("megabytes of the logits of 1,024 rows", megabytes)

# %% [markdown]
# The plain head's memory grows with the batch. The fused head's memory stays the same from 512
# rows on. So this package can take all micro-batches of a step as one batch. (v3's notebook ran
# them one by one, and needed 3.3 GB.)
#
# ## Exercises
#
# 1. *Think.* A model reports a perplexity of 40 with a vocabulary of 50,257. Another one
#    reports 30 with 2,000 tokens, on the same text. Which is better? Which number would you ask
#    for? (Hint: nats per *byte*.)
# 2. *Think.* The buggy run has no label smoothing. Compute the least smoothed loss for V =
#    2,000. Would the leak be visible with smoothing?
# 3. *Change.* In section 4, draw the curves for ε = 0.01 and 0.3. Where are their minima, and
#    at which probability of the right token?
# 4. *Change.* Remove the subtraction of the largest logit in a copy of `cross_entropy_forward`.
#    Make an operation of it with `dataclasses.replace(TABLE["cross_entropy"], forward=...)`,
#    and give that to `gradcheck`. Does the checker find the mistake? Why not? Which test would?
# 5. *Change.* In section 8, score only 8 of the 128 positions. Which fraction of the time does
#    the head take now, and which operation is the largest? (`print(result)` in `seconds` shows
#    the table.)
# 6. *Workbook.* Run `python3 run.py course check DIR cross_entropy` in the project's folder
#    (or, with `.venv` active, `flashlm course check DIR cross_entropy`), where DIR is your
#    workbook. Continue with `tied_head`, the hardest of the operations: write the plain form
#    first, and then the blocks.
#
# Next, [notebook 07](07_from_sgd_to_normuon.ipynb): the gradient gives the direction of a step.
# How long should the step be? The cost of this head comes back in
# [notebook 12](12_a_cheaper_last_layer.ipynb), with five other heads.

# %%
mine.show()
