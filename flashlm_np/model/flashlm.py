"""FlashLM: an embedding, one block applied R times, and the embedding again as output layer.

    x = embedding[ids]                          (B, T) -> (B, T, D)
    x = block(x), R times                       (B, T, D), the same weights each time
    logits = final_norm(x) @ embeddingᵀ         (B, T, D) -> (B, T, V)

Other configurations have several blocks, rows for pairs of tokens (bigrams.py), or a path from
the embedding to each block (first_skip.py).

The last line is the exact head, v3's. The other heads need fewer products in training: heads/.
With them, row r of the table belongs to token layout.order[r]. With the exact head, row r
belongs to token r. The loss and the logits are computed in language_model.py.

v3 has D = 256, R = 2 and V = 50,257. Of its 13.6 million parameters, 12.9 million are the
embedding's table. The head uses the same table. A prediction sees 415 tokens: the last one and
207 before it for each round.
"""

import numpy as np

from minigrad import Tensor
from minigrad.layers import Embedding, RMSNorm

from ..ngrams.kneser_ney import KneserNey
from .bigrams import BigramTable
from .config import Config
from .first_skip import FirstSkip
from .heads import new_head, new_layout
from .heads.layout import TableLayout
from .language_model import LanguageModel
from .layers import RecursiveBlock
from .mixers import mixer_class
from .prior import new_prior


class FlashLM(LanguageModel):
    """The language model. `config` gives every size; weights are drawn from `rng`.

    layout: the order of the words in the table, by default one that needs no text.
    ngrams: the counts of the training text, if config.prior asks for them.
    """

    def __init__(
        self,
        config: Config,
        rng: np.random.Generator,
        dtype=np.float32,
        layout: TableLayout | None = None,
        ngrams: KneserNey | None = None,
    ):
        V, D = config.vocab_size, config.d_model
        self.layout = new_layout(config) if layout is None else layout
        self.ngrams = ngrams
        self.recursions = config.recursions
        self.embedding = Embedding(V, D, rng=rng, std=config.embedding_std, dtype=dtype)
        M, A = config.bigram_rows, config.recursions * config.blocks
        self.bigrams = BigramTable(V, M, D, dtype) if M else None
        self.first_skip = FirstSkip(A, dtype) if config.first_skip else None
        self.block, *self.more_blocks = [
            RecursiveBlock(config, rng, dtype, mixer_class(config))
            for _ in range(config.blocks)
        ]
        self.final_norm = RMSNorm(D, eps=config.norm_eps, dtype=dtype)
        self.final_norm.scale.data.fill(config.logit_scale)
        self.lm_head = new_head(config, self.layout, rng, dtype)
        # The same Parameter object, not a copy: its gradient is the sum of both uses.
        self.lm_head.weight = self.embedding.weight
        self.prior = new_prior(config, ngrams, dtype)  # None, except where counts take part

    def hidden(self, ids: np.ndarray) -> Tensor:
        """The input of the head at every position: ids (B, T) -> (B, T, D)."""
        first = x = self._first(ids)  # (B, T, D)
        # The same weights again: the model is deeper and sees further back, but is no larger.
        for r, block in enumerate(self.applications()):
            if self.first_skip is not None and r:
                x = self.first_skip(x, first, r)
            x = block(x)
        # The block adds to x and never normalizes the sum. The norm gives all rows one length.
        return self.final_norm(x)

    def _first(self, ids):
        x = self.embedding(self.layout.rows(ids))  # (B, T, D)
        return x if self.bigrams is None else x + self.bigrams(ids)

    def applications(self) -> list[RecursiveBlock]:
        """The blocks in the order in which they are applied; v3's one block twice."""
        return [self.block, *self.more_blocks] * self.recursions
