# %% [markdown]
# # 09 · Train it and be honest
#
# **The question.** A run ends, and a number stands there: the loss. Is it good? Is the curve
# that led to it normal? Would another text, another tokenizer, another reading have given
# another number, and would you have reported the better one?
#
# We train a small FlashLM in this notebook, for about ten seconds, on stories whose *best
# possible loss is known exactly*. So every way of fooling oneself can be measured, and we try
# several. Your numbers will differ a little from those of another machine; the sentences here
# hold all the same. Write each prediction down before you run the cell below it.

# %%
import textwrap
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.data.dataset import DataSource, load_dataset, sample_batch
from flashlm_np.data.stories import stories
from flashlm_np.data.story_ids import validation_stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.evaluate import (
    evaluate,
    mean_and_error,
    token_bytes,
    token_losses,
)
from flashlm_np.evaluation.ngrams import baselines
from flashlm_np.inference.text_generator import TextGenerator
from flashlm_np.model.config import QUICKSTART, Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import load_weights
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.loss_plot import smooth
from minigrad import no_grad

one_thread = threadpool_limits(1)  # so small products gain nothing from a second core

# %% [markdown]
# ## 1. A text whose limit is known
#
# Each story is made by weighted choices (which hero, which wish, which word), and the text
# tells which choices they were. So its probability is a product that `stories.score` can read
# off ([docs/stories.md](../docs/stories.md)). *Predict first:* a story has about 175 tokens
# from a vocabulary of 2,000. A model that guesses blindly loses 7.6 nats on each, about 1,330
# on a story. How many nats does a story cost somebody who knows everything about how it was
# made?

# %%
story = stories.generate(np.random.default_rng(3))
print(story, "\n")
for slot, _, p in stories.parse(story)[:6]:
    print(f"{slot:8} p = {p:.3f}  {np.log(1 / p):.2f} nats")
print(f"this story costs {-stories.score(story):.1f} nats, a story on average", end=" ")
print(f"{stories.entropy():.1f}")

# %% [markdown]
# Added up over the stories of a validation text, and divided by its tokens, that is **the
# limit**: the loss of a model that knows the grammar itself. No model can be better on average,
# whatever its size.
#
# ## 2. What counting reaches
#
# *Predict first:* put these in order, and guess how many nats the bigram loses: the limit;
# every token equally likely (uniform); tokens by their frequency (unigram); by their frequency
# after the token before (bigram).

# %%
config = replace(
    QUICKSTART,
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
corpus = load_dataset(DataSource(), tokenizer=tokenizer, **config.data_options())[0]
counted = baselines(corpus.train, corpus.valid, config.vocab_size)
print(f"{len(corpus.train):,} training tokens, {len(corpus.valid) - 1:,} validation tokens")
lines = {"uniform": counted.uniform, "unigram": counted.unigram, "bigram": counted.bigram}
lines["limit"] = corpus.best_possible_loss
for name, nats in lines.items():
    print(f"{name:8} {nats:.4f} nats per token")

# %% [markdown]
# A model that does not pass the bigram knows less than a second of counting tells. These
# numbers cost nothing and belong beside every loss.
#
# ## 3. Train
#
# The loop: a batch, a step of the recipe, now and then a look at the validation text. (The
# command `python3 run.py train` does the same, and keeps checkpoints.) *Predict first:* the
# loss at step 1, and which of the four lines the model will have passed at step 200.


# %%
def train(config, corpus):
    """The model, its recipe, each step's loss, and the evaluations by step."""
    rng = np.random.default_rng(config.seed)
    model = FlashLM(config, rng)
    fast_step, losses, looks = FastStep(model, config), [], {}
    for step in range(1, config.steps + 1):
        phase = config.phase(step)
        batch = sample_batch(
            corpus,
            batch=phase.batch,
            sequence=phase.sequence,
            position_share=config.position_share,
            rng=rng,
        )
        losses.append(fast_step.step(step, [batch]).loss)
        if step == 1 or step % config.eval_every == 0:
            looks[step] = evaluate(model, config, corpus.valid, tokenizer)
    return model, fast_step, np.array(losses), looks


model, fast_step, losses, looks = train(config, corpus)
result = looks[config.steps]
passed = [name for name, nats in lines.items() if result.loss < nats]
print(f"{model}: first loss {losses[0]:.3f}, ln V = {np.log(config.vocab_size):.3f}")
print(f"validation {result.loss:.3f} nats per token, better than {', '.join(passed)}")
print(f"{result.loss - corpus.best_possible_loss:.3f} above the limit")


# %%
def draw(axes, losses, looks, lines):
    """A run's losses between the lines that they are to be judged by."""
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, color="#b8c8dc", lw=0.8, label="training, each batch")
    axes.plot(steps, smooth(losses), color="#3b6ea5", lw=1.8, label="training, smoothed")
    seen, errors = [e.loss for e in looks.values()], [e.loss_error for e in looks.values()]
    axes.errorbar(
        list(looks), seen, errors, fmt="o--", color="#c44e52", ms=4, label="validation"
    )
    for name, nats in lines.items():
        axes.axhline(nats, color="#444444", lw=1, ls="--" if name == "limit" else ":")
        axes.text(
            steps[-1], nats / 1.04, f"{name} {nats:.2f}", fontsize=8, ha="right", va="top"
        )
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], minor=False)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(min(losses.min(), *lines.values()) / 1.3, 1.4 * max(*losses, *seen))


figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
draw(axes, losses, looks, lines)
axes.legend(fontsize=8, loc=(0.01, 0.12))
plt.show()

# %% [markdown]
# **Is this loss curve normal?** Yes, and these are the signs:
#
# - It begins at $\ln V$: the model knows nothing, and is not sure of anything.
# - It falls fast to the unigram (which tokens exist), slower to the bigram (what follows
#   what), and below that it must be using more than one token of the past.
# - It is jagged, because every batch is another text. Section 6 says how jagged it should be.
# - Training and validation go together, because nearly everything is read for the first time.
#   If validation runs a little above or below all the way, that may be its text: all its
#   points share the same stories, and so the same error.
#
# And these would not be normal: it stays at the unigram (no context arrives: look at the
# mixer); it rises, or is NaN (the learning rate); training falls and validation does not
# (section 8); it lies **below the limit** (the future leaks in, or the text was seen before).
#
# ## 4. One model, four numbers
#
# *Predict first:* which of these numbers would change if only the *tokenizer* were different
# and the model equally good: nats per token, perplexity, bits per byte?

# %%
text_bytes = sum(len(piece) for piece in token_bytes(tokenizer, corpus.valid[1:]))
print(f"true loss      {result.loss:.4f} nats per token")
print(f"perplexity     {np.exp(result.loss):.3f} = exp(loss)")
bits = result.loss * result.tokens / np.log(2)
print(f"bits per byte  {bits / text_bytes:.4f} = loss · tokens / (ln 2 · bytes)")
print(f"label-smoothed {result.smoothed:.4f}: FlashLM v3's number, another question")
most = (result.smoothed - 0.1 * np.log(config.vocab_size)) / 0.9
print(f"from the smoothed number alone: true loss at most {most:.4f}")

# %% [markdown]
# Nats per token and perplexity would change, because there would be more or fewer tokens to
# lose nats on; bits per byte would not (section 5).
#
# The smoothed number asks a tenth of the time how probable a *random* token is, so it stays
# high however well the text is predicted; being right and sure makes it worse. It compares
# with no true loss. ([Notebook 06](06_fifty_thousand_choices.ipynb) has v3's 6.80, which is
# not 6.80.)
#
# ## 5. Losses per token do not compare
#
# Now the simplest model, counted pairs, on the same kind of text in two tokenizers: our 2,000
# tokens, and single bytes. *Predict first:* whose loss per token is lower, and who predicts
# better?

# %%
singly = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
for units in (tokenizer, singly):
    other = replace(config, vocab_size=units.vocab_size)
    text = load_dataset(DataSource(), tokenizer=units, **other.data_options())[0]
    nats = baselines(text.train, text.valid, units.vocab_size).bigram
    size = sum(len(piece) for piece in token_bytes(units, text.valid[1:]))
    bits = nats * (len(text.valid) - 1) / np.log(2) / size
    print(f"bigram of {units.name:8} {nats:.3f} nats per token, {bits:.3f} bits per byte")

# %% [markdown]
# The two losses differ by less than two hundredths, and one model needs about four times the
# bits of the other. A token of ours is about four bytes long; a byte is a small thing to be
# wrong about. Bits per byte divides by what both must predict, the text, and so compares.
#
# ## 6. How sure is the number?
#
# The loss is a mean over tokens, so its standard error should be the deviation of the tokens
# divided by $\sqrt{\mathrm{tokens}}$. *Predict first:* take sets of ten stories, and the
# model's loss on each set. Will these losses scatter as much as that formula says, less, or
# more?

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
    surplus = per_story(values) - sizes * values.mean()
    return surplus.std(ddof=1) / np.sqrt(len(sizes)) / sizes.mean()


sets = len(sizes) // 10
ten = per_story(true)[: 10 * sets].reshape(sets, 10).sum(1)
ten = ten / sizes[: 10 * sets].reshape(sets, 10).sum(1)
down = np.sqrt(len(sizes) / 10)  # from the error of all stories to that of ten
naive = true.std() / np.sqrt(len(true))
print(f"measured: {sets} losses of ten stories scatter by {ten.std(ddof=1):.3f}")
print(f"formulas: single tokens {naive * down:.3f}")
print(f"          blocks of 128 {mean_and_error(true)[1] * down:.3f} (what flashlm reports)")
print(f"          whole stories {error_by_stories(true) * down:.3f}")

# %% [markdown]
# Much more. Tokens of one story are not independent: in a plot that the model has not
# understood, it is wrong again and again. An error bar from single tokens is far too small,
# which is to claim many more tokens than one has. `flashlm` takes blocks of 128 neighbours,
# which repairs most of it; a story is a little longer than a block, and its blocks are still
# related. So the independent unit is the *document*, and that is what to count.

# %%
ratio = error_by_stories(true) / naive
print(f"error bars from single tokens are {ratio:.1f} times too small:")
print(f"{len(true):,} tokens tell as much as {len(true) / ratio**2:,.0f} independent ones")
batch = error_by_stories(true) * np.sqrt(len(true) / config.phase(1).tokens)
tail = losses[-100:]
print(f"a training batch should scatter by {batch:.2f}; around its smoothed curve the last")
print(f"hundred steps scatter by {(tail - smooth(losses)[-100:]).std():.2f}")

# %% [markdown]
# That is how jagged the curve should be. Now two models: the last weights, and their running
# average (`ema`), which every run keeps. The average remembers about ten steps. *Predict
# first:* is the difference of their losses larger than the error of either, and can we say
# which one is better?

# %%
averaged = FlashLM(config, np.random.default_rng(0))
load_weights(averaged, fast_step.optimizers.ema.average)
other, _ = token_losses(averaged, many, context)
alone, together = error_by_stories(true), error_by_stories(other - true)
print(f"last       {true.mean():.4f} ± {alone:.4f}")
print(f"average    {other.mean():.4f} ± {error_by_stories(other):.4f}")
gap = (other - true).mean()
print(f"difference {gap:+.4f} ± {together:.4f}, token by token on one text:", end=" ")
print(f"{abs(gap) / together:.1f} of its errors, {abs(gap) / alone:.1f} of the last one's")
for name, error in (("on two texts", np.sqrt(2) * alone), ("on the same text", together)):
    tokens = len(true) * (2 * error / 0.02) ** 2
    print(f"to see 0.02 as two standard errors {name}: {tokens:,.0f} tokens")

# %% [markdown]
# On the same text most of the scatter is *common*: a hard story is hard for both. It vanishes
# in the difference. So compare models on the same tokens and give the error of the
# difference: far fewer tokens are enough.
#
# ## 7. The best of nine
#
# FlashLM v3's author looked at the model nine times, each time at 2,560 positions, another
# draw each time, and announced it with the lowest number, 6.80 (read in mid-run; the later
# ones were higher). *Predict first:* take **one** model, which does not change, look at it
# nine times like that, at 20 random windows of 128 tokens, and report the lowest number. Is
# it the model's loss?

# %%
rng = np.random.default_rng(9)
sums = np.concatenate([[0.0], np.cumsum(true)])
starts = rng.integers(0, len(true) - 128, (4000, 9, 20))  # 20 windows for each reading
readings = (sums[starts + 128] - sums[starts]).sum(-1) / (20 * 128)  # (4000, 9)
best = readings.min(axis=1)
figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
bins = np.linspace(readings.min(), readings.max(), 60)
axes.hist(readings.ravel(), bins, density=True, color="#dddddd", ec="k", label="one reading")
style = {"histtype": "step", "hatch": "//", "color": "#c44e52", "lw": 1.5}
axes.hist(best, bins, density=True, label="the best of nine", **style)
axes.axvline(true.mean(), color="k", ls="--", label="the model's loss")
axes.set(xlabel="nats per token, of one and the same model", ylabel="density")
axes.legend(fontsize=8)
plt.show()
print(f"loss {true.mean():.3f}; one reading is off by {readings.std():.3f}")
print(f"best of nine: {best.mean():.3f} on average, {np.mean(best < true.mean()):.1%} too good")

# %% [markdown]
# A choice made by noise takes the noise for quality. (v3's own nine readings are of a model
# that learned in between; how much of 6.80 is luck, nobody can tell from them.) The same
# holds for seeds, checkpoints, learning rates and samples: of $n$ equal candidates whose
# readings scatter by $\sigma$, the best seems better by about $1.0\,\sigma$ for $n = 4$,
# $1.5\,\sigma$ for 9, $2.5\,\sigma$ for a hundred. To choose is fine. Then report a number
# measured *afresh*, on text that had no part in the choice:

# %%
dice = np.random.default_rng(10)
for n in (2, 4, 9, 30, 100):
    noise = dice.standard_normal((4000, 2, n))  # for each candidate: a reading, a fresh one
    chosen = noise[:, 0].argmin(axis=1)
    again = noise[np.arange(4000), 1, chosen]
    print(
        f"best of {n:3}: seems {-noise[:, 0].min(axis=1).mean():.2f} σ better, "
        f"read again {-again.mean():+.2f} σ"
    )

# %% [markdown]
# ## 8. The surprise: five stories, over and over
#
# *Predict first:* can the training loss of an honest program fall **below** the limit of its
# own training stories, which no model can beat on average?
#
# The same model, the same recipe (with half the batch); but there are only five stories to
# learn from, over and over.


# %%
def limits(tokens):
    """The exact -ln p of each story in a row of tokens, in nats."""
    ends = np.flatnonzero(tokens == tokenizer.end_of_text)
    rows = [tokens[start + 1 : stop] for start, stop in pairwise(ends)]
    return np.array([-stories.score(tokenizer.decode(row)) for row in rows])


few = replace(
    config, stories=5, steps=80, phases=(Phase(1, 512, 1),), eval_every=16, eval_tokens=4096
)
five = load_dataset(DataSource(), tokenizer=tokenizer, **few.data_options())[0]
again = np.concatenate([five.train[:1], *[five.train[1:]] * 40])
parrot, _, parrot_losses, parrot_looks = train(few, replace(five, train=again))

own_limit = limits(five.train).sum() / (len(five.train) - 1)
on_own = evaluate(parrot, few, five.train, tokenizer).loss
print(f"limit of the five stories {own_limit:.3f}, the parrot's loss on them {on_own:.3f}")
print(f"on others {parrot_looks[few.steps].loss:.2f}; blind guessing {counted.uniform:.2f}")

# %% [markdown]
# It can. The limit is about stories that are *drawn*; these five are known, and whoever knows
# them by heart needs no grammar. On any other story the parrot is worse than blind guessing,
# for it is sure of what does not come. A training loss says nothing about new text, and a
# loss below the limit is not a triumph but an alarm.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
draw(left, parrot_losses, parrot_looks, {"uniform": counted.uniform, "limit": own_limit})
left.set(title="the parrot's curve")
left.legend(fontsize=8, loc="lower left")
ends_of_five = np.flatnonzero(five.train == tokenizer.end_of_text)
by_heart, _ = token_losses(parrot, five.train, context)
by_heart = np.add.reduceat(by_heart, ends_of_five[:-1])
right.plot(limits(many), per_story(true), ".", color="#3b6ea5", label="our model, new stories")
right.plot(limits(five.train), by_heart, "X", ms=9, color="#c44e52", label="parrot, its five")
right.plot([40, 80], [40, 80], "k--", lw=1, label="as good as the grammar")
right.set(xlabel="exact −ln p of a story (nats)", ylabel="the model's −ln p (nats)")
right.set(title="story by story", yscale="log")
right.set_yticks([5, 10, 20, 50, 100, 200, 500])
right.minorticks_off()
right.yaxis.set_major_formatter("{x:g}")
right.legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# Each point is a story. Below the dashed line a model gives a story *more* probability than
# it has. That can happen to single stories, by luck; to the mean of new ones it cannot.
#
# And our own model, is it a parrot, too? Compare it on stories that it was trained on, and
# subtract the limit of each text, because one text may simply be easier than the other.

# %%
part = corpus.train[:16_384]
seen_text = part[: np.flatnonzero(part == tokenizer.end_of_text)[-1] + 1]  # whole stories
seen = evaluate(model, config, seen_text, tokenizer)
distance = seen.loss - limits(seen_text).sum() / seen.tokens
print(f"above the limit: training text {distance:.3f} ± {seen.loss_error:.3f}")
print(
    f"               validation text {result.loss - lines['limit']:.3f} "
    f"± {result.loss_error:.3f}"
)
read = config.steps * config.phase(1).tokens
print(f"it has read {read:,} tokens of {len(corpus.train):,}")

# %% [markdown]
# It has not had the time: it has read less than its text once.
#
# ## 9. Samples, not chosen
#
# Sampling divides the logits by a *temperature* $\tau$: below 1 the likely becomes likelier.
# *Predict first:* people like what is written at 0.5. At which temperature is the loss on
# real text lowest?

# %%
with no_grad():
    h = model.hidden(corpus.valid[None, :4096].astype(np.int64)).data[0]
    z = (h @ model.lm_head.weight.data.T).astype(np.float64)  # (4096, V)
targets = corpus.valid[1:4097].astype(np.int64)
temperatures = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5])
loss, surprise = [], []
for temperature in temperatures:
    log_p = z / temperature
    log_p -= log_p.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    loss.append(-log_p[np.arange(4096), targets].mean())
    surprise.append(-(np.exp(log_p) * log_p).sum(axis=1).mean())
figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
axes.plot(temperatures, loss, "o-", color="#3b6ea5", label="its loss on real text")
axes.plot(temperatures, surprise, "s--", color="#c44e52", label="the loss that it expects")
axes.axvline(1, color="#777777", lw=0.8)
axes.set(xlabel="temperature", ylabel="nats per token")
axes.legend(fontsize=8)
plt.show()
print(f"lowest loss at temperature {temperatures[np.argmin(loss)]:g}")

# %% [markdown]
# Near 1, where the two curves meet: training on the true loss makes a model whose doubts are
# about as large as its errors. At 0.5 it is far too sure. The text looks better there because
# we judge a text by its worst slip, and rare slips are what a low temperature cuts off,
# together with everything rare.
#
# So here is what this model writes with the seeds 0, 1 and 2 for its dice, none left out. The
# stories' grammar says at which character each stops being a story; the text shown is always
# that of seed 0. *Predict first:* at temperature 0, how many different texts do three seeds
# give?


# %%
def whole_up_to(text):
    """Where a text stops being a story."""
    try:
        stories.score(text)
    except ValueError as error:
        return str(error).split(",")[0].removeprefix("not a story: at ")
    return "the end"


generator = TextGenerator(model, tokenizer, corpus.has_separators)
for temperature in (0, 0.5, 1.0, 1.5):
    texts = [
        "".join(generator.generate("", 200, seed, temperature=temperature)) for seed in range(3)
    ]
    print(f"temperature {temperature}: a story up to", "; ".join(map(whole_up_to, texts)))
    print(textwrap.fill(texts[0][:280], 92, initial_indent="    ", subsequent_indent="    "))

# %% [markdown]
# At temperature 0 nobody asks the dice. And this is what ten seconds give: sentences from the
# grammar, and a hero who is called something else three sentences on. The
# [README](../README.md) shows what three and ten minutes give, and with which seed.
#
# ## The honest report
#
# Everything above in one sentence, as it should stand beside a number:

# %%
error = error_by_stories(true)
print(
    f"{model}, {config.steps} steps, seed {config.seed}: {true.mean():.3f} ± {error:.3f} nats "
    f"per token (true loss, {len(true):,} tokens of {len(sizes)} new stories, error over "
    f"them); limit {limits(many).sum() / len(many[1:]):.3f}, bigram {counted.bigram:.3f}; "
    "last step, one run, nothing chosen."
)

# %% [markdown]
# ## Exercises
#
# 1. *Think.* Two papers report 3.2 and 3.0 nats per token; one has 50,257 tokens,
#    the other 32,000. What do you ask before you believe that the second is better?
# 2. *Change.* Run section 3 with three other seeds (`replace(config, seed=...)`). How much do
#    the losses scatter? Compare with the error over stories: which of the two uncertainties is
#    larger, and which one does "± 0.02" in a paper usually mean?
# 3. *Change.* Make the training curve abnormal on purpose: `adamw_lr=0.5`; `taps=1` (no past
#    can be seen: at which line does it stop, and why?); `stories=50`. Name the sign in the
#    curve by which you would have noticed.
# 4. *Change.* [distance.py](../benchmarks/distance.py) says on *what* a run loses its nats.
#    Train a model like this one in the project's folder, with `python3 run.py train --d-model
#    64 --conv-groups 4 --steps 200 --out runs/small`, then run
#    `.venv/bin/python benchmarks/distance.py runs/small`. What do the first seconds not teach?
# 5. *Workbook.* `python3 run.py course check DIR adamw` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR adamw`), where DIR is your workbook. With
#    `cross_entropy` and `normuon` from before, these are the loss that was measured here and
#    the two optimizers that lowered it.
#
# Next, [notebook 10](10_adds_and_subtracts.ipynb): what is left of a trained model when its
# ternary weights take 1.6 bits each, and what can adding alone do?
