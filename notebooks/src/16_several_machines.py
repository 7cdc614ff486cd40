# %% [markdown]
# # 16 · Several machines
#
# **The question.** One machine is too slow, so several take the steps of one run together. What
# do they tell each other, how much is that, and who waits for whom? And how can weights on
# different machines stay the same to the last bit?
#
# **Beside the student's path.** This notebook explains
# [several_machines.py](../flashlm_np/training/several_machines.py) and
# [local_steps.py](../flashlm_np/training/local_steps.py). It needs no MPI: the processes are
# simulated, one after the other. [several_machines.md](../docs/several_machines.md) tells how a
# real run is started. Put each prediction in place of `...`, and run that cell before the cell
# below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, Phase
from flashlm_np.course.predictions import Predictions
from flashlm_np.data import known_answers
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.quantization import dequantized, quantized
from flashlm_np.training.step import train_step
from minigrad.optim import sgd_update

threadpool_limits(1)
rng = np.random.default_rng(0)
mine = Predictions("16")

# %% [markdown]
# ## 1. The gradient of a batch is a sum
#
# A batch has windows of text, and its loss is a mean over positions. So each process can take
# some of the windows, a *shard*, and compute the gradient $g_r$ of its own mean loss. If shard
# $r$ has the part $s_r$ of the positions, the gradient of the whole batch is
#
# $$ g = \sum_r s_r \, g_r . $$
#
# *Predict first:* five windows are divided between two processes. Is $g$ the plain mean of
# $g_0$ and $g_1$?

# %%
mine.predict("g is the plain mean", ..., choices=("yes", "no"))

# %%
T = 12
config = replace(
    SMALL_V3, vocab_size=known_answers.TOKENS, d_model=16, recursions=1, conv_groups=4,
    dilations=(1, 4), phases=(Phase(1, T, 8),), steps=160, normuon_lr=0.02, adamw_lr=0.02,
)  # fmt: skip
model = FlashLM(config, np.random.default_rng(1), np.float64)
ids = rng.integers(0, config.vocab_size, (5, T + 1))


def gradient(windows):
    """The gradient of the mean loss of some windows, as one vector."""
    model.zero_grad()
    model.loss(windows[:, :-1], windows[:, 1:]).backward()
    return np.concatenate([p.grad.ravel() for p in model.parameters() if p.grad is not None])


whole, g0, g1 = gradient(ids), gradient(ids[:2]), gradient(ids[2:])
print(f"by the shares 2/5 and 3/5:  error {np.abs(0.4 * g0 + 0.6 * g1 - whole).max():.0e}")
print(f"the plain mean:             error {np.abs((g0 + g1) / 2 - whole).max():.0e}")
mine.reveal("g is the plain mean", "yes" if np.allclose((g0 + g1) / 2, whole) else "no")

# %% [markdown]
# With the shares, only the rounding differs. The plain mean is the gradient of another loss, in
# which the windows of the small shard count more. Nothing would crash, and the loss would fall.
# Only a comparison with one process finds such a mistake.
#
# ## 2. The same bits
#
# Each process adds up the same gradients and makes the same update. So the weights need never
# be sent, if every process gets the same sum to the last bit. Rounding depends on the order.
#
# *Predict first:* the gradients of three processes are added as $(a + b) + c$ and as
# $a + (b + c)$, in float32. In how many per cent of the sums do the last bits differ?

# %%
mine.predict("sums that differ, in %", ...)

# %%
a, b, c = rng.normal(size=(3, 100_000)).astype(np.float32)
differ = np.mean((a + b) + c != a + (b + c))
print(f"{differ:.0%} of the sums differ")
print(f"{np.mean(a + b != b + a):.0%} differ between a + b and b + a")
mine.reveal("sums that differ, in %", 100 * differ)

# %% [markdown]
# One bit in one weight would grow: after thousands of steps the processes would have different
# models, and each would send gradients of its own. So all must add in the same order. MPI's
# `Allreduce` does so for a fixed number of processes, and a hash of the weights checks it
# during the run.
#
# ## 3. A sum in a ring
#
# Each of $n$ processes has a vector of $P$ numbers, and each needs the sum. If all sent their
# vector to process 0, it would receive $(n-1) P$ numbers, and send as many. In a ring, the
# vector is cut into $n$ chunks. In each round every process sends one chunk to its right. After
# $n-1$ rounds each process has the whole sum of one chunk, and $n-1$ more rounds pass these on.
#
# *Predict first:* how many vectors of $P$ numbers does each of 4 processes send? And each of
# 100 processes?

# %%
mine.predict("vectors that each of 4 processes sends", ...)
mine.predict("vectors that each of 100 processes sends", ...)


# %%
def ring(vectors):
    """The sum in every row, and the numbers that each process has sent."""
    n, sent = len(vectors), 0
    parts = [np.array_split(vector, n) for vector in vectors]  # [process][chunk]
    for rounds, adds in ((range(n - 1), True), (range(n - 1), False)):
        for k in rounds:
            for r in range(n):  # process r sends a chunk to r + 1
                chunk = (r - k if adds else r + 1 - k) % n
                message = parts[r][chunk]
                sent += len(message)
                right = parts[(r + 1) % n]
                right[chunk] = right[chunk] + message if adds else message
    return [np.concatenate(p) for p in parts], sent / n


P, per_process = 1200, {}
for n in (2, 4, 12, 100):
    vectors = rng.integers(0, 9, (n, P)).astype(float)
    sums, sent = ring(vectors)
    assert all((row == vectors.sum(axis=0)).all() for row in sums)
    per_process[n] = sent / P
    print(f"{n:4} processes: each sends {sent / P:.2f} vectors; process 0 alone: {n - 1}")
mine.reveal("vectors that each of 4 processes sends", per_process[4])
mine.reveal("vectors that each of 100 processes sends", per_process[100])

# %% [markdown]
# Each process sends $2 (n-1)/n$ vectors: never more than two. The links of all machines work at
# the same time. That is why data parallelism scales, if a step of the network is not slower
# than a step of the model. FlashLM v3 has 13.6 million weights, so 54 MB in float32. Gigabit
# Ethernet sends 125 MB per second.
#
# ## 4. Rows as rows
#
# Of these weights, 12.9 million are the table of the tokens. With the head `sampled`, only the
# rows of tokens that occur have a gradient. So the processes first send the ids, and then only
# the rows of the union.
#
# *Predict first:* a process has 2,048 tokens in a step. How many of the 50,257 rows do 2, 8 and
# 32 processes need together?

# %%
mine.predict("rows for 2 processes", ...)
mine.predict("rows for 32 processes", ...)

# %%
V, D, tokens = 50_257, 256, 2048
p = 1 / (np.arange(V) + 2.7)  # Zipf's law
drawn = rng.choice(V, (32, tokens), p=p / p.sum())
union = {n: len(np.unique(drawn[:n])) for n in (1, 2, 8, 32)}
for n, rows in union.items():
    print(f"{n:3} processes: {rows:6,} rows, {4e-6 * rows * D:5.1f} MB")
print(f"the whole table: {V:6,} rows, {4e-6 * V * D:5.1f} MB")
mine.reveal("rows for 2 processes", union[2])
mine.reveal("rows for 32 processes", union[32])

# %% [markdown]
# Frequent words are in every shard, so the union grows more slowly than the number of tokens.
#
# ## 5. Who waits for whom
#
# A step ends when the slowest process has its gradient. These are three steps of a real run of
# two processes on one machine with other work:
#
# ![What two processes do in three steps](../docs/several_machines.png)
#
# *Predict first:* each of $n$ machines needs 1 second for a step, with a standard deviation of
# 0.1. They are independent. How long is a step of 2 machines, and of 32?

# %%
mine.predict("step of 2 machines, in seconds", ...)
mine.predict("step of 32 machines, in seconds", ...)

# %%
slowest = {}
for n in (1, 2, 8, 32):
    slowest[n] = rng.normal(1, 0.1, (20_000, n)).max(axis=1).mean()
    print(f"{n:3} machines: a step of {slowest[n]:.2f} s")
mine.reveal("step of 2 machines, in seconds", slowest[2])
mine.reveal("step of 32 machines, in seconds", slowest[32])

# %% [markdown]
# The mean of the largest grows, though every machine is as fast as before. One slow laptop
# makes a whole class wait.
#
# ## 6. Meet less often
#
# On a slow network, each process can train alone for $H$ steps. Then all send the way $d_r$
# that they went, and the mean of the ways is the gradient of an *outer* step with Nesterov's
# momentum. The messages become $H$ times rarer. Each number may also have 2 bits, if the error
# is added to the next way.
#
# *Predict first:* two processes train on the task `name` of
# [notebook 14](14_three_ways_to_see.ipynb), 160 steps each. Rank by the last losses: the mean
# of the weights after each step; the mean after every 8 steps, in 32 and in 2 bits; DiLoCo's
# outer step, with the rate 0.7 and the momentum 0.9, after every 8 and after every 64 steps.

# %%
names = (
    "mean, every step",
    "mean, every 8",
    "mean, every 8, 2 bits",
    "DiLoCo, every 8",
    "DiLoCo, every 64",
)
mine.predict("lowest last losses", ..., choices=names)

# %%
STEPS = 160


def flat(model):
    return np.concatenate([p.data.ravel() for p in model.parameters()])


def set_flat(model, vector):
    borders = np.cumsum([p.size for p in model.parameters()])[:-1]
    for p, part in zip(model.parameters(), np.split(vector, borders), strict=True):
        p.data[...] = part.reshape(p.shape)


def train(every, bits=32, lr=0.7, momentum=0.9):
    """The mean loss of two processes at each step. They meet after every so many steps."""
    models = [FlashLM(config, np.random.default_rng(1)) for _ in range(2)]
    inner = [Optimizers(model, config) for model in models]
    anchor, m, losses = flat(models[0]), 0 * flat(models[0]), []
    errors, own_rng = [0 * anchor, 0 * anchor], np.random.default_rng(5)
    for step in range(1, STEPS + 1):
        found = []
        for model, optimizers in zip(models, inner, strict=True):
            drawn = known_answers.name(own_rng, T, own_rng.integers(1, T - 1, 8))
            found.append(train_step(model, optimizers, step, [drawn.batch]).loss)
        losses.append(np.mean(found))
        if step % every == 0:
            ways = [anchor - flat(model) for model in models]  # d_r, as gradients point
            if bits < 32:
                sums = [way + error for way, error in zip(ways, errors, strict=True)]
                ways = [dequantized(quantized(x, bits), bits, len(x), x.dtype) for x in sums]
                errors = [x - way for x, way in zip(sums, ways, strict=True)]
            mean = (ways[0] + ways[1]) / 2
            sgd_update(anchor, mean, m, lr=lr, momentum=momentum, nesterov=True)
            for model in models:
                set_flat(model, anchor)
    return np.array(losses)


size = flat(model).size
mean = {"lr": 1.0, "momentum": 0.0}
trials = {
    "mean, every step": (train(1, **mean), 4 * size),
    "mean, every 8": (train(8, **mean), 4 * size / 8),
    "mean, every 8, 2 bits": (train(8, bits=2, **mean), size * (1 / 4 + 1 / 64) / 8),
    "DiLoCo, every 8": (train(8), 4 * size / 8),
    "DiLoCo, every 64": (train(64), 4 * size / 64),
}
last = {name: losses[-32:].mean() for name, (losses, _) in trials.items()}
for name, (_, sent) in trials.items():
    print(f"{name:22} last losses {last[name]:.2f}  bytes per step {sent:9,.0f}")
mine.reveal("lowest last losses", min(last, key=last.get))

# %%
STYLES = ("k-", "C0-", "C0:", "C3-", "C3:")
fig, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (name, (losses, _)), style in zip(trials.items(), STYLES, strict=True):
    axis.plot(np.convolve(losses, np.ones(8) / 8, "valid"), style, lw=1.2, label=name)
axis.set(xlabel="step", ylabel="nats per answer, mean of 8 steps")
axis.legend()
plt.show()

# %% [markdown]
# On this task the rarest exchange has the lowest losses, with a 64th of the bytes. Its outer
# step goes further than the mean of the ways, in the first exchange 0.7 · 1.9 = 1.33 times as
# far. After 64 steps both processes agree on the way, so that helps. With an exchange every 8
# steps, a momentum of 0.9 adds up ten old ways: at first it leads, and then it goes too far.
#
# One small task and one seed prove little. On the stories, with other rates, an exchange in
# every step was ahead of local steps ([several_machines.md](../docs/several_machines.md)). The
# rates of the outer step must be chosen for $H$, as those of the inner step are for the batch.
#
# ## What to remember
#
# - The gradient of a batch is the sum of the shards' gradients, weighted by their positions.
# - Equal sums in an equal order give equal bits, so weights need not be sent.
# - A ring sends at most two vectors per process, for any number of processes.
# - A table whose gradient is rows is sent as rows, and the slowest process sets the pace.
# - Local steps make messages rare, and few bits make them small. Both change the training.
#
# ## Exercises
#
# 1. Leave out the error feedback in `train`, for 2 bits. What happens to the last losses?
# 2. Give both processes the same questions. What do they gain from each other?
# 3. Section 5: let one of 8 machines be 30 % slower than the others. How long is a step now?
#    Which share of the batch should that machine have?
# 4. Start a real run: `mpiexec -n 2 flashlm train --steps 20`. Compare its losses in
#    metrics.csv with those of one process.

# %%
mine.show()
