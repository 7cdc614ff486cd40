# %% [markdown]
# # 11 · Faster than PyTorch
#
# **The question.** This package is plain NumPy, but on the machine where it was written its
# training step is faster than PyTorch's. What limits a training step? How close to this limit
# can a program come? How can *you* measure it on *your* machine?
#
# This notebook measures every time while it runs, on your machine, and computes its printed
# conclusions from these times. Other programs disturb the measurement, so close them.
# [docs/speed.md](../docs/speed.md) has the measurements of the author's machine, and the
# commands for them.
#
# **On the student's path.** [step.py](../flashlm_np/training/step.py) is one training step as a
# textbook writes it. This notebook explains files beside the path: its fast form,
# [fast_step.py](../flashlm_np/training/fast_step.py), and the fast forms that it uses:
# [tied_head_fast.py](../minigrad/ops/tied_head_fast.py),
# [blocks.py](../minigrad/optim/blocks.py) and [threads.py](../flashlm_np/training/threads.py).
# Put each prediction in place of `...`, and run that cell before the cell below it.

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

from flashlm_np import V3, Phase
from flashlm_np.analysis.multiply_adds import multiply_adds, seconds_at_peak
from flashlm_np.analysis.step_profile import measure
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import Dataset, sample_batch
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.memory import keep_freed_memory
from flashlm_np.training.threads import Workers
from minigrad.ops import CROSS_ENTROPY, LINEAR, TIED_HEAD
from minigrad.optim import adamw_update
from minigrad.optim.blocks import BLOCK_SIZE, flat_blocks

workers, one_worker = Workers(), Workers(1)
rng = np.random.default_rng(11)
mine = Predictions("11")
print(f"{workers.threads} cores to use, NumPy {np.__version__}")
if workers.warning:
    print(workers.warning)

# %% [markdown]
# To measure a time, run once without counting, repeat, and take the *median*: one disturbance
# does not change it. Take the minimum only for a machine's peak, because no disturbance makes a
# product faster.


# %%
def times(work, repeats=5):
    """Seconds of each of some calls, after one that is not counted."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return np.array(taken)


def seconds(work, repeats=5):
    return float(np.median(times(work, repeats)))


# %% [markdown]
# ## 1. Two speeds: arithmetic and memory
#
# A product of two $n \times n$ matrices takes $n^3$ multiply-adds, which are $2n^3$
# floating-point operations (FLOP), on only $3n^2$ numbers. *Predict first:* how many billion
# operations per second (GFLOP/s) does one core of your machine do in float32?

# %%
mine.predict("GFLOP/s of one core", ...)

# %%
n = 1024
a, b = rng.normal(size=(2, n, n)).astype(np.float32)
out = [np.empty((n, n), np.float32) for _ in range(workers.threads)]


def product(worker=0):
    np.matmul(a, b, out=out[worker])


with workers.at_work():  # one BLAS thread for each worker
    peak_one = 2e-9 * n**3 / times(product, 6).min()
    all_cores = times(lambda: workers.map(product, range(workers.threads)), 6).min()
    peak = workers.threads * 2e-9 * n**3 / all_cores
print(f"one core: {peak_one:.0f} GFLOP/s; {workers.threads} cores at once: {peak:.0f} GFLOP/s")
if peak < 0.75 * workers.threads * peak_one:
    print("Other programs use the cores: the times and ratios of this run mean little.")
mine.reveal("GFLOP/s of one core", peak_one)

# %% [markdown]
# Now memory. A copy reads and writes every number once and computes nothing. *Predict first:*
# one float32 comes from main memory. How many multiply-adds could the core do in this time?

# %%
mine.predict("multiply-adds per float32 from memory", ...)

# %%
large, small = np.ones(1 << 24, np.float32), np.ones(1 << 15, np.float32)  # 67 MB, 131 kB
into_large, into_small = np.empty_like(large), np.empty_like(small)
memory_gb = 2 * large.nbytes / seconds(lambda: np.copyto(into_large, large)) / 1e9
repeated = lambda: [np.copyto(into_small, small) for _ in range(200)]  # noqa: E731
cache_gb = 200 * 2 * small.nbytes / seconds(repeated) / 1e9
print(f"copying 67 MB: {memory_gb:.0f} GB/s; 131 kB, again and again: {cache_gb:.0f} GB/s")
possible = peak_one / 2 * 4 / memory_gb
print(f"per float32 from memory: {possible:.0f} multiply-adds could be done")
mine.reveal("multiply-adds per float32 from memory", possible)

# %% [markdown]
# These are the two speeds. Memory limits an operation with few operations per byte, and
# arithmetic limits one with many. The next figure has the operations per byte on one axis and
# the speed on the other, both logarithmic. The two limits make a *roofline* (Williams et al.
# 2009), and every operation must be below it. (Two cases may be above the slope, which is the
# speed of a copy in main memory: a small array that stays in the cache, and an operation that
# mostly reads, because reading is faster than copying.)

# %%
x, y = np.ones((2, 1 << 23), np.float32)
square, vector = np.ones((4096, 4096), np.float32), np.ones(4096, np.float32)
points = {}  # operations, bytes and seconds
with one_worker.at_work():
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
axes.set(xlabel="operations per byte moved", ylabel="GFLOP/s", title="The roofline of one core")
axes.set(xlim=(0.05, 420), ylim=(0.5, 3 * peak_one))
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# (The product with $n = 16$ is far below: the call takes longer than the computation.)
#
# A training step has both kinds of operations. The products of ternary layers, head and
# convolutions are on the right. BLAS does them near the roofline, *whichever program calls it*,
# so NumPy and PyTorch are about equal there. All other operations (norms, gates, softmax,
# AdamW, averages) are on the slope on the left. There only one thing counts: *how many bytes
# pass through main memory, and how often*. This decides which program is faster.
#
# ## 2. The surprise: the same arithmetic in blocks
#
# AdamW's update is a dozen NumPy calls, and each of them passes over its arrays. With 4 million
# weights each call goes through main memory. In blocks, the second call finds its block in the
# cache.
#
# *Predict first:* which block size is best: 1,000 numbers, 100,000, or all at once? Why are the
# other two slow?

# %%
mine.predict("best size of a block", ..., choices=(1000, 100_000, "all at once"))

# %%
N = 1 << 22
p, g, m, v = rng.random((4, N), np.float32)


def adamw_in_blocks(size):
    for part in flat_blocks(p, g, m, v, size=size):
        adamw_update(*part, 10, lr=1e-3, weight_decay=0.1)


sizes = [1 << power for power in (10, 12, 14, 15, 17, 19, 22)]
block_seconds = {size: seconds(lambda size=size: adamw_in_blocks(size), 3) for size in sizes}

fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogx(sizes, [1e3 * took for took in block_seconds.values()], "k-o")
axes.axvline(BLOCK_SIZE, color="0.6", ls="--")
axes.text(BLOCK_SIZE, 0, " minigrad's block size", fontsize=9, va="bottom")
axes.set(xlabel="numbers in a block", ylabel="milliseconds", ylim=(0, None))
axes.set_title("AdamW on 4 million weights, one core")
plt.show()
sizes_to_print = {
    f"blocks of {BLOCK_SIZE:,}": BLOCK_SIZE,
    "all at once": N,
    "blocks of 1,024": 1024,
}
for name, size in sizes_to_print.items():
    took = block_seconds[size]
    print(f"{name:18} {1e3 * took:4.0f} ms, {1e9 * took / N:5.1f} ns per weight")
near = {1000: 1 << 10, 100_000: 1 << 17, "all at once": N}  # sizes that were measured
mine.reveal("best size of a block", min(near, key=lambda name: block_seconds[near[name]]))

# %% [markdown]
# On the left every NumPy call takes about a microsecond before it computes anything. On the
# right every call waits for memory. Between them the curve is flat, so the exact size does not
# matter. (The gain depends on the machine: on its caches, and on the speed of its memory.)
#
# ## 3. Threads in Python
#
# Python runs one thread at a time, because of the global interpreter lock (GIL). But NumPy and
# BLAS release it while they compute. *Predict first:* three kinds of work run on all cores. How
# many times as fast is each: a Python loop, AdamW in blocks, products of matrices?

# %%
mine.predict("speed of a Python loop on all cores, if 1 on one", ...)
mine.predict("speed of AdamW on all cores, if 1 on one", ...)
mine.predict("speed of products on all cores, if 1 on one", ...)


# %%
def python_loop(_):
    total = 0
    for i in range(200_000):
        total += i
    return total


parts = list(flat_blocks(p, g, m, v, size=1 << 17))
c, d = a[:512, :512].copy(), b[:512, :512].copy()
jobs = {
    "a Python loop": (python_loop, range(6)),
    "AdamW in blocks": (lambda part: adamw_update(*part, 10, lr=1e-3), parts),
    "products of matrices": (lambda _: c @ d, range(16)),
}
gains = {}
with workers.at_work():
    for name, (job, items) in jobs.items():
        alone = seconds(lambda job=job, items=items: one_worker.map(job, items), 3)
        together = seconds(lambda job=job, items=items: workers.map(job, items), 3)
        gains[name] = alone / together
        gain = f"{gains[name]:.2f} times as fast"
        print(f"{name:22} {workers.threads} workers: {gain} as one")
mine.reveal("speed of a Python loop on all cores, if 1 on one", gains["a Python loop"])
mine.reveal("speed of AdamW on all cores, if 1 on one", gains["AdamW in blocks"])
mine.reveal("speed of products on all cores, if 1 on one", gains["products of matrices"])

# %% [markdown]
# The loop cannot gain (on a Python with a GIL), because only one of its threads runs at a time.
# The other two can gain, as far as the cores are free and the memory, which the cores share, is
# fast enough.
#
# **One BLAS thread for each worker.** BLAS has threads of its own. If every worker's product
# starts as many threads as there are cores, the threads wait for each other.
# `workers.at_work()` limits BLAS to one thread per worker with threadpoolctl, and resets it at
# the end. *Predict first:* if all work is products, how many per cent of the time does it
# still take?

# %%
mine.predict("time with one BLAS thread each, in % of the time without", ...)


# %%
def products():
    return workers.map(lambda _: c @ d, range(16))


without = seconds(products, 3)
with workers.at_work():
    limited = seconds(products, 3)
print(f"BLAS's own threads inside the workers: {1e3 * without:.0f} ms")
print(f"one BLAS thread each: {1e3 * limited:.0f} ms, {limited / without:.0%} of the time")
percent = 100 * limited / without
mine.reveal("time with one BLAS thread each, in % of the time without", percent)

# %% [markdown]
# If all work is products, the difference may be small: BLAS can serve one caller after the
# other, each with all cores. But a training step alternates between products and other work.
# Section 6 measures that.
#
# ## 4. New memory takes time
#
# `y = x * 2` asks the system for new memory each time. The system gives memory in *pages*, and
# clears each page at its first use: a page fault. *Predict first:* how many times as long does
# this take as writing into an array that is kept?

# %%
mine.predict("time with a new array, if a kept one takes 1", ...)

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
calls = {"a new array": lambda: x * 2, "a kept array": lambda: np.multiply(x, 2, out=kept)}
milliseconds = {}
for name, call in calls.items():
    took = milliseconds[name] = 1e3 * seconds(call, 5)
    print(f"{name:14} {took:6.1f} ms, {page_faults(call):,.0f} page faults a call")
ratio = milliseconds["a new array"] / milliseconds["a kept array"]
mine.reveal("time with a new array, if a kept one takes 1", ratio)

# %% [markdown]
# (The number of page faults depends on the page size. Huge pages have 2 MB, so there are few
# faults, and each clears 2 MB.) So large arrays are kept from step to step: the head's
# `buffers`, one `grad` for each parameter, and the optimizers' state. There are hundreds of
# arrays of up to 32 MB. For these, `flashlm train` asks the C library to keep freed memory:
# [memory.py](../flashlm_np/training/memory.py). The next cell does the same for the rest of
# this notebook.

# %%
print("freed memory is kept" if keep_freed_memory() else "not glibc: nothing is changed")

# %% [markdown]
# ## 5. The head: plain and fused
#
# The head uses all of these methods. Its three products are 50,257 wide, and softmax passes
# over all logits between them. The fused head visits each block of 1,024 tokens of the
# vocabulary twice. First it computes the block's logits and, *while they are in the cache*,
# their exponentials and sums. After that all sums are known. In the second visit it turns the
# block into its gradient, in the same memory, and multiplies it at once in both remaining
# products ([tied_head_fast.py](../minigrad/ops/tied_head_fast.py)). The blocks do not depend on
# each other, so the cores can share them. (We take half of the vocabulary to save time.)
#
# *Predict first:* how many megabytes of new memory does each form need in a step? And if its
# buffers are kept?

# %%
mine.predict("new megabytes of the plain head", ...)
mine.predict("new megabytes of the fused head on one core", ...)

# %%
V, D, rows = V3.vocab_size // 2, V3.d_model, 256
h = rng.normal(size=(rows, D)).astype(np.float32)
table = (0.02 * rng.normal(size=(V, D))).astype(np.float32)
y = rng.integers(0, V, rows)
options = {"label_smoothing": 0.1, "z_loss": 1e-4}


def plain_head():
    z, saved = LINEAR.forward(h, table)
    loss, saved_z = CROSS_ENTROPY.forward(z, y, **options)
    dz, _ = CROSS_ENTROPY.backward(np.ones_like(loss), saved_z)
    return LINEAR.backward(dz, saved)


def fused_head(**fast_options):
    loss, saved = TIED_HEAD.forward(h, table, y, **options, **fast_options)
    return TIED_HEAD.backward(np.ones_like(loss), saved)


on_all = {"parts": workers.threads, "parallel_map": workers.map}
buffers = {}
forms = {  # the limit of BLAS's threads, and the work
    "plain, BLAS's threads": (nullcontext, plain_head),
    "fused, one core": (one_worker.at_work, fused_head),
    "fused, all cores": (workers.at_work, lambda: fused_head(**on_all)),
    "... with kept buffers": (workers.at_work, lambda: fused_head(**on_all, buffers=buffers)),
}


# %%
def new_megabytes(work):
    """The peak of the memory that a call allocates."""
    tracemalloc.start()
    work()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak_bytes / 1e6


operations = 3 * 2e-9 * rows * V * D  # GFLOP of the three products
head_seconds, megabytes = {}, {}
for name, (blas_limit, form) in forms.items():
    with blas_limit():
        head_seconds[name] = seconds(form, 3)
        megabytes[name] = new_megabytes(form)
    speed = operations / head_seconds[name]
    print(f"{name:22} {1e3 * head_seconds[name]:5.0f} ms, {megabytes[name]:4.0f} MB allocated")
    print(f"{'':22} {speed:5.0f} GFLOP/s, {speed / peak:.0%} of the peak")
plain, *_, last = head_seconds.values()
print(f"the last form takes {last / plain:.0%} of the first one's time")
mine.reveal("new megabytes of the plain head", megabytes["plain, BLAS's threads"])
mine.reveal("new megabytes of the fused head on one core", megabytes["fused, one core"])

# %% [markdown]
# One array of logits takes 26 MB here. At its peak the plain head has four of them: the logits,
# the probabilities, the gradient, and the gradient before it is scaled. The fused head has one,
# and the table's gradient, which is as large for these few rows. With kept buffers almost no
# memory is new.
#
# ## 6. A whole step, and its limit
#
# How fast could *any* implementation be on this machine?
# [multiply_adds.py](../flashlm_np/analysis/multiply_adds.py) counts the multiply-adds of a
# step. Their number divided by the machine's peak is the *limit*: the time of a step if memory,
# softmax and Python cost nothing. We take v3 with a vocabulary of 8,192 to save time.
#
# *Predict first:* how many per cent of a step's time would its multiply-adds take at full
# speed?

# %%
mine.predict("the limit, in % of a step's time", ...)

# %%
phase = Phase(1, 128, 4, 2)
config = replace(V3, vocab_size=8192, phases=(phase,))
counts = multiply_adds(config, phase)
limit = seconds_at_peak(config, phase, 1e9 * peak)
step = measure(config, phase, steps=3)
rate = phase.tokens / step.seconds
print("billions of multiply-adds:", {name: round(n / 1e9, 1) for name, n in counts.items()})
print(f"limit {1e3 * limit:.0f} ms, measured {1e3 * step.seconds:.0f} ms, which is")
print(f"{limit / step.seconds:.0%} of the limit's speed; {rate:,.0f} tokens/s")
mine.reveal("the limit, in % of a step's time", 100 * limit / step.seconds)

# %% [markdown]
# Section 3 left a question. We measure the same step, but `at_work` does nothing, so BLAS uses
# its own threads inside the workers. *Predict first:* how many times as long does the step
# take?

# %%
mine.predict("time of a step with BLAS's own threads, if it was 1 before", ...)

# %%
with patch.object(Workers, "at_work", lambda self: nullcontext()):
    own_threads = measure(config, phase, steps=2)
ratio = own_threads.seconds / step.seconds
print(f"BLAS's own threads inside the workers: {1e3 * own_threads.seconds:.0f} ms,", end=" ")
print(f"{ratio:.1f} times as long as with one BLAS thread each")
mine.reveal("time of a step with BLAS's own threads, if it was 1 before", ratio)

# %% [markdown]
# This table shows the time of the first step by operation:

# %%
print("\n".join(step.profile.table(step.steps, step.seconds).splitlines()[:11]))

# %% [markdown]
# `GFLOP/s` shows how close an operation's products come to the peak. `MB moved` is the least
# that it has to read and write. An operation with 0 GFLOP/s is on the slope of the roofline:
# only fewer bytes or fewer passes make it faster. The next figure shows the same numbers, and
# the time that the multiply-adds alone would take:

# %%
by_operation = {}  # forward and backward of each operation
for (name, _), stats in step.profile.stats.items():
    by_operation.setdefault(name, []).append(stats)


def per_step(field):
    """The sum of a field over both directions of each operation, per step."""
    return {
        name: sum(getattr(stats, field) for stats in both) / step.steps
        for name, both in by_operation.items()
    }


milliseconds = {name: 1e3 * s for name, s in per_step("seconds").items()}
longest = sorted(milliseconds, key=milliseconds.get, reverse=True)[:7]
measured = {name: milliseconds[name] for name in longest}
measured |= {n: 1e3 * s for n, s in step.stages.items() if n != "forward and backward"}
products_of = per_step("multiply_adds") | {"NorMuon and AdamW": counts["newton-schulz"]}
needed = {name: 1e3 * 2e-9 * products_of.get(name, 0) / peak for name in measured}
fig, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
axes.barh(list(measured), measured.values(), color="0.85", edgecolor="0.3", label="measured")
axes.barh(
    list(needed),
    needed.values(),
    height=0.4,
    color="0.3",
    label="its multiply-adds at the peak",
)
axes.invert_yaxis()
axes.set(xlabel="milliseconds per step", title="The time of a step by operation")
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## 7. Compared with PyTorch
#
# A fair comparison needs the same mathematics and the same number of threads, and the
# conditions must be the same: the two programs take their steps in turn.
# [torch_flashlm.py](../benchmarks/torch_flashlm.py) is FlashLM in ordinary PyTorch, and shares
# no line with ours. First we give it *our weights* and compare the losses. A comparison of
# speed means something only if they agree.
#
# (This section needs PyTorch, which no other section needs, and a checkout of the repository.)

# %%
here = Path.cwd().resolve()
folder = next((p for p in (here, *here.parents) if (p / "benchmarks").is_dir()), here)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # its idle threads must not use the cores
try:
    import torch

    sys.path.insert(0, str(folder))
    from benchmarks import torch_flashlm
except ImportError as missing:
    torch_flashlm = None
    print(f"No comparison here: {missing}.")
    print("On the machine of docs/speed.md PyTorch took 2.1 to 2.5 times as long.")
    print("With PyTorch installed: python benchmarks/step.py")
else:
    torch.set_num_threads(workers.threads)
    print(f"PyTorch {torch.__version__} with {torch.get_num_threads()} threads, like ours")

# %%
tokens = rng.integers(0, config.vocab_size, 50_000)
dataset = Dataset("random", tokens, tokens[:2])
fast_step = FastStep(FlashLM(config, np.random.default_rng(0)), config)


def micro_batches():
    sizes = {"batch": phase.batch, "sequence": phase.sequence}
    sizes["position_share"] = config.position_share
    return [sample_batch(dataset, **sizes, rng=rng) for _ in range(phase.micro_batches)]


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

    def torch_step(batches):
        as_torch = [tuple(torch.from_numpy(a) for a in batch) for batch in batches]
        torch_flashlm.train_step(theirs, optimizers, as_torch, ema=average)

    steps = {"NumPy": lambda batches: fast_step.step(1000, batches), "PyTorch": torch_step}
    step_times = {name: [] for name in steps}
    for _ in range(4):
        for name, take_step in steps.items():
            batches = micro_batches()
            start = time.perf_counter()
            take_step(batches)
            step_times[name].append(time.perf_counter() - start)
    step_times = {name: np.array(taken[1:]) for name, taken in step_times.items()}  # warm

# %%
if torch_flashlm:
    fig, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
    axes.axvline(1e3 * limit, color="0.4", ls="--", label="limit: the multiply-adds alone")
    for (name, taken), marker in zip(step_times.items(), "os", strict=True):
        axes.plot(1e3 * taken, [name] * len(taken), "k" + marker, mfc="white")
        axes.plot(1e3 * np.median(taken), [name], "k|", markersize=24)
    axes.set(xlabel="milliseconds per step (bar: median)", ylim=(-0.6, 1.6), xlim=(0, None))
    axes.legend(loc="center right")
    plt.show()
    medians = {name: np.median(taken) for name, taken in step_times.items()}
    ratio = medians["PyTorch"] / medians["NumPy"]
    print(f"here PyTorch takes {ratio:.2f} times as long as NumPy")
    for name, median in medians.items():
        print(f"{name} reaches {limit / median:.0%} of the limit's speed")

# %% [markdown]
# This comparison has limits. In one process the two programs disturb each other's caches and
# threads. A vocabulary of 8,192 is easier for PyTorch's logits than 50,257. `torch.compile` is
# missing. `python benchmarks/step.py` compares at full size, with a process for each, and
# `torch.compile` as the third. PyTorch could do the same with a fused head of its own, and such
# heads exist (the page of `tied_head` names one). The lesson is not "NumPy beats PyTorch". The
# *order of the passes over memory* matters more than the language, and you can see it from
# Python.
#
# ## Exercises
#
# 1. *Think.* Where under the roofline of section 1 are the fused head, AdamW, and a product of
#    a 683 × 256 matrix with 1,024 tokens? Compute their operations per byte.
# 2. *Think.* Amdahl: if the products run at the peak and are 60 % of a step, how much faster
#    can everything else make it?
# 3. *Change.* In section 2 use float64. Where is the minimum of the curve now, and why?
# 4. *Change.* In section 5, change `minigrad.ops.tied_head_fast.VOCABULARY_BLOCK` to 64 and to
#    50,257 (it is read at each call). Which is the fastest on your machine?
# 5. *Change.* In section 6, draw the fraction of the limit's speed for batches of 1, 4 and 16
#    windows. Why does it grow? Which costs do not grow with the batch?
# 6. *Workbook.* Run `python3 run.py course check DIR matmul` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR matmul`), where DIR is your workbook. Continue
#    with `tied_head`. The grader checks the gradient, and not the speed: time yours against
#    `minigrad`'s with this notebook's `seconds`.
#
# Next, [notebook 12](12_a_cheaper_last_layer.ipynb): this head is fast because of the order of
# its passes. Another one computes less.

# %%
mine.show()
