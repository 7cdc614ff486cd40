"""The configuration of a run in one flat record."""

import math
from dataclasses import asdict, dataclass, fields, replace

from minigrad.ops.ternary import SCALES
from minigrad.optim.normuon import FORMS

from .block_options import (
    ACTIVATIONS,
    GRU_GATES,
    INITIAL_WEIGHTS,
    MIXERS,
    check_block,
    mixer_reach,
)
from .fields import check_fields, check_together, option
from .head_options import OF_EXACT, check_head, has_plain_loss, sizes_for
from .heads import HEADS
from .heads.candidates import PROPOSALS
from .heads.classes import CLASS_ORDERS
from .heads.huffman import TREES
from .matmul_free.options import MODELS, check_model
from .phase import MOST_STEPS, V3_PHASES, Phase
from .prior import PRIORS

TEMPERATURE = 0.5  # of generated text, unless the user chooses another
RENAMED = {"ternary_convs": "ternary_mixer"}  # fields of saved configurations, and their names


@dataclass(frozen=True)
class Config:
    """The numbers of one run, by default those of FlashLM v3.

    Each field is an option of `flashlm train`. Its help explains it.
    """

    preset: str = option("v3", "the preset this configuration started from")
    seed: int = option(42, "seed of the weights, the batches and the stories", 0, 2**64 - 1)
    # The model
    model: str = option("flashlm", f"the model: {', '.join(MODELS)}", among=MODELS)
    vocab_size: int = option(50257, "tokens in the vocabulary", 2, 10**7)
    d_model: int = option(256, "width of the residual stream", 1, 65536)
    glu_ratio: float = option(2.67, "width of the gated layer, in d_model", 0, 1000)
    taps: int = option(4, "taps of each convolution", 1, 64)
    conv_groups: int = option(16, "groups of each convolution", 1, 65536)
    dilations: tuple[int, ...] = option((1, 4, 64), "dilation of each convolution", 1, 65536)
    recursions: int = option(2, "how often the blocks are applied", 1, 100)
    blocks: int = option(1, "blocks with own weights, one after another", 1, 100)
    mixer: str = option("gated_convs", f"of a block: {', '.join(MIXERS)}", among=MIXERS)
    mixer_width: int = option(0, "width inside attention and mlgru; 0: d_model", 0, 65536)
    attention_heads: int = option(4, "heads of the mixer attention", 1, 65536)
    attention_taps: int = option(
        0, "taps of the convolutions of its queries, keys and values; 0: none", 0, 64
    )
    gru_gate: str = option(
        "code", "of mlgru: the authors' code's, or the paper's", among=GRU_GATES
    )
    lower_bounds: bool = option(True, "learned lower bounds of matmul_free's recurrence")
    activation: str = option(
        "relu_squared", f"of the gated layer: {', '.join(ACTIVATIONS)}", among=ACTIVATIONS
    )
    output_gains: bool = option(False, "learned gains, from 0, on what mixer and GLU add")
    first_skip: bool = option(False, "add the embedding, times learned numbers, at each block")
    bigram_rows: int = option(0, "rows for pairs of tokens, found by a hash; 0: none", 0, 10**7)
    logit_scale: float = option(1.0, "initial gains of the last norm", 0)
    norm_eps: float = option(1e-8, "added to the mean square in RMSNorm", 0)
    ternary_threshold: float = option(1.0, "weights below this many mean |w| become 0", 0)
    ternary_scale: str = option("none", "of a ternary matrix: none, mean, kept", among=SCALES)
    ternary_mixer: bool = option(
        False, "a mixer's convolutions or projections are ternary, too; v3's are not"
    )
    embedding: str = option(
        "gpt2", "the initial embedding: gpt2, corpus, random, or a file made by flashlm embed"
    )
    embedding_std: float = option(0.02, "standard deviation of a random embedding", 0)
    initial_weights: str = option(
        "v3",
        "v3, or fan_out: √(2 / outputs), v4's, for matrices and convolutions",
        among=INITIAL_WEIGHTS,
    )
    conv_identity: float = option(0.0, "added at first to a channel's value taps on itself", 0)
    out_std: float = option(0.01, "standard deviation of the initial output projections", 0)
    fused: bool = option(True, "fused gated convolutions and head; off: composed, for reading")
    # The output layer: model/heads/
    head: str = option("exact", f"the output layer: {', '.join(HEADS)}", among=tuple(HEADS))
    classes: int = option(224, "classes of the heads two_level and hybrid", 1, 10**6)
    class_order: str = option(
        "frequency", "words of a class share their frequency or meaning", among=CLASS_ORDERS
    )
    cutoffs: tuple[int, ...] = option(
        (2000, 10000),
        "frequent words of the heads adaptive and hybrid, and ends of tails",
        1,
        10**7,
    )
    tree: str = option("huffman", "shape of the head tree: huffman or balanced", among=TREES)
    candidates: int = option(3072, "words drawn per step by the head sampled", 1, 10**7)
    candidates_from: str = option("counts", "drawn by counts or log_uniform", among=PROPOSALS)
    prior: str = option(
        "none", f"counts that take part in p: {', '.join(PRIORS)}", among=PRIORS
    )
    network_loss: float = option(1.0, "with a prior, the weight of the network alone", 0)
    # The data
    stories: int = option(16000, "training stories to make when no text is given", 1, 10**6)
    validation_share: float = option(0.05, "last part of a text, kept for validation", 0, 1)
    # The optimizer
    steps: int = option(10000, "optimizer steps to take", 1, MOST_STEPS)
    schedule: str = option(
        "wsd", "the rates stay, then fall (wsd), or fall as a cosine", among=("wsd", "cosine")
    )
    schedule_floor: float = option(0.0, "the least factor of the rates, for the cosine", 0, 1)
    schedule_steps: int = option(
        10000, "step at which the rates are 0; 0: the one after the last step", 0, MOST_STEPS
    )
    warmup_steps: int = option(200, "steps over which the learning rates rise", 0, MOST_STEPS)
    decay_share: float = option(0.1, "last part of the schedule: the rates fall to 0", 0, 1)
    phases: tuple[Phase, ...] = option(V3_PHASES, "FIRST:SEQUENCE:BATCH:MICRO[:frozen] ...")
    position_share: float = option(0.25, "part of the positions that the loss scores", 0, 1)
    label_smoothing: float = option(0.1, "part of the target spread over the vocabulary", 0, 1)
    z_loss: float = option(1e-4, "weight of the squared log-partition in the loss", 0)
    matrix_optimizer: str = option(
        "normuon", "of the blocks' matrices: normuon or adamw", among=("normuon", "adamw")
    )
    normuon_lr: float = option(0.02, "learning rate of the blocks' matrices", 0)
    normuon_form: str = option("v3", "v3 or published: optim/normuon.py", among=FORMS)
    momentum_warmup: int = option(
        0, "steps over which NorMuon's momentum rises from 0.85 to 0.95; 0: none", 0, MOST_STEPS
    )
    adamw_lr: float = option(3e-4, "learning rate of everything else", 0)
    conv_lr_ratio: float = option(1.0, "learning rate of the convolutions, in adamw_lr", 0)
    weight_decay: float = option(0.1, "AdamW's, on all that are no gains and biases", 0)
    decay_gains: bool = option(False, "weight decay on gains and biases, too")
    clip_norm: float = option(1.0, "largest joint norm of the gradients", 1e-30, math.inf)
    ema_decay: float = option(0.999, "memory of the averaged weights; 0: none", 0, 1)
    # Several processes that seldom meet: training/local_steps.py
    local_steps: int = option(
        0, "steps of each process alone between two exchanges; 0: none", 0, MOST_STEPS
    )
    outer_lr: float = option(0.7, "with local steps, the learning rate of an exchange", 0)
    outer_momentum: float = option(0.9, "with local steps, Nesterov's of an exchange", 0, 1)
    difference_bits: int = option(
        32, "with local steps, bits of a number that is sent: 32, 8 or 2", among=(32, 8, 2)
    )
    # Evaluations and checkpoints
    eval_every: int = option(500, "steps between evaluations", 1, MOST_STEPS)
    eval_tokens: int = option(16384, "validation tokens scored at each evaluation", 1, 10**7)
    save_every: int = option(100, "steps between checkpoints", 1, MOST_STEPS)

    def __post_init__(self):
        check_fields(self)
        check_together(self)
        check_block(self)
        check_head(self)
        check_model(self)

    @property
    def glu_width(self) -> int:
        """H, the width inside the gated linear unit."""
        return int(self.d_model * self.glu_ratio)

    @property
    def inner_width(self) -> int:
        """W, the width inside the mixers attention and mlgru."""
        return self.mixer_width or self.d_model

    @property
    def receptive_field(self) -> float:
        """The number of tokens, the present one included, that can influence a prediction.

        It is infinite, if the mixer sees the whole past.
        """
        return 1 + self.recursions * self.blocks * mixer_reach(self) + (self.bigram_rows > 0)

    def phase(self, step: int) -> Phase:
        """The phase that optimizer step `step` belongs to."""
        return max((p for p in self.phases if p.first_step <= step), key=lambda p: p.first_step)

    def phases_in_order(self) -> list[tuple[Phase, float]]:
        """Each phase with its last step, which is infinite for the last phase."""
        phases = sorted(self.phases, key=lambda phase: phase.first_step)
        ends = [*(phase.first_step - 1 for phase in phases[1:]), math.inf]
        return list(zip(phases, ends, strict=True))

    def with_head(self, head: str, prior: str | None = None) -> "Config":
        """This configuration with another output layer, perhaps a prior, and what suits them.

        That is the plain loss; with a head other than exact, at all positions, and sizes that
        fit the vocabulary. The exact head without a prior leaves everything as it is.
        """
        prior = self.prior if prior is None else prior
        plain = {} if (head, prior) == ("exact", "none") else dict.fromkeys(OF_EXACT, 0.0)
        if head == "exact":
            return replace(self, head=head, prior=prior, **plain)
        plain["position_share"] = 1.0
        plain |= sizes_for(head, self.vocab_size)
        return replace(self, head=head, prior=prior, **plain)

    @property
    def loss_options(self) -> dict:
        """The options of the model's loss. Only the exact head without a prior has any."""
        names = () if has_plain_loss(self) else OF_EXACT
        return {name: getattr(self, name) for name in names}

    def data_options(self) -> dict:
        """The fields that `data.loading.load_dataset` takes as keywords."""
        names = ("vocab_size", "seed", "stories", "validation_share", "eval_tokens")
        longest = max(phase.sequence for phase in self.phases)
        return {name: getattr(self, name) for name in names} | {"longest_sequence": longest}

    def window_options(self) -> dict:
        """The windows in which `evaluation.evaluate.token_losses` reads, as keywords.

        A model that sees the whole past reads windows as long as the longest of its training,
        each half new: it never learned what to do with more.
        """
        if self.receptive_field < math.inf:
            return {"context": int(self.receptive_field) - 1}
        longest = max(phase.sequence for phase in self.phases)
        return {"context": longest // 2, "window": longest - longest // 2}

    def to_dict(self) -> dict:
        """Plain values for JSON. `from_dict` is the inverse."""
        return asdict(self) | {"phases": [str(p) for p in self.phases]}

    @classmethod
    def from_dict(cls, values: dict) -> "Config":
        """The configuration of a dictionary that was read. Raises ValueError if it is none."""
        values = {RENAMED.get(name, name): value for name, value in values.items()}
        if unknown := sorted(set(values) - {f.name for f in fields(cls)}):
            raise ValueError(f"configuration: unknown fields {', '.join(unknown)[:200]}")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        if isinstance(texts := values.get("phases"), tuple):
            values["phases"] = tuple(map(Phase.parse, texts))
        return cls(**values)


def text_of(value) -> str:
    """A field's value as its option is written."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
