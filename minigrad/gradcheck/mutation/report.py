"""The report of `mutate`: a table of the mistakes that a test missed, and how to catch them."""

from collections import Counter
from dataclasses import dataclass

OUTCOMES = ("caught", "missed", "no effect", "not applicable")


@dataclass(frozen=True, repr=False)
class Planted:
    """One mistake, the input whose gradient has it (None: all), and what the test did."""

    mistake: str
    argument: str | None
    outcome: str  # one of OUTCOMES
    sentence: str  # how to catch it; if it is not applicable, why

    def __repr__(self):  # short, because pytest shows lists of them
        return self.mistake + (f" ({self.argument})" if self.argument else "")


@dataclass(frozen=True)
class MutationReport:
    """Which of the planted mistakes the test caught. Its text is a table."""

    name: str
    planted: tuple[Planted, ...]

    @property
    def caught(self) -> list[Planted]:
        return self._with("caught")

    @property
    def missed(self) -> list[Planted]:
        return self._with("missed")

    @property
    def no_effect(self) -> list[Planted]:
        return self._with("no effect")

    @property
    def not_applicable(self) -> list[Planted]:
        return self._with("not applicable")

    def _with(self, outcome):
        return [planted for planted in self.planted if planted.outcome == outcome]

    def __str__(self):
        counts = ", ".join(f"{len(self._with(outcome))} {outcome}" for outcome in OUTCOMES)
        lines = [f"{self.name}: {len(self.planted)} mistakes, {counts}"]
        titles = {
            "missed": "missed: the test passes with these mistakes",
            "no effect": "no effect on the inputs of the test: it cannot see these mistakes",
            "not applicable": "not applicable",
            "caught": "caught",
        }
        for outcome, title in titles.items():
            rows = self._unseen() if outcome == "missed" else []
            seen = [p for p in self._with(outcome) if p.argument not in {a for _, a, _ in rows}]
            rows += _grouped(seen, with_sentence=outcome != "caught")
            if rows:
                lines += ["", title, *_table(rows)]
        return "\n".join(lines)

    def _unseen(self):
        """One row for each argument of which the test missed everything: it is not tested."""
        missed = Counter(planted.argument for planted in self.missed)
        seen = {planted.argument for planted in self.caught} | {None}
        return [
            (f"all {count} mistakes", argument, "The test does not look at this gradient.")
            for argument, count in missed.items()
            if argument not in seen
        ]


def _grouped(planted_ones, with_sentence):
    """Rows (mistake, arguments, sentence); the arguments of equal ones share a row."""
    rows: dict[tuple, list] = {}
    for one in planted_ones:
        key = one.mistake, one.sentence if with_sentence else ""
        rows.setdefault(key, []).append(one.argument or "all")
    return [(name, ", ".join(arguments), text) for (name, text), arguments in rows.items()]


def _table(rows):
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [
        f"  {name:{widths[0]}}  {arguments:{widths[1]}}  {text}".rstrip()
        for name, arguments, text in rows
    ]
