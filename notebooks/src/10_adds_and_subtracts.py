# %% [markdown]
# # 10 · Adds and subtracts
#
# **The question.** "Inference is just adds and subtracts, two bits per weight." Of a ternary
# language model, how much of that is true? How small do the weights get, what becomes of the
# multiplications, and is it fast?
#
# The rooms are [flashlm_np/inference](../docs/inference.md), and the bytes are explained one by
# one in [packed-format.md](../docs/packed-format.md). Write each prediction down before you run
# the cell below it.

# %%
import tempfile
import time
import zlib
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.analysis.costs import (
    TERNARY,
    ledger,
    picojoules,
    plain_truth,
    table,
    ternary_of,
)
from flashlm_np.data.dataset import DataSource, load_dataset, sample_batch
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.evaluate import evaluate
from flashlm_np.inference.export import packed_checkpoint, unpacked, write
from flashlm_np.inference.head8 import quantize_head
from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import pack
from flashlm_np.inference.products import WAYS
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.tables import signed_sums_of_five
from flashlm_np.model.config import QUICKSTART, V3, Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import load_weights
from flashlm_np.training.trainer import Trainer
from minigrad.ops.ternary import ternarize

threadpool_limits(1)  # BLAS's threads: all that is timed here is timed on one core
rng = np.random.default_rng(0)

# %% [markdown]
# We need a model that has learned something. This one is the quickstart's, a quarter as wide,
# and learns for a few seconds.

# %%
config = replace(
    QUICKSTART,
    d_model=64,
    conv_groups=4,
    steps=120,
    stories=1000,
    phases=(Phase(1, 128, 4, 1),),
    eval_tokens=1500,
)
tokenizer = Tokenizer.embedded()
corpus, _ = load_dataset(DataSource(), **config.data_options())
trainer = Trainer(config, corpus, tokenizer, Path("unused"))  # it writes only when asked to
for step in range(1, config.steps + 1):
    batch = sample_batch(corpus, batch=4, sequence=128, position_share=1.0, rng=trainer.rng)
    trainer.recipe.step(step, [batch])
model = trainer.model
before = evaluate(model, config, corpus.valid, tokenizer)
print(model, f"- loss {before.loss:.3f} ± {before.loss_error:.3f} nats per token")

# %% [markdown]
# ## 1. Three values in 1.6 bits
#
# Two bits can tell four values apart; we have three. Five weights have $3^5 = 243$
# possibilities, and a byte has 256. So five weights, as digits in base 3 (0, 1, 2 for 0, +1,
# −1), fit into one byte: 1.6 bits each. The bound is $\log_2 3 = 1.585$.
#
# *Predict first:* which byte is the row `+ 0 − − 0`, with the first weight as the lowest digit?

# %%
row = np.array([[1, 0, -1, -1, 0]])
packed = pack(row, scale=0.5)
print(packed, "codes", packed.codes.tolist(), "back:", packed.unpack().tolist())

# %% [markdown]
# $1 + 0 \cdot 3 + 2 \cdot 9 + 2 \cdot 27 + 0 \cdot 81 = 73$. Now the four matrices of the
# model:

# %%
print(f"{'':10}{'float32':>9}{'2-bit':>8}{'base-3':>8}   bytes; bits per weight in base-3")
for name, (T, scale) in ternary_of(model, config).items():
    two, three = pack(T, scale, "2-bit"), pack(T, scale, "base-3")
    assert np.array_equal(three.unpack(), T)
    assert np.array_equal(two.unpack(), T)
    sizes = f"{4 * T.size:9,}{two.codes.nbytes:8,}{three.codes.nbytes:8,}"
    print(f"{TERNARY[name]:10}{sizes}   {8 * three.codes.nbytes / T.size:.3f}")

# %% [markdown]
# (64 is no multiple of 5, and a row begins on a whole byte: hence 1.625.) But is 1.585 the
# bound? Only if −1, 0 and +1 are equally frequent. If a share $p_0$ is 0 and the rest is half
# +1, half −1, the entropy is
#
# $$ H(p_0) = -p_0 \log_2 p_0 - (1 - p_0) \log_2 (1 - p_0) + (1 - p_0) . $$
#
# *Predict first:* v3's threshold makes 57 % of its weights 0 before training. To how many bits
# per weight could an ideal code go? And what does `zlib`, which knows nothing of ternary
# weights, make of the packed bytes?


# %%
def entropy(T):
    """Bits per weight that the frequencies of -1, 0 and +1 allow."""
    p = np.array([np.mean(value == T) for value in (-1, 0, 1)])
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


normal = rng.standard_normal((683, 256)).astype(np.float32)
points = []
for threshold in (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
    T, _ = ternarize(normal, threshold=threshold)
    squeezed = 8 * len(zlib.compress(pack(T, 1.0).codes.tobytes(), 9)) / T.size
    points.append((threshold, np.mean(T == 0), entropy(T), squeezed))
    print("threshold {:4}: {:5.1%} zeros, entropy {:.3f} bits, zlib {:.3f}".format(*points[-1]))

# %%
fig, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
share = np.linspace(0.001, 0.999, 400)
H = -share * np.log2(share) - (1 - share) * np.log2(1 - share) + 1 - share
axis.plot(share, H, "k-", lw=1.5, label="entropy")
axis.axhline(2, color="#999999", ls=":", label="2-bit")
axis.axhline(1.6, color="#999999", ls="--", label="base-3")
axis.plot([p[1] for p in points], [p[3] for p in points], "s", color="#c44e52", label="zlib")
for name, threshold, place in (
    ("0.5 (quickstart)", 0.5, (0.22, 1.25)),
    ("1.0 (v3)", 1.0, (0.64, 1.72)),
):
    _, zeros, bits, _ = next(p for p in points if p[0] == threshold)
    axis.annotate(f"threshold {name}", (zeros, bits), place, arrowprops={"arrowstyle": "->"})
axis.plot(1 / 3, np.log2(3), "ko", ms=5)
axis.set(xlabel="share of zeros", ylabel="bits per weight", ylim=(0, 2.2))
axis.legend(fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# At a third of zeros, 1.6 is within 1 % of the bound (●). v3's zeros would allow 1.41 bits, and
# a general-purpose compressor gets most of the way. We leave it at 1.6 on purpose: a byte that
# *is* five weights can be multiplied with as it is, and that comes next.
#
# ## 2. A product by look-up
#
# Take five inputs. There are 243 signed sums of them, and each packed byte *names* one. Make
# all sums once, by additions; then each of the $O$ outputs looks its own up.
#
# *Predict first:* the inputs are 1, 10, 100, 1000, 10000. What stands in the table at 73?

# %%
sums = signed_sums_of_five(np.array([1.0, 10, 100, 1000, 10000]).reshape(1, 5, 1))
print("table", sums.shape, "; at 73:", sums[0, 73, 0], "; by hand: 1 - 100 - 1000 =", 1 - 1100)

# %% [markdown]
# The table is built digit by digit with 242 additions: the sums of the first inputs become
# three times as many when the next input is left out, added or subtracted. For v3's gate, with
# 683 outputs of 256 inputs:

# %%
T, scale = ternarize(normal, threshold=1.0)
O, D = T.shape
groups = -(-D // 5)
print(f"multiply-adds of a matrix product     {O * D:8,}")
print(f"additions by definition: T is not 0   {np.count_nonzero(T):8,}")
print(f"additions by tables: G (242 + O)      {groups * (242 + O):8,}")

# %% [markdown]
# The package has five ways to the same product, three of them with no multiplication by a
# weight: signed sums, bit slices and tables. (*unpack, then BLAS* makes the bytes a matrix
# again.) They add in different orders.
#
# *Predict first:* will the five agree to the last bit in float32? In 8-bit integers?

# %%
x = rng.standard_normal((1, D)).astype(np.float32)
q, step = quantize(x)  # int8, and what 1 stands for
exact = x.astype(np.float64) @ T.T.astype(np.float64)
packed = pack(T, 1.0)
prepared = {name: way.prepare(packed) for name, way in WAYS.items()}
whole = q.astype(np.int64) @ T.T.astype(np.int64)
for name, way in WAYS.items():
    error = np.abs(way.sums(x, prepared[name]) - exact).max()
    same = np.array_equal(way.sums(q, prepared[name]), whole)
    print(
        f"{name:18} float32: off by {error:.1e} at most; int8: {'exact' if same else 'WRONG'}"
    )

# %% [markdown]
# A rounded sum depends on its order, and sums of integers are not rounded.
#
# ## 3. The surprise: how much faster is adding?
#
# *Predict first:* tables need about a quarter of the operations, and only additions. How many
# times as fast as the plain matrix product are they?


# %%
def microseconds(run, repeats=15):
    """The least time of several runs: what disturbs a machine only ever adds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best


took = {}
for name, way in WAYS.items():
    took[name] = microseconds(lambda way=way, name=name: way.sums(x, prepared[name]))
fig, axis = plt.subplots(figsize=(8, 2.6), layout="constrained")
colors = ["#c44e52" if "BLAS" in name else "#3b6ea5" for name in took]
bars = axis.barh(list(took), list(took.values()), color=colors)
axis.bar_label(
    bars, [f" {t:,.0f} µs, {t / took['BLAS']:.0f} ×" for t in took.values()], fontsize=9
)
axis.set(xscale="log", xlabel="µs for one position (logarithmic)")
axis.set_xlim(1, 20 * max(took.values()))
axis.set_title("One product, 683 × 256: red multiplies, blue only adds", fontsize=10)
axis.invert_yaxis()
plt.show()

# %% [markdown]
# Not faster: slower, all of them. **Why?** On a processor of today a multiplication is not what
# costs. Compare adding and multiplying two arrays that fit into the cache:

# %%
a, b = rng.standard_normal((2, 8192)).astype(np.float32)
out = np.empty_like(a)
for name, function in (("add", np.add), ("multiply", np.multiply)):
    t = microseconds(lambda function=function: function(a, b, out=out), 300)
    print(f"8,192 of {name:9} {t:5.2f} µs")

# %% [markdown]
# No difference to speak of. One instruction multiplies *and* adds 4 to 16 numbers, and BLAS
# keeps them in registers, while NumPy's look-ups pass over memory once for each step. What wins
# is the same table *compiled*, with its sums in registers (T-MAC, arXiv:2407.00088; bitnet.cpp,
# arXiv:2502.11880), or hardware without multipliers. What packing wins here and now is bytes.
# (`python3 run.py export` with `--c` writes a C program that adds integers only in its ternary
# layers.)
#
# ## 4. One token at a time
#
# To write a text, the forward pass over everything so far would run again for every token. But
# a convolution looks back at a few rows only. [Stream](../flashlm_np/inference/streaming.py)
# keeps those in rings, and runs each token once.
#
# *Predict first:* after 300 tokens, how far are its logits from those of the full forward? How
# many bytes does its memory have after 10 tokens, and after 300?

# %%
ids = corpus.valid[:-1].astype(np.int64)
stream = Stream(model)
state = stream.state()
for position, token in enumerate(ids[:300], 1):
    logits = stream.step(state, [token])
    if position in (10, 300):
        print(f"after {position:3} tokens: {state.nbytes:,} bytes")
full = model.next_logits(ids[None, :300])
print(
    f"largest logit {np.abs(full).max():.2f}; they differ by {np.abs(full - logits).max():.1e}"
)

# %%
lengths = (16, 32, 64, 128, 256, 512)
again, once = [], []
for length in lengths:
    again.append(microseconds(lambda n=length: model.next_logits(ids[None, :n]), 3))
    state = stream.state()
    stream.prefill(state, ids[None, :length])
    once.append(microseconds(lambda n=length, s=state: stream.step(s, ids[n : n + 1]), 10))
fig, axis = plt.subplots(figsize=(8, 3), layout="constrained")
axis.plot(lengths, np.array(again) / 1e3, "ko-", label="forward over the whole text")
axis.plot(lengths, np.array(once) / 1e3, "s--", color="#3b6ea5", label="stream")
axis.set(xscale="log", xlabel="tokens so far", ylabel="ms for the next token", ylim=(0, None))
axis.set_xticks(lengths, lengths)
axis.minorticks_off()
axis.legend(fontsize=8)
plt.show()
rates = f"{1e6 / again[-1]:,.0f} and {1e6 / once[-1]:,.0f} tokens per second"
print(f"at {lengths[-1]} tokens: {rates}")

# %% [markdown]
# A stream's cost and memory do not depend on the length of the text; a transformer's cache
# grows with it. The price: past the receptive field, here the last 127 tokens, nothing is seen
# ([notebook 04](04_seeing_the_past.ipynb)).
#
# ## 5. The ledger: where the multiplications live
#
# Now count. [ledger.py](../flashlm_np/analysis/costs.py) lists each multiplication and
# addition that one token needs.
#
# *Predict first:* FlashLM v3's block is ternary. Which share of its arithmetic is additions
# that have taken the place of products: 90 %, 50 %, 10 %, less?

# %%
v3 = FlashLM(V3, np.random.default_rng(0))
entries = ledger(v3, V3)
print(table(entries))
print(f"\n{plain_truth(entries)}")

# %% [markdown]
# Not quite two in a hundred. **The head is why**: 50,257 words times 256 numbers, in full
# precision, at every token. Beside it the whole ternary block, run twice, is small change.
# (Training leaves more zeros: after v3's run the share is 1.7 %.)


# %%
def parts(config):
    """Operations per token, in four kinds."""
    entries = ledger(FlashLM(config, np.random.default_rng(0)), config)
    freed = sum(e.additions for e in entries if e.ternary)
    head = entries[0].multiplications
    other = sum(e.multiplications for e in entries) - head
    return np.array([freed, sum(e.additions for e in entries) - freed, other, head])


models = {
    "v3": V3,
    "v3, ternary convolutions": replace(V3, ternary_convs=True),
    "quickstart": QUICKSTART,
    "quickstart, ternary convolutions": replace(QUICKSTART, ternary_convs=True),
}
kinds = [
    "additions instead of products",
    "other additions",
    "other products",
    "products of the head",
]
fig, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
shares = np.array([100 * p / p.sum() for p in map(parts, models.values())])  # (models, 4)
left = np.zeros(len(models))
looks = [("#2a7f3f", "//"), ("#cccccc", ""), ("#e6a5a7", ".."), ("#c44e52", "")]
for kind, share, (color, hatch) in zip(kinds, shares.T, looks, strict=True):
    style = {"color": color, "hatch": hatch, "edgecolor": "white"}
    axis.barh(list(models), share, left=left, label=kind, **style)
    left += share
for place, share in enumerate(shares[:, 0]):
    axis.text(101, place, f"{share:.1f} %", va="center", fontsize=9)
axis.set(xlabel="% of the operations for one token", xlim=(0, 112))
axis.invert_yaxis()
axis.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.25))
plt.show()

# %% [markdown]
# (The numbers at the right are the first kind's share.) With a vocabulary of 2,000 it is about
# a third, and with ternary convolutions not yet half: the head still multiplies, and so do
# norms and gates, and every sum over them adds.
#
# *Predict first:* energy. In 45 nm silicon a float32 multiplication took 3.7 pJ and an addition
# 0.9 (Horowitz, ISSCC 2014). What costs more per token: v3's arithmetic, or reading its weights
# once from main memory?

# %%
names = {"all of v3": entries, "its ternary part": [e for e in entries if e.ternary]}
for name, chosen in names.items():
    arithmetic = sum(picojoules(e)[0] for e in chosen) / 1e6
    read = [sum(picojoules(e, form)[1] for e in chosen) / 1e6 for form in ("float32", "packed")]
    print(f"{name:17} arithmetic {arithmetic:6.2f} µJ", end="; ")
    print(f"reading {read[0]:8.1f} µJ in float32, {read[1]:8.1f} µJ packed")

# %% [markdown]
# In float32 reading costs more than a hundred times as much as computing. So the fifth of a
# byte per weight is the better half of the bargain, and the missing multiplications the
# smaller. (An estimate, for a model that does not stay in a cache; it says how the parts
# compare. *Packed* is 1.6 bits for ternary weights and float16 for the rest.)
#
# ## 6. The head in 8 bits
#
# What multiplies can at least be small: `quantize_head` keeps a row's numbers in int8, with one
# scale per row. The ternary layers can see 8-bit activations, so that they add integers only.
#
# *Predict first:* on so few tokens the loss has a standard error of a few tenths of a nat. By
# how much does each of the two move it?

# %%
head = quantize_head(model.lm_head.weight.data)
print(f"head: {model.lm_head.weight.data.nbytes:,} bytes in float32, {head.nbytes:,} in int8")


def streamed_loss(tokens=400, **how):
    """The mean of -ln p over the first validation tokens, read one at a time."""
    stream, nats = Stream(model, **how), 0.0
    state = stream.state()
    for token, following in zip(ids[:tokens], corpus.valid[1:], strict=False):
        z = stream.step(state, [token])[0].astype(np.float64)
        nats += z.max() + np.log(np.exp(z - z.max()).sum()) - z[following]
    return nats / tokens


plain = streamed_loss()
print(f"float32           {plain:.4f}")
for name, how in (
    ("int8 head", {"head": head.logits}),
    ("int8 activations", {"int8_activations": True}),
    ("packed weights", {"packed": True}),
):
    print(f"{name:17} {streamed_loss(**how) - plain:+.5f}")

# %% [markdown]
# All are far below the error of the measurement, so the comparison is only possible because the
# tokens are the same. Packed ternary weights cost nothing at all: they *are* the weights; what
# differs is rounding. Now the whole model, as a folder on the disk:

# %%
with tempfile.TemporaryDirectory() as folder:
    small = packed_checkpoint(trainer.checkpoint(), model)
    size = write(small, tokenizer, Path(folder) / "packed")
again = FlashLM(small.config, np.random.default_rng(0))
load_weights(again, unpacked(small))
after = evaluate(again, small.config, corpus.valid, tokenizer)
float32 = sum(p.data.nbytes for p in model.parameters())
print(f"{float32:,} bytes become {size:,} ({size / float32:.1%}), names and shapes included")
print(f"loss {before.loss:.5f}, and {after.loss:.5f} from the packed model")

# %% [markdown]
# Most of what is left is the head, again. The trained models' numbers are in
# [docs/inference.md](../docs/inference.md): v3 shrinks to 24.7 % for +0.0009 nats.
#
# **The plain truth** about "just adds and subtracts, two bits per weight": 1.6 bits, for the 4
# % of v3's weights that are ternary; adds and subtracts, for 2 % of its arithmetic; and fast
# only in code that is compiled for it. More of a model can be had that way: with a smaller
# vocabulary, ternary convolutions, a wider block. Count before you claim.
#
# ## Exercises
#
# 1. *Think.* How many bits per weight would 10 weights in two bytes need? And 41 weights in 65
#    bits? What would be lost by going further than five in a byte?
# 2. *Think.* Tables cost $\lceil D/5 \rceil (242 + O)$ additions. For which $O$ are they fewer
#    than the $0.425\,O D$ of the definition? What about groups of 4, or 6?
# 3. *Change.* Measure part 3 for 256 positions at once (`x` of shape (256, D)). Which way
#    gains, and what is shared?
# 4. *Change.* In part 5, add the quickstart with a wider block (`d_model=1024`). Is more than
#    half of the arithmetic additions in place of products now?
# 5. *Change.* Quantize the head with *one* scale for the whole table in place of one per row
#    (two lines of NumPy and `Head8`). What does it cost, and which rows suffer?
# 6. *Workbook.* `python3 run.py course check DIR pack` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR pack`), where DIR is your workbook. Then
#    `table_product`.
#
# Next, [notebook 11](11_faster_than_pytorch.ipynb): additions have not made it fast. What
# limits a training step, and how near to the limit does NumPy come?
