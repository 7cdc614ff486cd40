"""Phases: short sequences at the start of a run, longer ones later."""

import reprlib
from dataclasses import dataclass

MOST_STEPS, MOST_TOKENS = 10**9, 10**7  # of a run; of a step


@dataclass(frozen=True)
class Phase:
    """The size of each step from optimizer step `first_step` on, which counts from 1.

    Written FIRST:SEQUENCE:BATCH:MICRO or FIRST:SEQUENCE:BATCH:MICRO:frozen, where frozen
    leaves the embedding (and so the tied head) untrained.
    """

    first_step: int
    sequence: int
    batch: int
    micro_batches: int = 1
    frozen_embedding: bool = False

    def __post_init__(self):
        sizes = (self.first_step, self.sequence, self.batch, self.micro_batches)
        if not all(type(size) is int and 1 <= size <= MOST_STEPS for size in sizes):
            wrong = f"every number must be a whole one from 1 to {MOST_STEPS:,}"
        elif self.tokens > MOST_TOKENS:
            wrong = f"a step reads {self.tokens:,} tokens, expected at most {MOST_TOKENS:,}"
        else:
            return
        raise ValueError(f"phase {str(self)!r}: {wrong}")

    @classmethod
    def parse(cls, text: str) -> "Phase":
        """Read a phase. Raises ValueError that says how it is written."""
        try:
            numbers = text.removesuffix(":frozen").split(":")
            first, sequence, batch, micro = map(int, numbers)
        except (AttributeError, ValueError):
            raise ValueError(
                f"phase {reprlib.repr(text)}: expected FIRST:SEQUENCE:BATCH:MICRO and perhaps "
                ":frozen, such as 1:128:16:1"
            ) from None
        return cls(first, sequence, batch, micro, text.endswith(":frozen"))

    def __str__(self):
        text = f"{self.first_step}:{self.sequence}:{self.batch}:{self.micro_batches}"
        return text + ":frozen" * self.frozen_embedding

    @property
    def tokens(self) -> int:
        """Tokens that one step reads."""
        return self.sequence * self.batch * self.micro_batches


V3_PHASES = (
    Phase(1, 64, 4, 4, frozen_embedding=True),
    Phase(1000, 128, 4, 4),
    Phase(4000, 256, 4, 8),
    Phase(7000, 512, 4, 8),
)
