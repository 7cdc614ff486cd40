"""Derivatives with 120 digits: the truth that the trial compares gradients with.

The walk back over the record of Exact numbers gives each input its derivative, and the size of
its terms: the same sum with the absolute values of all products.
"""

import decimal

import numpy as np

from gradient_trial.exact import ZERO, Exact


def derivatives(inputs, outputs, dy):
    """For each array of Exact inputs: d(Σ dy·y)/dx, and the size of its terms.

    Both are arrays of Decimals.
    """
    slopes, sizes, order = {}, {}, {}
    for y, weight in zip(np.ravel(outputs), np.ravel(dy), strict=True):
        if isinstance(y, Exact):
            weight = decimal.Decimal(float(weight))
            slopes[y.number] = slopes.get(y.number, ZERO) + weight
            sizes[y.number] = sizes.get(y.number, ZERO) + abs(weight)
            order[y.number] = y
    _collect(order)
    for number in sorted(order, reverse=True):
        slope, size = slopes.get(number, ZERO), sizes.get(number, ZERO)
        for parent, partial in order[number].parents:
            # 0 · infinity: the weight 0 says that this path is not taken
            step, width = (slope * partial, size * abs(partial)) if size else (ZERO, ZERO)
            slopes[parent.number] = slopes.get(parent.number, ZERO) + step
            sizes[parent.number] = sizes.get(parent.number, ZERO) + width
    return [(_lookup(slopes, x), _lookup(sizes, x)) for x in inputs]


def _collect(order):
    """Add all numbers that the given ones were computed from."""
    waiting = list(order.values())
    while waiting:
        for parent, _ in waiting.pop().parents:
            if parent.number not in order:
                order[parent.number] = parent
                waiting.append(parent)


def _lookup(table, x):
    y = np.empty(x.shape, object)
    for index in np.ndindex(x.shape):
        y[index] = table.get(x[index].number, ZERO)
    return y
