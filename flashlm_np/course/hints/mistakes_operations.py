"""The usual mistakes in operations, as edits of their pages; mistakes.py explains the form."""

from minigrad import ops
from minigrad.ops.causal_conv import causal_conv_backward, causal_conv_forward

MISTAKES = {
    ops.MULTIPLY.backward: """
        da is dy times a: the derivative of a b by a is b, the other factor.
            dy * b  =>  dy * a
        da is dy alone: the factor b is missing.
            dy * b  =>  dy
        db is dy times b: the derivative of a b by b is a, the other factor.
            dy * a  =>  dy * b
        db is dy alone: the factor a is missing.
            dy * a  =>  dy
    """,
    ops.MATMUL.backward: """
        b is not transposed: da = dy bᵀ.
            np.swapaxes(column, -1, -2)  =>  (b if b.shape[-1] == b.shape[-2] else b.mT)
        a is not transposed: db = aᵀ dy.
            np.swapaxes(row, -1, -2)  =>  (a if a.shape[-1] == a.shape[-2] else a.mT)
        the factors of da are exchanged: da = dy bᵀ.
            dy @ np.swapaxes(column, -1, -2)  =>  np.swapaxes(column, -1, -2) @ dy
        the factors of db are exchanged: db = aᵀ dy.
            np.swapaxes(row, -1, -2) @ dy  =>  dy @ np.swapaxes(row, -1, -2)
        only one of the copies of a counts; sum over the axes that were broadcast.
            sum_to_shape(da, a.shape)  =>  da[(0,)*(da.ndim-a.ndim)][tuple(map(slice, a.shape))]
        only one of the copies of b counts; sum over the axes that were broadcast.
            sum_to_shape(db, column.shape)  =>  db[(0,) * (db.ndim - b.ndim)]
    """,
    ops.RELU_SQUARED.forward: """
        y is max(x, 0), without the square.
            r * r  =>  r
    """,
    ops.RELU_SQUARED.backward: """
        dx is dy where x > 0: that is the gradient of relu, without the square.
            2 * dy * r  =>  dy * (r > 0)
    """,
    ops.SIGMOID.backward: """
        dx is dy σ(y)(1 - σ(y)): y is σ(x) already, so that dx = dy y (1 - y).
            (y,) = saved  =>  y = sigmoid(saved[0])
    """,
    ops.SIGMOID_GATE.backward: """
        the factor 1 - σ(g) is missing in dg.
            (1 - s) * dv * v  =>  dv * v
        dv is dy g: v was multiplied by σ(g), not by g.
            return dg, dv  =>  return dg, dy * np.log(s / (1 - s))
    """,
    ops.RMS_NORM.forward: """
        the rows are divided by the mean square, not by its root.
            ** -0.5  =>  ** -1.0
        the code has a sum of squares where the page has their mean.
            (x * x).mean(  =>  (x * x).sum(
        the mean runs over the whole array, not over each row.
            .mean(axis=-1, keepdims=True)  =>  .mean()
        ε was added to the root; it belongs under it, to the mean square.
            keepdims=True) + eps) ** -0.5  =>  keepdims=True) ** 0.5 + eps) ** -1.0
        the gain w is missing.
            x * r * w  =>  x * r
    """,
    ops.RMS_NORM.backward: """
        dx is r dn: r depends on every x of its row, too, and that part, -r n mean(dn n), is
        missing.
            dn - n * (dn * n).mean(axis=-1, keepdims=True)  =>  dn
        the code has a sum over the row where the page has a mean.
            (dn * n).mean(  =>  (dn * n).sum(
        the code has x where the page has n = r x.
            dn - n *  =>  dn - x *
        the mean runs over the whole array, not over each row.
            (dn * n).mean(axis=-1, keepdims=True)  =>  (dn * n).mean()
        dn is dy, without w.
            dy * w  =>  dy
        dw is a sum of dy x: w was multiplied by n = r x, not by x.
            (dy * n)  =>  (dy * x)
    """,
    ops.EMBEDDING.backward: """
        += is missing: an id that repeats gets only the gradient of its last position.
        dw[ids] += dy does not help, because NumPy adds to each id once; np.add.at, a loop, or a
        RowGradient does.
            return RowGradient  =>  dw = np.zeros(shape); dw[ids] = dy; return dw, None #
    """,
    causal_conv_forward: """
        the taps are in reversed order: the last tap sees the present, lag_k = (K-1-k)·dilation.
            wg[..., k]  =>  wg[..., K - 1 - k]
        every output sees the channels of the first group. Output o belongs to the group
        o // (O/G).
            xg[:, : T - lag]  =>  xg[:, : T - lag, [0] * groups]
        the outputs are assigned to the groups in turn. Output o belongs to the group
        o // (O/G).
            w.reshape(groups, O // groups, C, K)  =>  w.reshape(-1, groups, C, K).swapaxes(0, 1)
            y.reshape(B, T, O)  =>  y.swapaxes(2, 3).reshape(B, T, O)
        += is missing: y is the sum over all K taps.
            y[:, lag:] +=  =>  y[:, lag:] =
    """,
    causal_conv_backward: """
        the taps are in reversed order in dx.
            dy_k, wg[..., k]  =>  dy_k, wg[..., K - 1 - k]
        the taps are in reversed order in dw.
            dw[..., k] =  =>  dw[..., K - 1 - k] =
        += is missing in dx: position t was seen through all K taps, and dx is the sum over
        them.
            dx[:, : T - lag] +=  =>  dx[:, : T - lag] =
    """,
    ops.TERNARY_LINEAR.forward: """
        w itself was used, not s T.
            q.T  =>  w.T
        q is not transposed: y = x qᵀ.
            q.T  =>  (q if q.shape[0] == q.shape[1] else q.T)
    """,
    ops.TERNARY_LINEAR.backward: """
        q is transposed in dx: dx = dy q.
            dy_rows @ q  =>  dy_rows @ (q.T if q.shape[0] == q.shape[1] else q)
        dx is dy w: the product was with s T, not with w.
            (x, q)  =>  (x, w)
        only weights with T ≠ 0 have a gradient; it passes straight through to all of them.
            dy_rows.T @ x_rows  =>  dy_rows.T @ x_rows * (q != 0)
        dw is scaled by s; the surrogate has s T + w - w₀.
            dy_rows.T @ x_rows  =>  dy_rows.T @ x_rows * np.abs(q).max()
    """,
    ops.CROSS_ENTROPY.backward: """
        the one-hot is 1; with smoothing it is 1 - ε.
            -= 1 - label_smoothing  =>  -= 1
        the one-hot of the right word is missing.
            -= 1 - label_smoothing  =>  -= 0
        ε is divided among V - 1 words; the page divides it among V.
            label_smoothing / V  =>  label_smoothing / (V - 1)
        the softmax runs over the rows, not over the words.
            np.exp(z - lse[:, None])  =>  np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)
        the one-hot stands one word too high.
            dz[np.arange(N), y]  =>  dz[np.arange(N), (y + 1) % V]
        the z-loss lacks its factor 2: d(lse²) is 2 lse d(lse).
            2 * z_loss  =>  z_loss
    """,
}
