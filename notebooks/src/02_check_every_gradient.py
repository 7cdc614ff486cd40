# %% [markdown]
# # 02 · Check every gradient
#
# **The question.** You wrote a backward pass. It runs, the loss falls, the numbers look
# reasonable. Is it *right*? And if a checker says no, how do you find out what it has seen?
#
# A derivative is a promise ([notebook 01](01_a_derivative_is_a_promise.ipynb)), and a promise
# can be tested: move the input, and see whether the output moves as promised.
# `minigrad.gradcheck` does it in a few forward passes, for one operation or for a whole model.
# Its own pages are [gradcheck](../minigrad/gradcheck/__init__.py),
# [differences.py](../minigrad/gradcheck/differences.py) and
# [comparison.py](../minigrad/gradcheck/comparison.py). Write each prediction down before you
# run the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigrad import TABLE, DtypeError, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import GradientError, KinkError, gradcheck
from minigrad.gradcheck.differences import STEP
from minigrad.look import trace

rng = np.random.default_rng(1)

# %% [markdown]
# ## 1. How small is a small step?
#
# The measure is the *central difference*, $\frac{L(x+h) - L(x-h)}{2h}$. A smaller $h$ should be
# better: the curve looks straighter from near.
#
# *Predict first:* for $L = e^x$ at $x = 1$, in float64, which step gives the smallest error:
# $10^{-2}$, $10^{-5}$, $10^{-8}$ or $10^{-14}$?


# %%
def exp_at(x):
    return F.exp(Tensor(x)).data


def central(h, dtype=np.float64):
    x, h = dtype(1), dtype(h)
    return (exp_at(x + h) - exp_at(x - h)) / (2 * h)


for h in (1e-2, 1e-5, 1e-8, 1e-14):
    print(f"h = {h:.0e}: off by {abs(central(h) - np.e):.1e}")

# %% [markdown]
# Not the smallest. Two errors pull in opposite directions, and a picture over all sizes shows
# both.


# %%
def one_sided(h):
    return (exp_at(1 + h) - exp_at(np.float64(1))) / h


def complex_step(h):
    return exp_at(np.complex128(1 + 1j * h)).imag / h


def errors(measure, steps):
    return [max(abs(float(measure(h)) / np.e - 1), 1e-17) for h in steps]


steps = np.logspace(-16, 0, 65)
fig, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
axes.loglog(
    steps, errors(lambda h: central(h, np.float32), steps), "k^:", ms=3, label="float32"
)
axes.loglog(steps, errors(one_sided, steps), "-", color="0.65", label="one-sided, float64")
axes.loglog(steps, errors(central, steps), "k.-", ms=5, label="central, float64")
axes.loglog(steps, errors(complex_step, steps), "kx", ms=4, label="complex step, float64")
axes.axvline(STEP, color="0.4", ls="--", lw=1)
axes.text(STEP * 1.2, 3, "the checker's step", fontsize=8)
axes.set(xlabel="step h", ylabel="relative error", ylim=(3e-18, 30))
axes.legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# Read a V from right to left. On the right side the error is *truncation*: the curve bends, and
# the central difference is off by $\frac{h^2}{6} L^{(3)}(x)$ (two decades down per decade of
# $h$; one-sided: only one). On the left side it is *rounding*: $L(x+h)$ and $L(x-h)$ agree in
# nearly all digits, subtracting them leaves the last few, and those are noise of size
# $\varepsilon / h$. Here $\varepsilon$ is the relative size of one rounding, $2 \cdot 10^{-16}$
# in float64 and $10^{-7}$ in float32. The bottom lies where both are equal, near
# $h = \varepsilon^{1/3}$: about $6 \cdot 10^{-6}$ in float64, where some eleven digits are
# left.
#
# The crosses are another method, and lie at the bottom of the picture for all small steps: see
# part 6.
#
# ## 2. Why float32 cannot check
#
# For one number float32 left five or six digits at best. A loss is a sum of many numbers, and
# each rounds.
#
# *Predict first:* the loss below sums the 64 × 256 outputs of RMSNorm, weighted at random. One
# of the 16,384 elements of its gradient, entirely wrong, changes the slope along a random
# direction by about $1/\sqrt{16384}$, 0.8 %. Can float32 see that?


# %%
def projection_error(dtype, h, shape=(64, 256)):
    """How far a difference along a random direction is from the gradient's promise."""
    draw, h = np.random.default_rng(1), dtype(h)
    x, direction, dy = (draw.standard_normal(shape).astype(dtype) for _ in range(3))
    leaf, w = Tensor(x, requires_grad=True), np.ones(shape[1], dtype)
    (F.rms_norm(leaf, w) * dy).sum().backward()
    promised = np.vdot(leaf.grad.astype(np.float64), direction)
    up, down = (
        (F.rms_norm(Tensor(x + s * h * direction), w) * dy).sum().item() for s in (1, -1)
    )
    return max(abs((up - down) / (2 * h) / promised - 1), 1e-12)


fig, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
steps = np.logspace(-8, 0, 33)
for dtype, style in ((np.float32, "k^:"), (np.float64, "k.-")):
    noise = [projection_error(dtype, h) for h in steps]
    axes.loglog(steps, noise, style, ms=4, label=dtype.__name__)
    print(f"{dtype.__name__}: {projection_error(dtype, STEP):.0e} off at the step {STEP:.0e}")
axes.axhline(1 / 128, color="0.5", ls="--", lw=1, label="one wrong element")
axes.axvline(STEP, color="0.5", lw=1)
axes.set(xlabel="step h", ylabel="relative error")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# At the checker's step (the vertical line) float32's noise is about as large as the mistake.
# With a step that happens to be right, near $10^{-3}$ here, the mistake would be seen; if that
# one element were off by one per cent only (two decades lower), hardly at any step. In float64
# there is nothing to tune: a wide range of steps leaves more digits than any bug needs. So
# operations *train* in float32 and are *checked* in float64, in the same code, which keeps
# whatever dtype it is given. The checker insists:

# %%
try:
    gradcheck("tanh", np.ones(3, np.float32))
except DtypeError as error:
    print(error)

# %% [markdown]
# ## 3. All elements at once
#
# Testing one element at a time takes two forward passes per element. But the promise holds for
# every direction, $dL \approx \sum_i g_i\, dx_i$; so test *one random direction*, in which
# every element of an input moves at once. An error in any one of them shows, because each
# counts with a random weight, and random weights do not cancel by luck. That is the projection
# check.
#
# A loss is one number. Where the output $y$ has many, the checker makes one of them,
# $L = \sum dy \cdot y$, with a random array `dy`. So `dy` is what arrives at the backward pass.
#
# *Predict first:* `x` has 24 elements and `w` has 6. How many forward passes does each check
# take?

# %%
x, w = rng.standard_normal((4, 6)), rng.standard_normal(6)
for mode in ("projection", "full"):
    with trace() as passes:
        report = gradcheck("rms_norm", x, w, mode=mode)
    forwards = sum(event.direction == "forward" for event in passes.events)
    print(f"{mode:10} {forwards:2} forward passes, {len(report.compared):2} comparisons")

# %% [markdown]
# One pass to record, and two for each comparison: one comparison per input, or one per element.
# The projection check needs no more passes if `x` is an embedding with thirteen million
# elements.
#
# ## 4. An experiment that surprises: convenient checks
#
# A checker is only as good as what it is fed. The obvious loss is `y.sum()`, whose `dy` is all
# ones; the obvious inputs are a few positive numbers, and one example at a time. Here are seven
# wrong backward passes of the kinds that people really write.


# %%
def wrong(name, change):
    """The operation with change(gradients, dy, saved) after its right backward."""
    right = TABLE[name].backward
    return replace(TABLE[name], backward=lambda dy, saved: change(right(dy, saved), dy, saved))


def reversed_positions(gradients, dy, saved):
    return gradients[0], dy[::-1].T @ saved[0]


def counts_repeats_once(gradients, dy, saved):
    dx = np.zeros(saved[0])
    dx[saved[1]] += dy  # NumPy adds the last one only
    return (dx,)


bugs = {
    "relu lets 1 % through below 0": wrong(
        "relu", lambda g, dy, saved: (np.where(saved[0] > 0, dy, 0.01 * dy),)
    ),
    "relu² lacks its factor 2": wrong("relu_squared", lambda g, dy, saved: (g[0] / 2,)),
    "sum loses the sign of dy": wrong("sum", lambda g, dy, saved: (np.abs(g[0]),)),
    "reshape reads by columns": wrong(
        "reshape", lambda g, dy, saved: (dy.reshape(saved[0], order="F"),)
    ),
    "linear pairs dy with the wrong x": wrong("linear", reversed_positions),
    "rms_norm: dw is a mean over rows": wrong(
        "rms_norm", lambda g, dy, saved: (g[0], g[1] / len(dy))
    ),
    "index counts a repeated row once": wrong("index", counts_repeats_once),
}

# %% [markdown]
# Each is checked five times: with all care (a random `dy`, inputs of both signs, four rows);
# with a `dy` of ones; with positive inputs; with a single row; and with all three conveniences.
#
# *Predict first:* how many of the seven does the check with a `dy` of ones catch? And which bug
# does *every* check catch?


# %%
def caught(bug, dy="random", signs="both", rows=4):
    """Whether gradcheck sees the bug, given such a dy, such inputs and so many rows."""
    draw = np.random.default_rng(2)
    x, w = draw.standard_normal((rows, 6)), draw.standard_normal((3, 6))
    if signs == "positive":
        x, w = abs(x), abs(w)
    others = {"linear": [w], "rms_norm": [w[0]]}.get(bug.name, [])
    options = {
        "sum": {"axis": 0},
        "reshape": {"shape": (6, rows)},
        "index": {"key": np.arange(rows) // 2},  # rows 0, 0, 1, 1
    }.get(bug.name, {})

    def f(*inputs):
        y = apply(bug, *inputs, **options)
        return y if dy == "random" else (y * 1.0).sum()  # whose gradient is all ones

    try:
        gradcheck(f, x, *others)
    except GradientError:
        return True
    return False


checks = {
    "with all\ncare": {},
    "dy of\nones": {"dy": "ones"},
    "positive\ninputs": {"signs": "positive"},
    "a single\nrow": {"rows": 1},
    "all three\nconveniences": {"dy": "ones", "signs": "positive", "rows": 1},
}
seen = np.array([[caught(bug, **how) for how in checks.values()] for bug in bugs.values()])
for check, column in zip(checks, seen.T, strict=True):
    print(f"{check.replace(chr(10), ' '):22} catches {column.sum()} of {len(bugs)}")

# %%
fig, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
for found, marker, face, label in ((True, "o", "k", "caught"), (False, "X", "w", "missed")):
    bug, check = np.nonzero(seen == found)
    axes.plot(check, bug, marker, color="k", mfc=face, ms=10, label=label)
axes.set_yticks(range(len(bugs)), bugs)
axes.set_xticks(range(len(checks)), checks)
axes.set(xlim=(-0.6, len(checks) - 0.4), ylim=(len(bugs) - 0.5, -0.5))
axes.grid(color="0.9")
axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Every convenience hides the mistakes of its kind. A `dy` of ones cannot see what has been put
# in a wrong *place*, because every place gets the same, nor a lost sign. Positive inputs never
# visit the other side of zero. With a single row a mean is a sum, and nothing repeats. Only
# what is wrong everywhere, a missing factor, is caught by all of them. This is why `gradcheck`
# draws `dy` at random, and why *you* should give it inputs of both signs, sizes that all
# differ, and repeated ids.
#
# ## 5. "My answer is right, but the grader says no"
#
# First read the message to its end: it names the argument, the index, what was expected (by
# differences) and what was found (in the gradient).

# %%
transposed = wrong("linear", lambda g, dy, saved: (g[0], g[1].T.reshape(g[1].shape)))
x, w = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
try:
    gradcheck(transposed, x, w)
except GradientError as error:
    print(error)

# %% [markdown]
# One element is a hint; all elements are a picture. In mode "full" with a tolerance that
# forgives everything, the report holds every pair, expected and found.
#
# *Predict first:* drawn against each other, right gradients lie on the diagonal. Where do they
# lie if a factor is missing? If the sign is wrong? If the right numbers stand in the wrong
# places?

# %%
kinds = {
    "right": TABLE["linear"],
    "missing factor": wrong("linear", lambda g, dy, saved: (g[0], g[1] / 2)),
    "wrong sign": wrong("linear", lambda g, dy, saved: (g[0], -g[1])),
    "transposed": transposed,
    "first output only": wrong(
        "linear", lambda g, dy, saved: (g[0], g[1] * (np.arange(3) == 0)[:, None])
    ),
}
fig, panels = plt.subplots(
    1, 5, figsize=(9.5, 2.4), layout="constrained", sharex=True, sharey=True
)
for axes, (title, operation) in zip(panels, kinds.items(), strict=True):
    report = gradcheck(operation, x, w, mode="full", tolerance=1e9)
    pairs = np.array([(e, f) for argument, e, f in report.compared if argument == "w"])
    axes.axline((0, 0), slope=1, color="0.7")
    axes.plot(*pairs.T, "k.")
    axes.set(title=title, xlabel="expected")
    axes.title.set_fontsize(10)
panels[0].set_ylabel("found")
plt.show()

# %% [markdown]
# A line through zero with another slope is a missing factor: the slope tells which, and −1 is a
# wrong sign. A cloud is the right numbers in wrong places, or a product of the wrong things:
# compare the *sorted* values to tell the two apart. Dots on the diagonal and others at height 0
# are a gradient that does not arrive everywhere.
#
# Then there are answers whose every number is right, and which are still wrong:

# %%
faults = {
    "a shape that only broadcasts": lambda g, dy, saved: (g[0][None],),
    "a precision of its own": lambda g, dy, saved: (g[0].astype(np.float32),),
    "scribbling into dy": lambda g, dy, saved: (np.multiply(dy, 1 - saved[0] ** 2, out=dy),),
}
for title, change in faults.items():
    try:
        gradcheck(wrong("tanh", change), rng.standard_normal((2, 3)))
    except GradientError as error:
        print(f"{title}:\n  {error}")

# %% [markdown]
# The last one is the nastiest. `dy` may be the same array that another operation is about to
# receive (in `a + b` both inputs get the very same one), so the number that is wrong appears
# somewhere else entirely.
#
# ## 6. An imaginary step
#
# All trouble in part 1 came from subtracting two nearly equal numbers. For a function that can
# be computed with complex numbers, there is another way: step in the imaginary direction. From
# $L(x + ih) = L(x) + ih\,L'(x) - \frac{h^2}{2} L''(x) - \ldots$ the imaginary part alone gives
# $L'(x)$, off by a multiple of $h^2$, and *nothing is subtracted*. So $h$ may be $10^{-30}$.
#
# *Predict first:* to how many digits will expected and found agree?

# %%
x, w = rng.standard_normal((4, 6)), rng.standard_normal(6)
for mode in ("projection", "complex"):
    _, expected, found = gradcheck("rms_norm", x, w, mode=mode).compared[0]
    print(f"{mode:10} expected {expected:.17g}, found {found:.17g}")

# %% [markdown]
# All digits, or all but the last one or two. The price: every operation on the way has to be
# written so that it is right for complex numbers (`max` and `abs` are not, unless they look at
# the real part; see `relu` in [activations.py](../minigrad/ops/activations.py)). Other people's
# code is often not.
#
# ## 7. Kinks
#
# *Predict first:* `relu` has no derivative at 0: the slope is 0 on the left and 1 on the right.
# What does the central difference say there, and does a smaller step help?

# %%
for h in (1e-1, 1e-5, 1e-9):
    up, down = (F.relu(Tensor(np.array(s * h))).item() for s in (1, -1))
    print(f"h = {h:.0e}: {(up - down) / (2 * h):.3f}")
for x in (0.0, 1e-7, 1e-3):
    try:
        gradcheck("relu", np.array([1.0, x]))
        print(f"x = {x:g}: passed")
    except KinkError as error:
        print(f"x = {x:g}: {error}")

# %% [markdown]
# One half, at every step: the average of two slopes, which is neither. A backward pass that
# returns 0 there, or 1, does not agree with it, and is not wrong. So the checker does not say
# "wrong gradient": it says that there is nothing to compare with, also where a kink lies
# between the two ends of its step. (A checker without that knowledge fails once in a while, for
# no reason that anybody finds.)
#
# *Predict first:* does it refuse `relu_squared` at 0, too?

# %%
print(gradcheck("relu_squared", np.array([1.0, 0.0, -1.0])))

# %% [markdown]
# No: $\max(x, 0)^2$ has slope 0 on both sides of 0. It only bends there.
#
# ## 8. When the true derivative is of no use
#
# A ternary layer rounds its weights to −1, 0, +1. That is a staircase: its true derivative is 0
# almost everywhere, and differences say so. Its backward pass deliberately returns something
# else, the gradient of a *surrogate*. How can that be checked? By declaring the surrogate on
# the operation's [page](../minigrad/ops/ternary.py): while differences are taken, the checker
# puts it in the operation's place.
#
# *Predict first:* we take the declaration away. What will the checker say that it expected?

# %%
x, w = rng.standard_normal((2, 4)), rng.standard_normal((3, 4))
print(gradcheck("ternary_linear", x, w))
ternary = TABLE["ternary_linear"]
undeclared = replace(ternary, forward=lambda *arrays, **o: ternary.forward(*arrays, **o))
try:
    gradcheck(undeclared, x, w)
except GradientError as error:
    print("\nundeclared:", error)

# %% [markdown]
# So "the gradient is not the derivative" is allowed, but never silently.
#
# ## Exercises
#
# 1. *Think.* Where is the bottom of the V for the one-sided difference? Balance $h$ and
#    $\varepsilon / h$, then compare with the grey line of part 1.
# 2. *Think.* The random direction is drawn once. What is the chance that a wrong element hides
#    because its random number is exactly 0? What if that is merely small, 0.01?
# 3. *Change.* Plant an eighth bug in part 4 that the single-row check and the check with ones
#    both catch, and the check with positive inputs misses. Then one that only the first check
#    catches.
# 4. *Change.* Check a function of your own: `gradcheck(lambda a, b: F.sigmoid(a @ b), ...)`.
#    Then use `F.relu` and small whole numbers, `rng.integers(-2, 3, (3, 4)).astype(float)`.
#    What happens, and how do you mend it?
# 5. *Workbook.* `python3 run.py course check DIR linear` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR linear`), where DIR is your workbook. Then
#    `relu_squared` and `sigmoid`. Answer one of them wrongly on purpose (a missing factor, a
#    transposed result) and see whether the grader's hint names it.
#
# Next, [notebook 03](03_weights_in_three_values.ipynb): what learning by a surrogate does, in a
# layer whose weights are −1, 0 and +1.
