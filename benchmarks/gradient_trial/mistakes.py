"""Usual mistakes, planted at random into a right backward.

plant(rng, backward, arrays) returns a description and a wrong backward. All random choices
are made here, so the wrong backward is the same function at every call.
"""

import numpy as np


def plant(rng, backward, arrays, forward=None):
    """Return (description, backward with one mistake). Some mistakes have no effect."""
    if forward and rng.random() < 0.12:
        return _slope_over_a_step(rng, forward, arrays)
    name = list(MISTAKES)[rng.integers(len(MISTAKES))]
    floats = [i for i, a in enumerate(arrays) if np.asarray(a).dtype.kind == "f"]
    which = floats[rng.integers(len(floats))]
    seed, size = rng.integers(2**32), int(rng.choice([-1, 1])) * 10 ** rng.uniform(-2.95, 1)

    def wrong(dy, saved):
        return MISTAKES[name](
            backward, dy, saved, which, size, np.random.default_rng(seed), arrays
        )

    return f"{name} (input {which}, size {size:.3g})", wrong


def _slope_over_a_step(rng, forward, arrays):
    """The slope over a step of a wrong size: what a numerical check may take for right."""
    relative = 10 ** rng.uniform(-13, -2)

    def wrong(dy, saved):
        gradients = []
        for which, x in enumerate(arrays):
            if x.dtype.kind != "f":
                gradients.append(None)
                continue
            g = np.zeros_like(x)
            for index in np.ndindex(x.shape) if x.size < 40 else ():
                h, ends = relative * max(1.0, abs(x[index])), []
                for step in (h, -h):
                    moved = list(arrays)
                    moved[which] = np.array(x)
                    moved[which][index] += step
                    ends.append(forward(*moved)[0])
                g[index] = (dy * (ends[0] - ends[1])).sum() / (2 * h)
            gradients.append(g)
        return tuple(gradients)

    return f"slope over a step of {relative:.1g}", wrong


def _changed(change):
    """A mistake in one gradient: change(gradient, size, rng) edits or returns it."""

    def mistake(backward, dy, saved, which, size, rng, arrays):
        gradients = list(backward(dy, saved))
        g = gradients[which]
        g = np.array(g.dense() if hasattr(g, "dense") else g)
        changed = change(g, size, rng)
        gradients[which] = np.asarray(g if changed is None else changed)
        return tuple(gradients)

    return mistake


def _factor_on_one(g, size, rng):
    places = np.flatnonzero(g)
    if len(places):
        g.flat[rng.choice(places)] *= 1 + size


def _factor_on_smallest(g, size, rng):
    places = np.flatnonzero(g)
    if len(places):
        exponents = np.frexp(g.flat[places])[1]  # rounding must not choose between two equals
        g.flat[places[np.argmin(exponents)]] *= 1 + size


def _one(value):
    def change(g, size, rng):
        if g.size:
            g.flat[rng.integers(g.size)] = value

    return change


def _sign_of_one(g, size, rng):
    if g.size:
        g.flat[rng.integers(g.size)] *= -1


def _add_to_one(g, size, rng):
    if g.size:
        g.flat[rng.integers(g.size)] += size * max(
            np.abs(g[np.isfinite(g)]).max(initial=0), 1e-8
        )


def _add_where_zero(g, size, rng):
    """A masked element gets a gradient of the size of the others."""
    places = np.flatnonzero(g == 0)
    if len(places):
        others = np.abs(g[(g != 0) & np.isfinite(g)])
        g.flat[rng.choice(places)] = size * (np.median(others) if others.size else 1.0)


def _transposed(g, size, rng):
    if g.ndim > 1 and g.shape[-1] == g.shape[-2]:
        return np.swapaxes(g, -1, -2).copy()
    return g[..., ::-1].copy() if g.ndim else -g


def _shifted(g, size, rng):
    return np.roll(g, 1, axis=rng.integers(g.ndim)) if g.ndim else g * 2


def _exchanged(backward, dy, saved, which, size, rng, arrays):
    gradients = list(backward(dy, saved))
    for other, g in enumerate(gradients):
        if other != which and g is not None and g.shape == gradients[which].shape:
            gradients[which], gradients[other] = g, gradients[which]
            return tuple(gradients)
    gradients[which] = (
        np.asarray(
            gradients[which].dense() if hasattr(gradients[which], "dense") else gradients[which]
        )
        * size
    )
    return tuple(gradients)


def _dy_ignored(backward, dy, saved, which, size, rng, arrays):
    return backward(np.ones_like(dy), saved)


def _dy_absolute(backward, dy, saved, which, size, rng, arrays):
    return backward(np.abs(dy), saved)


def _dropped_terms(backward, dy, saved, which, size, rng, arrays):
    """Some outputs send nothing back: a sum that is not complete, `=` for `+=`."""
    return backward(np.where(rng.random(dy.shape) < 0.4, 0, dy), saved)


def _output_weighed(backward, dy, saved, which, size, rng, arrays):
    """One output sends back too much or too little."""
    dy = np.array(dy)
    if dy.size:
        dy.flat[rng.integers(dy.size)] *= 1 + size
    return backward(dy, saved)


MISTAKES = {
    "factor on all": _changed(lambda g, size, rng: g * (1 + size)),
    "factor on one element": _changed(_factor_on_one),
    "factor on the smallest element": _changed(_factor_on_smallest),
    "small factor on the smallest element": _changed(
        lambda g, size, rng: _factor_on_smallest(g, np.clip(size, -2e-3, 2e-3), rng)
    ),
    "small factor on one element": _changed(
        lambda g, size, rng: _factor_on_one(g, np.clip(size, -2e-3, 2e-3), rng)
    ),
    "sign": _changed(lambda g, size, rng: -g),
    "sign of one element": _changed(_sign_of_one),
    "zeros": _changed(lambda g, size, rng: np.zeros_like(g)),
    "one element is 0": _changed(_one(0.0)),
    "one element is NaN": _changed(_one(np.nan)),
    "one element is infinite": _changed(_one(np.inf)),
    "number added to one element": _changed(_add_to_one),
    "gradient where it is 0": _changed(_add_where_zero),
    "transposed or reversed": _changed(_transposed),
    "shifted by one": _changed(_shifted),
    "scaled by its size": _changed(lambda g, size, rng: g / max(2, g.size)),
    "gradients exchanged": _exchanged,
    "dy is not used": _dy_ignored,
    "dy without its sign": _dy_absolute,
    "terms dropped": _dropped_terms,
    "one output weighed wrongly": _output_weighed,
}
