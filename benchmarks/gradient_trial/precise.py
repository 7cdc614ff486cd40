"""Decimal numbers with 120 digits: the context, and two functions that decimal lacks."""

import decimal

PRECISE = decimal.Context(
    prec=120, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[], rounding="ROUND_HALF_EVEN"
)
ONE = decimal.Decimal(1)
PI = decimal.Decimal(
    "3.1415926535897932384626433832795028841971693993751058209749445923078164062862089986280"
    "3482534211706798214808651328230664709384460955058223172535940812848111745"
)


def sine(x):
    with decimal.localcontext(PRECISE) as context:
        context.prec = 150
        x = (x / (2 * PI) - (x / (2 * PI)).to_integral_value()) * 2 * PI
        term, total, n = x, x, 1
        while abs(term) > decimal.Decimal("1e-140"):
            term = -term * x * x / ((n + 1) * (n + 2))
            total, n = total + term, n + 2
    return +total


def error_function(x):
    if abs(x) > 12:
        return ONE.copy_sign(x)
    with decimal.localcontext(PRECISE) as context:
        context.prec = 200
        term, total, n = x, x, 0
        while abs(term) > decimal.Decimal("1e-140"):
            n += 1
            term = -term * x * x / n
            total += term / (2 * n + 1)
        total = total * 2 / PI.sqrt()
    return +total
