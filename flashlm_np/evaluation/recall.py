"""The accuracy of a model on the tasks of data/known_answers.py, against the distance.

An answer is right if its token is the likeliest of all. A model that cannot see so far guesses,
and CHANCE says how often a guess is right.
"""

import math
from dataclasses import dataclass

import numpy as np

from minigrad import no_grad

from ..data.known_answers import TASKS, Questions
from ..model.language_model import LanguageModel

ROOM = 16  # positions of a window beside those of the distance
TOKENS_AT_ONCE = 4096  # of the windows of a forward pass


@dataclass(frozen=True)
class Accuracy:
    """The part of right answers at one distance, and the number of questions."""

    right: float
    questions: int

    @property
    def error(self) -> float:
        """The standard error, if the answers are independent."""
        return math.sqrt(self.right * (1 - self.right) / self.questions)

    def __str__(self) -> str:
        return f"{self.right:.1%} ± {self.error:.1%}"


def accuracy_by_distance(
    model: LanguageModel,
    task: str,
    distances: list[int],
    rng: np.random.Generator,
    questions: int = 128,
    length: int | None = None,
) -> dict[int, Accuracy]:
    """The accuracy at each distance, with about so many questions of each.

    length: of the windows; by default the distance and ROOM positions.
    """
    found = {}
    for distance in distances:
        T = distance + ROOM if length is None else length
        at_once = max(1, TOKENS_AT_ONCE // T)
        right: list[np.ndarray] = []
        while sum(map(len, right)) < questions:
            drawn = TASKS[task](rng, T, [distance] * at_once)
            asked = drawn.distances == distance  # `count` asks at smaller ones, too
            right.append(is_right(model, drawn)[asked])
        every = np.concatenate(right)
        found[distance] = Accuracy(float(every.mean()), len(every))
    return found


def is_right(model: LanguageModel, questions: Questions) -> np.ndarray:
    """Whether the likeliest token is the answer, at each asking position (N,)."""
    with no_grad():
        logits = model(questions.ids).data  # (B, T, V)
    at = logits.reshape(-1, logits.shape[-1])[questions.positions]  # (N, V)
    return at.argmax(axis=1) == questions.answers
