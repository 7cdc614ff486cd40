"""The model of rung 1 with arrays: no graph, and a backward pass that is written by hand.

Rung 1 makes 39,000 numbers in each step, and remembers 740,000 slopes. Most of them are alike:
every row of a matrix does the same with other numbers. Here one array holds all of them, and
NumPy computes each line for all windows, positions and rows at once. This adds two things:

    speed        A step takes a hundredth of the time. The loops run inside NumPy.
    derivation   Nothing records the computation. So each forward line has its backward line,
                 derived on paper. `backward` reads like `forward` from the end to the start.

    a name       is a value of the forward pass, such as h
    d and a name is its gradient, ∂loss/∂h, an array of the same shape

Comments give shapes. B windows, T positions, D numbers; V characters, H in the GLU, K taps.

    python notebooks/ladder/rung2_arrays.py
"""

import numpy as np
from rung1_scalars import RATE, STEPS, TERNARY, K, initial_weights

# -- Layers: a forward pass, and a backward pass from dy, the gradient of its result ---------


def linear_backward(dy, x, w):
    """y = x wᵀ: each x met every row of w, and each w met every position."""
    dw = dy.reshape(-1, dy.shape[-1]).T @ x.reshape(-1, x.shape[-1])  # the shape of w
    return dy @ w, dw


def norm(x, gain):
    r = ((x * x).mean(axis=-1, keepdims=True) + 1e-8) ** -0.5  # (B, T, 1)
    return x * r * gain, r


def norm_backward(dy, x, gain, r):
    """A longer x gives the same n, so the part of dn along n is taken away."""
    n, dn = x * r, dy * gain  # (B, T, D)
    dx = r * (dn - n * (dn * n).mean(axis=-1, keepdims=True))
    return dx, (dy * n).sum(axis=(0, 1))[None]  # (B, T, D), (1, D)


def convolution(v, kernel):
    """Tap K-1 sees a position itself, tap K-2 the one before, and so on: never a later one."""
    h = np.zeros_like(v)  # (B, T, D)
    for lag in range(min(K, v.shape[1])):
        h[:, lag:] += v[:, : v.shape[1] - lag] * kernel[:, K - 1 - lag]
    return h


def convolution_backward(dh, v, kernel):
    """The forward pass moved v to later positions. So this one moves dh to earlier ones."""
    dv, dkernel = np.zeros_like(v), np.zeros_like(kernel)  # (B, T, D), (D, K)
    for lag in range(min(K, v.shape[1])):
        dh_later, v_earlier = dh[:, lag:], v[:, : v.shape[1] - lag]
        dv[:, : v.shape[1] - lag] += dh_later * kernel[:, K - 1 - lag]
        dkernel[:, K - 1 - lag] = (dh_later * v_earlier).sum(axis=(0, 1))
    return dv, dkernel


def ternary(w):
    """Its gradient passes to w unchanged, as in rung 1. So it needs no backward pass."""
    scale = np.abs(w).mean()
    return scale * ((w > scale / 2).astype(w.dtype) - (w < -scale / 2))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # e^z stays finite for any z
    return e / e.sum(axis=-1, keepdims=True)


# -- The model -----------------------------------------------------------------------------


class Model:
    def __init__(self, steps=STEPS):
        self.steps, self.taken = steps, 0
        self.weights = {name: np.array(rows) for name, rows in initial_weights().items()}
        self.m = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.v = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def rounded(self):
        return self.weights | {name: ternary(self.weights[name]) for name in TERNARY}

    def forward(self, ids, w):
        """Scores (B, T, V) of the character after each id (B, T), and what `backward` needs."""
        x0 = w["embedding"][ids]  # (B, T, D)
        n1, r1 = norm(x0, w["norm1"])
        g, v = np.split(n1 @ w["in"].T, 2, axis=-1)  # (B, T, D) each
        h, s = convolution(v, w["kernel"]), 1 / (1 + np.exp(-g))
        y = s * h  # the gate lets a part of h pass
        x1 = x0 + y @ w["out"].T
        n2, r2 = norm(x1, w["norm2"])
        a, u = np.maximum(n2 @ w["gate"].T, 0), n2 @ w["up"].T  # (B, T, H)
        c = a * a * u
        x2 = x1 + c @ w["down"].T
        n3, r3 = norm(x2, w["norm3"])
        saved = ids, x0, n1, r1, v, h, s, y, x1, n2, r2, a, u, c, x2, n3, r3
        return n3 @ w["embedding"].T, saved

    def backward(self, dz, w, saved):
        """The gradients of all weights by name, from that of the scores (B, T, V)."""
        ids, x0, n1, r1, v, h, s, y, x1, n2, r2, a, u, c, x2, n3, r3 = saved
        dw = {}
        dn3, dw["embedding"] = linear_backward(dz, n3, w["embedding"])
        dx2, dw["norm3"] = norm_backward(dn3, x2, w["norm3"], r3)
        # x2 = x1 + the GLU: x1 gets dx2 unchanged, and what comes back through the GLU.
        dc, dw["down"] = linear_backward(dx2, c, w["down"])
        dn2_gate, dw["gate"] = linear_backward(2 * a * u * dc, n2, w["gate"])
        dn2_up, dw["up"] = linear_backward(a * a * dc, n2, w["up"])
        dn2 = dn2_gate + dn2_up
        dx1, dw["norm2"] = norm_backward(dn2, x1, w["norm2"], r2)
        dx1 += dx2
        # x1 = x0 + the mixer, in the same way.
        dy, dw["out"] = linear_backward(dx1, y, w["out"])
        dg = s * (1 - s) * h * dy
        dv, dw["kernel"] = convolution_backward(s * dy, v, w["kernel"])
        dn1, dw["in"] = linear_backward(np.concatenate([dg, dv], axis=-1), n1, w["in"])
        dx0, dw["norm1"] = norm_backward(dn1, x0, w["norm1"], r1)
        dx0 += dx1
        # The embedding was used twice, so it has two gradients. A row may occur many times.
        np.add.at(dw["embedding"], ids, dx0)
        return dw

    def step(self, windows):
        """Take one training step, and return the loss before it."""
        ids, answers = np.array(windows)[:, :-1], np.array(windows)[:, 1:, None]  # (B, T[, 1])
        w = self.rounded()
        z, saved = self.forward(ids, w)
        p = softmax(z)  # (B, T, V)
        p_answers = np.take_along_axis(p, answers, axis=-1)  # (B, T, 1)
        np.put_along_axis(p, answers, p_answers - 1, axis=-1)  # p is now the slope of each z
        self.adam(self.backward(p / ids.size, w, saved))
        return float(-np.log(p_answers).mean())

    def adam(self, dw):
        """Adam as in rung 1. It treats each number by itself, so an array needs no loop."""
        self.taken += 1
        c1, c2 = 1 - 0.9**self.taken, 1 - 0.95**self.taken
        rate = RATE * (1 - self.taken / (self.steps + 1))
        for name, w in self.weights.items():
            m, v, g = self.m[name], self.v[name], dw[name]
            m += 0.1 * (g - m)
            v += 0.05 * (g * g - v)
            w -= rate * (m / c1) / (np.sqrt(v / c2) + 1e-8)

    def logits(self, ids):
        """The logits of the character after ids."""
        z, _ = self.forward(np.array([ids[-K:]]), self.rounded())
        return z[0, -1]


if __name__ == "__main__":
    from watch import watch

    watch(Model)
