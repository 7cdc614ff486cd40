"""Train a small FlashLM on stories, one step at a time.

It is the quickstart's model in a size for a browser: ternary matrices, gated convolutions, the
same two optimizers, the same plain step. A token is a word with the space before it, or a
letter. Every story's probability is known, and so is the best possible loss (docs/stories.md).
"""

import re
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from flashlm_np.data.dataset import Dataset, sample_batch
from flashlm_np.data.stories.stories import generate, score
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.config import Phase
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import SMALL_V3
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import no_grad

STORIES, VALIDATION = 1500, 6
END = "\n\n"  # the token between two stories, which no story holds as one token
CUT = {"words": r" ?[A-Za-z']+|\s|[^A-Za-z\s]", "letters": r"(?s)."}
# Tuned for about a minute and a half of a browser's time: docs/playground.md.
SIZES = {
    "words": {"d_model": 48, "conv_groups": 3, "recursions": 1, "phases": (Phase(1, 64, 4),)},
    "letters": {"d_model": 64, "conv_groups": 4, "recursions": 2, "phases": (Phase(1, 64, 4),)},
}
SHARED = {"steps": 320, "warmup_steps": 10, "adamw_lr": 0.04, "fused": False}


class Training:
    """A model, its optimizers and its stories. `step` and `sample` are called in any order."""

    def __init__(self, tokens: str = "words", seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.cut = re.compile(CUT[tokens]).findall
        stories = [self.cut(generate(self.rng)) for _ in range(STORIES)]
        counts = Counter(token for story in stories for token in story)
        self.vocabulary = [END, *(token for token, _ in counts.most_common())]
        self.ids = {token: i for i, token in enumerate(self.vocabulary)}
        self.valid, self.best, self.characters = self._validation()
        self.data = Dataset("stories", self._ids(stories), self.valid, has_separators=True)
        size = SIZES[tokens] | {"vocab_size": len(self.vocabulary)}
        self.config = replace(SMALL_V3, **SHARED, **size)
        self.model = new_model(self.config, self.rng)
        self.optimizers = Optimizers(self.model, self.config)
        self.taken, self.seconds = 0, 0.0

    def _ids(self, stories):
        """The ids of stories, with END before and after each."""
        return np.array([0, *(self.ids[t] for story in stories for t in [*story, END])])

    def _validation(self):
        """Ids of stories of their own, their best possible loss, and characters per token."""
        rng, texts = np.random.default_rng(2026), []
        while len(texts) < VALIDATION:  # an unknown word has no id, so its story is left out
            text = generate(rng)
            if self.ids.keys() >= set(self.cut(text)):
                texts.append(text)
        ids = self._ids(map(self.cut, texts))
        count, length = len(ids) - 1, sum(map(len, texts)) + len(texts)
        return ids, -sum(map(score, texts)) / count, length / count

    def describe(self) -> dict:
        """The numbers that do not change: losses are in nats per token."""
        return {
            "parameters": sum(p.size for p in self.model.parameters()),
            "vocabulary": len(self.vocabulary),
            "steps": self.config.steps,
            "best": self.best,
            "uniform": float(np.log(len(self.vocabulary))),
            "characters": self.characters,
        }

    def step(self) -> dict:
        """Take one training step; the loss in nats per token, the tokens per second so far."""
        start = time.perf_counter()
        phase = self.config.phase(self.taken + 1)
        sizes = {"batch": phase.batch, "sequence": phase.sequence, "position_share": 1.0}
        batch = sample_batch(self.data, rng=self.rng, **sizes)
        result = train_step(self.model, self.optimizers, self.taken + 1, [batch])
        self.taken += 1
        self.seconds += time.perf_counter() - start
        rate = self.taken * phase.tokens / self.seconds
        return {"step": self.taken, "loss": result.loss, "rate": rate, "seconds": self.seconds}

    def validate(self) -> float:
        """The true loss on stories that the model has not read, in nats per token."""
        with no_grad():
            return self.model.loss(self.valid[None, :-1], self.valid[None, 1:]).item()

    def sample(self, characters: int = 400, temperature: float = 0.5) -> str:
        """A story of the model, cut after about so many characters."""
        tokens, length = [], 0
        options = {"temperature": temperature, "stop": 0}
        for i in generate_fast(self.model, np.array([0]), characters, self.rng, **options):
            tokens.append(self.vocabulary[i])
            length += len(tokens[-1])
            if length >= characters:
                return "".join(tokens) + " …"
        return "".join(tokens)
