"""The usual mistakes in other functions, as edits of their pages; see `mistakes`."""

from minigrad import Tensor
from minigrad.engine import backward_steps
from minigrad.ops.ternary import ternarize
from minigrad.optim.adamw import adamw_update
from minigrad.optim.normuon import newton_schulz, normuon_update

from ...inference.packing import pack
from ...inference.tables import signed_sums_of_five, table_sums

MISTAKES = {
    ternarize: """
        a weight of exactly τ counts as above it; T is +1 only where w > τ.
            w > tau  =>  w >= tau
            w < -tau  =>  w <= -tau
        T is the sign of w: the threshold τ is missing.
            threshold * mean  =>  0.0
        τ uses the mean of w, where the page has the mean of |w|.
            threshold * mean  =>  threshold * float(w.mean())
        τ is computed row by row; the page computes it over the whole matrix.
            threshold * mean  =>  threshold * magnitude.mean(axis=-1, keepdims=True)
        s is mean |w| for every scale; the page has three forms.
            return T, 1.0  =>  return T, mean
            float(kept.mean()) if kept.size else 0.0  =>  mean
    """,
    adamw_update: """
        β₁ and 1 - β₁ are exchanged.
            (1 - beta1) * (g - m)  =>  beta1 * (g - m)
        the weight decay is in the gradient, as in Adam with L2; in AdamW it bypasses m and v.
            (g - m)  =>  (g + weight_decay * p - m)
        β₂ and 1 - β₂ are exchanged.
            (1 - beta2) * (g * g - v)  =>  beta2 * (g * g - v)
        v has the mean of g; it is the mean of g².
            (g * g - v)  =>  (g - v)
        m and v are not corrected: m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).
            c1, c2 = 1 - beta1**t, 1 - beta2**t  =>  c1 = c2 = 1
        ε stands under the root; it is added to √v̂.
            np.sqrt(v) / c2**0.5 + eps  =>  np.sqrt(v / c2 + eps)
        t counts from 1 already; 1 - βᵗ, not 1 - βᵗ⁺¹.
            1 - beta1**t, 1 - beta2**t  =>  1 - beta1 ** (t + 1), 1 - beta2 ** (t + 1)
        the weight decay lacks its factor lr.
            lr * weight_decay  =>  weight_decay
        the weight decay multiplies p after the step; it must come before.
            p *= 1 - lr * weight_decay  =>  pass
            + eps))  =>  + eps)); p *= 1 - lr * weight_decay
        only the weight decay changed p. p = p - ... makes a new array that the caller does not
        see; change it in place: p -= ...
            p -= lr / c1  =>  p = p - lr / c1
    """,
    newton_schulz: """
        g was not divided by its norm first.
            g / (np.linalg.norm(g) + 1e-7)  =>  g
        (x xᵀ)² is a matrix product, A @ A; A * A squares each element.
            A @ A  =>  A * A
        one step is missing.
            range(steps)  =>  range(steps - 1)
        this is U Vᵀ itself; the steps of the page end near it, not at it.
            x.T if tall else x  =>  np.linalg.svd(g, False)[0] @ np.linalg.svd(g, False)[2]
    """,
    normuon_update: """
        β₁ and 1 - β₁ are exchanged.
            m += (1 - beta1)  =>  m += beta1
        the code has a sum over each row where the page has a mean.
            (q * q).mean(  =>  (q * q).sum(
        v has the mean of g²; it is the mean of q², after newton_schulz.
            (q * q)  =>  (g * g)
        v has the root of the mean; √ comes later, in q̂.
            (q * q).mean(axis=1, keepdims=True)  =>  (q * q).mean(axis=1, keepdims=True) ** 0.5
        the step is q̂ alone: its size is missing.
            lr * size / (float(np.linalg.norm(q_hat)) + eps)  =>  lr
        the weight decay multiplies p after the step; it must come before.
            p *= 1 - lr * weight_decay  =>  pass
            + eps) * q_hat  =>  + eps) * q_hat; p *= 1 - lr * weight_decay
        only the weight decay changed p. p = p - ... makes a new array that the caller does not
        see; change it in place: p -= ...
            p -= lr * size  =>  p = p - lr * size
    """,
    pack: """
        the digits are in reversed order: the first weight is the lowest, k = 0.
            np.arange(k)  =>  np.arange(k)[::-1]
        the digits of +1 and -1 are exchanged: 1 stands for +1, and 2 for -1.
            np.where(T < 0, 2, T)  =>  np.where(T < 0, 1, 2 * T)
        the digits are T + 1; they are 0, 1 and 2 for 0, +1 and -1.
            np.where(T < 0, 2, T)  =>  T + 1
    """,
    table_sums: """
        sums of int8 wrapped around at 128; make x wider first.
            np.int32 if x.dtype == np.int8 else x.dtype  =>  x.dtype
    """,
    signed_sums_of_five: """
        the digits are in reversed order: x[:, 0] is the lowest, k = 0.
            x[:, k, None]  =>  x[:, 4 - k, None]
        the digits stand for -1, 0, +1; on the page they stand for 0, +1, -1.
            t[:, 0] = 0  =>  t[:, 0] = -x.sum(axis=1)
            t[:, :m] - x[:, k, None]  =>  t[:, :m] + 2 * x[:, k, None]
    """,
    Tensor.accumulate: """
        += is missing: only the last of several gradients was kept. A value that is used twice
        changes the loss in two ways, and its gradient is the sum of both.
            gradient.add_to(self.grad)  =>  self.grad[...] = gradient.dense()
            self.grad += gradient  =>  self.grad[...] = gradient
        the rows of an id that repeats were added once; gradient.add_to(table) adds them all.
            gradient.add_to(self.grad)  =>  self.grad[gradient.ids] += gradient.rows
    """,
    backward_steps: """
        += is missing: only the last of several gradients was kept. A value that is used twice
        changes the loss in two ways, and its gradient is the sum of both.
            add_gradients(in_flight[parent], gradient)  =>  gradient
            parent.accumulate(gradient)  =>  parent.grad = _dense(gradient).copy()
    """,
}
