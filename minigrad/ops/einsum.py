"""Einsum: a sum of products, written with a letter for each axis.

forward    "bth,hd->btd" means y[b,t,d] = Σ_h x[b,t,h] w[h,d]: each array has its letters,
           in the order of its axes, and y those after the arrow. The product of all arrays
           is summed over every letter that y does not have. A letter has one size in all
           arrays; an array with size 1 there is stretched, as in broadcasting.
           "..." stands for any further axes, which broadcast from the right. Without an
           arrow, y has "..." and each letter that occurs once, in alphabetical order.
backward   y is linear in each array x_i, and its factor is the product of the others. So
           dx_i = einsum(dy, the other arrays), with the letters of x_i after the arrow.
           Along a letter that only x_i has, every element entered the sum with the same
           factor: dx_i is copied. Along a stretched axis it is summed.
saved      the arrays, if there are two or more: 4 bytes per element in float32
source     Einstein 1916, Annalen der Physik 49, section 5; the notation is NumPy's
"""

import string

import numpy as np

from ..errors import ShapeError
from .elementwise import sum_to_shape


def einsum_forward(*arrays, subscripts):
    shapes = [a.shape for a in arrays]
    inputs, output = parse(subscripts, shapes)
    y = _contract(inputs, output, arrays)
    kept = arrays if len(arrays) > 1 else ()  # alone, x has no factor to remember
    return y, (kept, shapes, inputs, output)


def einsum_backward(dy, saved):
    arrays, shapes, inputs, output = saved
    gradients = []
    for i, (letters, shape) in enumerate(zip(inputs, shapes, strict=True)):
        terms = [output, *inputs[:i], *inputs[i + 1 :]]
        own = [axis for axis, c in enumerate(letters) if c not in "".join(terms)]
        shared = "".join(c for axis, c in enumerate(letters) if axis not in own)
        dx = _contract(terms, shared, (dy, *arrays[:i], *arrays[i + 1 :]))
        dx = np.expand_dims(dx, own)  # size 1 along the letters that only x_i has
        copied = np.broadcast_shapes(dx.shape, shape)
        dx = dx if copied == dx.shape else np.broadcast_to(dx, copied).copy()
        gradients.append(sum_to_shape(dx, shape))
    return tuple(gradients)


def _contract(inputs, output, arrays):
    # "optimize" finds a good order for three or more arrays and calls the matrix product.
    return np.asarray(np.einsum(f"{','.join(inputs)}->{output}", *arrays, optimize=True))


def parse(subscripts, shapes):
    """The letters of each array and of y, with letters for "..." and for a missing arrow.

    Example:
        >>> parse("...ij,jk", [(7, 2, 3), (3, 5)])
        (['aij', 'jk'], 'aik')
    """
    expect_text(subscripts)
    before, arrow, after = subscripts.replace(" ", "").partition("->")
    terms = before.split(",")
    if len(terms) != len(shapes):
        raise ShapeError(
            f"einsum: {subscripts!r} has {len(terms)} groups of letters before the arrow, "
            f"{len(shapes)} arrays were given"
        )
    for term in (*terms, after):
        _expect_letters(term, subscripts)
    inputs, dots = _name_dots(terms, shapes, subscripts)
    if not arrow:
        once = sorted(c for c in before if c.isalpha() and before.count(c) == 1)
        after = "..." + "".join(once)
    output = after.replace("...", dots)
    _expect_sizes(inputs, output, shapes, subscripts)
    return inputs, output


def expect_text(subscripts):
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum: subscripts is {type(subscripts).__name__}, expected a text such as "
            "'ij,jk->ik' before the arrays"
        )


def _expect_letters(term, subscripts):
    letters = term.replace("...", "", 1)
    if letters and not (letters.isascii() and letters.isalpha()):
        raise ValueError(
            f"einsum: {term!r} in {subscripts!r} is not a group of letters; write letters a to "
            "z or A to Z, at most one ... in a group, commas between groups, and one ->"
        )
    for c in letters:
        if letters.count(c) > 1:
            raise ValueError(
                f"einsum: {term!r} in {subscripts!r} repeats {c!r}; a letter may stand once in "
                "a group: take a diagonal with x[np.arange(n), np.arange(n)]"
            )


def _name_dots(terms, shapes, subscripts):
    """Replace "..." by letters that are not used: those of all arrays end with the same one."""
    counts = []
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        letters = len(term.replace("...", ""))
        counts.append(len(shape) - letters)
        if counts[i] < 0 or (counts[i] and "..." not in term):
            raise ShapeError(
                f"einsum: {term!r} in {subscripts!r} has {letters} letters, expected one for "
                f"each axis of arrays[{i}] {shape}"
            )
    unused = [c for c in string.ascii_letters if c not in subscripts]
    dots, pairs = unused[: max(counts)], zip(terms, counts, strict=True)
    named = [term.replace("...", "".join(dots[len(dots) - n :])) for term, n in pairs]
    return named, "".join(dots)


def _expect_sizes(inputs, output, shapes, subscripts):
    sizes = {}
    for i, (letters, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for c, size in zip(letters, shape, strict=True):
            first, known = sizes.setdefault(c, (i, size))
            if known == 1:
                sizes[c] = i, size
            elif size not in (1, known):
                name = repr(c) if c in subscripts else "an axis of '...'"
                raise ShapeError(
                    f"einsum: in {subscripts!r}, {name} has size {known} in arrays[{first}] "
                    f"and {size} in arrays[{i}]; expected one size, or 1"
                )
    for c in output:
        if c not in sizes:
            raise ValueError(f"einsum: {subscripts!r} has {c!r} after the arrow only")
