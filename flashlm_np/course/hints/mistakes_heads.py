"""The usual mistakes in output layers, as edits of their pages; see `mistakes`."""

from ..pages.sampled import SAMPLED
from ..pages.two_level import TWO_LEVEL

MISTAKES = {
    TWO_LEVEL.forward: """
        the mean over the n rows of a class was added as it is. The loss is the mean over all N
        rows: a class adds n/N of its mean.
            len(rows) / len(h) * mean  =>  mean
        the words compete with all V words, not with those of their own class.
            w[starts[i] : starts[i + 1]].T  =>  w.T
            y[rows] - starts[i]  =>  y[rows]
        softmax was taken twice: cross_entropy takes logits, and here it gets probabilities.
            h @ c.T + b, k  =>  (lambda e: e / e.sum(1, keepdims=True))(np.exp(h @ c.T + b)), k
        the bias b of the classes is missing.
            h @ c.T + b  =>  h @ c.T
        only the class was scored: the loss of the word in its class is missing.
            loss = loss +  =>  loss = loss + 0 *
    """,
    TWO_LEVEL.backward: """
        the loss has n/N of the mean of a class, and so has its gradient: n/N is missing.
            len(rows) / len(h) * dy  =>  dy
        += is missing in dh: h chooses the class and the word, and dh is the sum of both parts,
        dz @ c and du @ w_k.
            dh[rows] +=  =>  dh[rows] =
        dh has the part of the classes alone: h also chooses the word, du @ w_k.
            dh[rows] +=  =>  dh[rows] += 0 *
    """,
    SAMPLED.forward: """
        the correction has the wrong sign: a logit is h · w - ln P. With + ln P, the model
        learns p/P², which is worse than no correction.
            - log_p  =>  + log_p
        the correction is missing: a logit is h · w - ln P. Without it, the model learns p/P, in
        which the words that are often drawn are too rare.
            - log_p[candidates]  =>  + 0
            - log_p[y]  =>  + 0
        the correction of the target is missing: its logit is h · w - ln P, too.
            - log_p[y]  =>  + 0
        a target that was drawn competes twice; as a candidate its logit is -∞.
            np.where(candidates == y[:, None], NEVER, z)  =>  z
        softmax was taken twice: cross_entropy takes logits, and here it gets probabilities.
            np.column_stack([z, u])  =>  np.exp(np.column_stack([z, u]))
            loss, saved =  =>  logits = logits / logits.sum(1)[:, None]; loss, saved =
    """,
    SAMPLED.backward: """
        the gradient of candidate i belongs to row candidates[i] of dw, not to row i.
            concatenate([candidates, y])  =>  concatenate([np.arange(len(candidates)), y])
        dw lacks the rows of the targets, du h.
            du * h  =>  0 * du * h
        dh lacks the part of the target, du w_y.
            du * w[y]  =>  0 * du * w[y]
        += is missing in dw: a word may be in C and the target of several rows, and its gradient
        is the sum.
            rows = np  =>  dw = 0 * w; dw[np.append(candidates, y)] = np
            RowGradient(np.concatenate([candidates, y]), rows, w.shape)  =>  dw
    """,
}
