# %% [markdown]
# # 11 · Faster than PyTorch
#
# **The question.** This package is plain NumPy, and yet its training step is faster than
# PyTorch's on the machine where it was written. What limits a training step, how near can one
# come to the limit, and how can *you* tell on *your* machine?
#
# Every time here is measured while the notebook runs, on your machine, and what is said of it
# is computed from it. Other programs disturb: close them. The measurements of the author's
# machine, and how they were taken, are in [docs/speed.md](../docs/speed.md). Write each
# prediction down before you run the cell below it.

# %%
import os
import sys
import time
import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.analysis.multiply_adds import multiply_adds, seconds_at_peak
from flashlm_np.analysis.step_profile import measure
from flashlm_np.data.dataset import Dataset, sample_batch
from flashlm_np.model.config import V3, Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.memory import keep_freed_memory
from flashlm_np.training.threads import Workers
from minigrad.ops import CROSS_ENTROPY, LINEAR, TIED_HEAD
from minigrad.optim import adamw_update
from minigrad.optim.blocks import BLOCK_SIZE, flat_blocks

workers, one = Workers(), Workers(1)
rng = np.random.default_rng(11)
print(f"{workers.threads} cores to use, NumPy {np.__version__}")
if workers.warning:
    print(workers.warning)


# %% [markdown]
# How to time: warm up once, repeat, take the *median*, which one disturbance cannot move. Only
# for a machine's peak take the least, because nothing can make a product faster than it is.


# %%
def times(work, repeats=5):
    """Seconds of each of some calls, after one that is not counted."""
    work()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return np.array(found)


def seconds(work, repeats=5):
    return float(np.median(times(work, repeats)))


# %% [markdown]
# ## 1. Two speeds: arithmetic and memory
#
# A product of two $n \times n$ matrices takes $n^3$ multiply-adds, $2n^3$ floating-point
# operations (FLOP), on only $3n^2$ numbers. *Predict first:* how many billion operations per
# second (GFLOP/s) does one core of your machine do in float32?

# %%
n = 1024
a, b = rng.normal(size=(2, n, n)).astype(np.float32)
out = [np.empty((n, n), np.float32) for _ in range(workers.threads)]


def product(place=0):
    np.matmul(a, b, out=out[place])


with workers.at_work():  # one BLAS thread each
    peak_one = 2e-9 * n**3 / times(product, 6).min()
    everybody = times(lambda: workers.map(product, range(workers.threads)), 6).min()
    peak = workers.threads * 2e-9 * n**3 / everybody
print(f"one core: {peak_one:.0f} GFLOP/s; {workers.threads} cores at once: {peak:.0f} GFLOP/s")
if peak < 0.75 * workers.threads * peak_one:
    print("The cores are not free just now: this run's times and ratios say little.")

# %% [markdown]
# Now memory. A copy reads and writes every number once and computes nothing. *Predict first:*
# in the time in which one float32 comes from main memory, how many multiply-adds could the core
# have done?

# %%
large, small = np.ones(1 << 24, np.float32), np.ones(1 << 15, np.float32)  # 67 MB, 131 kB
into_large, into_small = np.empty_like(large), np.empty_like(small)
memory_gb = 2 * large.nbytes / seconds(lambda: np.copyto(into_large, large)) / 1e9
repeated = lambda: [np.copyto(into_small, small) for _ in range(200)]  # noqa: E731
cache_gb = 200 * 2 * small.nbytes / seconds(repeated) / 1e9
print(f"copying 67 MB: {memory_gb:.0f} GB/s; 131 kB, again and again: {cache_gb:.0f} GB/s")
print(
    f"per float32 from memory: {peak_one / 2 * 4 / memory_gb:.0f} multiply-adds could be done"
)

# %% [markdown]
# Those are the two speeds. An operation that does few operations per byte is limited by memory,
# one that does many by arithmetic. Draw it: operations per byte to the right, speed upwards,
# both logarithmic. The two limits make a *roof*, and everything has to be below it (a small
# array, which stays in the cache, may pass through the slope: the slope is main memory's).

# %%
x, y = np.ones((2, 1 << 23), np.float32)
square, vector = np.ones((4096, 4096), np.float32), np.ones(4096, np.float32)
points = {}  # operations, bytes and seconds
with one.at_work():
    points["x · 2"] = x.size, 8 * x.size, seconds(lambda: np.multiply(x, 2, out=y))
    took = seconds(lambda: square @ vector)
    points["matrix · vector"] = 2 * square.size, square.nbytes, took
    for n in (16, 64, 256, 1024):
        m = a[:n, :n].copy()
        points[f"n = {n}"] = 2 * n**3, 12 * n * n, seconds(lambda m=m: m @ m, 9)

# %%
fig, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
intensity = np.logspace(-1.3, 2.6, 100)
axes.loglog(intensity, np.minimum(memory_gb * intensity, peak_one), "k-", lw=1.5)
slope = f"memory, {memory_gb:.0f} GB/s "
axes.text(1.5, 1.8 * memory_gb, slope, ha="right", fontsize=9)
axes.text(400, 1.2 * peak_one, f"arithmetic, {peak_one:.0f} GFLOP/s", ha="right", fontsize=9)
for name, (operations, moved, took) in points.items():
    at = operations / moved, 1e-9 * operations / took
    axes.plot(*at, "ko" if "=" in name else "ks", mfc="white", markersize=7)
    axes.text(1.1 * at[0], 0.55 * at[1], name, fontsize=9)
axes.plot([], [], "ko", mfc="white", label="product of two n × n matrices")
axes.set(xlabel="operations per byte moved", ylabel="GFLOP/s", title="The roof over one core")
axes.set(xlim=(0.05, 420), ylim=(0.5, 3 * peak_one))
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# (The product with $n = 16$ is far below: calling it costs more than computing it.)
#
# A training step is both. The products of ternary layers, head and convolutions belong to the
# right, and BLAS does them near the roof *whoever calls it*: there NumPy and PyTorch are much
# alike. All else (norms, gates, softmax, AdamW, averages) stands on the slope to the left, and
# there the only thing that counts is *how many bytes go through memory how often*. That is
# where the race is decided.
#
# ## 2. The surprise: the same arithmetic, cut in pieces
#
# AdamW's update is a dozen NumPy calls, each of which passes over its arrays. On 4 million
# weights each call goes through main memory. Cut into blocks, the second call finds the block
# in the cache.
#
# *Predict first:* which block is best, of 1,000 numbers, of 100,000, or all at once? What is
# wrong with the other two?

# %%
N = 1 << 22
p, g, m, v = rng.random((4, N), np.float32)


def adamw_in_blocks(size):
    for part in flat_blocks(p, g, m, v, size=size):
        adamw_update(*part, 10, lr=1e-3, weight_decay=0.1)


sizes = 1 << np.array([10, 12, 14, 16, 17, 19, 22])
block_seconds = [seconds(lambda size=size: adamw_in_blocks(int(size)), 3) for size in sizes]

fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogx(sizes, 1e3 * np.array(block_seconds), "k-o")
axes.axvline(BLOCK_SIZE, color="0.6", ls="--")
axes.text(BLOCK_SIZE, 0, " what minigrad uses", fontsize=9, va="bottom")
axes.set(xlabel="numbers in a block", ylabel="milliseconds", ylim=(0, None))
axes.set_title("AdamW on 4 million weights, one core")
plt.show()
ways = {f"blocks of {BLOCK_SIZE:,}": BLOCK_SIZE, "all at once": N, "blocks of 1,024": 1024}
for name, size in ways.items():
    took = block_seconds[sizes.tolist().index(size)]
    print(f"{name:18} {1e3 * took:4.0f} ms, {1e9 * took / N:5.1f} ns per weight")

# %% [markdown]
# On the left every NumPy call costs about a microsecond before it computes anything; on the
# right every call waits for memory. Between them lies a broad valley, so that the exact size
# does not matter. (How deep it is depends on the machine: on its caches, and on how fast its
# memory is.)
#
# ## 3. Threads: the GIL is no obstacle
#
# Python runs one thread at a time: the global interpreter lock (GIL). But NumPy and BLAS let go
# of it while they compute. *Predict first:* three kinds of work, shared out to all cores. How
# much faster is each: a Python loop, AdamW in blocks, products of matrices?


# %%
def python_loop(_):
    total = 0
    for i in range(200_000):
        total += i
    return total


parts = list(flat_blocks(p, g, m, v))
c, d = a[:512, :512].copy(), b[:512, :512].copy()
jobs = {
    "a Python loop": (python_loop, range(6)),
    "AdamW in blocks": (lambda part: adamw_update(*part, 10, lr=1e-3), parts),
    "products of matrices": (lambda _: c @ d, range(16)),
}
with workers.at_work():
    for name, (job, items) in jobs.items():
        alone = seconds(lambda job=job, items=items: one.map(job, items), 3)
        together = seconds(lambda job=job, items=items: workers.map(job, items), 3)
        gain = f"{alone / together:.2f} times as fast"
        print(f"{name:22} {workers.threads} workers: {gain} as one")

# %% [markdown]
# The loop cannot gain (on a Python with a GIL): its threads take turns. The others can, as far
# as the cores are free, and as far as memory, which the cores share, is fast enough for all of
# them.
#
# **One BLAS thread each.** BLAS has threads of its own. When every worker's product starts as
# many threads as there are cores, they queue for the same cores. `workers.at_work()` holds BLAS
# to one thread for that time, by threadpoolctl, and gives its threads back afterwards.
# *Predict first:* how much of the time does it save, if all work is products?


# %%
def products():
    return workers.map(lambda _: c @ d, range(16))


two_pools = seconds(products, 3)
with workers.at_work():
    one_pool = seconds(products, 3)
print(f"BLAS's own threads inside the workers: {1e3 * two_pools:.0f} ms")
print(f"one BLAS thread each: {1e3 * one_pool:.0f} ms, {one_pool / two_pools:.0%} of the time")

# %% [markdown]
# Products alone need not mind: BLAS serves one caller after the other, each with all cores. A
# training step is products *and* all else, by turns; section 6 asks again there.
#
# ## 4. Fresh memory is not free
#
# `y = x * 2` asks the system for new memory each time. The system gives it in *pages*, and
# clears each one at the first touch: a page fault. *Predict first:* how much slower is it than
# writing into an array that is kept?

# %%
try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # Windows
    getrusage = None


def page_faults(work):
    if getrusage is None:
        return float("nan")
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(5):
        work()
    return (getrusage(RUSAGE_SELF).ru_minflt - before) / 5


x = np.ones(1 << 24, np.float32)  # 67 MB
kept = np.empty_like(x)
ways = {"a fresh array": lambda: x * 2, "a kept array": lambda: np.multiply(x, 2, out=kept)}
for name, way in ways.items():
    took = 1e3 * seconds(way, 5)
    print(f"{name:14} {took:6.1f} ms, {page_faults(way):,.0f} page faults a call")

# %% [markdown]
# (How many faults depends on the system's page size: with huge pages of 2 MB there are few, and
# each clears 2 MB.) So large arrays are kept from step to step: the head's `buffers`, a
# parameter's one `grad`, the optimizers' state. For the hundreds of middle-sized ones, up to 32
# MB, `flashlm train` asks the C library to keep what was freed:
# [memory.py](../flashlm_np/training/memory.py). We do the same for what follows.

# %%
print("freed memory is kept" if keep_freed_memory() else "not glibc: memory stays as it is")

# %% [markdown]
# ## 5. The head: plain and fused
#
# Here everything meets. The head's three products are 50,257 wide, and softmax passes over all
# logits in between. The fused head visits each block of 1,024 words twice. First it makes the
# block's logits and, *while they are in the cache*, their exponentials and sums. When all sums
# are known it turns the block into its gradient in the same memory and uses it at once for both
# remaining products ([tied_head_fast.py](../minigrad/ops/tied_head_fast.py)). Blocks do not
# need each other, so every core has its own. (We take half of the words, so that it is quick.)
#
# *Predict first:* how many megabytes does each form need anew in a step: with everything fresh,
# and with its buffers kept?

# %%
V, D, rows = V3.vocab_size // 2, V3.d_model, 256
h = rng.normal(size=(rows, D)).astype(np.float32)
table = (0.02 * rng.normal(size=(V, D))).astype(np.float32)
y = rng.integers(0, V, rows)
options = {"label_smoothing": 0.1, "z_loss": 1e-4}
buffers = {}


def head(fused, **how):
    if fused:
        loss, saved = TIED_HEAD.forward(h, table, y, **options, **how)
        return TIED_HEAD.backward(np.ones_like(loss), saved)
    z, saved = LINEAR.forward(h, table)
    loss, saved_z = CROSS_ENTROPY.forward(z, y, **options)
    dz, _ = CROSS_ENTROPY.backward(np.ones_like(loss), saved_z)
    return LINEAR.backward(dz, saved)


many = {"parts": workers.threads, "parallel_map": workers.map}
forms = {  # how BLAS's threads are held, and the work
    "plain, BLAS's threads": (nullcontext, lambda: head(False)),
    "fused, one core": (one.at_work, lambda: head(True)),
    "fused, all cores": (workers.at_work, lambda: head(True, **many)),
    "... into kept buffers": (workers.at_work, lambda: head(True, **many, buffers=buffers)),
}


# %%
def fresh_megabytes(work):
    """The most memory that was allocated anew at one time."""
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


operations = 3 * 2e-9 * rows * V * D  # GFLOP of the three products
head_seconds = {}
for name, (held, form) in forms.items():
    with held():
        head_seconds[name] = seconds(form, 3)
        megabytes = fresh_megabytes(form)
    speed = operations / head_seconds[name]
    print(f"{name:22} {1e3 * head_seconds[name]:5.0f} ms, {megabytes:4.0f} MB allocated")
    print(f"{'':22} {speed:5.0f} GFLOP/s, {speed / peak:.0%} of the peak")
plain, *_, best = head_seconds.values()
print(f"the last takes {best / plain:.0%} of the first one's time")

# %% [markdown]
# One array of logits is 26 MB here. The plain head has three of them at a time at its worst
# (logits, exponentials, gradient). The fused one has one, and the table's gradient, which is as
# large for these few rows; into kept buffers, nearly nothing is new.
#
# ## 6. A whole step, and its limit
#
# What is the best that *any* implementation could do here? A step has so many multiply-adds
# ([multiply_adds.py](../flashlm_np/analysis/multiply_adds.py) counts them), and the machine has that peak. The quotient is
# the *limit*: the time of a step in which memory, softmax and Python cost nothing at all. We
# take v3 with a vocabulary of 8,192, so that it is quick.
#
# *Predict first:* which share of its time does a step spend on multiply-adds that run at full
# speed?

# %%
phase = Phase(1, 128, 4, 2)
config = replace(V3, vocab_size=8192, phases=(phase,))
work = multiply_adds(config, phase)
least = seconds_at_peak(config, phase, 1e9 * peak)
step = measure(config, phase, steps=3)
rate = phase.tokens / step.seconds
print("billions of multiply-adds:", {name: round(n / 1e9, 1) for name, n in work.items()})
print(f"limit {1e3 * least:.0f} ms, measured {1e3 * step.seconds:.0f} ms, which is")
print(f"{least / step.seconds:.0%} of the limit's speed; {rate:,.0f} tokens/s")

# %% [markdown]
# And the question that section 3 left: the same step, but `at_work` does nothing, so that BLAS
# keeps its own threads beside the workers. *Predict first:* how many times as long does it
# take?

# %%
with patch.object(Workers, "at_work", lambda self: nullcontext()):
    two_pools = measure(config, phase, steps=2)
print(f"BLAS's own threads inside the workers: {1e3 * two_pools.seconds:.0f} ms,", end=" ")
print(f"{two_pools.seconds / step.seconds:.1f} times as long as with one BLAS thread each")

# %% [markdown]
# Now where the time of the first one goes:

# %%
print("\n".join(step.profile.table(step.steps, step.seconds).splitlines()[:11]))

# %% [markdown]
# `GFLOP/s` says how near an operation's products come to the peak; `MB moved` what it has to
# read and write at least. An operation with 0 GFLOP/s stands on the slope of the roof: only
# fewer bytes, or fewer passes, make it faster. Here is the same as a picture, with what the
# multiply-adds alone would take:

# %%
shares = step.profile.stats
costs = {}  # of each operation, forward and backward together
for (name, _), share in shares.items():
    costs.setdefault(name, []).append(share)
names = sorted(costs, key=lambda name: -sum(share.seconds for share in costs[name]))[:7]
took, needed = [], []
for name in names:
    took.append(1e3 * sum(share.seconds for share in costs[name]) / step.steps)
    products_here = sum(share.multiply_adds for share in costs[name]) / step.steps
    needed.append(1e3 * 2e-9 * products_here / peak)
stages = {n: 1e3 * s for n, s in step.stages.items() if n != "forward and backward"}
fig, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
took += stages.values()
axes.barh([*names, *stages], took, color="0.85", edgecolor="0.3", label="measured")
needed.append(1e3 * 2e-9 * work["newton-schulz"] / peak)
axes.barh(
    [*names, "NorMuon and AdamW"],
    needed,
    height=0.4,
    color="0.3",
    label="its multiply-adds at the peak",
)
axes.invert_yaxis()
axes.set(xlabel="milliseconds per step", title="Where a step's time goes, and what it needs")
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## 7. The race
#
# A race is fair if both do the same mathematics, on the same threads, at the same time of day:
# so they take their steps in turn. [torch_flashlm.py](../benchmarks/torch_flashlm.py) is
# FlashLM in ordinary PyTorch, sharing no line with ours. First we give it *our weights* and see
# whether it computes our loss; only then does a comparison of speed mean anything.
#
# (It needs PyTorch, which nothing else here does, and a checkout of the repository.)

# %%
here = Path.cwd().resolve()
folder = next((p for p in (here, *here.parents) if (p / "benchmarks").is_dir()), here)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # its threads shall not spin in our turn
try:
    import torch

    sys.path.insert(0, str(folder))
    from benchmarks import torch_flashlm
except ImportError as missing:
    torch_flashlm = None
    print(f"No race here: {missing}.")
    print("On the machine of docs/speed.md PyTorch took 2.1 to 2.5 times as long.")
    print("With PyTorch installed: python benchmarks/step.py")
else:
    torch.set_num_threads(workers.threads)
    print(f"PyTorch {torch.__version__} with {torch.get_num_threads()} threads, like ours")

# %%
tokens = rng.integers(0, config.vocab_size, 50_000)
corpus = Dataset("random", tokens, tokens[:2])
fast_step = FastStep(FlashLM(config, np.random.default_rng(0)), config)


def micro_batches():
    shape = {"batch": phase.batch, "sequence": phase.sequence}
    options = shape | {"position_share": config.position_share, "rng": rng}
    return [sample_batch(corpus, **options) for _ in range(phase.micro_batches)]


if torch_flashlm:
    theirs = torch_flashlm.FlashLM(config.vocab_size)
    ours = fast_step.model.state_dict()
    theirs.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in ours.items()})
    ids, targets, positions = micro_batches()[0]
    our_loss = fast_step.model.loss(ids, targets, positions, **options).item()
    batch = [torch.from_numpy(array) for array in (ids, targets, positions)]
    their_loss = torch_flashlm.training_loss(theirs, *batch).item()
    print(f"the same weights and tokens: our loss {our_loss:.5f}, theirs {their_loss:.5f}")

# %%
if torch_flashlm:
    optimizers, average = torch_flashlm.make_optimizers(theirs), torch_flashlm.EMA(theirs)

    def their_step(batches):
        as_torch = [tuple(torch.from_numpy(a) for a in batch) for batch in batches]
        torch_flashlm.train_step(theirs, optimizers, as_torch, ema=average)

    racers = {"NumPy": lambda batches: fast_step.step(1000, batches), "PyTorch": their_step}
    laps = {name: [] for name in racers}
    for _ in range(4):
        for name, racer in racers.items():
            batches = micro_batches()
            start = time.perf_counter()
            racer(batches)
            laps[name].append(time.perf_counter() - start)
    laps = {name: np.array(found[1:]) for name, found in laps.items()}  # one to warm up

# %%
if torch_flashlm:
    fig, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
    axes.axvline(1e3 * least, color="0.4", ls="--", label="limit: the multiply-adds alone")
    for (name, found), marker in zip(laps.items(), "os", strict=True):
        axes.plot(1e3 * found, [name] * len(found), "k" + marker, mfc="white")
        axes.plot(1e3 * np.median(found), [name], "k|", markersize=24)
    axes.set(xlabel="milliseconds per step (bar: median)", ylim=(-0.6, 1.6), xlim=(0, None))
    axes.legend(loc="center right")
    plt.show()
    middle = {name: np.median(found) for name, found in laps.items()}
    ratio = middle["PyTorch"] / middle["NumPy"]
    print(f"here PyTorch takes {ratio:.2f} times as long as NumPy")
    for name, took in middle.items():
        print(f"{name} reaches {least / took:.0%} of the limit's speed")

# %% [markdown]
# What this race does not show: in one process the two disturb each other's caches and threads,
# a vocabulary of 8,192 is kinder to PyTorch's logits than 50,257, and `torch.compile` is
# missing. `python benchmarks/step.py` runs the full-size race with a process for each and
# `torch.compile` as a third runner. And there is no magic in it: PyTorch could do the same with
# a fused head of its own, and there are such heads (the page of `tied_head` names one). The
# lesson is not "NumPy beats PyTorch". It is that the *order of passes over memory* is worth
# more than the language, and that you can see it from Python.
#
# ## Exercises
#
# 1. *Think.* Where would the fused head, AdamW, and a product of a 683 × 256 matrix with 1,024
#    tokens stand under the roof of section 1? Compute their operations per byte.
# 2. *Think.* Amdahl: if the products run at the peak and are 60 % of a step, how much faster
#    can everything else make it?
# 3. *Change.* In section 2 use float64. Where does the valley move, and why?
# 4. *Change.* In section 5, change `minigrad.ops.tied_head_fast.VOCABULARY_BLOCK` to 64 and to
#    50,257 (it is read at each call). What is the fastest on your machine?
# 5. *Change.* In section 6, draw the share of the limit for batches of 1, 4 and 16 windows. Why
#    does it grow? What does not grow with the batch?
# 6. *Workbook.* `python3 run.py course check DIR matmul` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR matmul`), where DIR is your workbook. Then
#    `tied_head`. The grader asks for the right gradient, and not for speed: time yours against
#    `minigrad`'s with this notebook's `seconds`.
#
# That was the last of the twelve. Next comes an operation of your own, proved by the same
# checker: [write_an_operation.md](../docs/write_an_operation.md).
