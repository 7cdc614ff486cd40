# %% [markdown]
# # 02 · Check every gradient
#
# **The question.** You wrote a backward pass. It runs, the loss falls, the numbers look
# reasonable. Is it *right*? And if a checker says no, how do you find the mistake?
#
# A derivative predicts how far the output moves when the input moves ([notebook
# 01](01_a_derivative_is_a_promise.ipynb)). So a test can move the input and compare.
# `minigrad.gradcheck` does this in a few forward passes, for one operation or for a whole
# model. Its first pages are [gradcheck](../minigrad/gradcheck/__init__.py),
# [groups.py](../minigrad/gradcheck/groups.py) and
# [plateaus.py](../minigrad/gradcheck/plateaus.py).
#
# **On the student's path.** The checker stands beside the path and checks every operation on
# it. The exercises belong to [linear.py](../minigrad/ops/linear.py).
#
# Put each prediction in place of `...`, and run that cell before the cell below it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.course.predictions import Predictions
from minigrad import TABLE, DtypeError, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import GradientError, InconclusiveError, KinkError, gradcheck
from minigrad.look import trace

rng = np.random.default_rng(1)
mine = Predictions("02")

# %% [markdown]
# ## 1. How small is a small step?
#
# The *central difference* $\frac{L(x+h) - L(x-h)}{2h}$ measures a slope. A smaller $h$ seems
# better, because a short piece of the curve is straighter.
#
# *Predict first:* for $L = e^x$ at $x = 1$, in float64, which step gives the smallest error:
# $10^{-2}$, $10^{-5}$, $10^{-8}$ or $10^{-14}$?

# %%
mine.predict("best step for the slope of exp", ..., choices=("1e-2", "1e-5", "1e-8", "1e-14"))


# %%
def exp_at(x):
    return F.exp(Tensor(x)).data


def central(h, dtype=np.float64):
    x, h = dtype(1), dtype(h)
    return (exp_at(x + h) - exp_at(x - h)) / (2 * h)


off = {h: abs(central(h) - np.e) for h in (1e-2, 1e-5, 1e-8, 1e-14)}
for h, error in off.items():
    print(f"h = {h:.0e}: off by {error:.1e}")
mine.reveal("best step for the slope of exp", min(off, key=off.get))

# %% [markdown]
# The smallest step is not the best one. Two errors change in opposite directions, and a plot
# over all step sizes shows both.


# %%
def one_sided(h):
    return (exp_at(1 + h) - exp_at(np.float64(1))) / h


def complex_step(h):
    return exp_at(np.complex128(1 + 1j * h)).imag / h


def errors(measure, steps):
    return [max(abs(float(measure(h)) / np.e - 1), 1e-17) for h in steps]


STEP = np.finfo(np.float64).eps ** (1 / 3)  # the text below explains it
steps = np.logspace(-16, 0, 65)
fig, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
axes.loglog(
    steps, errors(lambda h: central(h, np.float32), steps), "k^:", ms=3, label="float32"
)
axes.loglog(steps, errors(one_sided, steps), "-", color="0.65", label="one-sided, float64")
axes.loglog(steps, errors(central, steps), "k.-", ms=5, label="central, float64")
axes.loglog(steps, errors(complex_step, steps), "kx", ms=4, label="complex step, float64")
axes.axvline(STEP, color="0.4", ls="--", lw=1)
axes.text(STEP * 1.2, 3, f"h = {STEP:.0e}", fontsize=8)
axes.set(xlabel="step h", ylabel="relative error", ylim=(3e-18, 30))
axes.legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# Each method but one has a curve of the shape of a V. On its right side the error is
# *truncation*. The curve of $L$ bends, and the central difference is off by $\frac{h^2}{6}
# L^{(3)}(x)$: two decades less per decade of $h$. The one-sided difference gains only one
# decade. On the left side the error is *rounding*. $L(x+h)$ and $L(x-h)$ agree in nearly all
# digits, and their difference has only the last few digits left. Its error is about
# $\varepsilon / h$. Here $\varepsilon$ is the relative size of one rounding, $2 \cdot 10^{-16}$
# in float64 and $10^{-7}$ in float32. The minimum lies where both errors are equal, near $h =
# \varepsilon^{1/3}$. In float64 that is about $6 \cdot 10^{-6}$ (the vertical line), and some
# eleven digits are right.
#
# The crosses show another method, the complex step. Its error is at the bottom of the plot for
# all small steps. Part 8 explains it.
#
# ## 2. Why float32 cannot check
#
# For one number, float32 gave five or six right digits at best. A loss is a sum of many
# numbers, and each of them is rounded.
#
# *Predict first:* the loss below sums the 64 × 256 outputs of RMSNorm with random weights.
# Suppose that one of the 16,384 elements of its gradient is entirely wrong. This changes the
# slope along a random direction by about $1/\sqrt{16384}$, which is 0.8 %. Can float32 detect
# it?


# %%
def projection_error(dtype, h, shape=(64, 256)):
    """The relative error of a central difference along a random direction."""
    draw, h = np.random.default_rng(1), dtype(h)
    x, direction, dy = (draw.standard_normal(shape).astype(dtype) for _ in range(3))
    leaf, w = Tensor(x, requires_grad=True), np.ones(shape[1], dtype)
    (F.rms_norm(leaf, w) * dy).sum().backward()
    slope = np.vdot(leaf.grad.astype(np.float64), direction)
    up, down = (
        (F.rms_norm(Tensor(x + s * h * direction), w) * dy).sum().item() for s in (1, -1)
    )
    return max(abs((up - down) / (2 * h) / slope - 1), 1e-12)


fig, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
steps = np.logspace(-8, 0, 33)
for dtype, style in ((np.float32, "k^:"), (np.float64, "k.-")):
    errors_at_steps = [projection_error(dtype, h) for h in steps]
    axes.loglog(steps, errors_at_steps, style, ms=4, label=dtype.__name__)
    print(f"{dtype.__name__}: {projection_error(dtype, STEP):.0e} off with the step {STEP:.0e}")
axes.axhline(1 / 128, color="0.5", ls="--", lw=1, label="one wrong element")
axes.axvline(STEP, color="0.5", lw=1)
axes.set(xlabel="step h", ylabel="relative error")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# At the vertical line the error of float32 is about as large as the mistake. Near $10^{-3}$
# float32 would detect the mistake, but the best step differs from function to function. If the
# element were off by one per cent only (two decades lower), hardly any step would detect it. In
# float64 nothing needs tuning: a wide range of steps gives more right digits than any bug
# needs. So operations *train* in float32 and are *checked* in float64. The code is the same,
# because it keeps the dtype of its inputs. The checker refuses float32:

# %%
try:
    gradcheck("tanh", np.ones(3, np.float32))
except DtypeError as error:
    print(error)

# %% [markdown]
# ## 3. All elements at once
#
# A test of one element at a time takes at least one forward pass per element. But the linear
# estimate $dL \approx \sum_i g_i\, dx_i$ holds in every direction. So a test can move every
# element of an input at once, along *one random direction*. This is the projection check.
#
# A loss is one number. If the output $y$ has many elements, the checker makes one number of
# them, $L = \sum dy \cdot y$, with a random array `dy`. So the backward pass receives this
# `dy`.
#
# One large element can hide a small one. The function below multiplies $x_0$ by $10^8$ and
# $x_1$ by 1. Its backward pass multiplies by $10^8$ and by 2, so the second element of its
# gradient is twice too large.
#
# *Predict first:* how large is the relative error of the estimate along a random direction? And
# how large is it if both terms $g_i\, dx_i$ have the same size?

# %%
right, claimed = np.array([1e8, 1.0]), np.array([1e8, 2.0])
direction = np.random.default_rng(2).standard_normal(2)
for title, d in (("random", direction), ("balanced", direction / abs(direction * claimed))):
    print(f"{title} direction: off by {abs(claimed @ d / (right @ d) - 1):.0e}")

# %% [markdown]
# A random direction shows only the large element. So the checker *balances* its direction: it
# gives every term $g_i\, dx_i$ about the same size, with a random sign. Then an error of any
# element shows, as large as it is relative to that element. The random signs keep two errors
# from cancelling.
#
# *Predict first:* `x` has 24 elements and `w` has 6. Which check takes fewer forward passes,
# the one of all elements at once (projection), or the one of each element (full)?

# %%
mine.predict("check with fewer passes", ..., choices=("projection", "full"))

# %%
x, w = rng.standard_normal((4, 6)), rng.standard_normal(6)
forwards = {}
for mode in ("projection", "full"):
    with trace() as passes:
        report = gradcheck("rms_norm", x, w, mode=mode)
    forwards[mode] = sum(event.direction == "forward" for event in passes.events)
    print(f"{mode:10} {forwards[mode]:2} forward passes, {len(report.compared):2} comparisons")
mine.reveal("check with fewer passes", min(forwards, key=forwards.get))

# %% [markdown]
# The projection check makes one comparison per input, with steps of a few sizes to both sides.
# The full check makes one comparison per element. (Here it uses the complex step of part 8, so
# one pass is enough for an element.) So the projection check of an embedding with thirteen
# million elements takes no more passes than this one, if no element needs a closer look.
#
# ## 4. No step fits all elements
#
# The best step of part 1 belongs to $e^x$ at $x = 1$. The next cell measures the slope of
# $\log x$ at three inputs of different sizes, with the same step.
#
# *Predict first:* the step is again $6 \cdot 10^{-6}$. At how many of the inputs $10^6$, 1 and
# $10^{-8}$ are ten digits of the measured slope right?

# %%
mine.predict("inputs of log at which one step is good", ...)

# %%
inputs = (1e6, 1.0, 1e-8)


def slope_share(x, h):
    """The central difference of log at x, as a share of the true slope 1/x."""
    if h >= x:
        return np.nan  # x - h is outside the domain
    up, down = (F.log(Tensor(np.array(x + s * h))).item() for s in (1, -1))
    return (up - down) / (2 * h) * x


off = [abs(slope_share(x, STEP) - 1) for x in inputs]
steps = np.logspace(-20, 6, 160)
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
for x, error, style in zip(inputs, off, ("k-", "k--", "k:"), strict=True):
    print(f"x = {x:.0e}: off by {error:.0e}")
    axes.semilogx(steps, [slope_share(x, h) for h in steps], style, lw=1, label=f"x = {x:.0e}")
axes.axvline(STEP, color="0.5", lw=1)
axes.set(xlabel="step h", ylabel="measured / true slope", ylim=(0.5, 1.5))
axes.legend(fontsize=8, loc="upper left")
plt.show()
mine.reveal("inputs of log at which one step is good", np.sum(np.array(off) < 1e-10))

# %% [markdown]
# At one only, the input 1. At $10^6$ the step hardly changes the logarithm, and only four
# digits of the change are right. At $10^{-8}$ the step leaves the domain. Each curve has a
# *plateau*, a range of steps that show the same slope. To its right the function bends, to its
# left rounding takes over. The plateaus of the largest and of the smallest input have no step
# in common.
#
# So the checker does not choose one step. First it moves all elements, each in proportion to
# its size. If the result is not clear, it measures single elements, each with steps from a
# tenth of the element down to its last digits. It looks for a plateau:
#
# - a plateau at the claimed slope: **right**;
# - a plateau at another slope, with which all smaller steps agree: **wrong**;
# - no plateau: **undecided**.
#
# ## 5. Three answers
#
# The third answer is necessary. Let $y = x + c$, with a large constant $c$. The sum rounds $x$
# to the last digits of $c$. At $c = 10^{16}$ these digits are steps of 2.
#
# *Predict first:* the cell below checks a right backward pass, and one whose result is twice
# too large. Up to which $c$ can differences say which is which?

# %%
mine.predict("largest c at which differences decide", ..., choices=("0", "1e6", "1e12", "1e16"))


# %%
def answer(backward, c, mode):
    """The checker's answer in a few words; the forward is y = x + c."""
    shifted, x = replace(TABLE["add"], backward=backward), np.array([0.7])
    try:
        report = gradcheck(lambda x: apply(shifted, x, np.array([c])), x, mode=mode)
    except GradientError:
        return "wrong"
    except InconclusiveError:
        return "undecided"
    return f"right (resolution {report.resolution['x']:.0e})"


decided = {"projection": [], "auto": []}
for mode, constants in decided.items():
    for c in (0.0, 1e6, 1e12, 1e16):
        right = answer(lambda dy, saved: (dy, dy), c, mode)
        twice = answer(lambda dy, saved: (2 * dy, dy), c, mode)
        print(f"{mode:10}  c = {c:<6g} dx = dy: {right:28} dx = 2 dy: {twice}")
        if "undecided" not in (right, twice):
            constants.append(c)
mine.reveal("largest c at which differences decide", decided["projection"][-1])

# %% [markdown]
# The number is the *resolution*: the smallest error that would have been noticed, relative to
# the element itself. The checker says "right" only if its resolution is $10^{-4}$ or better for
# every element. A checker with only two answers must choose one of them where it sees nothing.
# If it chooses "right", it passes wrong gradients. If it chooses "wrong", it blames right ones.
# An `InconclusiveError` says why it is undecided and what to change: usually the input.
#
# In mode "auto", the default, nothing is undecided here. It uses the complex step of part 8
# where all operations allow it.
#
# ## 6. An experiment that surprises: shortcuts
#
# The result of a check depends on its inputs. The obvious loss is `y.sum()`, whose `dy` is all
# ones. The obvious inputs are a few positive numbers, in a single row. The cell below has seven
# wrong backward passes, of the kinds that people really write.


# %%
def wrong(name, change):
    """The operation, with change(gradients, dy, saved) applied to its right gradients."""
    right = TABLE[name].backward
    return replace(TABLE[name], backward=lambda dy, saved: change(right(dy, saved), dy, saved))


def reversed_positions(gradients, dy, saved):
    return gradients[0], dy[::-1].T @ saved[0]


def counts_repeated_row_once(gradients, dy, saved):
    dx = np.zeros(saved[0], dy.dtype)
    dx[saved[1]] += dy  # for a repeated row, NumPy adds only the last value
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
    "index counts a repeated row once": wrong("index", counts_repeated_row_once),
}

# %% [markdown]
# Each bug is checked in five ways: without a shortcut (a random `dy`, inputs of both signs,
# four rows), with a `dy` of ones, with positive inputs, with a single row, and with all three
# shortcuts.
#
# *Predict first:* how many of the seven bugs does the check with a `dy` of ones catch? Which
# bug does *every* check catch?

# %%
mine.predict("bugs of seven that a dy of ones catches", ...)


# %%
def caught(bug, dy="random", signs="both", rows=4):
    """Whether gradcheck finds the bug with this kind of dy, these signs and this many rows."""
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
        return y if dy == "random" else (y * 1.0).sum()  # the bug receives a dy of ones

    try:
        # gradcheck gives a scalar loss one random number as dy; with seed 11 it is positive.
        gradcheck(f, x, *others, seed=11)
    except GradientError:
        return True
    return False


checks = {
    "no\nshortcut": {},
    "dy of\nones": {"dy": "ones"},
    "positive\ninputs": {"signs": "positive"},
    "a single\nrow": {"rows": 1},
    "all three\nshortcuts": {"dy": "ones", "signs": "positive", "rows": 1},
}
results = np.array(
    [[caught(bug, **settings) for settings in checks.values()] for bug in bugs.values()]
)
for check, column in zip(checks, results.T, strict=True):
    print(f"{check.replace(chr(10), ' '):20} catches {column.sum()} of {len(bugs)}")
mine.reveal("bugs of seven that a dy of ones catches", results[:, 1].sum())

# %%
fig, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
for found, marker, face, label in ((True, "o", "k", "caught"), (False, "X", "w", "missed")):
    bug, check = np.nonzero(results == found)
    axes.plot(check, bug, marker, color="k", mfc=face, ms=10, label=label)
axes.set_yticks(range(len(bugs)), bugs)
axes.set_xticks(range(len(checks)), checks)
axes.set(xlim=(-0.6, len(checks) - 0.4), ylim=(len(bugs) - 0.5, -0.5))
axes.grid(color="0.9")
axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Every shortcut hides mistakes of one kind. A `dy` of ones hides values in a wrong *place*,
# because every place gets the same value. It also hides a lost sign. Positive inputs never
# reach the other side of zero. In a single row, a mean is a sum, and no row repeats. Only an
# error in every element, such as a missing factor, is caught by all five checks. This is why
# `gradcheck` draws `dy` at random. And this is why *you* should give it inputs of both signs,
# sizes that all differ, and repeated ids.
#
# ## 7. "My answer is right, but the grader says no"
#
# First read the whole message. It names the argument, the index, the expected number (from
# steps) and the found number (from the backward pass).

# %%
transposed = wrong("linear", lambda g, dy, saved: (g[0], g[1].T.reshape(g[1].shape)))
x, w = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
try:
    gradcheck(transposed, x, w)
except GradientError as error:
    print(error)

# %% [markdown]
# One element is a hint; all elements show the kind of the mistake. The function `measured`
# below returns the expected number for every element.
#
# *Predict first:* plot the found numbers against the expected numbers. Right gradients lie on
# the diagonal. Where do they lie if a factor is missing? If the sign is wrong? If the right
# numbers stand in the wrong places?


# %%
def measured(operation, x, w, dy, h=1e-6):
    """∂L/∂w by central differences, for L = Σ dy·y."""
    slopes = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = h
        up, down = (operation.forward(x, w + s * step)[0] for s in (1, -1))
        slopes[index] = (dy * (up - down)).sum() / (2 * h)
    return slopes


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
y, saved = TABLE["linear"].forward(x, w)
dy = rng.standard_normal(y.shape)
for axes, (title, operation) in zip(panels, kinds.items(), strict=True):
    _, dw = operation.backward(dy, saved)
    axes.axline((0, 0), slope=1, color="0.7")
    axes.plot(measured(operation, x, w, dy).flat, dw.flat, "k.")
    axes.set(title=title, xlabel="expected")
    axes.title.set_fontsize(10)
panels[0].set_ylabel("found")
plt.show()

# %% [markdown]
# - A line through zero with another slope means a missing factor. The slope is the factor, and
#   −1 is a wrong sign.
# - A cloud means the right numbers in wrong places, or a product of the wrong arrays. The
#   *sorted* values distinguish the two: they agree only in the first case.
# - Dots on the diagonal and other dots at height 0 mean a gradient that does not arrive
#   everywhere.
#
# Some answers have only right numbers and are wrong all the same:

# %%
faults = {
    "a shape with an extra axis": lambda g, dy, saved: (g[0][None],),
    "another dtype": lambda g, dy, saved: (g[0].astype(np.float32),),
    "writing into dy": lambda g, dy, saved: (np.multiply(dy, 1 - saved[0] ** 2, out=dy),),
}
for title, change in faults.items():
    try:
        gradcheck(wrong("tanh", change), rng.standard_normal((2, 3)))
    except GradientError as error:
        print(f"{title}:\n  {error}")

# %% [markdown]
# The last mistake is the hardest to find. `dy` may be the same array that another operation
# will receive: in `a + b` both inputs get the same array. So the wrong number appears in
# another operation.
#
# ## 8. An imaginary step
#
# The rounding error of part 1 came from the subtraction of two nearly equal numbers. If a
# function accepts complex numbers, a step in the imaginary direction avoids the subtraction.
# The series is $L(x + ih) = L(x) + ih\,L'(x) - \frac{h^2}{2} L''(x) - \ldots$ Its imaginary
# part, divided by $h$, is $L'(x)$ with an error of the size $h^2$, and *nothing is subtracted*.
# So $h$ may be $10^{-60}$.
#
# *Predict first:* to how many digits will the expected and the found number agree?

# %%
mine.predict("digits that agree with a complex step", ...)

# %%
x, w = rng.standard_normal((4, 6)), rng.standard_normal(6)
for mode in ("projection", "complex"):
    _, expected, found = gradcheck("rms_norm", x, w, mode=mode).compared[0]
    print(f"{mode:10} expected {expected:.17g}, found {found:.17g}")
apart = max(abs(found / expected - 1), np.finfo(np.float64).eps)
mine.reveal("digits that agree with a complex step", -np.log10(apart))

# %% [markdown]
# All digits agree, or all but the last one or two. The method has a price: every operation on
# the way must be right for complex numbers. `max` and `abs` are right only if they use the real
# part (see `relu` in [activations.py](../minigrad/ops/activations.py)). Other people's code
# often does not support complex numbers. So mode "auto" takes complex steps only if it knows
# every operation. `declare(operation, analytic=True)` tells it that an operation of yours is
# right for them. It takes differences, too, and notices if they contradict the complex step.
#
# ## 9. Kinks
#
# *Predict first:* `relu` has no derivative at 0, because its slope is 0 on the left and 1 on
# the right. Which value does the central difference have there? Does a smaller step help?

# %%
mine.predict("central difference of relu at 0", ...)

# %%
for h in (1e-1, 1e-5, 1e-9):
    up, down = (F.relu(Tensor(np.array(s * h))).item() for s in (1, -1))
    print(f"h = {h:.0e}: {(up - down) / (2 * h):.3f}")
mine.reveal("central difference of relu at 0", (up - down) / (2 * h))

# %% [markdown]
# The central difference is one half for every step. It is the average of the two slopes and
# equal to neither. A backward pass that returns 0 there, or 1, is not wrong, but it differs
# from one half. So this is a case of the third answer.
#
# *Predict first:* the operation below is `relu` by another name, so the checker knows nothing
# about its kink. Which answer does it give at 0? And at $10^{-7}$, where large steps cross the
# kink and small ones do not?

# %%
answers = ("right", "wrong", "undecided")
mine.predict("answer for relu at 0", ..., choices=answers)
mine.predict("answer for relu at 1e-7", ..., choices=answers)

# %%
unknown = replace(TABLE["relu"], forward=lambda x: TABLE["relu"].forward(x))
given = {}
for x in (0.0, 1e-7):
    try:
        print(f"x = {x:g}:", gradcheck(unknown, np.array([1.0, x])))
        given[x] = "right"
    except KinkError as error:
        print(f"x = {x:g}: {error}")
        given[x] = "undecided"
mine.reveal("answer for relu at 0", given[0.0])
mine.reveal("answer for relu at 1e-7", given[1e-7])

# %% [markdown]
# At 0 the steps of all sizes show two plateaus, one on each side. So the checker reports a
# kink, with both slopes, multiplied by `dy`. At $10^{-7}$ the steps below $10^{-7}$ decide. (A
# checker with one step of $6 \cdot 10^{-6}$ would blame a right gradient there. Such a test
# fails now and then, and nobody finds out why.) The kinks of minigrad's own operations are
# declared in [declarations.py](../minigrad/gradcheck/declarations.py), and need no steps.
#
# *Predict first:* does the checker refuse `relu_squared` at 0, too?

# %%
print(gradcheck("relu_squared", np.array([1.0, 0.0, -1.0])))

# %% [markdown]
# It does not: $\max(x, 0)^2$ has slope 0 on both sides of 0, so it has a derivative there.
#
# ## 10. When the true derivative is of no use
#
# A ternary layer rounds its weights to −1, 0 and +1. The rounded function is piecewise
# constant: its derivative is 0 almost everywhere, and differences give 0. Its backward pass
# returns the gradient of another function on purpose, of a *surrogate*. To make this testable,
# the operation's [page](../minigrad/ops/ternary.py) defines the surrogate, and
# [declarations.py](../minigrad/gradcheck/declarations.py) lists it. The checker measures the
# slopes of the surrogate in place of the operation.
#
# *Predict first:* the cell below also checks a copy without a declared surrogate. Which
# expected value will the checker report?

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
# So a gradient may differ from the derivative, but only if a surrogate is declared.
#
# ## Exercises
#
# 1. *Think.* Where is the minimum of the V for the one-sided difference? Find the $h$ at which
#    $h$ and $\varepsilon / h$ are equal, then compare with the grey line of part 1.
# 2. *Think.* The checker multiplies each term of its direction by a random number between 0.5
#    and 1, with a random sign. Why does it not use normally distributed numbers? Which pair of
#    mistakes would pass if all signs were +?
# 3. *Change.* Plant an eighth bug in part 6 that the single-row check and the check with ones
#    both catch, and the check with positive inputs misses. Then plant one that only the first
#    check catches.
# 4. *Change.* Check a function of your own: `gradcheck(lambda a, b: F.sigmoid(a @ b), ...)`.
#    Then use `F.relu` and small whole numbers, `rng.integers(-2, 3, (3, 4)).astype(float)`.
#    Which error do you get, and how do you fix it?
# 5. *Change.* Write a test of `rms_norm` with the shortcuts of part 6: `def test(op): ...` with
#    `op.forward`, `op.backward` and `assert`. Then import `mutate` from
#    `minigrad.gradcheck` and `print(mutate("rms_norm", test))`. It plants the usual
#    mistakes into the backward pass and lists those that your test misses.
# 6. *Workbook.* Run `python3 run.py course check DIR linear` in the project's folder (or, with
#    `.venv` active, `flashlm course check DIR linear`), where DIR is your workbook. Continue
#    with `relu_squared` and `sigmoid`. Write one of them wrongly on purpose (a missing factor,
#    a transposed result), and see whether the grader's hint names the mistake.
#
# Next, [notebook 03](03_weights_in_three_values.ipynb) shows how a layer with the weights −1, 0
# and +1 learns with a surrogate.

# %%
mine.show()
