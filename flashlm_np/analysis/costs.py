"""The costs of a model in use: parameters, bytes, multiplications and additions per token.

Every multiplication and addition of real numbers that the mathematics needs is counted,
recursions included. A ternary weight of 0 costs nothing, and one of ±1 an addition. A scale
costs a multiplication per output. A square root, an exponential and a division count as one
multiplication each. The token is read alone, as in generation.

Energy is an estimate from the measured cost of one operation in 45 nm silicon. It compares the
parts of a model; it does not predict the consumption of a present-day computer.

source   Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9
"""

from ..model.config import Config
from ..model.language_model import LanguageModel
from .components import (
    FORMS,
    Cost,
    matrix_costs,
    prior_cost,
    vector_costs,
    words_cost,
)
from .matmul_free_costs import matmul_free_costs
from .mixer_costs import memory_cost, reading_cost


def token_costs(
    model: LanguageModel, config: Config, position: int | None = None
) -> list[Cost]:
    """The costs of a model's components, in the order in which a token meets them.

    position: of the token in its text, from 1, on which attention depends; by default the last
    one of the longest window of training.
    """
    if config.model == "matmul_free":
        return matmul_free_costs(model, config)
    if position is None:
        position = max(phase.sequence for phase in config.phases)
    return [
        words_cost(model, config),
        *matrix_costs(model, config),
        reading_cost(model, config),
        *memory_cost(config, position),
        *vector_costs(model, config),
        *prior_cost(model, config),
    ]


def total(costs: list[Cost]) -> Cost:
    """The sum of the costs."""
    fields = ("parameters", "multiplications", "additions", "ternary_parameters")
    return Cost("all", **{field: sum(getattr(c, field) for c in costs) for field in fields})


def cost_table(costs: list[Cost]) -> str:
    """The costs in columns, and their sum."""
    every = total(costs)
    counts = ("mult/token", "add/token")
    heads = "".join(f"{h:>12}" for h in ("parameters", *(f"{f} kB" for f in FORMS), *counts))
    lines = [f"{'':22}{heads}{'share':>8}{'µJ':>8}{'DRAM µJ':>9}"]
    for c in (*costs, every):
        sizes = "".join(f"{c.nbytes(form) / 1e3:12,.1f}" for form in FORMS)
        lines.append(
            f"{c.component:22}{c.parameters:12,}{sizes}{c.multiplications:12,}{c.additions:12,}"
            f"{c.operations / every.operations:8.1%}{c.arithmetic_picojoules / 1e6:8.2f}"
            f"{c.reading_picojoules() / 1e6:9.1f}"
        )
    return "\n".join(lines)


def cost_summary(costs: list[Cost]) -> str:
    """The ternary part of a model, and the multiplications that remain."""
    every, ternary = total(costs), total([c for c in costs if c.ternary_parameters])
    largest = sorted(costs, key=lambda c: -c.multiplications)[:3]
    named = (f"{c.component} {c.multiplications / every.multiplications:.1%}" for c in largest)
    return (
        f"{ternary.parameters / every.parameters:.2%} of the parameters are ternary; "
        f"{ternary.additions / every.operations:.2%} of the arithmetic is additions that "
        f"replaced products.\n{every.multiplications:,} multiplications per token remain: "
        f"{', '.join(named)}."
    )
