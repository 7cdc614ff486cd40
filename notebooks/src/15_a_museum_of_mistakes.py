# %% [markdown]
# # 15 · A museum of mistakes
#
# **The question.** A number is reported, and it is very good. Is it true?
#
# Each exhibit runs here in a small form: first the number that deceives, then the test that
# finds the mistake. Most are real. They stood in published programs, some for months, and none
# of them stops a program or gives a warning: the loss falls, and the better it falls, the less
# one looks. Several are from FlashLM's own later versions. Everybody who trains models has made
# some of them; this notebook collects the tests, so that you need not make them for long.
#
# The tests are tools for *your* models, of any library. A model is for them a function from ids
# to logits. [leaks.py](../flashlm_np/evaluation/leaks.py) tests what a model sees,
# [claims.py](../flashlm_np/evaluation/claims.py) a reported number, and
# [saved_states.py](../flashlm_np/evaluation/saved_states.py) what a file holds. The page
# [museum.md](../docs/museum.md) has the list with the sources.
#
# **The text** is that of the [ladder](../docs/ladder.md): the first lines of 300 stories, in 49
# characters. The last tenth is for validation.
#
# Put each prediction in place of `...`, and run that cell before the cell below it.

# %%
import re
import sys
from collections import Counter
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.course.predictions import Predictions
from flashlm_np.data.stories import stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.baselines import ngram_losses
from flashlm_np.evaluation.claims import (
    copied,
    expect_distributions,
    luck,
    most_true_loss,
    unit_of,
    units,
)
from flashlm_np.evaluation.leaks import cut_losses, sight, sight_of_loss, whole_losses
from flashlm_np.evaluation.saved_states import already_ternary, resumed
from flashlm_np.ngrams.kneser_ney import KneserNey
from minigrad import TABLE, Module, no_grad
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.layers import Embedding, Linear, RMSNorm
from minigrad.ops.ternary import ternarize
from minigrad.optim import AdamW, wsd

sys.path.insert(0, "ladder")
import rung1_scalars as ladder
from rung3_minigrad import Model as LadderModel

one_thread = threadpool_limits(1)  # such small products gain nothing from a second core
IDS, V = np.array(ladder.IDS), ladder.V
TRAIN, VALID = np.split(IDS, [len(IDS) * 9 // 10])
told = {}  # for the picture at the end: the deceptive number of each exhibit, and the true one
mine = Predictions("15")

# %% [markdown]
# A small model for the first exhibits. It has attention, and the rest of FlashLM's block in
# full precision. Its mixer can be exchanged.

# %%
D = 32


def sound(q, k, v):
    """Each position sees itself and the earlier ones."""
    return F.causal_attention(q, k, v)


class Reader(Module):
    """From ids (B, T) to logits (B, T, V)."""

    def __init__(self, mixer=sound, layers=1):
        rng = np.random.default_rng(0)
        self.mixer = mixer
        self.embedding = Embedding(V, D, rng=rng, std=0.1)
        self.layers = [
            {
                "qkv": [Linear(D, D, rng=rng, bias=False) for _ in range(3)],
                "norms": [RMSNorm(D), RMSNorm(D)],
                "mlp": [Linear(D, 64, rng=rng), Linear(64, D, rng=rng, std=0.02)],
            }
            for _ in range(layers)
        ]
        self.norm = RMSNorm(D)

    def forward(self, ids):
        x = self.embedding(ids)  # (B, T, D)
        for layer in self.layers:
            q, k, v = (part(layer["norms"][0](x)) for part in layer["qkv"])
            x = x + self.mixer(F.rotary(q), F.rotary(k), v)
            up, down = layer["mlp"]
            x = x + down(F.relu_squared(up(layer["norms"][1](x))))
        return F.linear(self.norm(x), self.embedding.weight)  # (B, T, V)

    def logits(self, ids):
        with no_grad():
            return self(ids).data


def trained(model, T=32, B=8, steps=300, ahead=1):
    """Train the model to predict the id that stands `ahead` places after each position."""
    adam, rng = AdamW(model, lr=0.01, betas=(0.9, 0.95)), np.random.default_rng(1)
    for step in range(1, steps + 1):
        starts = rng.integers(0, len(TRAIN) - T - ahead, B)
        windows = TRAIN[starts[:, None] + np.arange(T + ahead)]
        logits = model(windows[:, :T]).reshape(-1, V)
        loss = F.cross_entropy(logits, windows[:, ahead:].reshape(-1))
        model.zero_grad()
        loss.backward()
        adam.step(wsd(step, warmup=0, decay_from=0, total=steps + 1))
    return model


def texts(T):
    """The validation text in rows of T ids."""
    return VALID[: len(VALID) // T * T].reshape(-1, T)


def perplexities(model, T=32):
    """Per character: given whole texts, and given nothing after the position."""
    rows = texts(T + 1)[:90]
    return [float(np.exp(f(model.logits, rows).mean())) for f in (whole_losses, cut_losses)]


reader = trained(Reader())
print("perplexity per character, whole and cut:", np.round(perplexities(reader), 2))
sight(reader.logits, texts(10)[:2]).expect()  # raises nothing: this model is sound

# %% [markdown]
# `sight` changes one id after another, and looks which logits change. `expect` raises an error
# if a logit depends on a later id, or does not depend on its newest one. `cut_losses` cuts the
# text before each character that is predicted, as in generation. For a sound model, whole and
# cut texts have the same loss.
#
# ## 1. The mask that shows the future and hides the past
#
# FlashLM v7.4 to v9.5 have a memory whose weights are a matrix [query, key]. The mask on it is
# `triu`, the upper triangle: a query sees the keys at and *after* it. The comment beside the
# line says "causal", and it would be right for a matrix [key, query]. v7.4 reported a
# perplexity of 2.33, where an attention model with a right mask, of nearly its size, had 10.56
# on the same text. What v7.4 wrote repeated single words. Its report concludes that perplexity
# is not coherence. From v9.6 on the masks are right, and no perplexity is below 10.
#
# *Predict first:* which perplexity per character does our model reach with this mask, in the
# same 300 steps? And which one if the text is cut?

# %%
mine.predict("perplexity with this mask", ...)
mine.predict("perplexity with this mask, if the text is cut", ...)


# %%
def upper_triangle(q, k, v):
    """Each position sees itself and the later ones."""
    T = q.shape[1]
    scores = q @ k.transpose(0, 2, 1) * D**-0.5  # (B, T, T): [query, key]
    earlier = np.tril(np.ones((T, T), bool), -1)
    return F.softmax(F.masked_fill(scores, earlier, value=-1e9)) @ v


leaking = trained(Reader(upper_triangle))
told["the mask"] = perplexities(leaking)
print("perplexity, whole and cut:", np.round(told["the mask"], 2))
print("sight:", sight(leaking.logits, texts(10)[:2]).problem)
mine.reveal("perplexity with this mask", told["the mask"][0])
mine.reveal("perplexity with this mask, if the text is cut", told["the mask"][1])

# %% [markdown]
# The model learned to copy the answer, so it learned little else. In generation there is no
# later position, and it is worse than the frequencies of the characters. One call with ten
# characters finds the mistake, before any training:

# %%
print("untrained:", sight(Reader(upper_triangle).logits, texts(10)[:2]).problem)

# %% [markdown]
# ## 2. A norm over time
#
# FlashLM v5 scales the output of each group of channels by one number per *text*: a group norm
# with the time as its last axis takes its mean over the time, too. So each position knows the
# size of all later ones. It is a small window into the future. v5 had 18 layers with 8 groups,
# trained for 40 hours, and reported a perplexity of 1.36.
#
# *Predict first:* 24 numbers of the whole text (8 groups, 3 layers) come to each position of
# texts of 8 characters. How far does that help a model that is trained to use it? Estimate its
# perplexity in per cent of that without the norm.

# %%
mine.predict("perplexity with the norm, in % of that without", ...)


# %%
def time_norm(q, k, v, groups=8):
    """Sound attention, scaled by one number per text and group of channels."""
    y = F.causal_attention(q, k, v)
    B, T, _ = y.shape
    y = y.reshape(B, T, groups, D // groups)
    size = ((y * y).mean(axis=(1, 3), keepdims=True) + 1e-6) ** 0.5  # (B, 1, groups, 1)
    return (y / size).reshape(B, T, D)


short = {"T": 8, "B": 24, "steps": 1000}
honest = trained(Reader(layers=3), **short)
normed = trained(Reader(time_norm, layers=3), **short)
without = perplexities(honest, T=8)
told["the norm"] = perplexities(normed, T=8)
print("without the norm, whole and cut:", np.round(without, 2))
print("with the norm, whole and cut:   ", np.round(told["the norm"], 2))
print("sight:", sight(normed.logits, texts(8)[:2]).problem)
percent = 100 * told["the norm"][0] / without[0]
mine.reveal("perplexity with the norm, in % of that without", percent)

# %% [markdown]
# ## 3. Targets that are shifted twice
#
# The data loader of v7.3 to v9.5 gives pairs, as that of many programs does: the inputs, and
# the targets one place later. The model's loss then compares `logits[:, :-1]` with `targets[:,
# 1:]`, and shifts again. So the model learns the character after the next one. Nothing fails,
# and the loss falls.
#
# One number is all that such a loss returns. It is enough: the part of target $t$ depends on
# input $s$ if a change of both is not the sum of the changes of each. `sight_of_loss` tries all
# pairs.


# %%
def mean_loss(model, ids, targets):
    with no_grad():
        return F.cross_entropy(model(ids).reshape(-1, V), targets.reshape(-1)).item()


def shifted_again(model, ids, targets):
    with no_grad():
        logits = model(ids)[:, :-1].reshape(-1, V)
        return F.cross_entropy(logits, targets[:, 1:].reshape(-1)).item()


twice = trained(Reader(), ahead=2)
rows = texts(11)[:3]
ids, targets = rows[:, :-1], rows[:, 1:]
for loss in (mean_loss, shifted_again):
    seen = sight_of_loss(partial(loss, twice), ids, targets, V)
    print(f"{loss.__name__:14} {loss(twice, ids, targets):.2f} nats; {seen.problem}")
told["two shifts"] = [float(np.exp(f(twice, ids, targets))) for f in (shifted_again, mean_loss)]

# %% [markdown]
# The training loss of the twice shifted model looks like that of a model that learns slowly.
# Asked for the *next* character, as in generation, it is far worse than a guess.
#
# ## 4. Bits of which unit?
#
# The report of v5 has two numbers: perplexity 1.36, and 0.44 bits per character, "a twofold
# improvement" on the 0.88 of v4. A unit can be checked: the same loss in all units.
#
# *Predict first:* a token of these stories has about four characters. Which number of bits per
# character belongs to a perplexity of 1.36 per token?

# %%
mine.predict("bits per character at a perplexity of 1.36 per token", ...)

# %%
text = stories.generate(np.random.default_rng(0))
tokens = len(Tokenizer.embedded().encode(text))
loss = np.log(1.36)
for unit, value in units(loss, tokens, text).items():
    print(f"{value:6.3f} {unit}")
print("0.44 is", unit_of(0.44, loss, tokens, text))
bits = units(loss, tokens, text)["bits per character"]
mine.reveal("bits per character at a perplexity of 1.36 per token", bits)

# %% [markdown]
# 0.44 is the number of bits per *token*. Of v4 the number is per character: perplexity 15.05 is
# 3.91 bits per token, and 0.88 per character with 4.4 characters in a token. Two units stand in
# one column of a table. (Here the wrong unit is the worse one. The mistake has no direction.)
#
# ## 5. A label-smoothed loss
#
# FlashLM v3 reported a validation loss of 6.80. It has the label smoothing of the training: a
# tenth of the target is spread over all 50,257 words. No model can make that part small. A
# bound follows from the number alone:

# %%
print(f"6.8019 with smoothing: at most {most_true_loss(6.8019, 50257):.3f} nats")
rows = texts(33)
flat = reader.logits(rows[:, :-1]).reshape(-1, V), rows[:, 1:].reshape(-1)
smoothed = F.cross_entropy(*flat, label_smoothing=0.1).item()
true = F.cross_entropy(*flat).item()
print(f"our model: smoothed {smoothed:.3f}, true {true:.3f}", end=", ")
print(f"bound {most_true_loss(smoothed, V):.3f}")
told["smoothing"] = [float(np.exp(smoothed)), float(np.exp(true))]

# %% [markdown]
# ## 6. The best of 34 readings
#
# An evaluation that draws a few windows at random gives another number each time. A program
# that keeps the best of all its readings keeps the luckiest one. Here the model does not change
# at all between 34 readings of five windows.
#
# *Predict first:* how many nats below the truth is the best of the 34?

# %%
mine.predict("best of 34 readings, in nats below the truth", ...)

# %%
rng = np.random.default_rng(7)
each = whole_losses(reader.logits, rows).mean(axis=1)  # the loss of each window
readings = np.array([rng.choice(each, 5).mean() for _ in range(34)])
print(f"all windows {each.mean():.3f} nats, best of 34 readings {readings.min():.3f}")
print(f"expected from luck alone: {each.mean() - luck(34) * readings.std(ddof=1):.3f}")
told["best of 34"] = [float(np.exp(readings.min())), float(np.exp(each.mean()))]
mine.reveal("best of 34 readings, in nats below the truth", each.mean() - readings.min())

# %% [markdown]
# `luck(n)` is the expected distance of the best of $n$ readings from their mean, in standard
# deviations of one reading. Whoever chooses by the best reading must report a new one.
#
# ## 7. A vocabulary that says "unknown"
#
# A vocabulary of the most frequent words gives all others one name, UNK. To predict it is easy.
# So the perplexity falls when the vocabulary shrinks, without any better model. Here is the
# simplest model, the frequencies of the words. The honest sum spells an UNK: it chooses one of
# the words that UNK stands for, all alike.

# %%
rng = np.random.default_rng(0)
story_texts = [stories.generate(rng) for _ in range(400)]
words = [re.findall(r"\w+|[^\w\s]", story) for story in story_texts]
counts = Counter(word for story in words[:360] for word in story)
valid_words = [word for story in words[360:] for word in story]
characters = sum(map(len, story_texts[360:]))
everything = set(counts) | set(valid_words)
print("kept words   perplexity   bits per character, UNK for free   and spelled")
for kept in (len(counts), 300, 100, 30, 10):
    names = dict(counts.most_common(kept))
    unknown = sum(counts.values()) - sum(names.values()) + 1
    total = sum(names.values()) + unknown
    nats = -np.log([names.get(word, unknown) / total for word in valid_words])
    spelling = np.log(max(1, len(everything) - kept)) * sum(w not in names for w in valid_words)
    free, spelled = (x / np.log(2) / characters for x in (nats.sum(), nats.sum() + spelling))
    print(f"{kept:10} {np.exp(nats.mean()):12.1f} {free:27.2f} {spelled:24.2f}")
    if kept in (len(counts), 30):
        told["UNK"] = [float(np.exp(nats.mean())), *told.get("UNK", [])][:2]

# %% [markdown]
# A perplexity can be compared with another one of the *same* vocabulary only.
# [v4.md](../docs/v4.md) gives FlashLM v4's numbers in both ways.
#
# ## 8. A probability that is none
#
# Counts of n-grams in a table without keys: each context has a bucket, and so has each context
# with its next token. Different n-grams meet in one bucket, and their counts add up. A program
# that asks only for the "probability" of the right token never sees that the others have large
# ones, too. In 2026 several records of a contest were of this kind
# ([ngrams.md](../docs/ngrams.md)).


# %%
def bucket(buckets, *columns):
    key = np.uint64(0)
    for column in columns:
        key = (key + column.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return (key >> np.uint64(40)).astype(np.int64) % buckets


def columns(ids, n):
    return [ids[i : len(ids) - n + 1 + i] for i in range(n)]


N, BUCKETS = 8, 256
train = columns(TRAIN, N)
contexts = np.bincount(bucket(BUCKETS, *train[:-1]), minlength=BUCKETS)
whole = np.bincount(bucket(BUCKETS, *train), minlength=BUCKETS)


def hashed(*gram):
    count = whole[bucket(BUCKETS, *gram)] / contexts[bucket(BUCKETS, *gram[:-1])].clip(1)
    return 0.9 * count.clip(max=1) + 0.1 / V


valid = columns(VALID, N)
told["hashed counts"] = [float(np.exp(-np.log(hashed(*valid)).mean()))]
print("perplexity of the right characters:", round(told["hashed counts"][0], 2))
p = np.stack([hashed(*valid[:-1], np.full_like(valid[0], w)) for w in range(V)], axis=1)
try:
    expect_distributions(p)
except ValueError as error:
    print(error)
normal = p / p.sum(axis=1, keepdims=True)
right = normal[np.arange(len(normal)), valid[-1]]
told["hashed counts"].append(float(np.exp(-np.log(right).mean())))
print("divided by their sums:", round(told["hashed counts"][1], 2))

# %% [markdown]
# ## 9. Validation text in the training text
#
# A document comes twice in a collection, or the split is made after windows were shuffled. Then
# a part of the validation text was in training. Here it is all of it, in the training text of a
# counted model: the frequencies of five tokens in a row, with the smoothing of
# [ngrams.md](../docs/ngrams.md).

# %%
tokenizer = Tokenizer.embedded()
story_ids = [np.array(tokenizer.encode(story)) for story in story_texts]
train, valid = np.concatenate(story_ids[:360]), np.concatenate(story_ids[360:])
for name, read in (("apart", train), ("mixed in", np.concatenate([train, valid]))):
    counted = KneserNey.count(read, 5, tokenizer.vocab_size)
    perplexity = float(np.exp(ngram_losses(counted, valid).mean()))
    print(f"{name:9} perplexity {perplexity:.2f}, copied {copied(read, valid):.0%}")
    told["the split"] = [perplexity, *told.get("the split", [])][:2]

# %% [markdown]
# `copied` counts the validation tokens that lie in a stretch of 32 tokens which the training
# text has, too. Independent texts rarely share so long a stretch, and these stories, all from
# one grammar, do so now and then.
#
# ## 10. A gradient of ones
#
# A test of a backward pass needs a gradient that arrives, `dy`. Ones are the usual choice: the
# sum of the outputs. A softmax sums to 1, whatever its inputs are, so the right gradient of the
# sum is 0. The backward pass below takes a plain mean where a weighted one is right, and for a
# `dy` of ones this is 0, too.


# %%
def plain_mean(dy, saved):
    y = saved[0]
    return (y * (dy - dy.mean(axis=-1, keepdims=True)),)


x = np.random.default_rng(0).standard_normal((3, 5))
y, saved = TABLE["softmax"].forward(x)
for backward in (TABLE["softmax"].backward, plain_mean):
    (dx,) = backward(np.ones_like(y), saved)
    print(f"with ones, {backward.__name__:16} {abs(dx).max():.1e}")
try:
    gradcheck(replace(TABLE["softmax"], backward=plain_mean), x)
except GradientError as error:
    print(error)

# %% [markdown]
# [Notebook 02](02_check_every_gradient.ipynb) explains the random `dy`. The tests of this
# project plant more than a hundred wrong backward passes; with ones and positive inputs, twenty
# of them would pass ([test_planted_bugs.py](../tests/minigrad/test_planted_bugs.py)).
#
# ## 11. Rounded twice
#
# A ternary model is saved as it is used: rounded to −1, 0 and +1, times a scale. It is loaded
# into a model that rounds its weights. The signs stay. The scale is the mean of all $|w|$, and
# the mean of rounded weights counts the zeros.
#
# *Predict first:* how many per cent of its scale does a matrix of normal weights keep?

# %%
mine.predict("scale after the second rounding, in %", ...)

# %%
model = LadderModel(300)
for _ in ladder.train(model):
    pass
learned = model.network.state_dict()
rounded = dict(learned)
for name in ladder.TERNARY:
    signs, scale = ternarize(learned[f"w.{name}"], threshold=0.5, scale="mean")
    rounded[f"w.{name}"] = scale * signs
_, again = ternarize(rounded["w.up"], threshold=0.5, scale="mean")
_, once = ternarize(learned["w.up"], threshold=0.5, scale="mean")
print(f"scale of `up`: {once:.3f}, after a second rounding {again:.3f}")
for name, weights in (("learned", learned), ("rounded", rounded)):
    model.network.load_state_dict(weights)
    perplexity = np.exp(mean_loss(model.network, rows[:, :-1], rows[:, 1:]))
    told["rounded twice"] = [*told.get("rounded twice", []), float(perplexity)]
    print(f"{name}: perplexity {perplexity:.2f}; already ternary: {already_ternary(weights)}")
mine.reveal("scale after the second rounding, in %", 100 * again / once)

# %% [markdown]
# The model still runs. Only a comparison with the loss before it was saved shows the
# difference. `already_ternary` names the matrices that were rounded before.
#
# ## 12. Half a checkpoint
#
# A run is stopped, and goes on from its weights. Adam's averages start at 0 again, and so does
# the number of its step. The curve has a bump, which heals, and the run is another run.
# `resumed` trains twice: straight on, and with a stop.


# %%
class Run:
    """The ladder's model with the windows of each step."""

    def __init__(self):
        self.model = LadderModel(300)
        self.windows = [ladder.windows(ladder.random.Random(i)) for i in range(60)]

    def step(self):
        return self.model.step(self.windows[self.model.taken])

    def save(self):
        return self.model.network.state_dict(), self.model.adam.state_dict(), self.model.taken

    def load(self, state):
        self.load_weights(state)
        self.model.adam.load_state_dict(state[1])

    def load_weights(self, state):
        self.model.network.load_state_dict(state[0])
        self.model.taken = state[2]


for load in (Run.load, Run.load_weights):
    found = resumed(Run, Run.step, Run.save, load, before=40, after=8)
    print(f"{load.__name__:12} largest difference {found.difference:.3f} nats")

# %% [markdown]
# ## Nine of them in one picture

# %%
fig, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
labels = list(told)
first, second = np.array(list(told.values())).T
places = np.arange(len(labels))
axes.barh(places - 0.2, first, 0.4, label="reported", color="#c0504d")
axes.barh(places + 0.2, second, 0.4, label="true", color="#3b6ea5")
axes.set(xscale="log", xlabel="perplexity", yticks=places, yticklabels=labels)
axes.invert_yaxis()
axes.legend()
plt.show()

# %% [markdown]
# Each number is the right answer to another question. The model with the upper triangle really
# predicts what it is shown. None of the mistakes is visible in a loss curve, and most make it
# more beautiful. So test what a model may see before you train it, ask for the unit and the
# vocabulary of each number, and be most careful where a result is best.
#
# ## Exercises
#
# 1. *Think.* The mask of exhibit 1 is applied to a matrix [key, query]. Is `triu` right?
# 2. *Think.* A batch norm takes its mean over the batch and the time. Which problem does
#    `sight` name for a batch of two texts?
# 3. *Change.* Let `upper_triangle` hide the position itself, too (`np.tril(..., 0)`). Predict
#    the problem that `sight` names, and then the perplexity.
# 4. *Change.* In exhibit 2, train texts of 32 characters. Does the norm help as much? Why?
# 5. *Change.* Give exhibit 8 a million buckets. What do the sums become, and the perplexity?
# 6. *Your model.* Write your own model as a function from ids to logits, and call `sight`. With
#    PyTorch: `lambda ids: model(torch.from_numpy(ids)).detach().numpy()`.
#
# This is the last but one of the notebooks. Next, write an operation of your own and prove it
# with the checker: [write_an_operation.md](../docs/write_an_operation.md).

# %%
mine.show()
