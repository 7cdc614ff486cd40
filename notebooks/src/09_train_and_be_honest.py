# %% [markdown]
# # 09 · Train and evaluate
#
# **The question.** A run ends with a number, the loss. Is it good? Is the curve before it
# normal? Would another text, another tokenizer or another evaluation give another number, and
# would you report the better one?
#
# We train a small FlashLM in this notebook, for about ten seconds. It learns stories whose
# *best possible loss is known exactly*. So we can measure how much each usual mistake changes
# the reported number, and we try several of them. Your numbers will differ a little from those
# of another machine, but every sentence here stays true.
#
# **On the student's path.** The loop of section 3 calls `train_step` of
# [step.py](../flashlm_np/training/step.py), and section 9 samples texts as
# [generate.py](../flashlm_np/inference/generate.py) does, the last file of the path. Beside the
# path, [evaluate.py](../flashlm_np/evaluation/evaluate.py) measures the loss. Put each
# prediction in place of `...`, and run that cell before the cell below it.

# %%
import textwrap
from dataclasses import asdict, replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, Phase
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import DataSource, sample_batch
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.stories import stories
from flashlm_np.data.story_ids import validation_stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.baselines import baselines
from flashlm_np.evaluation.evaluate import (
    evaluate,
    mean_and_error,
    token_bytes,
    token_losses,
)
from flashlm_np.inference.text_generator import TextGenerator
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import load_weights
from flashlm_np.runs.loss_plot import smooth
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import no_grad

one_thread = threadpool_limits(1)  # such small products gain nothing from a second core
mine = Predictions("09")

# %% [markdown]
# ## 1. A text with a known best possible loss
#
# Weighted choices make each story: which hero, which wish, which word. The text determines
# these choices, so its probability is their product, and `stories.score` computes it
# ([docs/stories.md](../docs/stories.md)). *Predict first:* a story has about 175 tokens from a
# vocabulary of 2,000. A model that guesses uniformly loses 7.6 nats on each, about 1,330 on a
# story. How many nats does a model lose that knows the choices and their probabilities?

# %%
mine.predict("nats on a story, if the choices are known", ...)

# %%
story = stories.generate(np.random.default_rng(3))
print(story, "\n")
for slot, _, p in stories.parse(story)[:6]:
    print(f"{slot:8} p = {p:.3f}  {np.log(1 / p):.2f} nats")
print(f"-ln p of this story: {-stories.score(story):.1f} nats; ", end="")
print(f"of a story on average: {stories.totals().entropy:.1f}")
mine.reveal("nats on a story, if the choices are known", stories.totals().entropy)

# %% [markdown]
# Add these numbers over the stories of a validation text, and divide by its tokens. This is
# **the best possible loss**: the loss of the grammar that made the text. No model of any size
# can be better on average.
#
# ## 2. Baselines that count tokens
#
# *Predict first:* put these five in order, and guess the losses of the bigram and the trigram.
# The best possible loss. Uniform: every token is equally likely. Unigram: tokens by their
# frequency. Bigram: tokens by their frequency after the token before. Trigram: after the two
# tokens before.

# %%
mine.predict("loss of the bigram, in nats per token", ...)
mine.predict("loss of the trigram, in nats per token", ...)

# %%
config = replace(
    SMALL_V3,
    d_model=64,
    conv_groups=4,
    stories=3000,
    steps=200,
    eval_every=40,
    phases=(Phase(1, 512, 2),),
    adamw_lr=0.03,
    normuon_lr=0.02,
    ema_decay=0.9,
)
tokenizer = Tokenizer.embedded()
dataset, _ = load_dataset(DataSource(), tokenizer=tokenizer, **config.data_options())
counted = baselines(dataset.train, dataset.valid, config.vocab_size)
print(f"{len(dataset.train):,} training tokens, {len(dataset.valid) - 1:,} validation tokens")
lines = asdict(counted) | {"best possible": dataset.best_possible_loss}
for name, nats in lines.items():
    print(f"{name:13} {nats:.4f} nats per token")
mine.reveal("loss of the bigram, in nats per token", counted.bigram)
mine.reveal("loss of the trigram, in nats per token", counted.trigram)

# %% [markdown]
# A model above the bigram knows less than a count of pairs, and one above the trigram less than
# a count of triples. The counts take a second. These numbers cost nothing. Report them beside
# every loss.
#
# ## 3. Train
#
# The loop draws a batch, takes an optimizer step, and sometimes evaluates the validation text.
# (`flashlm_np.train` and the command `python3 run.py train` do the same, and also save
# checkpoints.) *Predict first:* how large is the loss at step 1? How many of the five lines
# will the model have passed at step 200?

# %%
mine.predict("loss at step 1, in nats per token", ...)
mine.predict("lines passed at step 200, of five", ...)


# %%
def train(config, dataset):
    """The model, its optimizers, the loss of each step, and the evaluations by step."""
    rng = np.random.default_rng(config.seed)
    model = FlashLM(config, rng)
    optimizers, losses, evaluations = Optimizers(model, config), [], {}
    for step in range(1, config.steps + 1):
        phase = config.phase(step)
        batch = sample_batch(
            dataset,
            batch=phase.batch,
            sequence=phase.sequence,
            position_share=config.position_share,
            rng=rng,
        )
        losses.append(train_step(model, optimizers, step, [batch]).loss)
        if step == 1 or step % config.eval_every == 0:
            evaluations[step] = evaluate(model, config, dataset.valid, tokenizer)
    return model, optimizers, np.array(losses), evaluations


model, optimizers, losses, evaluations = train(config, dataset)
result = evaluations[config.steps]
passed = [name for name, nats in lines.items() if result.loss < nats]
print(f"{model!r}: first loss {losses[0]:.3f}, ln V = {np.log(config.vocab_size):.3f}")
print(f"validation {result.loss:.3f} nats per token, better than {', '.join(passed)}")
print(f"{result.loss - dataset.best_possible_loss:.3f} above the best possible loss")
mine.reveal("loss at step 1, in nats per token", losses[0])
mine.reveal("lines passed at step 200, of five", len(passed))


# %%
def draw(axes, losses, evaluations, lines):
    """A run's losses, and horizontal lines to compare them with."""
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, color="#b8c8dc", lw=0.8, label="training, each batch")
    axes.plot(steps, smooth(losses), color="#3b6ea5", lw=1.8, label="training, smoothed")
    valid = [e.loss for e in evaluations.values()]
    errors = [e.loss_error for e in evaluations.values()]
    axes.errorbar(
        list(evaluations), valid, errors, fmt="o--", color="#c44e52", ms=4, label="validation"
    )
    for name, nats in lines.items():
        axes.axhline(nats, color="#444444", lw=1, ls="--" if name == "best possible" else ":")
        axes.text(
            steps[-1], nats / 1.04, f"{name} {nats:.2f}", fontsize=8, ha="right", va="top"
        )
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], minor=False)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(min(losses.min(), *lines.values()) / 1.3, 1.4 * max(*losses, *valid))


figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
draw(axes, losses, evaluations, lines)
axes.legend(fontsize=8, loc=(0.01, 0.12))
plt.show()

# %% [markdown]
# **Is this loss curve normal?** Yes. It has these properties:
#
# - It begins at $\ln V$: the model knows nothing, and is not confident about anything.
# - It falls fast to the unigram (which tokens are frequent), and more slowly to the bigram
#   (which token follows which). Below the bigram it must use more than one token of the past,
#   and below the trigram more than two. This short run does not reach the trigram.
# - It is noisy, because every batch is another text. Section 6 computes how noisy it should be.
# - Training and validation fall together, because the model sees nearly all of the text for the
#   first time. If validation is a little above or below at all steps, the reason may be its
#   text: all its points share the same stories, and so the same error.
#
# Four curves would not be normal. The loss stays at the unigram (no context arrives: look at
# the mixer). It rises, or is NaN (the learning rate). Training falls and validation does not
# (section 8). It is **below the best possible loss** (the future leaks in, or the text was seen
# before).
#
# ## 4. One model, four numbers
#
# *Predict first:* suppose that only the *tokenizer* were different, and the model equally good.
# Which of these numbers would change: nats per token, perplexity, bits per byte?

# %%
text_bytes = sum(len(piece) for piece in token_bytes(tokenizer, dataset.valid[1:]))
print(f"true loss      {result.loss:.4f} nats per token")
print(f"perplexity     {np.exp(result.loss):.3f} = exp(loss)")
bits = result.loss * result.tokens / np.log(2)
print(f"bits per byte  {bits / text_bytes:.4f} = loss · tokens / (ln 2 · bytes)")
print(f"label-smoothed {result.smoothed:.4f}, the number that FlashLM v3 reports")
bound = (result.smoothed - 0.1 * np.log(config.vocab_size)) / 0.9
print(f"the smoothed number alone gives only a bound: true loss at most {bound:.4f}")

# %% [markdown]
# Nats per token and perplexity would change, because the same text would have more or fewer
# tokens. Bits per byte would not (section 5).
#
# A tenth of the smoothed loss is the mean of $-\ln p$ over *all* tokens of the vocabulary. This
# part stays large even if the text is predicted well, and it grows if the model is right and
# certain. The smoothed loss cannot be compared with a true loss. ([Notebook
# 06](06_fifty_thousand_choices.ipynb) explains v3's 6.80.)
#
# ## 5. Losses per token cannot be compared between tokenizers
#
# Take the simplest model, counted pairs, on the same kind of text with two tokenizers: our
# 2,000 tokens, and single bytes. *Predict first:* which loss per token is lower, and which
# model predicts the text better? If our tokens need 1 bit per byte of text, how many
# bits do the single bytes need?

# %%
mine.predict("bits per byte of single bytes, if our tokens need 1", ...)

# %%
single_bytes = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
bits_per_byte = []
for units in (tokenizer, single_bytes):
    other = replace(config, vocab_size=units.vocab_size)
    text, _ = load_dataset(DataSource(), tokenizer=units, **other.data_options())
    nats = baselines(text.train, text.valid, units.vocab_size).bigram
    size = sum(len(piece) for piece in token_bytes(units, text.valid[1:]))
    bits = nats * (len(text.valid) - 1) / np.log(2) / size
    bits_per_byte.append(bits)
    print(f"bigram of {units.name:8} {nats:.3f} nats per token, {bits:.3f} bits per byte")
ours, theirs = bits_per_byte
mine.reveal("bits per byte of single bytes, if our tokens need 1", theirs / ours)

# %% [markdown]
# The two losses differ by less than two hundredths, but one model needs about four times the
# bits of the other. A token of ours has about four bytes, and a byte is a much smaller unit of
# text. Bits per byte divide by the length of the text, which is the same for both, so they can
# be compared.
#
# ## 6. The standard error of the loss
#
# The loss is a mean over tokens. So its standard error should be the standard deviation of the
# tokens' losses divided by $\sqrt{\mathrm{tokens}}$. *Predict first:* take sets of ten stories,
# and the model's loss on each set. How large is the standard deviation of these losses, if the
# formula says 1?

# %%
mine.predict("standard deviation, if the formula says 1", ...)

# %%
many, _ = validation_stories(60_000, tokenizer)
context = config.receptive_field - 1
true, _ = token_losses(model, many, context)
ends = np.flatnonzero(many == tokenizer.end_of_text)
sizes = np.diff(ends)  # tokens of each story


def per_story(values):
    """Sums over the tokens of each story."""
    return np.add.reduceat(values, ends[:-1])


def error_by_stories(values):
    """The standard error of the mean over tokens, if only stories are independent."""
    deviations = per_story(values) - sizes * values.mean()
    return deviations.std(ddof=1) / np.sqrt(len(sizes)) / sizes.mean()


sets = len(sizes) // 10
ten = per_story(true)[: 10 * sets].reshape(sets, 10).sum(1)
ten = ten / sizes[: 10 * sets].reshape(sets, 10).sum(1)
to_ten = np.sqrt(len(sizes) / 10)  # from the error of all stories to that of ten
naive = true.std() / np.sqrt(len(true))
print(f"measured: standard deviation of {sets} losses of ten stories {ten.std(ddof=1):.3f}")
print(f"formulas: single tokens {naive * to_ten:.3f}")
print(f"          blocks of 128 {mean_and_error(true)[1] * to_ten:.3f} (flashlm reports this)")
print(f"          whole stories {error_by_stories(true) * to_ten:.3f}")
mine.reveal("standard deviation, if the formula says 1", ten.std(ddof=1) / (naive * to_ten))

# %% [markdown]
# It is much larger. Tokens of one story are not independent: in a plot that the model has not
# learned, it is wrong again and again. An error bar from single tokens is far too small,
# because it counts dependent tokens as independent ones. `flashlm` takes blocks of 128
# neighbouring tokens, and this removes most of the problem. A story is a little longer than a
# block, and its blocks are still dependent. The independent unit is the *document*.

# %%
ratio = error_by_stories(true) / naive
print(f"error bars from single tokens are {ratio:.1f} times too small:")
print(f"{len(true):,} tokens tell as much as {len(true) / ratio**2:,.0f} independent ones")
batch = error_by_stories(true) * np.sqrt(len(true) / config.phase(1).tokens)
last_losses = losses[-100:]
noise = (last_losses - smooth(losses)[-100:]).std()
print(f"expected standard deviation of a training batch's loss: {batch:.2f}")
print(f"measured around the smoothed curve, last hundred steps: {noise:.2f}")

# %% [markdown]
# So the noise of the training curve is normal. Now compare two models: the last weights, and
# their running average (`ema`), which every run keeps. The average covers about ten steps.
# *Predict first:* is the difference of their losses larger than the error of each? Can we say
# which one is better?

# %%
mine.predict("difference larger than the error of each", ..., choices=("yes", "no"))
mine.predict("we can say which is better", ..., choices=("yes", "no"))

# %%
averaged = FlashLM(config, np.random.default_rng(0))
load_weights(averaged, optimizers.ema.average)
other, _ = token_losses(averaged, many, context)
alone, paired = error_by_stories(true), error_by_stories(other - true)
print(f"last       {true.mean():.4f} ± {alone:.4f}")
print(f"average    {other.mean():.4f} ± {error_by_stories(other):.4f}")
gap = (other - true).mean()
print(f"difference {gap:+.4f} ± {paired:.4f}, token by token on one text:", end=" ")
print(f"{abs(gap) / paired:.1f} of its errors, {abs(gap) / alone:.1f} of the last one's")
for name, error in (("on two texts", np.sqrt(2) * alone), ("on the same text", paired)):
    tokens = len(true) * (2 * error / 0.02) ** 2
    print(f"to see 0.02 as two standard errors {name}: {tokens:,.0f} tokens")
mine.reveal("difference larger than the error of each", "yes" if abs(gap) > alone else "no")
mine.reveal("we can say which is better", "yes" if abs(gap) > 2 * paired else "no")

# %% [markdown]
# On the same text most of the variation is *common*: a difficult story is difficult for both
# models. The common part cancels in the difference. So compare models on the same tokens, and
# give the error of the difference. Then far fewer tokens are enough.
#
# ## 7. The lowest of nine
#
# FlashLM v3's author evaluated the model nine times, each time at 2,560 positions, drawn anew.
# He announced it with the lowest number, 6.80. (It came from the middle of the run. The later
# ones were higher.) *Predict first:* take **one** model, which does not change. Evaluate it
# nine times in this way, at 20 random windows of 128 tokens, and report the lowest number. In
# how many per cent of the cases is it below the model's loss?

# %%
mine.predict("cases in which the lowest of nine is below the loss, in %", ...)

# %%
rng = np.random.default_rng(9)
sums = np.concatenate([[0.0], np.cumsum(true)])
starts = rng.integers(0, len(true) - 128, (4000, 9, 20))  # 20 windows in each evaluation
drawn = (sums[starts + 128] - sums[starts]).sum(-1) / (20 * 128)  # (4000, 9)
lowest = drawn.min(axis=1)
figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
bins = np.linspace(drawn.min(), drawn.max(), 60)
axes.hist(drawn.ravel(), bins, density=True, color="#dddddd", ec="k", label="one evaluation")
style = {"histtype": "step", "hatch": "//", "color": "#c44e52", "lw": 1.5}
axes.hist(lowest, bins, density=True, label="the lowest of nine", **style)
axes.axvline(true.mean(), color="k", ls="--", label="the model's loss")
axes.set(xlabel="nats per token, always the same model", ylabel="density")
axes.legend(fontsize=8)
plt.show()
print(f"loss {true.mean():.3f}; standard deviation of one evaluation {drawn.std():.3f}")
below = np.mean(lowest < true.mean())
print(f"lowest of nine: {lowest.mean():.3f} on average, below the loss in {below:.1%} of cases")
mine.reveal("cases in which the lowest of nine is below the loss, in %", 100 * below)

# %% [markdown]
# The selection picks the noise. (v3's own nine evaluations are of a model that learned in
# between. They do not show how much of 6.80 is luck.) The same holds for seeds, checkpoints,
# learning rates and samples. Take $n$ equal candidates whose evaluations have the standard
# deviation $\sigma$. The best one seems better by about $1.0\,\sigma$ for $n = 4$,
# $1.5\,\sigma$ for 9, and $2.5\,\sigma$ for a hundred. You may select, but then report a *new*
# evaluation, on text that had no part in the selection:

# %%
rng = np.random.default_rng(10)
for n in (2, 4, 9, 30, 100):
    noise = rng.standard_normal((4000, 2, n))  # two evaluations of each candidate
    chosen = noise[:, 0].argmin(axis=1)
    again = noise[np.arange(4000), 1, chosen]
    print(
        f"best of {n:3}: seems {-noise[:, 0].min(axis=1).mean():.2f} σ better, "
        f"evaluated again {-again.mean():+.2f} σ"
    )

# %% [markdown]
# ## 8. The surprise: five stories, again and again
#
# *Predict first:* no model can beat the best possible loss on average. Can the training loss of
# a program without a bug fall **below** the best possible loss of its own training stories?
#
# The model and the optimizers are the same (with half the batch). But there are only five
# stories to learn from, and the model sees them again and again.

# %%
mine.predict("training loss below the best possible", ..., choices=("yes", "no"))


# %%
def exact_losses(tokens):
    """The exact -ln p of each story in a row of tokens, in nats."""
    ends = np.flatnonzero(tokens == tokenizer.end_of_text)
    rows = [tokens[start + 1 : stop] for start, stop in pairwise(ends)]
    return np.array([-stories.score(tokenizer.decode(row)) for row in rows])


few = replace(
    config, stories=5, steps=80, phases=(Phase(1, 512, 1),), eval_every=16, eval_tokens=4096
)
five, _ = load_dataset(DataSource(), tokenizer=tokenizer, **few.data_options())
repeated = np.concatenate([five.train[:1], *[five.train[1:]] * 40])
overfitted, _, few_losses, few_evaluations = train(few, replace(five, train=repeated))

best_on_five = exact_losses(five.train).sum() / (len(five.train) - 1)
on_five = evaluate(overfitted, few, five.train, tokenizer).loss
print(f"the five stories: best possible {best_on_five:.3f}, this model {on_five:.3f}")
print(f"other stories: {few_evaluations[few.steps].loss:.2f}; uniform: {counted.uniform:.2f}")
mine.reveal("training loss below the best possible", "yes" if on_five < best_on_five else "no")

# %% [markdown]
# It can. The best possible loss is a bound for stories that are *drawn* from the grammar. These
# five are known, and a model that has memorized them needs no grammar. This model is
# *overfitted*: on any other story it is worse than uniform guessing, because it is certain of
# the wrong token. A training loss says nothing about new text. A loss below the best possible
# one is no success. It is a warning.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
two_lines = {"uniform": counted.uniform, "best possible": best_on_five}
draw(left, few_losses, few_evaluations, two_lines)
left.set(title="the overfitted model")
left.legend(fontsize=8, loc="lower left")
ends_of_five = np.flatnonzero(five.train == tokenizer.end_of_text)
memorized, _ = token_losses(overfitted, five.train, context)
memorized = np.add.reduceat(memorized, ends_of_five[:-1])
right.plot(
    exact_losses(many), per_story(true), ".", color="#3b6ea5", label="our model, new stories"
)
right.plot(
    exact_losses(five.train),
    memorized,
    "X",
    ms=9,
    color="#c44e52",
    label="overfitted, its five",
)
right.plot([40, 80], [40, 80], "k--", lw=1, label="as good as the grammar")
right.set(xlabel="exact −ln p of a story (nats)", ylabel="the model's −ln p (nats)")
right.set(title="story by story", yscale="log")
right.set_yticks([5, 10, 20, 50, 100, 200, 500])
right.minorticks_off()
right.yaxis.set_major_formatter("{x:g}")
right.legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# Each point is a story. Below the dashed line a model gives a story *more* probability than the
# grammar does. This can happen for single stories, by chance, but not for the mean of new ones.
#
# Is our own model overfitted, too? Compare its loss on stories that it was trained on with its
# loss on new ones. Subtract the best possible loss of each text, because one text may be easier
# than the other.

# %%
part = dataset.train[:16_384]
seen_text = part[: np.flatnonzero(part == tokenizer.end_of_text)[-1] + 1]  # whole stories
seen = evaluate(model, config, seen_text, tokenizer)
distance = seen.loss - exact_losses(seen_text).sum() / seen.tokens
print(f"above the best possible: training text   {distance:.3f} ± {seen.loss_error:.3f}")
distance = result.loss - dataset.best_possible_loss
print(f"                         validation text {distance:.3f} ± {result.loss_error:.3f}")
read = config.steps * config.phase(1).tokens
print(f"the model has seen {read:,} tokens of {len(dataset.train):,}")

# %% [markdown]
# No: it has seen less than its whole text once.
#
# ## 9. Samples that nobody selected
#
# Sampling divides the logits by a *temperature* $\tau$. Below 1, likely tokens become still
# likelier. *Predict first:* people like texts written at 0.5. At which temperature is the loss
# on real text lowest?

# %%
mine.predict("temperature of the lowest loss", ...)

# %%
with no_grad():
    h = model.hidden(dataset.valid[None, :4096].astype(np.int64)).data[0]
    z = (h @ model.lm_head.weight.data.T).astype(np.float64)  # (4096, V)
targets = dataset.valid[1:4097].astype(np.int64)
temperatures = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5])
loss, entropy = [], []
for temperature in temperatures:
    log_p = z / temperature
    log_p -= log_p.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    loss.append(-log_p[np.arange(4096), targets].mean())
    entropy.append(-(np.exp(log_p) * log_p).sum(axis=1).mean())
figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
axes.plot(temperatures, loss, "o-", color="#3b6ea5", label="loss on real text")
axes.plot(temperatures, entropy, "s--", color="#c44e52", label="entropy: the loss it expects")
axes.axvline(1, color="#777777", lw=0.8)
axes.set(xlabel="temperature", ylabel="nats per token")
axes.legend(fontsize=8)
plt.show()
print(f"lowest loss at temperature {temperatures[np.argmin(loss)]:g}")
mine.reveal("temperature of the lowest loss", temperatures[np.argmin(loss)])

# %% [markdown]
# The loss is lowest near 1, where the two curves meet. Training on the true loss makes a model
# that is about as uncertain as it should be. At 0.5 it is far too certain. A text written at
# 0.5 looks better because readers notice the worst mistake. A low temperature removes rare
# tokens, and rare mistakes with them.
#
# The next cell shows texts of this model for the seeds 0, 1 and 2. None is left out.
# (`TextGenerator` is the fast form of [generate.py](../flashlm_np/inference/generate.py).) The
# stories' grammar tells at which character each text stops being a story. The printed text is
# always that of seed 0. *Predict first:* how many different texts do three seeds give at
# temperature 0?

# %%
mine.predict("different texts of three seeds at temperature 0", ...)


# %%
def end_of_story(text):
    """The place where a text stops being a story."""
    try:
        stories.score(text)
    except ValueError as error:
        return str(error).split(",")[0].removeprefix("not a story: at ")
    return "the end"


generator, different = TextGenerator(model, tokenizer, dataset.has_separators), {}
for temperature in (0, 0.5, 1.0, 1.5):
    texts = [
        "".join(generator.generate("", 200, seed, temperature=temperature)) for seed in range(3)
    ]
    different[temperature] = len(set(texts))
    print(f"temperature {temperature}: a story up to", "; ".join(map(end_of_story, texts)))
    print(textwrap.fill(texts[0][:280], 92, initial_indent="    ", subsequent_indent="    "))
mine.reveal("different texts of three seeds at temperature 0", different[0])

# %% [markdown]
# Temperature 0 uses no random numbers, so the three texts are equal. After ten seconds of
# training the model writes sentences of the grammar, but the hero's name changes within three
# sentences. The [README](../README.md) shows texts after three and ten minutes, with their
# seed.
#
# ## The full report
#
# All of this belongs beside a reported loss:

# %%
error = error_by_stories(true)
best = exact_losses(many).sum() / len(many[1:])
print(
    f"{model!r}, {config.steps} steps, seed {config.seed}: {true.mean():.3f} ± {error:.3f} "
    f"nats per token (true loss, {len(true):,} tokens of {len(sizes)} new stories, error over "
    f"stories); best possible {best:.3f}, bigram {counted.bigram:.3f}, trigram "
    f"{counted.trigram:.3f}; "
    "last step, one run, nothing selected."
)

# %% [markdown]
# ## Exercises
#
# 1. *Think.* Two papers report 3.2 and 3.0 nats per token. One has 50,257 tokens, the other
#    32,000. Which questions do you ask before you believe that the second is better?
# 2. *Change.* Run section 3 with three other seeds (`replace(config, seed=...)`). How large is
#    the standard deviation of the losses? Compare it with the error over stories. Which of the
#    two is larger, and which one does "± 0.02" in a paper usually mean?
# 3. *Change.* Make the training curve abnormal on purpose: `adamw_lr=0.5`; `taps=1` (the model
#    cannot see the past: at which line does it stop, and why?); `stories=50`. Which sign in the
#    curve shows each mistake?
# 4. *Change.* [distance.py](../benchmarks/distance.py) measures which kinds of words a run
#    loses its nats on. Train a model like this one in the project's folder, with `python3
#    run.py train --d-model 64 --conv-groups 4 --steps 200 --out runs/small`, then run
#    `.venv/bin/python benchmarks/distance.py runs/small`. Which words are not learned in the
#    first seconds?
# 5. *Workbook.* Run `python3 run.py course check DIR adamw` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR adamw`), where DIR is your workbook. With
#    `cross_entropy` and `normuon` from before, you then have this notebook's loss and both
#    optimizers.
#
# Next, [notebook 10](10_adds_and_subtracts.ipynb): how small is a trained model whose ternary
# weights take 1.6 bits each, and how much of it needs only additions?

# %%
mine.show()
