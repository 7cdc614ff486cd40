"""Phases: short sequences at the start of a run, longer ones later."""

from dataclasses import dataclass


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

    @classmethod
    def parse(cls, text: str) -> "Phase":
        numbers = text.removesuffix(":frozen").split(":")
        try:
            first, sequence, batch, micro = map(int, numbers)
        except ValueError:
            raise ValueError(
                f"phase {text!r}: expected FIRST:SEQUENCE:BATCH:MICRO and perhaps :frozen, "
                "such as 1:128:16:1"
            ) from None
        if min(first, sequence, batch, micro) < 1:
            raise ValueError(f"phase {text!r}: every number must be 1 or more")
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
