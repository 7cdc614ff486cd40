"""The usual mistakes in BitLinear and in mixers, as edits of their pages; see `mistakes`."""

from minigrad import ops
from minigrad.ops import bit_linear
from minigrad.ops.causal_attention import causal_attention_backward, causal_attention_forward
from minigrad.ops.mlgru import mlgru_backward, mlgru_forward

MISTAKES = {
    bit_linear.absmax: """
        the largest step is 127, so that as many are below 0 as above; here it is 128.
            / LARGEST  =>  / (LARGEST + 1)
        s is one step for the whole array; each position has its own.
            max(axis=-1, keepdims=True)  =>  max(keepdims=True) + 0 * np.abs(a[..., :1])
        k is rounded towards 0; the page rounds to the nearest integer.
            np.rint(k, out=k)  =>  np.trunc(k, out=k)
        k is rounded down; the page rounds to the nearest integer.
            np.rint(k, out=k)  =>  np.floor(k, out=k)
        s is made of the largest number of a row, and not of the largest absolute value.
            np.abs(a).max  =>  a.max
        k has the size of a; without the step, k = round(a / s).
            k = a / s  =>  k = a.copy()
    """,
    bit_linear.absmean: """
        t has numbers beyond -1 and 1; the clip is missing.
            np.clip(np.round(w / m), -1, 1)  =>  np.round(w / m)
        t is the sign of w: weights near 0 are 0.
            np.round(w / m)  =>  np.sign(w)
        a weight is compared with m itself; w / m is rounded, so the limit is m / 2.
            np.round(w / m)  =>  np.trunc(w / m)
        m uses the mean of w, where the page has the mean of |w|.
            np.abs(w).mean()  =>  w.mean()
    """,
    ops.BIT_LINEAR.forward: """
        the step s is missing in y: k counts steps of s.
            s.reshape(-1, 1) * m  =>  m
        the scale m is missing in y: t is -1, 0 or 1, and w is about m t.
            s.reshape(-1, 1) * m  =>  s.reshape(-1, 1)
        y is a product with the activations in full precision; they must be rounded to k.
            k.reshape(-1, D) @ t.T  =>  (x * r * g / s).reshape(-1, D) @ t.T
        y is a product with the weights in full precision; they must be rounded to t.
            @ t.T  =>  @ (w / m).T
        the gain g is missing.
            absmax(x * r * g)  =>  absmax(x * r)
        the norm is missing: the activations are a = g r x.
            absmax(x * r * g)  =>  absmax(x * g)
    """,
    ops.BIT_LINEAR.backward: """
        dw has the activations before rounding; the product was with q = s k.
            dy_rows.T @ k  =>  dy_rows.T @ (n * g)
        dw has the integers k; the product was with q = s k.
            dy_rows.T @ k  =>  dy_rows.T @ (k / s.reshape(-1, 1))
        only weights with t ≠ 0 have a gradient; it passes straight through to all of them.
            dy_rows.T @ k  =>  dy_rows.T @ k * (t != 0)
        dw is scaled by m; the surrogate has Q + w - w₀.
            dy_rows.T @ k  =>  m * dy_rows.T @ k
        da lacks the scale m: the product was with Q = m t.
            dy_rows @ (m * t)  =>  dy_rows @ t
        dx is r dn: r depends on every x of its row, too, and that part, -r n mean(dn n), is
        missing.
            da -= n * mean  =>  pass
        dx is 0 where |a| is the largest of its row. That a becomes 127 and is not clipped, so
        its gradient passes straight through, too.
            da *= r.reshape(-1, 1)  =>  da *= r.reshape(-1, 1) * (abs(k.T) < abs(k).max(1)).T
        dn is da, without g.
            mean = (da_n @ g)[:, None] / D  =>  mean = da_n.sum(1)[:, None] / D
            da *= g  =>  pass
        dg is a sum of da x: g was multiplied by n = r x, not by x.
            dg = da_n.sum(axis=0)  =>  dg = (da * x.reshape(-1, D)).sum(axis=0)
    """,
    mlgru_forward: """
        f and 1 - f are exchanged: f is the part of the past that stays.
            np.multiply(1 - f  =>  np.multiply(f
            f[:, t] * last  =>  (1 - f[:, t]) * last
        the candidate is added as it is; its part is 1 - f.
            np.multiply(1 - f, a  =>  np.multiply(1.0, a
        the lower bound is missing: f = b + (1 - b) σ(z).
            b + (1 - b) * s  =>  s
        f is b + σ(z), which may exceed 1; the page has b + (1 - b) σ(z).
            b + (1 - b) * s  =>  b + s
        the state begins with 0; it begins with the given h_0.
            last = h0  =>  last = 0 * h0
        every position got h_0; position t needs h_{t-1}.
            last = np.add  =>  _ = np.add
        the candidate is a; the page has its SiLU, a σ(a).
            a * sigmoid(a)  =>  a
        the candidate is σ(a); the page has its SiLU, a σ(a).
            a * sigmoid(a)  =>  sigmoid(a)
    """,
    mlgru_backward: """
        λ_t is dy_t alone: h_t was also used in h_{t+1}, so f_{t+1} λ_{t+1} is missing.
            lam[:, t] += later  =>  pass
        λ_{t+1} came back times f_t; h_t was multiplied by f_{t+1}.
            lam[:, t] += later  =>  lam[:, t] += f[:, t] * later
            later = f[:, t] * lam[:, t]  =>  later = lam[:, t]
        f is that of the position before; f_t belongs to h_t.
            lam, later =  =>  f[:, 1:] = f[:, :-1].copy(); lam, later =
        λ_{t+1} came back undiminished: h_t was multiplied by f_{t+1}.
            later = f[:, t] * lam[:, t]  =>  later = lam[:, t]
        the scan runs from the first position to the last; a gradient comes from later ones.
            reversed(range(a.shape[1]))  =>  range(a.shape[1])
        df has h_t; f_t was multiplied by h_{t-1}.
            df[:, :1] += h0[:, None]  =>  df += h
            df[:, 1:] += h[:, :-1]  =>  pass
        df of the first position lacks h_0, which f_1 was multiplied by.
            df[:, :1] += h0[:, None]  =>  pass
        df lacks -c_t: f_t also takes from the candidate.
            df = -a * s_a  =>  df = 0 * a
        the factor 1 - b is missing in dz: f = b + (1 - b) σ(z).
            df * (1 - b) * s  =>  df * s
        the factor 1 - s is missing in db: f = b + (1 - b) s, and b stands there twice.
            db = df.reshape  =>  db = (df / (1 - s)).reshape
        dc is λ: the candidate was multiplied by 1 - f.
            lam * (1 - f)  =>  lam
        da has σ(a) as the slope of SiLU; it is σ(a) (1 + a (1 - σ(a))).
            (1 + a * (1 - s_a))  =>  1
        da has the slope of σ; that of SiLU is σ(a) (1 + a (1 - σ(a))).
            (1 + a * (1 - s_a))  =>  (1 - s_a)
        dh0 is λ_1: h_0 was multiplied by f_1.
            dz, db, later  =>  dz, db, lam[:, 0]
    """,
    causal_attention_forward: """
        the scores are not divided by √C, where C = D / heads.
            (q.shape[-1] // heads) ** -0.5  =>  1.0
        the scores are divided by √D; a head has C = D / heads numbers.
            (q.shape[-1] // heads) ** -0.5  =>  q.shape[-1] ** -0.5
        the scores are divided by C, not by its root.
            ** -0.5  =>  ** -1.0
        the heads are missing: each has its own weights p.
            heads)  =>  1)
        the softmax runs over t; for each t, the sum over u is 1.
            axis=-1  =>  axis=-2
        the mask is missing: position t takes from later positions, too.
            s[..., ~np.tri(T, dtype=bool)] = -np.inf  =>  pass
        the mask hides the past and shows the future: -∞ belongs above the diagonal, u > t.
            ~np.tri(T, dtype=bool)  =>  np.tri(T, k=-1, dtype=bool)
        a masked score of 0 still counts as e⁰ = 1; it is -∞.
            = -np.inf  =>  = 0
        the mask was multiplied after the softmax, so the rows of p do not have the sum 1.
            s[..., ~np.tri(T, dtype=bool)] = -np.inf  =>  pass
            p @ v_g  =>  (p * np.tri(T)) @ v_g
        the softmax is missing: y has the scores as weights.
            p = e / e.sum(axis=-1, keepdims=True)  =>  p = np.tril(s)
    """,
    causal_attention_backward: """
        ds is p dp: the sum of a row is in each of its p, so p Σ_u p dp is missing.
            dp - (p * dp).sum(axis=-1, keepdims=True)  =>  dp
        the sum in ds runs over t; the softmax ran over u.
            (p * dp).sum(axis=-1, keepdims=True)  =>  (p * dp).sum(axis=-2, keepdims=True)
        the factor p of Σ_u p dp is missing.
            (p * dp).sum  =>  dp.sum
        1/√C is missing in dq.
            ds @ k_g * scale  =>  ds @ k_g
        1/√C is missing in dk.
            @ q_g * scale  =>  @ q_g
        p is not transposed in dv: content u goes to all later t.
            np.swapaxes(p, 2, 3) @ dy_g  =>  p @ dy_g
        ds is not transposed in dk: label u meets the questions of all later t.
            np.swapaxes(ds, 2, 3) @ q_g  =>  ds @ q_g
        q and k are exchanged: dq has k, and dk has q.
            ds @ k_g  =>  ds @ q_g
            @ q_g * scale  =>  @ k_g * scale
    """,
}
