"""A language model in one file of plain Python. It needs nothing else.

It reads text and gives each character of its alphabet a probability of coming next. It learns
from the first lines of 300 stories, in about a minute. Read the five parts in their order:

    1. text       Characters become whole numbers. A training step sees two short windows.
    2. numbers    A number remembers how it was computed. So its gradient can be found.
    3. model      From a character, and a few before it, to a score for each next character.
    4. training   Compute the loss, go backward to all gradients, move each weight a little.
    5. writing    Draw the next character, append it, and ask again.

The model is a small FlashLM. Its matrices hold -1, 0 and +1, times one scale. A gated causal
convolution reads the past, and a gated linear unit (GLU) computes at each position.

    python notebooks/ladder/rung1_scalars.py
"""

import math
import random

# -- 1. Text: characters become whole numbers ----------------------------------------------

with open(__file__.replace("rung1_scalars.py", "stories.txt"), encoding="utf-8") as file:
    TEXT = file.read()  # one line for each story

ALPHABET = sorted(set(TEXT))  # the end of a line is the first: its id is 0
IDS = [ALPHABET.index(character) for character in TEXT]

V = len(ALPHABET)
B, T = 2, 32  # windows in a training step, and characters that each one predicts
D, H, K = 24, 32, 8  # numbers per position, numbers inside the GLU, positions a kernel sees
STEPS, RATE = 300, 0.02  # training steps, and the size of the first one


def windows(rng):
    """B windows of T + 1 ids from random places of the text."""
    starts = [rng.randrange(len(IDS) - T) for _ in range(B)]
    return [IDS[start : start + T + 1] for start in starts]


# -- 2. Numbers that remember how they were computed ---------------------------------------

GRAPH = []  # all numbers in the order in which they were made


class Number:
    """A number, and the numbers it was computed from: its parents.

    The slope of a parent says how fast this number changes when that parent changes.
    """

    def __init__(self, value, parents=(), slopes=()):
        self.value, self.parents, self.slopes = value, parents, slopes
        self.gradient = 0.0  # how fast the loss changes when this number changes
        GRAPH.append(self)

    def __add__(self, other):
        return Number(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Number(self.value * other.value, (self, other), (other.value, self.value))


def backward(loss):
    """The chain rule: each number gives its parents its own gradient, times their slopes."""
    loss.gradient = 1.0
    for number in reversed(GRAPH):  # a child comes before its parents, down to the weights
        gradient = number.gradient
        for parent, slope in zip(number.parents, number.slopes):
            parent.gradient += slope * gradient  # +=, because a parent may have many children
    GRAPH.clear()


def dot(xs, ws):
    """x0 w0 + x1 w1 + ... as one number. The slope of a factor is the other factor."""
    total = sum(x.value * w.value for x, w in zip(xs, ws))
    return Number(total, xs + ws, [n.value for n in ws + xs])


def linear(xs, matrix):
    return [dot(xs, row) for row in matrix]


def add(xs, ys):
    return [x + y for x, y in zip(xs, ys)]


def sigmoid(x):
    """A gate between 0, closed, and 1, open."""
    s = 1 / (1 + math.exp(-x.value))
    return Number(s, (x,), (s * (1 - s),))


def relu_squared(x):
    """A gate that is closed for negative x, and opens without a limit."""
    r = max(x.value, 0.0)
    return Number(r * r, (x,), (2 * r,))


def norm(xs, gains):
    """Scale xs to a mean square of 1, because sums grow from layer to layer; then by gains."""
    squares = dot(xs, xs)
    r = (squares.value / D + 1e-8) ** -0.5
    r = Number(r, (squares,), (-0.5 * r**3 / D,))  # the slope of s^(-1/2) is -1/2 s^(-3/2)
    return [x * r * gain for x, gain in zip(xs, gains)]


def ternary(matrix):
    """Round each weight to -1, 0 or +1, times one scale: the mean size of the weights."""
    sizes = [abs(w.value) for row in matrix for w in row]
    scale = sum(sizes) / len(sizes)

    def rounded(w):
        sign = (w.value > scale / 2) - (w.value < -scale / 2)
        # The true slope is 0 nearly everywhere, and w would never learn. We pretend it is 1.
        return Number(scale * sign, (w,), (1.0,))

    return [[rounded(w) for w in row] for row in matrix]


def surprise(logits, answer):
    """-ln p of the answer, in nats: 0 if the model was sure of it; ln V = 3.9 for a guess."""
    exps = [math.exp(z.value) for z in logits]
    total = sum(exps)
    p = [e / total for e in exps]  # the softmax: a probability for each character
    slopes = [*p[:answer], p[answer] - 1, *p[answer + 1 :]]  # negative for the answer only
    return Number(-math.log(p[answer]), logits, slopes)


def mean(numbers):
    n = len(numbers)
    return Number(sum(number.value for number in numbers) / n, numbers, [1 / n] * n)


# -- 3. The model --------------------------------------------------------------------------

TERNARY = ("in", "out", "gate", "up", "down")


def initial_weights():
    """Matrices of small random numbers, and gains of 1 for the norms."""
    rng = random.Random(1)
    shapes = {"embedding": (V, D), "in": (2 * D, D), "kernel": (D, K), "out": (D, D)}
    shapes |= {"gate": (H, D), "up": (H, D), "down": (D, H)}
    weights = {
        name: [[rng.gauss(0.0, 0.1) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes.items()
    }
    return weights | {name: [[1.0] * D] for name in ("norm1", "norm2", "norm3")}


def next_logits(w, i, past):
    """A score, called logit, of each character to follow i. `past` holds earlier values."""
    x = w["embedding"][i]  # D numbers stand for the character; each part below adds to them

    # The mixer. Only here does a position learn about earlier ones, and never about later ones.
    both = linear(norm(x, w["norm1"][0]), w["in"])
    gates, values = both[:D], both[D:]
    past.append(values)
    seen = past[-K:]  # from the oldest position that the kernel sees to this one
    kernels = [kernel[-len(seen) :] for kernel in w["kernel"]]
    sums = [dot([earlier[d] for earlier in seen], kernels[d]) for d in range(D)]
    gated = [sigmoid(gate) * h for gate, h in zip(gates, sums)]
    x = add(x, linear(gated, w["out"]))

    # The gated linear unit. It computes at this position alone.
    n = norm(x, w["norm2"][0])
    gates, ups = linear(n, w["gate"]), linear(n, w["up"])
    gated = [relu_squared(gate) * up for gate, up in zip(gates, ups)]
    x = add(x, linear(gated, w["down"]))

    # A character scores high if its own row of the embedding points in x's direction.
    return linear(norm(x, w["norm3"][0]), w["embedding"])


class Model:
    def __init__(self, steps=STEPS):
        self.weights = {
            name: [[Number(w) for w in row] for row in matrix]
            for name, matrix in initial_weights().items()
        }
        self.all = [w for matrix in self.weights.values() for row in matrix for w in row]
        self.m, self.v = [0.0] * len(self.all), [0.0] * len(self.all)  # for Adam
        self.steps, self.taken = steps, 0

    def rounded(self):
        return self.weights | {name: ternary(self.weights[name]) for name in TERNARY}

    # -- 4. Training -----------------------------------------------------------------------

    def step(self, windows):
        """Take one training step, and return the loss before it, in nats per character."""
        w, losses = self.rounded(), []
        for window in windows:
            past = []
            for i, answer in zip(window, window[1:]):
                losses.append(surprise(next_logits(w, i, past), answer))
        loss = mean(losses)
        backward(loss)
        self.adam()
        return loss.value

    def adam(self):
        """Move each weight against m, its mean gradient of late, over its usual size √v."""
        self.taken += 1
        rate = RATE * (1 - self.taken / (self.steps + 1))  # ever smaller steps
        c1, c2 = 1 - 0.9**self.taken, 1 - 0.95**self.taken  # m and v start at 0, too small
        for i, w in enumerate(self.all):
            g, w.gradient = w.gradient, 0.0
            self.m[i] += 0.1 * (g - self.m[i])
            self.v[i] += 0.05 * (g * g - self.v[i])
            w.value -= rate * (self.m[i] / c1) / (math.sqrt(self.v[i] / c2) + 1e-8)

    def logits(self, ids):
        """The logits of the character after ids."""
        w, past = self.rounded(), []
        for i in ids[-K:]:  # the model sees no further
            logits = next_logits(w, i, past)
        GRAPH.clear()
        return [z.value for z in logits]


def train(model):
    """Take the model's steps, and yield the loss of each."""
    rng = random.Random(2)
    for _ in range(model.steps):
        yield model.step(windows(rng))


# -- 5. Writing ----------------------------------------------------------------------------


def write(model, length=200):
    """Draw a character by its probability, append it, and ask again."""
    rng, ids = random.Random(3), [0]  # a story begins after the end of a line
    for _ in range(length):
        # Logits times 3 make likely characters likelier, and the text less wild.
        ids += rng.choices(range(V), [math.exp(3 * z) for z in model.logits(ids)])
    return "".join(ALPHABET[i] for i in ids[1:])


if __name__ == "__main__":
    from watch import watch  # prints the losses, the time, and what the model writes

    watch(Model)
