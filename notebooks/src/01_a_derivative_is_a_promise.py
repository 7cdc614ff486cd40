# %% [markdown]
# # 01 · A derivative is a promise
#
# **The question.** What exactly does a gradient say, and how can a program keep its word
# through thousands of operations that know nothing of each other?
#
# A program that does this is called an *autograd engine*. We go from one number to tensors, and
# answer on the way what everybody asks on first reading such an engine: why in *this* order,
# why `+=`, why the sums, and "where did this gradient come from?" The engine used here has two
# hundred lines, comments included: [engine.py](../minigrad/engine.py).
#
# Write each prediction down before you run the cell below it. That is where the learning is.

# %%
import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigrad import TABLE, Tensor
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.look import step_through, trace

# %% [markdown]
# ## 1. One number
#
# Let $L = x^3 - 2x$. At a point $x$, the derivative $g$ makes a promise: *move $x$ by a small
# $dx$, and $L$ will change by about $g \cdot dx$.*
#
# *Predict first:* what is $g$ at $x = 1.2$? And what is it at a point where $L$ is smallest
# nearby?


# %%
def cubic(x):
    return x**3 - 2 * x


x = Tensor(np.array(1.2), requires_grad=True)
cubic(x).backward()
g = x.grad.item()
print(f"g = {g:.4f}, by hand 3·1.2² - 2 = {3 * 1.2**2 - 2:.4f}")

# %% [markdown]
# Where $L$ is smallest nearby, $g = 0$: any other slope would promise a fall in one of the two
# directions.
#
# "About" is the important word. The promise is the straight line; the truth is the curve. What
# lies between them is the broken part.
#
# *Predict first:* make $dx$ ten times smaller. How many times smaller does the broken part
# become?

# %%
start = cubic(x).item()
steps = np.array([0.5, 0.05, 0.005])
kept = cubic(Tensor(1.2 + steps)).data - start
for dx, truth in zip(steps, kept, strict=True):
    print(f"dx {dx:5}: promised {g * dx:.6f}, kept {truth:.6f}, broken {truth - g * dx:.6f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
line = np.linspace(0.4, 2.0, 200)
left.plot(line, cubic(Tensor(line)).data, "k-", label="the truth, $L(x)$")
left.plot(line, start + g * (line - 1.2), "k--", label="the promise, slope $g$")
left.plot(
    [1.7, 1.7], [start, start + g * 0.5], color="0.55", lw=5, label="promised, $g \\cdot dx$"
)
left.plot([1.7, 1.7], [start + g * 0.5, start + kept[0]], "k:", lw=3, label="broken")
left.plot([1.2, 1.7], [start, start], color="0.55", lw=1)
left.text(1.45, start - 0.45, "$dx$", ha="center")
left.plot(1.2, start, "ko")
left.set(xlabel="x", ylabel="L")
left.legend(fontsize=8)
sizes = np.logspace(-4, 0, 30)
broken = cubic(Tensor(1.2 + sizes)).data - start - g * sizes
right.loglog(sizes, g * sizes, "k--", label="promised")
right.loglog(sizes, broken, "k.-", label="broken")
right.set(xlabel="dx", ylabel="change of L")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# A hundred times: the promise shrinks like $dx$, the broken part like $dx^2$ (on the right: one
# line falls by one decade per decade, the other by two). That is what makes a derivative a
# derivative. Any other slope would break its promise by a part that shrinks only like $dx$
# itself, and [notebook 02](02_check_every_gradient.ipynb) turns this into a test.
#
# ## 2. Many numbers
#
# If $x$ has many elements, $L$ is still one number, and there is one slope per element. The
# promise is $dL \approx \sum_i g_i\, dx_i$, for *every* way to move at once. So $g$ has the
# shape of $x$.
#
# *Predict first:* at $x = (1, 0.5)$ and $L = x_1^2 + 3 x_2^2$, in which direction does $L$ not
# change?


# %%
def bowl(x):
    return (x * x * np.array([1.0, 3.0])).sum(axis=-1)  # (..., 2) -> (...)


x = Tensor(np.array([1.0, 0.5]), requires_grad=True, name="x")
bowl(x).backward()
print("g =", x.grad, "of shape", x.grad.shape)
angles = np.linspace(0, 2 * np.pi, 73)
directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)  # (73, 2), each of length 1
promised = 0.2 * directions @ x.grad
kept = bowl(Tensor(x.data + 0.2 * directions)).data - bowl(x).item()

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
across, up = np.meshgrid(np.linspace(-0.5, 2.4, 80), np.linspace(-0.5, 1.6, 80))
heights = bowl(Tensor(np.stack([across, up], axis=-1))).data
left.contour(across, up, heights, levels=np.arange(0.25, 9, 0.75), colors="0.6", linewidths=0.8)
left.plot(x.data[0] + 0.2 * directions[:, 0], x.data[1] + 0.2 * directions[:, 1], "k-", lw=1)
left.annotate("", x.data + 0.25 * x.grad, x.data, arrowprops={"arrowstyle": "->", "lw": 2})
left.text(*(x.data + 0.26 * x.grad), "$g$")
left.plot(*x.data, "ko")
left.set(xlabel="$x_1$", ylabel="$x_2$", title="lines of equal L, a circle of steps", aspect=1)
right.plot(np.degrees(angles), promised, "k--", label="promised")
right.plot(np.degrees(angles), kept, "k.", markersize=4, label="kept")
right.axvline(np.degrees(np.arctan2(x.grad[1], x.grad[0])), color="0.6")
right.axhline(0, color="0.6", lw=0.8)
right.set(xlabel="direction of a step of length 0.2, degrees", ylabel="change of L")
right.set_xticks(range(0, 361, 45))
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# Two numbers answer for all directions. The promise is largest along $g$ (the grey line on the
# right), which is why training steps against it, and zero at a right angle to $g$, along the
# line of equal $L$: in the direction $(-3, 2)$ or $(3, -2)$. The truth is a little more than
# promised everywhere, because this bowl curves upwards everywhere.
#
# ## 3. The chain rule: promises of promises
#
# Nobody derives a whole network by hand. Each operation knows only its own promise, and the
# chain rule multiplies them: if $u$ moves 6 times as fast as $x$, and $L$ moves half as fast as
# $u$, then $L$ moves 3 times as fast as $x$.
#
# The engine multiplies *from the loss backwards*. Each operation is given
# $dy = \partial L / \partial y$ for its output, and returns
# $dx = dy \cdot \partial y / \partial x$ for its input. `backward_steps` is that walk, one
# operation at a time.
#
# *Predict first:* $L = \tanh(x^2 / 9)$ at $x = 3$. Three operations: which does the walk visit
# first, and what is the first `dy`?

# %%
x = Tensor(np.array(3.0), requires_grad=True)
L = F.tanh(x**2 / 9)
for node, dy, gradients in L.backward_steps():
    print(f"{node.operation.name:8} is given dy = {dy:.4f} and returns {gradients[0]:.4f}")
print(f"dL/dx = {x.grad:.4f}")

# %% [markdown]
# The first `dy` is 1: *the loss moves exactly as fast as itself*. Then each line's result is
# the next line's `dy`.
#
# **Why backwards?** Forwards would do as well for one $x$. But a walk forwards asks "what does
# this one input do to everything?" and must be made for each input; a walk backwards asks "what
# does everything do to this one loss?" and is made once. FlashLM v3 has 13,555,969 parameters
# and one loss.
#
# ## 4. Why `+=`
#
# *Predict first:* $L = x \cdot x + x$ at $x = 3$. How many gradients arrive at $x$, and what is
# their sum?

# %%
x = Tensor(np.array(3.0), requires_grad=True)
L = x * x + x
for node, _, gradients in L.backward_steps():
    sent = ", ".join(f"{gradient:g}" for gradient in gradients)
    print(f"{node.operation.name:8} returns {sent}; afterwards x.grad = {x.grad:g}")

# %% [markdown]
# Three arrive, one per *use*: $x$ stands in the formula three times. Move $x$ by $dx$ and all
# three move; their promises add up: $1 + 3 + 3 = 7 = 2x + 1$. `add` also returned a 1 that is
# not for $x$: it is for the product, and became that operation's `dy`.
#
# A tensor like `x`, which was not computed from others, is called a *leaf*. Leaves are where
# gradients are kept. What would `=` do? Here is a leaf that remembers only the last gradient
# that arrived. *Predict first:* what will it hold?


# %%
class Forgetful(Tensor):
    """A leaf that says = where the engine says +=."""

    def accumulate(self, gradient):
        self.grad = np.array(gradient)


x = Forgetful(np.array(3.0), requires_grad=True)
(x * x + x).backward()
print(f"with = in place of +=: {x.grad:g}")

# %% [markdown]
# No error, no NaN, just a wrong number, and one that a training run would follow for hours. The
# same `+=` explains a surprise that every beginner meets: gradients also add up from one
# `backward` to the next, until `zero_grad` clears them. (That is a feature: it is how several
# small batches make a large one.)

# %%
x = Tensor(np.array(3.0), requires_grad=True)
for _ in range(3):
    (x * x + x).backward()
    print(f"x.grad = {x.grad:g}")
x.zero_grad()
print(f"x.grad = {x.grad:g} after zero_grad")

# %% [markdown]
# ## 5. Why the sums: broadcasting is repeated use
#
# Adding a bias $b$ of shape (3,) to a batch of shape (4, 3) uses each $b_j$ four times, once
# per row.
#
# *Predict first:* what is the gradient of $b$ if $L$ is the sum of all twelve elements?

# %%
rows = np.arange(12.0).reshape(4, 3)
b = Tensor(np.zeros(3), requires_grad=True, name="b")
(rows + b).sum().backward()
print("broadcast   ", b.grad)
b.zero_grad()
L = sum((rows[i] + b).sum() for i in range(4))  # the same, with the four uses written out
L.backward()
print("written out ", b.grad)

# %% [markdown]
# Four uses, four ones, added up: the backward of a broadcast is a sum over the axis that was
# stretched. In [elementwise.py](../minigrad/ops/elementwise.py) that is `sum_to_shape`. Leave
# it out, and the gradient has the wrong *shape*; that is the kindest of all gradient bugs,
# because it is seen at once. (`gradcheck` is the checker that notebook 02 takes apart.)

# %%
unsummed = replace(TABLE["add"], backward=lambda dy, saved: (dy, dy))
try:
    gradcheck(unsummed, rows, b.data)
except GradientError as error:
    print(error)

# %% [markdown]
# ## 6. Why the order
#
# A *diamond*: $a = x \cdot x$ is used by $b = a \cdot a$ and by $L = a + b$. Gradients from
# both will arrive at $a$. When may the walk go on from there to $x$? When all are there: not
# before **all its users have spoken**.
#
# Here is a walk that does not wait. It goes on from an operation as soon as one gradient has
# arrived there. With `again=False` it visits each operation once; with `again=True` it comes
# back for each gradient that arrives later.
#
# *Predict first:* $x = 3$, so $a = 9$ and $dL/dx = (1 + 2a) \cdot 2x = 114$. What does the
# hasty walk find, without and with coming back?


# %%
def hasty_walk(loss, again):
    """The gradient of the only leaf, and how many operations were visited."""
    total, visits, seen = 0.0, 0, set()
    waiting = [(loss.node, np.ones_like(loss.data))]
    while waiting:
        node, dy = waiting.pop()
        if node in seen and not again:
            continue  # what arrives late is lost
        seen.add(node)
        visits += 1
        gradients = node.operation.backward(dy, node.saved)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if isinstance(parent, Tensor):
                total = total + gradient
            else:
                waiting.append((parent, gradient))
    return total, visits


# %%
x = Tensor(np.array(3.0), requires_grad=True)
a = x * x
L = a + a * a
for again in (False, True):
    found, visits = hasty_walk(L, again)
    print(f"hasty, again={again!s:5}  dL/dx = {found:3g} in {visits} visits")
sent = [gradients for _, _, gradients in L.backward_steps()]
print(f"the engine          dL/dx = {x.grad:3g} in {len(sent)} visits")

# %%
fig, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
spots = {"x": (0, 0), "a = x·x": (1.5, 0), "b = a·a": (3, 0.8), "L = a + b": (4.5, 0)}
style = {"ha": "center", "va": "center"}
texts = {
    label: axes.text(*spot, label, bbox={"fc": "white", "pad": 6}, zorder=3, **style)
    for label, spot in spots.items()
}
boxes = {label: text.get_bbox_patch() for label, text in texts.items()}
to_x, to_a, from_L = (  # who sends to whom, what, and how far the arrow bends
    [("a = x·x", "x", sent[2][0], 0.2), ("a = x·x", "x", sent[2][1], -0.2)],
    [("b = a·a", "a = x·x", sent[1][0], 0.2), ("b = a·a", "a = x·x", sent[1][1], -0.2)],
    [("L = a + b", "a = x·x", sent[0][0], -0.1), ("L = a + b", "b = a·a", sent[0][1], 0.1)],
)
lost = to_a[0], from_L[0]  # the hasty walk takes the newest first
for arrow in to_x + to_a + from_L:
    user, used, gradient, bend = arrow
    (x1, y1), (x0, y0) = spots[user], spots[used]
    look = {"arrowstyle": "->", "connectionstyle": f"arc3,rad={bend}", "lw": 1.4}
    look |= {"patchA": boxes[user], "patchB": boxes[used], "shrinkA": 2, "shrinkB": 2}
    look |= {"ls": "--" if arrow in lost else "-"}
    axes.annotate("", (x0, y0), (x1, y1), arrowprops=look)
    middle = (x0 + x1) / 2 + bend * (y0 - y1) / 2, (y0 + y1) / 2 - bend * (x0 - x1) / 2
    axes.text(*middle, f"{gradient:g}", bbox={"fc": "w", "ec": "w", "pad": 2}, **style)
axes.set(xlim=(-0.4, 5.1), ylim=(-0.45, 1.1), aspect=1)
axes.axis("off")
plt.show()

# %% [markdown]
# What the engine sent along each arrow: $1 + 9 + 9 = 19$ arrive at $a$, and only then does it
# send $19 \cdot 3$ twice. What came along the dashed arrows was late for the walk that never
# returns: it sent $9 \cdot 3$ twice. The one that returns is *right*, in 5 visits in place of
# 3: it walks every path from the loss to $x$ on its own, and the sum over all paths is the
# chain rule.
#
# You can step through the same diamond yourself. `step_through` shows every step of a
# computation, forward and backward, in a frame. Use the buttons, or click into the frame and
# use the arrow keys. Each backward step shows the upstream gradient (our `dy`), the local rule,
# the contribution, and the new total. A contribution of a second path is marked with `+=`.
# (GitHub shows no frames. There, a picture of the graph is folded below.)
#
# *Predict first:* tick "predict first" in the frame, and it asks you before each step.
# Operations are numbered there: $a$ is "multiply 1", $b$ "multiply 2". At "Backward 5 of 7",
# what is the total at $a$, and is it complete?

# %%
x = Tensor(np.array(3.0), requires_grad=True, name="x")


def diamond():
    a = x * x
    return a + a * a


step_through(diamond, title="A diamond")

# %% [markdown]
# So is the order only a matter of a few visits?
#
# ## 7. An experiment that surprises
#
# Stack $n$ diamonds: $a \leftarrow a + a$, $n$ times, from $a = x$. The derivative is $2^n$.
# The engine visits $n$ operations.
#
# *Predict first:* how many visits does the walk need that returns for every gradient, for
# $n = 15$? For a network of 100 layers, each of which adds its input to its output?


# %%
def doubled(n):
    x = Tensor(np.array(1.0), requires_grad=True)
    a = x
    for _ in range(n):
        a = a + a
    return a


depths = range(1, 16)
hasty = [hasty_walk(doubled(n), again=True)[1] for n in depths]
engine = [len(list(doubled(n).backward_steps())) for n in depths]
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogy(depths, hasty, "ks--", label="a walk for every path")
axes.semilogy(depths, engine, "k.-", label="the engine: first add, then go on")
axes.set(xlabel="n, diamonds one after the other", ylabel="operations visited")
axes.legend(fontsize=8)
plt.show()
print(f"n = 15: {hasty[-1]:,} visits against {engine[-1]}; n = 100 would be {2**100 - 1:.1e}")

# %% [markdown]
# Every diamond doubles the number of paths: $2^n - 1$ visits. So does every layer that adds its
# input to its output, and networks of 100 such layers are nothing unusual. Both walks compute
# the same number. Waiting until all users have spoken lets the engine *add first and multiply
# once*. That is all of backpropagation: the chain rule is more than three hundred years old;
# the order is what makes it cheap.
#
# **Why a topological order, and where does it come from?** *Topological* is the word for an
# order in which everything comes after all that it waits for. On the way back, an operation
# waits for its users. Small engines often find such an order with a recursive search, PyTorch
# by counting users. Here each operation is numbered when it is made. It can only use what
# exists already, so its number is larger than those of all its inputs, and *falling numbers are
# such an order*.
#
# *Predict first:* in which order does the engine walk the diamond below? Which two operations
# could change places without harm?

# %%
x = Tensor(np.array(0.5), requires_grad=True)
a = x * 2
L = F.exp(a) * F.tanh(a)
first = a.node.number
for node, _, _ in L.backward_steps():
    print(f"number {node.number - first} {node.operation.name}")

# %% [markdown]
# `exp` and `tanh` could: both have one user, number 3, and it has spoken. Number 0 must come
# last.
#
# **Why no recursion?** Because a chain of 20,000 operations is nothing unusual (a loop over the
# positions of a text makes one), and Python's stack is not that deep.


# %%
def recursive_walk(node, dy):
    """As in many a tutorial: a walk that calls itself for each input."""
    gradients = node.operation.backward(dy, node.saved)
    for parent, gradient in zip(node.parents, gradients, strict=True):
        if not isinstance(parent, Tensor) and parent is not None:
            recursive_walk(parent, gradient)


x = Tensor(np.array(1.0), requires_grad=True)
L = x
for _ in range(20_000):
    L = L * 0.9999
try:
    recursive_walk(L.node, np.ones(()))
except RecursionError:
    print(f"recursion: RecursionError, Python's limit is {sys.getrecursionlimit()} calls")
L.backward()
print(f"the engine: dL/dx = {x.grad:.6f}, and 0.9999^20000 = {0.9999**20_000:.6f}")

# %% [markdown]
# ## 8. Where did this gradient come from?
#
# A small layer, $h = \mathrm{relu}(Wx + b)^2$, with $x = (1, 0.5)$, and a loss that wants both
# elements of $h$ to be 1.
#
# *Predict first:* one row of `W.grad` will be zero. Which one, and who decided that?

# %%
W = Tensor(np.array([[1.0, -0.5], [-1.0, 0.25]]), requires_grad=True, name="W")
b = Tensor(np.array([0.1, 0.1]), requires_grad=True, name="b")
inputs = np.array([[1.0, 0.5]])
with trace() as steps:
    L = ((F.relu_squared(F.linear(inputs, W, b)) - 1) ** 2).mean()
    L.backward()
print(steps)
print("W.grad =", W.grad.round(4).tolist())

# %% [markdown]
# Read the backward lines from the top, as the walk went. `linear` returned a zero row because
# its `dy` had a zero; that `dy` came from `relu_squared`, whose second element had been cut off
# on the way forward: $-1 + 0.125 + 0.1 < 0$. The loss *did* ask for a change there (`power`
# sent a −1); the closed ReLU did not pass it on. That is the general method: **walk from the
# strange gradient towards the loss until it is not strange any more.**
#
# Here is the same layer with a penalty on its weights, $0.1 \cdot \mathrm{mean}(W^2)$.
#
# *Predict first:* is the second row of the gradient still zero? If not, which numbers stand in
# it, and by which path do they come? Then step through it until you can point to the step. (A
# click on a value pins it; "check" sets a numeric gradient beside each one.)

# %%
def penalized():
    error = F.relu_squared(F.linear(inputs, W, b)) - 1
    return (error**2).mean() + 0.1 * (W * W).mean()


step_through(penalized)

# %% [markdown]
# The penalty has a path of its own: $W \cdot W$ sends $0.05\,W$ in two halves, and they are all
# that the second row gets. With a path, `step_through(penalized, "out.html")` also writes the
# page to a file, which needs no server and no network, and beside it the picture of the graph.
#
# ## Exercises
#
# 1. *Think.* In part 2 the truth was more than promised in every direction. Give a function and
#    a point where it is less in every direction, and one where it depends on the direction.
# 2. *Change.* In `hasty_walk`, take the *oldest* waiting gradient, `waiting.pop(0)`, and not
#    the newest. Predict what it finds for the diamond with `again=False`; then run it. For
#    which graphs is the walk right all the same, whichever it takes?
# 3. *Change.* Write `L = (rows * b[:, None]).sum()` for a `b` of shape (4,). Along which axis
#    must the gradient be summed, and where does it lose its extra axis? Check with `trace`.
# 4. *Change.* With a `Forgetful` leaf, exchange the terms of part 4: `x + x * x`. Why is the
#    wrong number the same? Write the formula so that it becomes 1 (a step more is allowed).
# 5. *Workbook.* Write the functions in `01_add.py`, then `python3 run.py course check DIR add`
#    in the project's folder (or, with `.venv` active, `flashlm course check DIR add`). DIR is
#    your workbook; `python3 run.py course start DIR` makes one. Then `multiply`, `sum` and
#    `matmul`. The grader shows a wrong element of a small input; part 8 says how to go on from
#    there. Whoever wants the engine itself: `accumulate` and `backward_steps`.
#
# Next, [notebook 02](02_check_every_gradient.ipynb) makes a test of the promise, and breaks it
# in as many ways as people do.
