# %% [markdown]
# # 12 · A cheaper last layer
#
# **The question.** [Notebook 06](06_fifty_thousand_choices.ipynb) found that the choice among
# 50,257 tokens takes most of a training step. FlashLM v3's author found 86 %, and announced a
# layer with which training would be "5 to 10 times more effective in the same time". Which
# layers give every word a probability for less work? What do they lose? And in which sense can
# that sentence be true?
#
# This notebook follows notebook 06. You need its softmax, its gradient, and Amdahl's law.
#
# **Beside the student's path.** This notebook explains [the
# heads](../flashlm_np/model/heads/__init__.py): most of all
# [two_level.py](../flashlm_np/model/heads/two_level.py) and
# [sampled.py](../flashlm_np/model/heads/sampled.py). [docs/heads.md](../docs/heads.md) has the
# large experiment, with v3's model. Put each prediction in place of `...`, and run that cell
# before the cell below it.

# %%
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, V3, Phase
from flashlm_np.analysis.multiply_adds import multiply_adds
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import Dataset, DataSource, sample_batch
from flashlm_np.data.loading import load_dataset
from flashlm_np.evaluation.baselines import baselines
from flashlm_np.evaluation.evaluate import mean_and_error, token_losses
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads import HEADS, new_head, new_layout
from flashlm_np.model.heads.huffman import huffman_tree
from flashlm_np.model.heads.pairs import dots
from flashlm_np.model.heads.sampled import SAMPLED
from flashlm_np.model.heads.two_level import TWO_LEVEL
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad.gradcheck import gradcheck
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.optim import adamw_update

threadpool_limits(1)  # one BLAS thread: then the processor's time is a fair measure
rng = np.random.default_rng(12)
mine = Predictions("12")
print("the heads:", ", ".join(HEADS))

# %% [markdown]
# ## 1. The cost, and what can be saved
#
# A step of v3's phase 1b, with all positions scored, has these multiply-adds:

# %%
counts = multiply_adds(replace(V3, position_share=1.0), V3.phases[1])
del counts["newton-schulz"]  # it belongs to the optimizer
share = counts["head"] / sum(counts.values())
print({name: f"{count / 1e9:.0f} G" for name, count in counts.items()})
print(f"the head has {share:.0%} of them")

# %% [markdown]
# Amdahl: the head takes the fraction $s$ of a step. A head that is $c$ times cheaper makes the
# step $1 / (1 - s + s/c)$ times as fast.
#
# *Predict first:* the head takes 86 % of the time, and becomes 20 times cheaper. How many times
# as fast is the step? And if the head costs nothing?

# %%
mine.predict("speed of a step whose head is 20 times cheaper", ...)
mine.predict("speed of a step whose head costs nothing", ...)

# %%
times_cheaper = np.logspace(0, 3, 60)
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
for s, style in ((0.95, "k-"), (0.86, "k--"), (0.5, "k:")):
    axes.semilogx(times_cheaper, 1 / (1 - s + s / times_cheaper), style, label=f"s = {s:.0%}")
axes.axhspan(5, 10, color="0.9", zorder=0, label="5 to 10 times")
axes.set(xlabel="the head is so many times cheaper", ylabel="the step is ... times as fast")
axes.set(ylim=(0, 21), title="Amdahl's law for the head")
axes.legend()
plt.show()
speeds = {c: 1 / (1 - 0.86 + 0.86 / c) for c in (20, np.inf)}
for c, speed in speeds.items():
    print(f"s = 86 %, {c:g} times cheaper: {speed:.2f} times as fast")
mine.reveal("speed of a step whose head is 20 times cheaper", speeds[20])
mine.reveal("speed of a step whose head costs nothing", speeds[np.inf])

# %% [markdown]
# So a head that is 20 times cheaper gives nearly all that there is. A head that is 1000 times
# cheaper gives hardly more. From now on the *quality* of the head matters more than its cost.
#
# ## 2. Two levels: first a class, then a word
#
# Cut the vocabulary into classes. First choose the class, then a word of this class:
#
# $$p(\mathrm{word}) = p(\mathrm{class}) \cdot p(\mathrm{word} \mid \mathrm{class}).$$
#
# Each factor is a softmax, but a small one. Take the eight words of notebook 06 in two classes.
# *Predict first:* what is the sum of all eight probabilities? How many logits does the loss of
# the target "sofa" need?

# %%
mine.predict("logits for the loss of sofa", ...)

# %%
words = ["mat", "sofa", "floor", "bed", "moon", "of", "idea", "zip"]
of_class = {"furniture": slice(0, 4), "others": slice(4, 8)}
class_logits = np.array([2.0, -1.0])
word_logits = np.array([2.0, 2.6, 1.2, 0.8, -0.5, -1.0, -1.5, -3.0])


def softmax(z):
    return np.exp(z - log_sum_exp(z[None])[0])


p = np.empty(8)
for p_class, (name, here) in zip(softmax(class_logits), of_class.items(), strict=True):
    inside = softmax(word_logits[here])
    p[here] = p_class * inside
    print(f"p({name}) = {p_class:.3f}")
    for word, q in zip(words[here], inside, strict=True):
        print(f"    p({word}) = {p_class:.3f} · {q:.3f} = {p_class * q:.4f}")
print(f"the sum of all eight: {p.sum():.6f}")
needed = len(class_logits) + len(word_logits[of_class["furniture"]])
mine.reveal("logits for the loss of sofa", needed)

# %% [markdown]
# Inside each class the probabilities sum to $p(\mathrm{class})$, and the classes sum to 1. So
# this is a true distribution, and its $-\ln p$ can be compared with that of any other head. The
# loss of "sofa" needs two logits of classes and four of words. The words of the other class are
# not touched at all: they get no gradient.
#
# But it is *another* model. If "moon" becomes more likely here, it takes probability from the
# words of its own class, or its whole class takes it from the other one. The class must be
# right before any word of it can be likely.
#
# ## 3. How many classes?
#
# With $G$ classes of $V/G$ words, a target needs $G + V/G$ logits. *Predict first:* which $G$
# is best for $V = 50{,}257$? (Hint: the derivative is 0.) How many logits are needed then?

# %%
mine.predict("best number of classes", ...)
mine.predict("logits that are needed then", ...)

# %%
V = V3.vocab_size
best = round(V**0.5)
for G in (10, best, 5000):
    print(f"{G:5} classes: {G + V / G:,.0f} logits instead of {V:,}")
mine.reveal("best number of classes", best)
mine.reveal("logits that are needed then", best + V / best)

# %% [markdown]
# The best number is $\sqrt V$, and the cost is $2\sqrt V$: a hundredth of $V$. But words are
# not equally frequent. With the share $f_c$ of the targets in class $c$, the expected cost is
# $G + \sum_c f_c |c|$. Which words should share a class?
#
# We need a text with a large vocabulary. The stories of this package have 2,000 tokens. So we
# take *three tokens as one word*: the words that occur in this text are our vocabulary.

# %%
stories, tokenizer = load_dataset(
    DataSource(), **replace(SMALL_V3, stories=2500, eval_tokens=8192).data_options()
)


def in_threes(ids):
    """Three token ids below 2,000 as one number."""
    threes = ids[: len(ids) // 3 * 3].astype(np.int64).reshape(-1, 3)
    return threes @ [2000**2, 2000, 1]


train, valid = in_threes(stories.train), in_threes(stories.valid)
types, ids = np.unique(np.concatenate([train, valid]), return_inverse=True)
data = Dataset("words of three tokens", *np.split(ids, [len(train)]))
V = len(types)
counts = np.bincount(data.train, minlength=V)
order = np.argsort(-counts, kind="stable")
for rank in (0, 10, 100, 1000, 10_000):
    token_ids = [int(types[order[rank]]) // 2000**k % 2000 for k in (2, 1, 0)]
    text, count = tokenizer.decode(token_ids), counts[order[rank]]
    print(f"{rank:6}th: {count:5} times {text!r}")
print(f"V = {V:,} words, {len(data.train):,} of them in the training text")

# %% [markdown]
# Now cut the words, sorted by frequency, in three ways. *Predict first:* which classes need the
# fewest logits: those with equal numbers of words, with equal shares of the text, or with equal
# sums of $\sqrt{\mathrm{frequency}}$?

# %%
cuts = ("equal numbers of words", "equal shares of the text", "equal sums of √frequency")
mine.predict("classes with the fewest logits", ..., choices=cuts)

# %%
falling = counts[order]
G = round(V**0.5)


def starts_of(weights):
    """The first word of each of G classes with equal sums of the weights, and V."""
    ends = np.searchsorted(np.cumsum(weights), np.arange(1, G) * weights.sum() / G) + 1
    return np.unique(np.concatenate([[0], ends, [V]]))


weights = {
    "equal numbers of words": np.ones(V),
    "equal shares of the text": falling + 1e-9,
    "equal sums of √frequency": np.sqrt(falling),
}
logits = {}
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
for (name, weight), style in zip(weights.items(), ("k:", "k--", "k-"), strict=True):
    starts = starts_of(weight)
    sizes = np.diff(starts)
    f = np.add.reduceat(falling, starts[:-1]) / falling.sum()
    logits[name] = len(sizes) + f @ sizes
    print(f"{name}: {len(sizes)} classes + {f @ sizes:.0f} words on average")
    axes.semilogy(np.arange(len(sizes)), sizes, style, label=name)
axes.set(xlabel="class, from the most frequent words on", ylabel="words in the class")
axes.legend()
plt.show()
mine.reveal("classes with the fewest logits", min(logits, key=logits.get))

# %% [markdown]
# The first two cost the same, $V/G$: either all $|c|$ are equal, or all $f_c$ are. Equal shares
# put each of the most frequent words alone and thousands of rare words together: when one of
# these comes, it is expensive. Equal numbers treat frequent words like rare ones. The classes
# between them are best. By the inequality of Cauchy and Schwarz,
# $f_c |c| \ge (\sum_{v \in c} \sqrt{p_v})^2$, and the sum of these squares is least if they are
# equal: [classes.py](../flashlm_np/model/heads/classes.py). (The words of a class can also be
# those of like *meaning*. That costs more logits, but the class is easier to predict.)
#
# Why must the words of a class be neighbours? Because NumPy's slice `table[a:b]` is a view: no
# number is copied, and BLAS multiplies it at full speed. So the table is sorted once, before
# the training.
#
# ## 4. The page, checked
#
# The head is two softmaxes, so its gradient is known from notebook 06: the prediction minus the
# target, twice. The checker compares it with differences of the loss:

# %%
h, w = rng.normal(size=(6, 3)), rng.normal(size=(8, 3))  # 6 rows, 8 words
c, b = rng.normal(size=(3, 3)), rng.normal(size=3)  # 3 classes
y = np.array([0, 7, 2, 3, 2, 7])
three = np.array([0, 2, 3, 8])  # the classes have 2, 1 and 5 words
print(gradcheck(TWO_LEVEL, h, w, c, b, y, starts=three))

# %% [markdown]
# Do the probabilities of *all* words sum to 1, for every head? This is the test that makes the
# losses of different heads comparable. We ask each head for the $-\ln p$ of each word:

# %%
small = replace(SMALL_V3, vocab_size=60, d_model=16)
falls = np.arange(60, 0, -1) ** 2  # counts of 60 words
for name in HEADS:
    config = small.with_head(name)
    layout = new_layout(config, falls)
    head = new_head(config, layout, rng, np.float64)
    table = rng.normal(size=(60, 16))
    head.initialize(table)
    row = np.repeat(rng.normal(size=(1, 16)), 60, axis=0)
    nll = head.nll(row, table, np.arange(60))  # of each of the 60 words
    print(f"{name:9} Σ p - 1 = {np.exp(-nll).sum() - 1:+.0e}")

# %% [markdown]
# ## 5. The tree: log2 V decisions
#
# v3's author had another idea: a binary tree. The words are the leaves. At each inner node a
# logit decides between left and right, and $p(\mathrm{word})$ is the product of the decisions
# on its path. A Huffman tree gives frequent words short paths.
#
# *Predict first:* how many decisions does a word of our text need on average? And so, how many
# times as fast as the softmax over $V$ words could it be?

# %%
mine.predict("decisions for a word, on average", ...)

# %%
tree = huffman_tree(counts)
lengths = tree.paths[2]
mean_length = (lengths * counts).sum() / counts.sum()
q = counts[counts > 0] / counts.sum()
print(f"log2 V = {np.log2(V):.1f}; the mean path has {mean_length:.1f} decisions,")
print(f"the entropy is {-(q * np.log2(q)).sum():.1f} bits, the longest path {lengths.max()}")
print(f"products: {V / mean_length:,.0f} times fewer than with the softmax")
mine.reveal("decisions for a word, on average", mean_length)

# %% [markdown]
# Now measure one direction of it: the logits of 256 rows. The softmax multiplies two matrices.
# The tree multiplies each row by the vectors of *its own* path, so these vectors must be
# gathered: copied together, pair by pair.


# %%
def processor_seconds(work, repeats=5):
    """The median of some calls, after one that is not counted."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return max(float(np.median(taken)), 1e-6)


N, D = 256, 64
h = rng.normal(size=(N, D)).astype(np.float32)
table, nodes = rng.normal(size=(2, V, D)).astype(np.float32)
targets = rng.choice(data.train, N)
path_nodes, _, _ = tree.paths
row, step = np.nonzero(np.arange(path_nodes.shape[1]) < lengths[targets][:, None])
node = path_nodes[targets[row], step]
softmax_time = processor_seconds(lambda: h @ table.T)
tree_time = processor_seconds(lambda: [dots(h, nodes, row, node) for _ in range(10)]) / 10
fewer = N * V / len(row)
print(f"the tree has {fewer:,.0f} times fewer multiply-adds,")
print(
    f"and takes {softmax_time / tree_time:,.0f} times less time: a multiply-add that is",
    end=" ",
)
print(f"gathered costs as much as {fewer / (softmax_time / tree_time):.0f} in a product")

# %% [markdown]
# BLAS uses each number from memory hundreds of times. A gathered vector is used once. So in
# NumPy the time falls far less than the arithmetic. The tree is still much cheaper than the
# softmax, and section 1 says that more would hardly help. Its problem is another one: each node
# needs a vector of its own, so the head is not *tied*. It does not learn from the embedding,
# and the embedding does not learn from it.
#
# ## 6. Sampling: train on a few words
#
# Another idea leaves the model as it is, an exact softmax, and makes only its *training*
# cheaper. In each step, draw some words, the candidates. Each row chooses among them and its
# own target. But then frequent words, which are often drawn, compete too often. So the page
# subtracts $\ln P_v$ from each logit, where $P_v$ is the probability that $v$ is among the
# candidates.
#
# Why just this? Let $t$ come with the probability $p_t$. If the rivals are $t$ and $u$, then
# either $t$ came and $u$ was drawn, with $p_t P_u$, or the reverse, with $p_u P_t$. The ratio
# is $(p_t / P_t) : (p_u / P_u)$. So the softmax over the rivals is right if the logits are
# $\ln p_v - \ln P_v$. If the correction is forgotten, the model must learn $p/P$ itself. With
# the wrong sign it must learn $p/P^2$.
#
# We test this with 40 words and a model that has only one logit for each. *Predict first:* the
# words are drawn in proportion to $p$. Which distribution does the model learn if the
# correction is forgotten, and how many nats above the least possible is its exact loss?

# %%
mine.predict("nats above the least, if the correction is forgotten", ...)

# %%
few, draws, steps = 40, 8, 1500
p = 1 / np.arange(1, few + 1)
p /= p.sum()  # Zipf's law
log_P = np.log(1 - (1 - p) ** draws)  # draws with replacement, in proportion to p
signs = {"right: - ln P": 1, "forgotten": 0, "wrong sign: + ln P": -1}


def learn(sign):
    """ln p after training, and the sampled and the exact loss at each step."""
    own_rng, w, curve = np.random.default_rng(0), np.zeros((few, 1)), []
    ones, m, v = np.ones((64, 1)), np.zeros((few, 1)), np.zeros((few, 1))  # 64 equal rows
    for step in range(steps):
        y = own_rng.choice(few, 64, p=p)
        drawn = np.unique(own_rng.choice(few, draws, p=p))
        loss, saved = SAMPLED.forward(ones, w, y, candidates=drawn, log_p=sign * log_P)
        _, dw, _ = SAMPLED.backward(1.0, saved)
        adamw_update(w, dw.dense(), m, v, step + 1, lr=0.1 / (1 + step / 200))
        log_p = w[:, 0] - log_sum_exp(w.T)[0]
        curve.append((loss, -(p * log_p).sum()))
    return log_p, np.array(curve)


learned = {name: learn(sign) for name, sign in signs.items()}
least = -(p * np.log(p)).sum()
for (name, (_, curve)), power in zip(learned.items(), (0, 1, 2), strict=True):
    theory = p / np.exp(log_P) ** power
    bound = -(p * np.log(theory / theory.sum())).sum() - least
    first, last = curve[:50, 0].mean(), curve[-50:, 0].mean()
    print(f"{name:19} sampled loss {first:.2f}, at the end {last:.2f};", end=" ")
    print(f"exact loss {curve[-1, 1] - least:.3f} above the least, by theory {bound:.3f}")
above = learned["forgotten"][1][-1, 1] - least
mine.reveal("nats above the least, if the correction is forgotten", above)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
styles = ("k-", "k--", "k:")
for (name, (log_p, curve)), style in zip(learned.items(), styles, strict=True):
    left.semilogx(np.arange(1, steps + 1), curve[:, 1], style, label=name)
    right.semilogy(np.arange(1, few + 1), np.exp(log_p), style, lw=1)
left.axhline(least, color="0.6", label="least possible")
left.set(xlabel="step", ylabel="exact loss (nats)", title="The loss that counts")
left.legend(fontsize=8)
for power, marker in ((0, "o"), (1, "s"), (2, "^")):
    theory = p / np.exp(log_P) ** power
    label = ("p", "p / P", "p / P²")[power]
    right.plot(
        np.arange(1, few + 1, 3), (theory / theory.sum())[::3], marker, mfc="white",
        color="0.4", label=label,
    )  # fmt: skip
right.set(xlabel="word, by falling frequency", title="The distribution that was learned")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# Forgotten, the model learns $p/P$, in which all rare words are nearly equally likely. With the
# wrong sign, rare words are *more* likely than frequent ones, which is worse than no
# correction. The training loss does not show it. It falls in all three runs, and to the same
# value, because each model has learned to choose among its rivals. Only the exact loss shows
# it. (The gradient checker finds neither mistake, because forward and backward have it alike.)
#
# ## 7. The experiment: equal time
#
# Now three heads on our text of three-token words. The body is small, the loss is exact
# $-\ln p$ for all of them, and the start, the batches and the rates are the same. Each head
# takes a fixed number of steps, so its losses do not depend on your machine. We measure the
# *processor's time* of each step, and put both together: loss against time.
#
# *Predict first:* after *equal numbers of steps*, which head has the lowest loss? And how many
# times as fast as with the exact head is a step with two levels, for 1,024 scored positions?

# %%
heads = ("exact", "two_level", "sampled")
mine.predict("lowest loss after equal numbers of steps", ..., choices=heads)
mine.predict("speed of a step with two levels, if the exact head has 1", ...)

# %%
base = replace(
    SMALL_V3, vocab_size=V, d_model=64, dilations=(1,), recursions=1,
    phases=(Phase(1, 64, 16),), normuon_lr=0.02, adamw_lr=0.02, decay_share=0.0,
)  # fmt: skip
marks = (10, 20, 40, 70, 120, 200, 320)
last_step = {"exact": 70, "two_level": 320, "sampled": 320}


def train(head):
    """The losses of the validation words at each mark, and the seconds of a step."""
    config = base.with_head(head)
    model = FlashLM(config, np.random.default_rng(0), layout=new_layout(config, counts))
    model.lm_head.initialize(model.embedding.weight.data)
    optimizers, seconds, at_marks = Optimizers(model, config), [], []
    batch_rng, head_rng = np.random.default_rng(0), np.random.default_rng(1)
    for step in range(1, last_step[head] + 1):
        batch = sample_batch(data, batch=16, sequence=64, position_share=1.0, rng=batch_rng)
        start = time.process_time()
        train_step(model, optimizers, step, [batch], head_rng)
        seconds.append(time.process_time() - start)
        if step in marks:
            losses, _ = token_losses(model, data.valid[:2049], config.receptive_field - 1)
            at_marks.append(losses)
    return np.array(at_marks), float(np.median(seconds))


# %%
runs = {"exact": train("exact")}

# %%
runs["two_level"] = train("two_level")

# %%
runs["sampled"] = train("sampled")

# %%
counted = baselines(data.train, data.valid, V)
fig, both = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained", sharey=True)
for (head, (losses, step_seconds)), style in zip(
    runs.items(), ("k-o", "k--s", "k:^"), strict=True
):
    steps = np.array(marks[: len(losses)])
    for axes, x in zip(both, (steps * 1024, steps * step_seconds), strict=True):
        axes.semilogx(x, losses.mean(axis=1), style, mfc="white", markersize=5, label=head)
for axes, label in zip(both, ("scored positions", "seconds of one core"), strict=True):
    axes.axhline(counted.unigram, color="0.7", ls=":", zorder=0)
    axes.set(xlabel=label)
both[0].text(1.5e5, counted.unigram + 0.05, "unigram", color="0.4", fontsize=9)
both[0].set(ylabel="exact loss (nats per word)", title="At equal positions")
both[1].set(title="At equal time")
both[0].legend()
plt.show()

# %% [markdown]
# The left picture does not depend on the machine. Is the difference there more than chance? The
# heads score the same words, so we compare word by word:

# %%
exact, exact_step = runs["exact"]
step = marks[len(exact) - 1]
equal = {head: losses[len(exact) - 1].mean() for head, (losses, _) in runs.items()}
for head in ("two_level", "sampled"):
    mean, error = mean_and_error(runs[head][0][len(exact) - 1] - exact[-1])
    print(f"step {step}: {head} is {mean:+.3f} ± {error:.3f} nats above the exact head")
mine.reveal("lowest loss after equal numbers of steps", min(equal, key=equal.get))

# %% [markdown]
# In the first steps the two-level head is ahead, because it starts with the shares of its
# classes. Then a step of the exact head teaches more: all words get a gradient, and nothing is
# approximate. If positions were what costs, nobody would want another head. But time costs:


# %%
def at_time(head, seconds):
    """The loss of a head after so many seconds, by its marks."""
    losses, step_seconds = runs[head]
    reached = np.log(np.array(marks[: len(losses)]) * step_seconds)
    return np.interp(np.log(seconds), reached, losses.mean(axis=1))


def time_to(head, loss):
    """The seconds at which a head reaches a loss, by its marks."""
    losses, step_seconds = runs[head]
    falling = losses.mean(axis=1)[::-1]
    return step_seconds * np.exp(np.interp(loss, falling, np.log(marks[: len(losses)])[::-1]))


end = marks[len(exact) - 1] * exact_step
final = exact[-1].mean()
for head in ("two_level", "sampled"):
    per_second = exact_step / runs[head][1]
    print(f"{head}:")
    print(f"    (a) scores {per_second:.1f} times as many positions per second")
    print(
        f"    (b) has the exact head's last loss {end / time_to(head, final):.1f} times sooner"
    )
    print(f"    (c) is {final - at_time(head, end):.2f} nats better after the same time")
ratio = exact_step / runs["two_level"][1]
mine.reveal("speed of a step with two levels, if the exact head has 1", ratio)

# %% [markdown]
# These are three meanings of "so many times more effective in the same time":
#
# - **(a) Positions per second.** Amdahl's law bounds it. The rest of the step stays: the body,
#   and the passes of the optimizer over the table.
# - **(b) Time to the same loss.** It is (a) times the quality of a step. If the head loses
#   quality, (b) is less than (a), and no speed makes up for it in the end.
# - **(c) Loss after the same time.** This is what a user gets. It is a number of nats, and
#   never "5 times". It depends on the moment: a curve that falls slowly turns many times more
#   steps into a small difference.
#
# All three can be said of the same two runs. So ask which one is meant.
#
# ## 8. Where the exact head wins
#
# - *If it is not the cost.* With a small vocabulary, or a large body, $s$ is small. For the
#   stories, $V = 2000$, another head gains little:

# %%
quick = multiply_adds(SMALL_V3, SMALL_V3.phases[0])
del quick["newton-schulz"]
s = quick["head"] / sum(quick.values())
print(f"the head has {s:.0%} of the multiply-adds: at most {1 / (1 - s):.1f} times as fast")

# %% [markdown]
# - *If time is not short.* Two levels are another model: all words of a class share one vector
#   for the choice of the class. This limit stays, however long the training is. A run that
#   lasts long enough ends with the best model, not with the most steps.
# - *If steps are few.* Then each should teach as much as possible. The sampled gradient is
#   noisier than the exact one, which matters more with fewer candidates.
# - *In generation.* There a head must give all $V$ probabilities, and the exact softmax is one
#   product of matrices. The sampled head *is* the exact one then. The tree is slower.
#
# Our trial is small: one seed, one learning rate for all heads, a body of toy size, and words
# that are triples of tokens. It shows how to ask the question. For v3's own model, data, time
# and seeds, [docs/heads.md](../docs/heads.md) has the answers, and `python benchmarks/heads.py`
# repeats them.
#
# ## Exercises
#
# 1. *Think.* Three levels need about $3 \sqrt[3]{V}$ logits. Section 1: how many times as fast
#    is a step with 86 % in the head with two levels, and with three? Is the third level worth
#    it?
# 2. *Think.* With two levels, which words get a gradient in a step? With sampling? What does
#    this mean for an optimizer that passes over the whole table?
# 3. *Think.* A loss of 3.0 nats per word of three tokens: how much is it per token? Does the
#    comparison of the heads change?
# 4. *Change.* In section 6, draw with equal probabilities instead of $p$. Which mistakes with
#    the correction still matter? Why is $p$ the better choice in spite of that?
# 5. *Change.* In section 7, set `candidates` to 100 and to 8,000 (`replace(config, ...)`). At
#    which number is a step of the sampled head as good as one of the exact head? What does it
#    cost?
# 6. *Change.* Add `"tree"` or `"adaptive"` to `last_step`. Where are they in both pictures?
# 7. *Workbook.* Run `python3 run.py course check DIR two_level` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR two_level`), where DIR is your workbook.
#    Continue with `sampled`. Plant the mistakes of this notebook in your own answers: the
#    correction forgotten, its sign wrong, the loss of a class not weighted by its rows. What
#    does the grader say about each?
#
# Next, [notebook 13](13_a_state_for_the_past.ipynb) looks at a model without convolutions and
# without attention: a recurrence that keeps a few numbers of the whole past.

# %%
mine.show()
