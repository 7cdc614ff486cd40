# %% [markdown]
# # 01 · A derivative is a linear approximation
#
# **The question.** Which statement does a gradient make about a function? And how can a program
# compute it through thousands of operations, each of which knows only its own formula?
#
# Such a program is called an *autograd engine*. This notebook goes from one number to tensors.
# On the way it answers the questions that readers of an engine usually ask: why in *this*
# order, why `+=`, why the sums, and "where did this gradient come from?"
#
# **On the student's path.** This notebook explains [engine.py](../minigrad/engine.py),
# [tensor.py](../minigrad/tensor.py) and [elementwise.py](../minigrad/ops/elementwise.py). The
# engine has fewer than 150 lines, comments included.
#
# Put each prediction in place of `...`, and run that cell before the cell below it. You learn
# most from the comparison.

# %%
import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flashlm_np.course.predictions import Predictions
from minigrad import TABLE, Tensor
from minigrad import functional as F
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.look import step_through, trace

mine = Predictions("01")

# %% [markdown]
# ## 1. One number
#
# Let $L = x^3 - 2x$. The derivative $g$ at a point $x$ gives a *linear estimate*: if $x$ moves
# by a small $dx$, then $L$ changes by about $g \cdot dx$.
#
# *Predict first:* the derivative $g$ at $x = 1.2$, and the derivative at a point where $L$ has
# a local minimum.

# %%
mine.predict("derivative of x³ - 2x at 1.2", ...)


# %%
def cubic(x):
    return x**3 - 2 * x


x = Tensor(np.array(1.2), requires_grad=True)
cubic(x).backward()
g = x.grad.item()
print(f"g = {g:.4f}, by hand 3·1.2² - 2 = {3 * 1.2**2 - 2:.4f}")
mine.reveal("derivative of x³ - 2x at 1.2", g)

# %% [markdown]
# At a local minimum $g = 0$. With any other slope, $L$ would fall in one of the two directions.
#
# The word "about" is important. The linear estimate follows a straight line, and the function
# follows a curve. The *error* is the true change minus the estimate.
#
# *Predict first:* make $dx$ ten times smaller. How many times smaller does the error become?

# %%
mine.predict("how many times smaller the error becomes", ...)

# %%
start = cubic(x).item()
steps = np.array([0.5, 0.05, 0.005])
true_changes = cubic(Tensor(1.2 + steps)).data - start
errors = true_changes - g * steps
for dx, change, error in zip(steps, true_changes, errors, strict=True):
    print(f"dx {dx:5}: estimate {g * dx:.6f}, true change {change:.6f}, error {error:.6f}")
mine.reveal("how many times smaller the error becomes", errors[1] / errors[2])

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
line = np.linspace(0.4, 2.0, 200)
left.plot(line, cubic(Tensor(line)).data, "k-", label="the function $L(x)$")
left.plot(line, start + g * (line - 1.2), "k--", label="the line of slope $g$")
left.plot(
    [1.7, 1.7], [start, start + g * 0.5], color="0.55", lw=5, label="estimate, $g \\cdot dx$"
)
left.plot([1.7, 1.7], [start + g * 0.5, start + true_changes[0]], "k:", lw=3, label="error")
left.plot([1.2, 1.7], [start, start], color="0.55", lw=1)
left.text(1.45, start - 0.45, "$dx$", ha="center")
left.plot(1.2, start, "ko")
left.set(xlabel="x", ylabel="L")
left.legend(fontsize=8)
sizes = np.logspace(-4, 0, 30)
errors = cubic(Tensor(1.2 + sizes)).data - start - g * sizes
right.loglog(sizes, g * sizes, "k--", label="linear estimate")
right.loglog(sizes, errors, "k.-", label="error")
right.set(xlabel="dx", ylabel="change of L")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# The error becomes about a hundred times smaller: the estimate shrinks like $dx$, the error
# like $dx^2$. The right picture shows this. Where $dx$ falls by one decade, the estimate falls
# by one decade and the error by two. This property defines the derivative: the error of any
# other slope shrinks only like $dx$ itself. [Notebook 02](02_check_every_gradient.ipynb) makes
# a test of it.
#
# ## 2. Many numbers
#
# If $x$ has many elements, $L$ is still one number, and there is one slope per element. The
# linear estimate is $dL \approx \sum_i g_i\, dx_i$. It holds for *every* small step, also for
# one that moves all elements at once. So $g$ has the shape of $x$.
#
# *Predict first:* let $L = x_1^2 + 3 x_2^2$ and $x = (1, 0.5)$. In which direction does $L$ not
# change?


# %%
def bowl(x):
    return (x * x * np.array([1.0, 3.0])).sum(axis=-1)  # (..., 2) -> (...)


x = Tensor(np.array([1.0, 0.5]), requires_grad=True, name="x")
bowl(x).backward()
print("g =", x.grad, "of shape", x.grad.shape)
angles = np.linspace(0, 2 * np.pi, 73)
directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)  # (73, 2), each of length 1
estimates = 0.2 * directions @ x.grad
true_changes = bowl(Tensor(x.data + 0.2 * directions)).data - bowl(x).item()

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
right.plot(np.degrees(angles), estimates, "k--", label="linear estimate")
right.plot(np.degrees(angles), true_changes, "k.", markersize=4, label="true change")
right.axvline(np.degrees(np.arctan2(x.grad[1], x.grad[0])), color="0.6")
right.axhline(0, color="0.6", lw=0.8)
right.set(xlabel="direction of a step of length 0.2, degrees", ylabel="change of L")
right.set_xticks(range(0, 361, 45))
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# Two numbers give the slope in every direction. The estimate is largest in the direction of $g$
# (the grey line on the right). This is why training steps in the opposite direction. The
# estimate is 0 at a right angle to $g$, along the line of equal $L$: in the direction $(-3, 2)$
# or $(3, -2)$. The true change is larger than the estimate in every direction, because this
# function curves upwards in every direction.
#
# ## 3. The chain rule
#
# Nobody derives the gradient of a whole network by hand. Each operation knows only its own
# derivative, and the chain rule multiplies the derivatives. An example: if $u$ changes 6 times
# as fast as $x$, and $L$ changes half as fast as $u$, then $L$ changes 3 times as fast as $x$.
#
# The engine multiplies *from the loss backwards*. Each operation receives the gradient of its
# output, $dy = \partial L / \partial y$. It returns the gradient of its input, $dx = dy \cdot
# \partial y / \partial x$. The method `backward_steps` is this walk, one operation at a time.
#
# *Predict first:* $L = \tanh(x^2 / 9)$ at $x = 3$ has three operations. Which one does the walk
# visit first, and which `dy` does it receive?

# %%
mine.predict("operation that is visited first", ..., choices=("power", "divide", "tanh"))
mine.predict("dy that the first operation receives", ...)

# %%
x = Tensor(np.array(3.0), requires_grad=True)
L = F.tanh(x**2 / 9)
walk = list(L.backward_steps())
for node, dy, gradients in walk:
    print(f"{node.operation.name:8} is given dy = {dy:.4f} and returns {gradients[0]:.4f}")
print(f"dL/dx = {x.grad:.4f}")
first, dy, _ = walk[0]
mine.reveal("operation that is visited first", first.operation.name)
mine.reveal("dy that the first operation receives", dy)

# %% [markdown]
# The first `dy` is 1, because $\partial L / \partial L = 1$. The result of each line is the
# `dy` of the next line.
#
# **Why backwards?** For one $x$, a walk forwards would work as well. A walk forwards computes
# how one input changes everything, so each input needs a walk of its own. A walk backwards
# computes how everything changes one loss, so one walk is enough. FlashLM v3 has 13,555,969
# parameters and one loss.
#
# ## 4. Why `+=`
#
# *Predict first:* let $L = x \cdot x + x$ and $x = 3$. How many gradients arrive at $x$, and
# what is their sum?

# %%
mine.predict("gradients that arrive at x", ...)
mine.predict("sum of the gradients at x", ...)

# %%
x = Tensor(np.array(3.0), requires_grad=True)
L = x * x + x
arrived = 0
for node, _, gradients in L.backward_steps():
    returned = ", ".join(f"{gradient:g}" for gradient in gradients)
    print(f"{node.operation.name:8} returns {returned}; afterwards x.grad = {x.grad:g}")
    arrived += sum(parent is x for parent in node.parents)
mine.reveal("gradients that arrive at x", arrived)
mine.reveal("sum of the gradients at x", x.grad)

# %% [markdown]
# Three gradients arrive, one per *use*: $x$ stands in the formula three times. A change of $x$
# by $dx$ changes all three, and their effects on $L$ add up: $1 + 3 + 3 = 7 = 2x + 1$. The
# other 1 that `add` returned is not for $x$. It belongs to the product $x \cdot x$, and is the
# `dy` of `multiply`.
#
# A tensor that was not computed from others, such as `x`, is called a *leaf*. The engine stores
# gradients in leaves. The class below is a leaf with `=` in place of `+=`, so it keeps only the
# gradient that arrived last.
#
# *Predict first:* the gradient that it holds in the end.

# %%
mine.predict("gradient that the overwriting leaf holds", ...)


# %%
class Overwriting(Tensor):
    """A leaf that overwrites its gradient, where a Tensor adds to it."""

    def accumulate(self, gradient):
        self.grad = np.array(gradient)


x = Overwriting(np.array(3.0), requires_grad=True)
(x * x + x).backward()
print(f"with = in place of +=: {x.grad:g}")
mine.reveal("gradient that the overwriting leaf holds", x.grad)

# %% [markdown]
# There is no error and no NaN, only a wrong number, and a training run would use it for hours.
# The same `+=` explains a usual surprise: gradients also add up from one call of `backward` to
# the next, until `zero_grad` clears them. This is intended: the gradients of several small
# batches add up to the gradient of a large batch.

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
# *Predict first:* let $L$ be the sum of all twelve elements. Which gradient does each $b_j$
# get?

# %%
mine.predict("gradient of each element of b", ...)

# %%
rows = np.arange(12.0).reshape(4, 3)
b = Tensor(np.zeros(3), requires_grad=True, name="b")
(rows + b).sum().backward()
print("broadcast   ", b.grad)
b.zero_grad()
L = sum((rows[i] + b).sum() for i in range(4))  # the same, one use per row
L.backward()
print("written out ", b.grad)
mine.reveal("gradient of each element of b", b.grad[0])

# %% [markdown]
# Each $b_j$ has four uses, each use sends a 1, and the four add up. The backward of a broadcast
# is a sum over the axis that was stretched. In [elementwise.py](../minigrad/ops/elementwise.py)
# the function `sum_to_shape` computes this sum. Without it the gradient has the wrong *shape*.
# A wrong shape is the most harmless of all gradient bugs, because it is found at once.
# (Notebook 02 explains the checker, `gradcheck`.)

# %%
unsummed = replace(TABLE["add"], backward=lambda dy, saved: (dy, dy))
try:
    gradcheck(unsummed, rows, b.data)
except GradientError as error:
    print(error)

# %% [markdown]
# ## 6. Why the order
#
# In a *diamond*, two paths lead from the loss to the same value. Here $a = x \cdot x$ is used
# by $b = a \cdot a$ and by $L = a + b$, so two gradients arrive at $a$. When may the walk go on
# from $a$ to $x$? **Only after every user of $a$ has sent its gradient.**
#
# The walk below does not wait. It goes on from an operation as soon as one gradient has arrived
# there. With `revisit=False` it visits each operation once. With `revisit=True` it visits an
# operation again for each gradient that arrives later.
#
# *Predict first:* at $x = 3$, $a = 9$ and $dL/dx = (1 + 2a) \cdot 2x = 114$. Which result does
# this walk find, without and with repeated visits?

# %%
mine.predict("dL/dx without repeated visits", ...)
mine.predict("dL/dx with repeated visits", ...)


# %%
def walk_without_waiting(loss, revisit):
    """Return the gradient of the only leaf, and the number of visits."""
    total, visits, seen = 0.0, 0, set()
    waiting = [(loss.node, np.ones_like(loss.data))]
    while waiting:
        node, dy = waiting.pop()
        if node in seen and not revisit:
            continue  # a gradient that arrives late is lost
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
found = {}
for revisit in (False, True):
    found[revisit], visits = walk_without_waiting(L, revisit)
    print(f"revisit={revisit!s:5}  dL/dx = {found[revisit]:3g} in {visits} visits")
sent = [gradients for _, _, gradients in L.backward_steps()]
print(f"the engine     dL/dx = {x.grad:3g} in {len(sent)} visits")
mine.reveal("dL/dx without repeated visits", found[False])
mine.reveal("dL/dx with repeated visits", found[True])

# %%
fig, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
spots = {"x": (0, 0), "a = x·x": (1.5, 0), "b = a·a": (3, 0.8), "L = a + b": (4.5, 0)}
style = {"ha": "center", "va": "center"}
texts = {
    label: axes.text(*spot, label, bbox={"fc": "white", "pad": 6}, zorder=3, **style)
    for label, spot in spots.items()
}
boxes = {label: text.get_bbox_patch() for label, text in texts.items()}
to_x, to_a, from_L = (  # sender, receiver, gradient, curvature of the arrow
    [("a = x·x", "x", sent[2][0], 0.2), ("a = x·x", "x", sent[2][1], -0.2)],
    [("b = a·a", "a = x·x", sent[1][0], 0.2), ("b = a·a", "a = x·x", sent[1][1], -0.2)],
    [("L = a + b", "a = x·x", sent[0][0], -0.1), ("L = a + b", "b = a·a", sent[0][1], 0.1)],
)
lost = to_a[0], from_L[0]  # with revisit=False; the newest gradient is taken first
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
# The numbers are the gradients that the engine sent along the arrows. The gradients $1 + 9 + 9
# = 19$ arrive at $a$, and only then does the engine send $19 \cdot 3$ twice. The dashed arrows
# arrive too late for the walk that visits each operation once. It sent $9 \cdot 3$ twice. The
# walk with repeated visits is *right*, but it needs 5 visits and the engine 3. It follows every
# path from the loss to $x$ separately, and the sum over all paths is the chain rule.
#
# You can step through the same diamond yourself. `step_through` shows every step of a
# computation, forward and backward, in a frame. Use the buttons, or click into the frame and
# use the arrow keys. Each backward step shows the upstream gradient (our `dy`), the local rule,
# the contribution, and the new total. A contribution of a second path is marked with `+=`.
# (GitHub shows no frames. There, a picture of the graph is folded below.)
#
# *Predict first:* tick "predict first" in the frame, and it asks you before each step. The
# frame numbers the operations: $a$ is "multiply 1", $b$ is "multiply 2". At "Backward 5 of 7",
# which total does $a$ have, and is it complete?

# %%
x = Tensor(np.array(3.0), requires_grad=True, name="x")


def diamond():
    a = x * x
    return a + a * a


step_through(diamond, title="A diamond")

# %% [markdown]
# So far, the wrong order cost only a few extra visits.
#
# ## 7. An experiment that surprises
#
# Stack $n$ diamonds: start with $a = x$ and repeat $a \leftarrow a + a$ for $n$ times. The
# derivative is $2^n$. The engine visits $n$ operations.
#
# *Predict first:* how many visits does the walk with repeated visits need for $n = 15$? And for
# a network of 100 layers, each of which adds its input to its output?

# %%
mine.predict("visits for 15 diamonds", ...)


# %%
def doubled(n):
    x = Tensor(np.array(1.0), requires_grad=True)
    a = x
    for _ in range(n):
        a = a + a
    return a


depths = range(1, 16)
repeated = [walk_without_waiting(doubled(n), revisit=True)[1] for n in depths]
engine = [len(list(doubled(n).backward_steps())) for n in depths]
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.semilogy(depths, repeated, "ks--", label="a visit for every path")
axes.semilogy(depths, engine, "k.-", label="the engine: add first, then go on")
axes.set(xlabel="n, the number of diamonds", ylabel="operations visited")
axes.legend(fontsize=8)
plt.show()
print(
    f"n = 15: {repeated[-1]:,} visits against {engine[-1]}; n = 100 would be {2**100 - 1:.1e}"
)
mine.reveal("visits for 15 diamonds", repeated[-1])

# %% [markdown]
# Every diamond doubles the number of paths, and the walk needs $2^n - 1$ visits. A layer that
# adds its input to its output doubles it as well, and networks of 100 such layers are common.
# Both walks compute the same number. The engine waits until every user has sent its gradient,
# so it can *add first and multiply once*. This is the idea of backpropagation. The chain rule
# is more than three hundred years old; the order makes it cheap.
#
# **Where does the topological order come from?** An order is *topological* if everything comes
# after all that it depends on. In the backward pass, an operation depends on its users. Small
# engines often find a topological order with a recursive search, and PyTorch counts the users.
# Here each operation gets a number when it is created. It can use only values that exist
# already, so its number is larger than the numbers of all its inputs. Therefore *falling
# numbers are a topological order*.
#
# *Predict first:* in which order does the engine walk the diamond below? Which two operations
# could change places without any effect?

# %%
x = Tensor(np.array(0.5), requires_grad=True)
a = x * 2
L = F.exp(a) * F.tanh(a)
first = a.node.number
for node, _, _ in L.backward_steps():
    print(f"number {node.number - first} {node.operation.name}")

# %% [markdown]
# `exp` and `tanh` could change places. Both have only one user, number 3, and it has sent its
# gradients. Number 0 must come last.
#
# **Why no recursion?** A chain of 20,000 operations is common: a loop over the positions of a
# text makes one. Python's stack is not deep enough for 20,000 nested calls.


# %%
def recursive_walk(node, dy):
    """Walk backward with one nested call per operation, as many tutorials do."""
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
# The example is a small layer, $h = \mathrm{relu}(Wx + b)^2$ with $x = (1, 0.5)$. The loss is
# the mean of $(h - 1)^2$, so it is smallest where both elements of $h$ are 1.
#
# *Predict first:* one row of `W.grad` will be zero. Which row, and which operation caused it?

# %%
mine.predict("zero row of W.grad", ..., choices=("first", "second"))

# %%
W = Tensor(np.array([[1.0, -0.5], [-1.0, 0.25]]), requires_grad=True, name="W")
b = Tensor(np.array([0.1, 0.1]), requires_grad=True, name="b")
inputs = np.array([[1.0, 0.5]])
with trace() as steps:
    L = ((F.relu_squared(F.linear(inputs, W, b)) - 1) ** 2).mean()
    L.backward()
print(steps)
print("W.grad =", W.grad.round(4).tolist())
mine.reveal("zero row of W.grad", "second" if W.grad[0].any() else "first")

# %% [markdown]
# Read the backward lines from the top, in the order of the walk. `linear` returned a zero row
# because its `dy` had a zero. That `dy` came from `relu_squared`. Its second input was
# negative, $-1 + 0.125 + 0.1 < 0$, and there ReLU² has an output and a slope of zero. The loss
# *did* send a gradient for this element: `power` returned a −1. But ReLU² did not pass it on.
# The general method is: **walk from the unexpected gradient towards the loss, until you reach a
# gradient that you expect.**
#
# The function below adds a penalty on the weights, $0.1 \cdot \mathrm{mean}(W^2)$, to the same
# loss.
#
# *Predict first:* is the second row of the gradient still zero? If not, which numbers does it
# contain, and along which path did they come? Then step through it until you can point to the
# step. (A click on a value pins it. The button "check" shows a numeric gradient beside each
# gradient.)


# %%
def penalized():
    error = F.relu_squared(F.linear(inputs, W, b)) - 1
    return (error**2).mean() + 0.1 * (W * W).mean()


step_through(penalized)

# %% [markdown]
# The penalty has a path of its own. $W \cdot W$ sends $0.05\,W$ in two halves, and the second
# row gets nothing else. With a path, `step_through(penalized, "out.html")` also writes the page
# to a file, which needs no server and no network. It writes the picture of the graph beside it.
#
# ## Exercises
#
# 1. *Think.* In part 2 the true change was larger than the estimate in every direction. Find a
#    function and a point where it is smaller in every direction, and another where this depends
#    on the direction.
# 2. *Change.* In `walk_without_waiting`, take the *oldest* waiting gradient, `waiting.pop(0)`,
#    in place of the newest. Predict the result for the diamond with `revisit=False`, then run
#    it. For which graphs is the walk right with either choice?
# 3. *Change.* Write `L = (rows * b[:, None]).sum()` for a `b` of shape (4,). Along which axis
#    must the gradient be summed? Which operation removes the extra axis? Check with `trace`.
# 4. *Change.* With an `Overwriting` leaf, exchange the terms of part 4: `x + x * x`. Why is the
#    wrong number the same? Write the formula so that the wrong number is 1. (You may add one
#    operation.)
# 5. *Workbook.* Write the functions in `01_add.py`. Then run `python3 run.py course check DIR
#    add` in the project's folder (or, with `.venv` active, `flashlm course check DIR add`). DIR
#    is your workbook, and `python3 run.py course start DIR` makes one. Continue with
#    `multiply`, `sum` and `matmul`. The grader shows a wrong element for a small input; part 8
#    explains how to find its cause. To write the engine itself, do `accumulate` and
#    `backward_steps`.
#
# Next, [notebook 02](02_check_every_gradient.ipynb) tests gradients with small steps, and
# plants the mistakes that people usually make.

# %%
mine.show()
