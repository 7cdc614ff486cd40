# %% [markdown]
# # 10 · Adds and subtracts
#
# **The question.** "Inference is just adds and subtracts, two bits per weight." How much of
# that is true of a ternary language model? How small do the weights get, which multiplications
# remain, and is it fast?
#
# **On the student's path.** [generate.py](../flashlm_np/inference/generate.py), the last file
# of the path, runs the whole text again for each token. Part 4 explains its fast form,
# [streaming.py](../flashlm_np/inference/streaming.py). The other parts explain files beside the
# path, in the folder `flashlm_np/inference`. [inference.md](../docs/inference.md) describes the
# commands, and [packed-format.md](../docs/packed-format.md) explains the bytes one by one. Put
# each prediction in place of `...`, and run that cell before the cell below it.

# %%
import time
import zlib
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from safetensors.numpy import save as to_bytes
from threadpoolctl import threadpool_limits

from flashlm_np import SMALL_V3, V3, Phase
from flashlm_np.analysis.components import ternary_matrices
from flashlm_np.analysis.costs import cost_summary, cost_table, token_costs, total
from flashlm_np.course.predictions import Predictions
from flashlm_np.data.dataset import DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.evaluation.evaluate import evaluate
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import pack
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.tables import signed_sums_of_five, table_sums
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.weights import model_with_weights
from flashlm_np.runs.trainer import Trainer
from minigrad.ops.ternary import ternarize

threadpool_limits(1)  # BLAS uses one thread, so that all times here are of one core
rng = np.random.default_rng(0)
mine = Predictions("10")

# %% [markdown]
# We need a trained model. This one is `small_v3`, but a quarter as wide, and it trains
# for a few seconds.

# %%
config = replace(
    SMALL_V3,
    d_model=64,
    conv_groups=4,
    steps=120,
    stories=1000,
    phases=(Phase(1, 128, 4, 1),),
    eval_tokens=1500,
)
tokenizer = Tokenizer.embedded()
dataset, _ = load_dataset(DataSource(), **config.data_options())
trainer = Trainer(config, dataset, tokenizer, Path("unused"))  # steps alone write no file
for _ in range(config.steps):
    trainer.one_step()
model = trainer.model
before = evaluate(model, config, dataset.valid, tokenizer)
print(repr(model), f"- loss {before.loss:.3f} ± {before.loss_error:.3f} nats per token")

# %% [markdown]
# ## 1. Three values in 1.6 bits
#
# Two bits can hold four values, and we have three. Five weights have $3^5 = 243$ combinations,
# and a byte has 256. So one byte holds five weights as digits in base 3 (0, 1, 2 for 0, +1,
# −1): 1.6 bits each. The bound is $\log_2 3 = 1.585$.
#
# *Predict first:* the first weight is the lowest digit. Which byte is the row `+ 0 − − 0`?

# %%
mine.predict("the byte of + 0 − − 0", ...)

# %%
row = np.array([[1, 0, -1, -1, 0]])
packed = pack(row, scale=0.5)
print("codes", packed.codes.tolist(), "unpacked", packed.unpack().tolist())
mine.reveal("the byte of + 0 − − 0", packed.codes[0, 0])

# %% [markdown]
# $1 + 0 \cdot 3 + 2 \cdot 9 + 2 \cdot 27 + 0 \cdot 81 = 73$. Now the four matrices of the
# model:

# %%
print(f"{'':10}{'float32':>9}{'2-bit':>8}{'base-3':>8}   bytes; bits per weight in base-3")
for name, (T, scale) in ternary_matrices(model, config).items():
    two, three = pack(T, scale, "2-bit"), pack(T, scale, "base-3")
    assert np.array_equal(three.unpack(), T)
    assert np.array_equal(two.unpack(), T)
    sizes = f"{4 * T.size:9,}{two.codes.nbytes:8,}{three.codes.nbytes:8,}"
    print(f"{name:10}{sizes}   {8 * three.codes.nbytes / T.size:.3f}")

# %% [markdown]
# (64 is not a multiple of 5, and a row begins on a whole byte. So the last row has 1.625.) Is
# 1.585 bits really the bound? Only if −1, 0 and +1 are equally frequent. If a fraction $p_0$ of
# the weights is 0, and the rest is half +1 and half −1, the entropy is
#
# $$ H(p_0) = -p_0 \log_2 p_0 - (1 - p_0) \log_2 (1 - p_0) + (1 - p_0) . $$
#
# *Predict first:* v3's threshold makes 57 % of its weights 0 before training. How many bits per
# weight would an ideal code need? And how many does `zlib` need for the packed bytes? It knows
# nothing of ternary weights.

# %%
mine.predict("bits per weight of an ideal code", ...)
mine.predict("bits per weight of zlib", ...)


# %%
def entropy(T):
    """Bits per weight that the frequencies of -1, 0 and +1 allow."""
    p = np.array([np.mean(value == T) for value in (-1, 0, 1)])
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


normal = rng.standard_normal((683, 256)).astype(np.float32)
points = []
for threshold in (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
    T, _ = ternarize(normal, threshold=threshold)
    compressed = 8 * len(zlib.compress(pack(T, 1.0).codes.tobytes(), 9)) / T.size
    points.append((threshold, np.mean(T == 0), entropy(T), compressed))
    print("threshold {:4}: {:5.1%} zeros, entropy {:.3f} bits, zlib {:.3f}".format(*points[-1]))
_, _, ideal, by_zlib = next(p for p in points if p[0] == 1.0)  # v3's threshold
mine.reveal("bits per weight of an ideal code", ideal)
mine.reveal("bits per weight of zlib", by_zlib)

# %%
fig, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
zeros = np.linspace(0.001, 0.999, 400)
H = -zeros * np.log2(zeros) - (1 - zeros) * np.log2(1 - zeros) + 1 - zeros
axis.plot(zeros, H, "k-", lw=1.5, label="entropy")
axis.axhline(2, color="#999999", ls=":", label="2-bit")
axis.axhline(1.6, color="#999999", ls="--", label="base-3")
axis.plot([p[1] for p in points], [p[3] for p in points], "s", color="#c44e52", label="zlib")
for name, threshold, place in (
    ("0.5 (small_v3)", 0.5, (0.22, 1.25)),
    ("1.0 (v3)", 1.0, (0.64, 1.72)),
):
    _, x, y, _ = next(p for p in points if p[0] == threshold)
    axis.annotate(f"threshold {name}", (x, y), place, arrowprops={"arrowstyle": "->"})
axis.plot(1 / 3, np.log2(3), "ko", ms=5)
axis.set(xlabel="fraction of zeros", ylabel="bits per weight", ylim=(0, 2.2))
axis.legend(fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# With a third of zeros, 1.6 is within 1 % of the bound (●). v3's zeros would allow 1.41 bits,
# and a general-purpose compressor comes close to that. We stay at 1.6 on purpose: a byte that
# holds exactly five weights can be multiplied with as it is. That comes next.
#
# ## 2. A product by look-up
#
# Take five inputs. They have 243 signed sums, and each packed byte is the number of one of
# them. Compute all sums once, by additions. Then each of the $O$ outputs looks up its own.
#
# *Predict first:* the inputs are 1, 10, 100, 1000, 10000. Which sum is at index 73?

# %%
mine.predict("the sum at index 73", ...)

# %%
sums = signed_sums_of_five(np.array([1.0, 10, 100, 1000, 10000]).reshape(1, 5, 1))
print("table", sums.shape, "; at 73:", sums[0, 73, 0], "; by hand: 1 - 100 - 1000 =", 1 - 1100)
mine.reveal("the sum at index 73", sums[0, 73, 0])

# %% [markdown]
# The table is built digit by digit with 242 additions: the next input is left out, added or
# subtracted, which gives three times as many sums. For v3's gate, with 683 outputs of 256
# inputs:

# %%
T, scale = ternarize(normal, threshold=1.0)
O, D = T.shape
groups = -(-D // 5)
print(f"multiply-adds of a matrix product     {O * D:8,}")
print(f"additions by definition: T is not 0   {np.count_nonzero(T):8,}")
print(f"additions by tables: G (242 + O)      {groups * (242 + O):8,}")

# %% [markdown]
# [table_sums](../flashlm_np/inference/tables.py) is the whole product. Here are two more ways
# without a multiplication by a weight. The first is the definition: for each output, add the
# inputs where the weight is +1, and subtract those where it is −1.

# %%
places = [(np.flatnonzero(row == 1), np.flatnonzero(row == -1)) for row in T]


def signed_sums(x):
    """x Tᵀ for x (N, D). Sums of int8 are int32."""
    dtype = np.int32 if x.dtype == np.int8 else x.dtype
    z = np.empty((O, len(x)), dtype)
    for o, (plus, minus) in enumerate(places):
        z[o] = x[:, plus].sum(axis=1, dtype=dtype) - x[:, minus].sum(axis=1, dtype=dtype)
    return z.T  # (O, N) -> (N, O)


small = np.array([[1, 2, 4, 8]] * 64, np.int8).reshape(1, -1)
assert np.array_equal(signed_sums(small), small.astype(int) @ T.T.astype(int))

# %% [markdown]
# The second way uses the bits of the numbers. Two bits per weight are enough: one says whether
# the weight is +1, the other whether it is −1. In a float, a product with 0 is an AND with
# zeros, and a product with −1 is an XOR with the sign bit:

# %%
keep = np.where(T == 0, 0, -1).astype(np.int32)  # -1 has only ones as bits
flip = np.where(T < 0, -(2**31), 0).astype(np.int32)  # the sign bit of a float32


def masked_sums(x):
    """x Tᵀ for x (N, D) in float32."""
    terms = (x.view(np.int32)[:, None] & keep) ^ flip  # (N, O, D): the bits of the terms
    return terms.view(np.float32).sum(axis=2)  # (N, O)


# %% [markdown]
# Integers allow more. An int8 is $x = \sum_{b<7} 2^b x_b - 2^7 x_7$ with bits $x_b$. So the
# product splits into eight products of bits with weights. A product of bits is a count of ones:
#
# $$ c_b = \text{popcount}(x_b \wedge \text{plus}) - \text{popcount}(x_b \wedge \text{minus}) ,
#    \qquad z = \sum_{b<7} 2^b c_b - 2^7 c_7 . $$
#
# One AND and one popcount of a 64-bit word handle 64 weights at once, and the powers of two are
# shifts. (Bit-serial products: Umuroglu et al. 2018, BISMO, arXiv:1806.08862.) Floats cannot be
# split in this way, because their exponents differ.


# %%
def to_words(bits):
    """Bits (..., D), one per byte, as words (..., W) of 64 bits; zeros fill the last one."""
    missing = -bits.shape[-1] % 64
    filled = np.pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, missing)])
    return np.packbits(filled, axis=-1).view(np.uint64)


plus, minus = to_words(T == 1), to_words(T == -1)  # (O, W)
powers = np.arange(8, dtype=np.int32)[:, None]  # (8, 1)


def sliced_sums(q):
    """q Tᵀ for q (N, D) in int8, as int32 (N, O)."""
    bits = to_words(q.view(np.uint8)[:, None] >> powers.astype(np.uint8) & 1)  # (N, 8, W)
    ones = [
        np.bitwise_count(bits[:, :, None] & m).sum(-1, dtype=np.int32) for m in (plus, minus)
    ]
    c = (ones[0] - ones[1]) << powers  # (N, 8, O)
    return c[:, :7].sum(axis=1, dtype=np.int32) - c[:, 7]  # bit 7 is the sign


assert np.array_equal(sliced_sums(small), small.astype(int) @ T.T.astype(int))

# %% [markdown]
# Now the ways side by side, with BLAS, which multiplies. *Unpack, then BLAS* makes a matrix of
# the packed bytes again. The ways add in different orders.
#
# *Predict first:* how many different results do the five ways have in float32? In 8-bit
# integers?

# %%
mine.predict("different results of five ways in float32", ...)
mine.predict("different results of five ways in integers", ...)

# %%
x = rng.standard_normal((1, D)).astype(np.float32)
q, step = quantize(x)  # int8, and the size of 1 in x
packed, dense = pack(T, 1.0), T.astype(np.float32)
floats = {
    "BLAS": lambda: x @ dense.T,
    "unpack, then BLAS": lambda: x @ packed.dense().T,
    "signed sums": lambda: signed_sums(x),
    "masks": lambda: masked_sums(x),
    "tables": lambda: table_sums(x, packed),
}
integers = {  # NumPy's BLAS has no integers; in float32 these sums are exact
    "BLAS": lambda: q.astype(np.float32) @ dense.T,
    "unpack, then BLAS": lambda: q.astype(np.float32) @ packed.dense().T,
    "signed sums": lambda: signed_sums(q),
    "bit slices": lambda: sliced_sums(q),
    "tables": lambda: table_sums(q, packed),
}
exact = x.astype(np.float64) @ T.T.astype(np.float64)
for name, way in floats.items():
    print(f"float32 {name:18} off by at most {np.abs(way() - exact).max():.1e}")
whole = q.astype(np.int64) @ T.T.astype(np.int64)
for name, way in integers.items():
    print(f"int8    {name:18} {'exact' if np.array_equal(way(), whole) else 'WRONG'}")
of_floats, of_integers = (
    np.unique([way()[0] for way in ways.values()], axis=0) for ways in (floats, integers)
)
mine.reveal("different results of five ways in float32", len(of_floats))
mine.reveal("different results of five ways in integers", len(of_integers))

# %% [markdown]
# A rounded sum depends on the order of its terms. Sums of integers are not rounded.
#
# ## 3. The surprise: how much faster is adding?
#
# *Predict first:* tables need about a quarter of the operations, and these are additions. How
# many times as fast as the plain matrix product are they?

# %%
mine.predict("speed of the tables, if BLAS has 1", ...)


# %%
def microseconds(run, repeats=15):
    """The least time of several runs, because disturbances only add time."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best


took = {name: microseconds(way) for name, way in floats.items()}
took["bit slices, int8"] = microseconds(integers["bit slices"])
took["tables, int8"] = microseconds(integers["tables"])
fig, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
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
mine.reveal("speed of the tables, if BLAS has 1", took["BLAS"] / took["tables"])

# %% [markdown]
# None is faster: all are slower. **Why?** On a processor of today the multiplication is not the
# cost. Compare the addition and the multiplication of two arrays that fit into the cache:

# %%
a, b = rng.standard_normal((2, 8192)).astype(np.float32)
out = np.empty_like(a)
for name, function in (("add", np.add), ("multiply", np.multiply)):
    t = microseconds(lambda function=function: function(a, b, out=out), 300)
    print(f"8,192 of {name:9} {t:5.2f} µs")

# %% [markdown]
# There is almost no difference. One instruction multiplies *and* adds 4 to 16 numbers, and BLAS
# keeps them in registers. NumPy's look-ups pass over memory once for each step. Two things are
# faster: the same table *compiled*, with its sums in registers (T-MAC, arXiv:2407.00088;
# bitnet.cpp, arXiv:2502.11880), and hardware without multipliers. Here and now, packing saves
# bytes. (`python3 run.py export` with `--c` writes a C program that adds only integers in its
# ternary layers.)
#
# ## 4. One token at a time
#
# To generate a text, the forward pass over the whole text would run again for every token. But
# a convolution looks back at only a few rows. [Stream](../flashlm_np/inference/streaming.py)
# keeps these rows in rings, and runs each token once.
#
# *Predict first:* how many bytes does its memory have after 300 tokens, if it has 1,000 after
# 10? How far are its logits from those of the full forward pass?

# %%
mine.predict("bytes after 300 tokens, if 1,000 after 10", ...)

# %%
ids = dataset.valid[:-1].astype(np.int64)
stream, sizes = Stream(model), {}
state = stream.state()
for position, token in enumerate(ids[:300], 1):
    logits = stream.step(state, token)
    if position in (10, 300):
        sizes[position] = state.nbytes
        print(f"after {position:3} tokens: {state.nbytes:,} bytes")
full = model.next_logits(ids[None, :300])
print(
    f"largest logit {np.abs(full).max():.2f}; they differ by {np.abs(full - logits).max():.1e}"
)
mine.reveal("bytes after 300 tokens, if 1,000 after 10", 1000 * sizes[300] / sizes[10])

# %%
lengths = (16, 32, 64, 128, 256, 512)
again, once = [], []
for length in lengths:
    again.append(microseconds(lambda n=length: model.next_logits(ids[None, :n]), 3))
    state = stream.state()
    stream.prefill(state, ids[:length])
    once.append(microseconds(lambda n=length, s=state: stream.step(s, ids[n]), 10))
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
# The cost and the memory of a stream do not depend on the length of the text. The cache of a
# transformer grows with the text. The price: the model sees only its receptive field, here the
# last 127 tokens ([notebook 04](04_seeing_the_past.ipynb)).
#
# ## 5. The costs: where the multiplications are
#
# Now count. [costs.py](../flashlm_np/analysis/costs.py) counts each multiplication and each
# addition that one token needs.
#
# *Predict first:* FlashLM v3's block is ternary. How many per cent of the model's arithmetic
# are additions that replaced products?

# %%
mine.predict("v3's additions that replaced products, in %", ...)

# %%
v3 = FlashLM(V3, np.random.default_rng(0))
costs = token_costs(v3, V3)
print(cost_table(costs))
print(f"\n{cost_summary(costs)}")
every, ternary = total(costs), total([c for c in costs if c.ternary_parameters])
percent = 100 * ternary.additions / every.operations
mine.reveal("v3's additions that replaced products, in %", percent)

# %% [markdown]
# It is less than 2 %. **The reason is the head**: 50,257 tokens times 256 numbers, in full
# precision, for every token. The whole ternary block, run twice, is small beside it. (Training
# makes more zeros: after v3's run it is 1.7 %.)


# %%
def parts(config):
    """Operations per token, in four kinds."""
    costs = token_costs(FlashLM(config, np.random.default_rng(0)), config)
    replaced = sum(c.additions for c in costs if c.ternary_parameters)
    head = costs[0].multiplications
    other = sum(c.multiplications for c in costs) - head
    return np.array([replaced, sum(c.additions for c in costs) - replaced, other, head])


models = {
    "v3": V3,
    "v3, ternary convolutions": replace(V3, ternary_mixer=True),
    "small_v3": SMALL_V3,
    "small_v3, ternary convolutions": replace(SMALL_V3, ternary_mixer=True),
}
kinds = [
    "additions instead of products",
    "other additions",
    "other products",
    "products of the head",
]
fig, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
percent = np.array([100 * p / p.sum() for p in map(parts, models.values())])  # (models, 4)
left = np.zeros(len(models))
styles = [("#2a7f3f", "//"), ("#cccccc", ""), ("#e6a5a7", ".."), ("#c44e52", "")]
for kind, part, (color, hatch) in zip(kinds, percent.T, styles, strict=True):
    style = {"color": color, "hatch": hatch, "edgecolor": "white"}
    axis.barh(list(models), part, left=left, label=kind, **style)
    left += part
for place, part in enumerate(percent[:, 0]):
    axis.text(101, place, f"{part:.1f} %", va="center", fontsize=9)
axis.set(xlabel="% of the operations for one token", xlim=(0, 112))
axis.invert_yaxis()
axis.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.25))
plt.show()

# %% [markdown]
# (The numbers at the right are the percentage of the first kind.) With a vocabulary of 2,000 it
# is about a third. With ternary convolutions too, it is not yet half: the head still
# multiplies, as do norms and gates, and each of their sums adds.
#
# *Predict first:* energy. In 45 nm silicon a float32 multiplication took 3.7 pJ and an addition
# 0.9 pJ (Horowitz, ISSCC 2014). Which costs more per token: v3's arithmetic, or reading its
# weights once from main memory? Estimate the cost of reading in float32, if the arithmetic
# costs 1.

# %%
mine.predict("energy of reading in float32, if the arithmetic costs 1", ...)

# %%
groups = {"all of v3": costs, "its ternary part": [c for c in costs if c.ternary_parameters]}
for name, members in groups.items():
    arithmetic = sum(c.arithmetic_picojoules for c in members) / 1e6
    print(f"{name:17} arithmetic {arithmetic:6.2f} µJ", end="")
    for form in ("float32", "packed"):
        print(
            f"; reading {sum(c.reading_picojoules(form) for c in members) / 1e6:8.1f} µJ",
            end="",
        )
        print(f" {form}", end="")
    print()
ratio = every.reading_picojoules() / every.arithmetic_picojoules
mine.reveal("energy of reading in float32, if the arithmetic costs 1", ratio)

# %% [markdown]
# In float32, reading costs more than a hundred times as much as computing. So a fifth of a byte
# per weight gains much, and the missing multiplications gain little. (This is an estimate for a
# model that does not stay in a cache. It compares the parts. *Packed* is 1.6 bits for ternary
# weights and float16 for the rest.)
#
# ## 6. Embedding and head in 8 bits
#
# Parts that multiply can at least be small. `quantize` keeps a row of the head's table in int8,
# with one step per row. The activations of the ternary layers can have 8 bits too; then these
# layers add only integers.
#
# *Predict first:* on so few tokens the loss has a standard error of a few tenths of a nat. How
# many of the two change the loss by more than 0.01 nats?

# %%
mine.predict("changes of the loss by more than 0.01 nats, of two", ...)

# %%
weights = model.state_dict()
table = weights["embedding.weight"]  # which is the head's, too
q, step = quantize(table)
print(f"table: {table.nbytes:,} bytes in float32, {q.nbytes + step.nbytes:,} in int8")
rounded = model_with_weights(
    config, weights | {"embedding.weight": q * step, "lm_head.weight": q * step}
)


def streamed_loss(model, tokens=400, **options):
    """The mean of -ln p over the first validation tokens, read one at a time."""
    stream, nats = Stream(model, **options), 0.0
    state = stream.state()
    for token, following in zip(ids[:tokens], dataset.valid[1:], strict=False):
        z = stream.step(state, token).astype(np.float64)
        nats += z.max() + np.log(np.exp(z - z.max()).sum()) - z[following]
    return nats / tokens


plain = streamed_loss(model)
changes = {
    "int8 table": streamed_loss(rounded) - plain,
    "int8 activations": streamed_loss(model, int8_activations=True) - plain,
}
print(f"float32           {plain:.4f}")
for name, change in changes.items():
    print(f"{name:17} {change:+.5f}")
large = sum(abs(change) > 0.01 for change in changes.values())
mine.reveal("changes of the loss by more than 0.01 nats, of two", large)

# %% [markdown]
# Both changes are far below the standard error. The comparison is only possible because the
# tokens are the same. Packed ternary weights change nothing: they are the weights. Now the
# whole model, as the bytes of an export:

# %%
packed = pack_weights(config, weights)
size = len(to_bytes(packed.arrays))
restored = unpack_weights(packed.config, packed.arrays, packed.encoding)
again = model_with_weights(packed.config, restored)
after = evaluate(again, packed.config, dataset.valid, tokenizer)
float32 = sum(p.data.nbytes for p in model.parameters())
print(f"{float32:,} bytes become {size:,} ({size / float32:.1%}), names and shapes included")
print(f"loss {before.loss:.5f}, and {after.loss:.5f} from the packed model")

# %% [markdown]
# Most of the remaining bytes are, again, the head. The trained models' numbers are in
# [docs/inference.md](../docs/inference.md): v3 shrinks to 24.7 % for +0.0009 nats.
#
# **The answer** to "just adds and subtracts, two bits per weight": 1.6 bits, for the 4 % of
# v3's weights that are ternary. Adds and subtracts, for 2 % of its arithmetic. Fast, only in
# compiled code. A smaller vocabulary, ternary convolutions and a wider block raise these
# numbers. Count before you claim.
#
# ## Exercises
#
# 1. *Think.* How many bits per weight would 10 weights in two bytes need? And 41 weights in 65
#    bits? What would be lost with more than five in a byte?
# 2. *Think.* Tables cost $\lceil D/5 \rceil (242 + O)$ additions. For which $O$ are these fewer
#    than the $0.425\,O D$ of the definition? And for groups of 4, or of 6?
# 3. *Change.* Measure part 3 for 256 positions at once (`x` of shape (256, D); the masks need
#    400 MB then). Which way gains, and which work do the positions share?
# 4. *Change.* In part 5, add `small_v3` with a wider block (`d_model=1024`). Is more than
#    half of the arithmetic additions in place of products now?
# 5. *Change.* Quantize the table with *one* step in place of one per row (two lines of NumPy).
#    How much does the loss rise, and which rows are the worst?
# 6. *Workbook.* Run `python3 run.py course check DIR pack` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR pack`), where DIR is your workbook. Continue with
#    `table_product`.
#
# Next, [notebook 11](11_faster_than_pytorch.ipynb): additions did not make it fast. What limits
# a training step, and how close to the limit does NumPy come?

# %%
mine.show()
