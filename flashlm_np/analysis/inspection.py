"""The composition of a model: its costs, and the values of its ternary weights."""

from dataclasses import dataclass

import numpy as np

from ..model.config import Config
from ..model.language_model import LanguageModel
from ..model.models import new_model
from ..runs.saved_run import SavedRun
from .components import Cost, ternary_matrices
from .costs import cost_summary, cost_table, token_costs
from .matmul_free_costs import absmean_matrices

VALUES = (-1, 0, 1)
MATRICES = {"flashlm": ternary_matrices, "matmul_free": absmean_matrices}


@dataclass(frozen=True)
class Inspection:
    """The costs of a model and the values of its ternary weights; `print` shows both.

    `fractions` holds, per matrix, the fraction of the weights that are -1, 0 and +1: (3,).
    `changes` holds, per matrix, the fraction that went from each initial value (rows) to each
    present value (columns): (3, 3). It is None if the initial weights are unknown.
    """

    costs: list[Cost]
    fractions: dict[str, np.ndarray]
    changes: dict[str, np.ndarray] | None = None

    def __str__(self) -> str:
        return (
            f"{cost_table(self.costs)}\n\n{cost_summary(self.costs)}\n"
            "µJ: an estimate, 45 nm silicon (Horowitz, ISSCC 2014); DRAM: reading all weights "
            f"once\n\n{self._weights_table()}"
        )

    def _weights_table(self):
        lines = [f"{'ternary weights':22}{'-1':>8}{'0':>8}{'+1':>8}{'moved':>8}{'flipped':>9}"]
        for name, fractions in self.fractions.items():
            line = f"{name:22}" + "".join(f"{fraction:8.1%}" for fraction in fractions)
            if self.changes:
                change = self.changes[name]
                line += f"{1 - np.trace(change):8.1%}{change[0, 2] + change[2, 0]:9.1%}"
            lines.append(line)
        moved = "moved: another value than before training; flipped: from -1 to +1 or back"
        return "\n".join([*lines, moved] if self.changes else lines)


def inspect_run(run: SavedRun) -> Inspection:
    """Inspect the model of a run that was loaded."""
    model, config, state = run.model, run.config, run.checkpoint.state
    # A run's seed gives its initial weights again; a model from elsewhere has no known ones.
    known = not {"published", "packed"} & state.keys()
    rng = np.random.default_rng(config.seed)
    initial = new_model(config, rng, ngrams=model.ngrams) if known else None
    return inspect_model(model, config, initial)


def inspect_model(
    model: LanguageModel, config: Config, initial: LanguageModel | None = None
) -> Inspection:
    """Inspect a model; with the `initial` model, also count the weights that changed."""
    matrices_of = MATRICES[config.model]
    matrices = matrices_of(model, config)
    fractions = {
        name: np.array([np.mean(value == T) for value in VALUES])
        for name, (T, _) in matrices.items()
    }
    changes = None
    if initial is not None:
        before = matrices_of(initial, config)
        changes = {name: _changes(before[name][0], T) for name, (T, _) in matrices.items()}
    return Inspection(token_costs(model, config), fractions, changes)


def _changes(before, after):
    """The fraction of the weights with each pair of values (3, 3), the earlier value first."""
    return np.array([[np.mean((before == a) & (after == b)) for b in VALUES] for a in VALUES])
