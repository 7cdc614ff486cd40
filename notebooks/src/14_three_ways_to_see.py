# %% [markdown]
# # 14 · Three ways to see the past
#
# **The question.** A language model needs one part that carries information from earlier
# positions to later ones: the *mixer*. It can be a convolution, a recurrence or attention. With
# equally many weights, what does each of them see? What can it learn from that, and what does a
# token cost?
#
# **Beside the student's path.** This notebook explains
# [causal_attention.py](../minigrad/ops/causal_attention.py), after
# [causal_conv.py](../minigrad/ops/causal_conv.py) in [notebook 04](04_seeing_the_past.ipynb)
# and [mlgru.py](../minigrad/ops/mlgru.py) in [notebook 13](13_a_state_for_the_past.ipynb).
# [mixers.md](../docs/mixers.md) describes the options. Put each prediction in place of `...`,
# and run that cell before the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, Phase
from flashlm_np.analysis.costs import token_costs, total
from flashlm_np.analysis.influence import influence
from flashlm_np.course.predictions import Predictions
from flashlm_np.data import known_answers
from flashlm_np.evaluation.recall import accuracy_by_distance
from flashlm_np.inference.streaming import Stream
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import functional as F
from minigrad.gradcheck import gradcheck

threadpool_limits(1)
rng = np.random.default_rng(0)
mine = Predictions("14")

# %% [markdown]
# ## 1. Attention by hand
#
# Each position makes three vectors: a question $q$, a label $k$ and a content $v$. Position $t$
# compares its question with the label of each position $u \le t$. The softmax makes weights of
# these scores, and $y_t$ is the weighted mean of the contents:
#
# $$ s_{tu} = \frac{q_t \cdot k_u}{\sqrt{C}} , \qquad
#    p_{tu} = \frac{e^{s_{tu}}}{\sum_{w \le t} e^{s_{tw}}} , \qquad
#    y_t = \sum_{u \le t} p_{tu}\, v_u . $$
#
# *Predict first:* let all $q$ be 0, and $v = 1, 2, 3, 4$. Compute $y$. Then let the last
# question be 20, and the labels $0, 1, 0, 0$. Compute the last $y$.

# %%
mine.predict("last y, if all q are 0", ...)
mine.predict("last y, if the last q is 20", ...)

# %%
v = np.array([1.0, 2, 3, 4])[None, :, None]  # (B, T, D) = (1, 4, 1)
q, k = np.zeros((1, 4, 1)), np.array([0.0, 1, 0, 0])[None, :, None]
means = F.causal_attention(q, k, v).data.ravel().round(4)
print("all q are 0:       y =", means)
q[0, -1] = 20
found = F.causal_attention(q, k, v).data.ravel().round(4)
print("the last q is 20:  y =", found)
mine.reveal("last y, if all q are 0", means[-1])
mine.reveal("last y, if the last q is 20", found[-1])

# %% [markdown]
# A question of 0 asks for nothing, and gets the mean. A long question that meets one label
# takes the content of that position alone, at any distance. That is a lookup.
#
# The backward pass is a softmax between two products of matrices. The checker tries all three
# gradients:

# %%
print(gradcheck("causal_attention", *rng.standard_normal((3, 2, 5, 6)), heads=2))

# %% [markdown]
# ## 2. Three matrices
#
# With respect to $v$, each mixer is a lower triangular matrix: $y_t = \sum_u M_{tu} v_u$. A
# convolution has the same numbers on each diagonal, those of its taps. The recurrence has
# products of the parts that stay. Attention has its weights $p$.
#
# *Predict first:* which of the three matrices depend on the text? In which can an element far
# from the diagonal be the largest of its row?

# %%
T = 24
one_each = np.eye(T)[:, :, None]  # text u has its 1 at position u: (T, T, 1)
taps = np.array([[[0.3, 0.5, 0.7, 1.0]]])  # (O, C, K)
z, question, label = rng.normal(1.5, 1.5, (T, 1)), *rng.normal(0, 2, (2, T, 1))
f = 1 / (1 + np.exp(-z))
state, states = np.zeros(T), []
for t in range(T):
    state = f[t] * state + (1 - f[t]) * np.eye(T)[t]
    states.append(state)
same = [np.broadcast_to(x, one_each.shape) for x in (question, label)]
matrices = {
    "convolution, dilation 4": F.causal_conv(one_each, taps, dilation=4).data[:, :, 0].T,
    "recurrence": np.array(states),
    "attention": F.causal_attention(*same, one_each).data[:, :, 0].T,
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
    axis.imshow(matrix, cmap="Greys", vmin=0, vmax=1)
    axis.set(title=title, xlabel="input u", xticks=[0, 12, 23], yticks=[0, 12, 23])
axes[0].set_ylabel("output t")
plt.show()

# %% [markdown]
# The convolution is the same for every text, and most of its matrix is 0. The recurrence
# chooses how much to forget, but what it has forgotten is gone for all later positions: a light
# column stays light further down. Attention chooses anew in each row. For that it must keep
# everything.
#
# ## 3. What does each see?
#
# Now three small language models. They differ in the mixer alone. The width inside the
# recurrence and inside attention is chosen so that all have about as many weights. One block is
# applied once. The convolutions have the dilations 1 and 16, so that holes fit into a small
# picture. v3's holes are of the same kind.
#
# The gradient of the last loss with respect to the row of each earlier token says how much that
# token can change. *Predict first:* of the 64 distances from 0 to 63, how many do the
# convolutions see? (At the others, they get exactly 0.) Which of the three curves falls the
# fastest?

# %%
mine.predict("distances that the convolutions see, of 64", ...)

# %%
WINDOW, STEPS = 64, 450
base = replace(
    SMALL_V3, vocab_size=known_answers.TOKENS, d_model=32, recursions=1, conv_groups=4,
    dilations=(1, 16), steps=STEPS, phases=(Phase(1, WINDOW, 32),), normuon_lr=0.02,
    adamw_lr=0.02,
)  # fmt: skip
configs = {
    "convolutions": base,
    "recurrence": replace(base, mixer="mlgru", mixer_width=40),
    "attention": replace(base, mixer="attention", mixer_width=40, attention_heads=2),
}
models = {name: FlashLM(c, np.random.default_rng(0)) for name, c in configs.items()}
styles = {"convolutions": "k.", "recurrence": "k-", "attention": "C3-"}
some = known_answers.name(rng, WINDOW, rng.integers(1, WINDOW - 1, 64))  # texts with a question


def sight(models):
    """The influence of the token at each lag on the loss of the answers, by model."""
    return {name: influence(model, some.ids, some.answers) for name, model in models.items()}


before = sight(models)
for name, by_lag in before.items():
    weights = sum(p.size for p in models[name].parameters())
    print(f"{name:13} {weights:,} weights, sees {np.count_nonzero(by_lag)} of {WINDOW} lags")
seen = np.count_nonzero(before["convolutions"])
mine.reveal("distances that the convolutions see, of 64", seen)

# %% [markdown]
# ## 4. A task: which name was it?
#
# The task `name` asks one question. Somewhere in a window of noise stands a mark, and behind it
# one of 16 names. The last token asks for the name. The distance is drawn between 1 and 62
# positions. A guess is right once in 16.

# %%
questions = known_answers.name(rng, 16, [5])
print("ids", questions.ids[0], "answer", questions.answers[0], "distance", questions.distances)

# %% [markdown]
# We train each model for 450 steps of 32 questions, with the same rates and the same data.
#
# *Predict first:* draw the three curves of accuracy against distance, from 1 to 62. And then:
# after training in windows of 64 tokens, what happens at distances of 100 and 400? How many per
# cent of the names are right at 400?

# %%
mine.predict("right names of the recurrence at distance 400, in %", ...)
mine.predict("right names of attention at distance 400, in %", ...)


# %%
def train(name):
    """Train a model on the task; return its losses."""
    optimizers = Optimizers(models[name], configs[name])
    own_rng, losses = np.random.default_rng(1), []
    for step in range(1, STEPS + 1):
        drawn = known_answers.name(own_rng, WINDOW, own_rng.integers(1, WINDOW - 1, 32))
        losses.append(train_step(models[name], optimizers, step, [drawn.batch]).loss)
    return losses


losses = {name: train(name) for name in models}
for name, curve in losses.items():
    at = "  ".join(f"{np.mean(curve[s : s + 50]):.2f}" for s in (0, 100, 200, 400))
    print(f"{name:13} nats per answer, steps 0, 100, 200 and 400: {at}")

# %%
near, far = [*range(1, 62, 2), *range(16, 20), 32, 34, 48, 50], [100, 200, 400]
accuracy = {
    name: accuracy_by_distance(model, "name", sorted(near), np.random.default_rng(2), 100)
    for name, model in models.items()
}
beyond = {
    name: accuracy_by_distance(model, "name", far, np.random.default_rng(3), 200)
    for name, model in models.items()
}
after = sight(models)
fig, axes = plt.subplots(3, 1, figsize=(9, 7.5), sharex=True, layout="constrained")
for axis, by_model, title in (
    (axes[0], before, "What each sees, untrained"),
    (axes[1], after, "What each sees, trained"),
):
    for name, by_lag in by_model.items():
        lags = np.flatnonzero(by_lag)
        axis.semilogy(lags, by_lag[lags], styles[name], label=name, ms=4)
    axis.set(title=title, ylabel="|gradient|")
for name, found in accuracy.items():
    axes[2].plot([*found], [a.right for a in found.values()], styles[name], ms=5)
axes[2].axhline(known_answers.CHANCE["name"], color="0.6", ls=":", zorder=0)
axes[2].set(title="The right name", ylabel="accuracy", xlabel="distance", ylim=(-0.05, 1.05))
axes[0].legend(loc="upper right", fontsize=8)
plt.show()
for name, found in beyond.items():
    print(f"{name:13}", "; ".join(f"distance {d}: {a}" for d, a in found.items()))
percent = {name: 100 * found[400].right for name, found in beyond.items()}
mine.reveal("right names of the recurrence at distance 400, in %", percent["recurrence"])
mine.reveal("right names of attention at distance 400, in %", percent["attention"])

# %% [markdown]
# The pictures stand one above the other for this reason: **what is not seen cannot be
# learned.** In its holes the convolution guesses, however long it trains. Where it sees, it is
# right. More weights would not help; other dilations would, or a second application.
#
# The recurrence and attention see all distances, and both end at 100 % (the lines lie on each
# other). Attention learns the task in the fewest steps, because a lookup is what it is made
# for. The untrained recurrence keeps about half of its state at each position, so from distance
# 60 it gets $10^{-17}$ of a gradient. It learns all the same: from near names it learns a gate
# (part 5 of [notebook 13](13_a_state_for_the_past.ipynb)), which takes a name and keeps it
# while noise goes by. With this gate the gradient reaches far, too: see the middle picture.
#
# Beyond the windows of training the order turns. The gate has no idea of distance, and keeps
# the name just as well. For attention, 400 positions mean that six times as much noise competes
# in each softmax, and its rotary positions turn by angles that it has never seen.
#
# In the middle picture, both of these curves are low. A small gradient in a *trained* model
# does not mean that the model cannot see. It has the right answer with certainty, so no small
# change of any token matters. Only a gradient of exactly 0 is a proof.
#
# ## 5. What does a token cost?
#
# `flashlm inspect` counts multiplications and additions for one more token. A `Stream` reads
# token by token, and knows the bytes that it keeps of the past.
#
# *Predict first:* for how many of the three mixers do both numbers grow with the number of
# tokens read? How many times as many bytes does attention keep after 1,000 tokens as after 100?

# %%
mine.predict("mixers whose bytes grow, of three", ...)
mine.predict("bytes of attention after 1,000 tokens, if 1 after 100", ...)

# %%
lengths = (1, 10, 100, 1000)
print("tokens read: bytes of the past, multiplications for one more token")
kept, work = {}, {}
for name, model in models.items():
    stream = Stream(model)
    state = stream.state()
    kept[name], work[name] = [], []
    for length in lengths:
        stream.prefill(state, rng.integers(0, 64, length - state.position))
        kept[name].append(state.nbytes)
        costs = total(token_costs(model, configs[name], length + 1))
        work[name].append(costs.multiplications)
    pairs = zip(lengths, kept[name], work[name], strict=True)
    print(f"{name:13}", "; ".join(f"{n}: {b:,} B, {m:,}" for n, b, m in pairs))
growing = [name for name, sizes in kept.items() if sizes[-1] > sizes[0]]
mine.reveal("mixers whose bytes grow, of three", len(growing))
*_, at_100, at_1000 = kept["attention"]
mine.reveal("bytes of attention after 1,000 tokens, if 1 after 100", at_1000 / at_100)

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for name in models:
    style = styles[name].replace(".", "--")
    axes[0].loglog(lengths, kept[name], style, label=name)
    axes[1].loglog(lengths, work[name], style)
axes[0].set(xlabel="tokens read", title="bytes of the past")
axes[1].set(xlabel="tokens read", title="multiplications for one more")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# The convolutions keep a fixed stretch of the past, and the recurrence one state. Only
# attention grows: it keeps a label and a content of every token, and compares a question with
# all labels. For a text of $N$ tokens, this is $N^2$ in sum. (Its memory grows in blocks, so
# that 1 and 10 tokens take the same.)
#
# So no mixer is the best one. A convolution is cheap, and blind outside of its pattern. A
# recurrence is cheap and sees everything, through few numbers. Attention looks up anything, and
# pays for the whole text. Our task has one name to remember. With many names at once, the few
# numbers of the recurrence become too few (exercise 5).
#
# This comparison is small: one seed, one rate, a task of one kind. It shows how to ask the
# question. [mixers.md](../docs/mixers.md) has the command of the large one.
#
# ## Exercises
#
# 1. *Think.* Which lags does a convolution with the dilations 1, 4 and 16 and four taps see?
#    And with 1 and 16, if the block is applied twice?
# 2. *Think.* Attention without rotary positions: the tokens before the last one change places.
#    How does the last $y$ change?
# 3. *Think.* In a batch of 4 texts of 2,048 tokens, attention with 8 heads keeps $p$ for the
#    backward pass. How many bytes are these?
# 4. *Change.* Give the convolutions `recursions=2`, or the dilations (1, 4, 16). Predict the
#    third picture before you draw it.
# 5. *Change.* Train with the task `key`: eight keys with a value each, and one key is asked.
#    Which mixers still learn it with one block? And with `blocks=2`?
# 6. *Change.* Train the recurrence with `gru_gate="paper"`. Does it learn the task sooner?
# 7. *Workbook.* Run `python3 run.py course check DIR attention` in the project's folder (or,
#    with `.venv` active, `flashlm course check DIR attention`), where DIR is your workbook.
#    Forget the mask in your answer, and then the factor $1/\sqrt{C}$. What does the grader say?
#
# [Notebook 15](15_a_museum_of_mistakes.ipynb) collects results that were too good
# to be true, and a test for each.

# %%
mine.show()
