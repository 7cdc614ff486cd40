"""The lines of the ablation: each changes one thing of the base, and is trained alone.

The results of a line belong to exactly its changes (code, in trial/contender.py). So a line
that is edited is trained again.
"""

from benchmarks.trial.contender import Contender, Trial
from flashlm_np.model.config import Config
from flashlm_np.model.phase import Phase

from .ideas import SoftCap, full_precision, unigram_bias

# v3's head and its quarter of the positions, with the plain loss.
QUARTER = {"head": "exact", "position_share": 0.25, "label_smoothing": 0.0, "z_loss": 0.0}


def _line(label, change=None, averaged=False, against=None, seconds=0.4, **changes):
    return Contender(label, seconds, changes, change, averaged, against)


def _staged(label, *stages):
    return Contender(label, seconds=0.4, stages=stages)


def trial_of(base: Config) -> Trial:
    """The base and its lines."""
    lines = {"base": _line("the base"), **_heads(base), **_block(base), **_training(base)}
    return Trial(base, lines, "base")


def _heads(base):
    """The output layer, the scale of its logits, and the table."""
    of_v3 = QUARTER | {"label_smoothing": 0.1, "z_loss": 1e-4}
    quarter = {"against": "quarter", **QUARTER}
    rows = 32768 if base.vocab_size > 32768 else base.vocab_size // 4
    return {
        "meaning": _line("head: two levels, by meaning", class_order="meaning"),
        "adaptive": _line("head: adaptive", head="adaptive"),
        "sampled": _line("head: sampled", head="sampled"),
        "quarter": _line("head: exact, on a quarter", seconds=0.55, **QUARTER),
        "quarter_v3": _line("exact head: v3's loss", against="quarter", **of_v3),
        "cap_15": _line("exact head: soft cap 15", SoftCap(15), **quarter),
        "cap_30": _line("exact head: soft cap 30", SoftCap(30), **quarter),
        "bias": _line("exact head: a bias per word, from counts", unigram_bias, **quarter),
        "logits_2": _line("logits: final gains 0.5", logit_scale=0.5),
        "logits_4": _line("logits: final gains 0.25", logit_scale=0.25),
        "random": _line("table: random start", embedding="random"),
        "bigrams": _line(f"table: {rows:,} rows of hashed bigrams", bigram_rows=rows),
        "prior": _line("counts: a trigram, mixed in by a gate", prior="trigram"),
    }


def _block(base):
    """The block: its matrices, gains, mixer, depth and width."""
    width = base.d_model
    return {
        "scale_mean": _line("ternary: scale mean", ternary_scale="mean"),
        "scale_kept": _line("ternary: scale kept", ternary_scale="kept"),
        "rounded": _line(
            "ternary: scale mean, threshold 0.5", ternary_scale="mean", ternary_threshold=0.5
        ),
        "full": _line("ternary: none, full precision", full_precision),
        "gains": _line("block: output gains from 0", output_gains=True),
        "skip": _line("block: skip from the embedding", first_skip=True),
        "silu": _line("block: SiLU gate", activation="silu"),
        "identity": _line("block: value taps start at 4 on themselves", conv_identity=4.0),
        "depthwise": _line("mixer: depthwise, 8 taps", mixer="depthwise", taps=8),
        "no_gaps": _line("mixer: dilations 1 4 16", dilations=(1, 4, 16)),
        "four": _line("mixer: dilations 1 4 16 64", dilations=(1, 4, 16, 64)),
        "recursions_1": _line("depth: 1 recursion", recursions=1),
        "recursions_3": _line("depth: 3 recursions", recursions=3),
        "blocks_2": _line("depth: 2 blocks, 1 recursion", blocks=2, recursions=1),
        "blocks_3": _line("depth: 3 blocks, 1 recursion", blocks=3, recursions=1),
        "blocks_2_twice": _line("depth: 2 blocks, 2 recursions", blocks=2),
        "narrow": _line(f"width: {width * 3 // 4}", d_model=width * 3 // 4),
        "wide": _line(f"width: {width * 3 // 2}", d_model=width * 3 // 2),
    }


def _training(base):
    """The optimizers, the schedule, the batches, and which weights are judged."""
    rate, conv, matrices = base.adamw_lr, base.conv_lr_ratio, base.normuon_lr

    def adamw(factor):  # of the table, the head, gains and biases; the convolutions keep theirs
        return {"adamw_lr": rate * factor, "conv_lr_ratio": conv / factor}

    def sized(sequence=1.0, tokens=1.0, frozen=False):  # multiples of the base's
        phase = base.phases[0]
        windows = max(1, round(phase.batch * phase.micro_batches * tokens / sequence))
        return Phase(1, round(phase.sequence * sequence), windows, 1, frozen)

    def steps_of(*multiples, **named):
        return {"phases": (sized(*multiples, **named),)}

    length, count = base.phases[0].sequence, base.phases[0].tokens
    grows = f"{length // 2} to {4 * length}"
    quarters = [(i / 4, sized(sequence=2.0 ** (i - 1))) for i in range(4)]
    thirds = [(i / 3, sized(tokens=2.0 ** (i - 1))) for i in range(3)]
    return {
        "published": _line("NorMuon: published form", normuon_form="published"),
        "published_3": _line(
            "NorMuon: published form, rate ×3",
            normuon_form="published",
            normuon_lr=3 * matrices,
        ),
        "no_normuon": _line("NorMuon: none, AdamW for the matrices", matrix_optimizer="adamw"),
        "momentum": _line("NorMuon: momentum warm-up, 100 steps", momentum_warmup=100),
        "matrices_half": _line("rates: NorMuon ×0.5", normuon_lr=matrices / 2),
        "matrices_2": _line("rates: NorMuon ×2", normuon_lr=2 * matrices),
        "adamw_v3": _line("rates: AdamW ×0.1, v3's", **adamw(0.1)),
        "adamw_third": _line("rates: AdamW ×0.3", **adamw(0.3)),
        "adamw_3": _line("rates: AdamW ×3", **adamw(3)),
        "convs_3": _line("rates: convolutions ×3", conv_lr_ratio=3 * conv),
        "convs_10": _line("rates: convolutions ×10", conv_lr_ratio=10 * conv),
        "decay_0": _line("weight decay 0", weight_decay=0.0),
        "decay_1": _line("weight decay 1", weight_decay=1.0),
        "cooldown_0": _line("cooldown: none", decay_share=0.0),
        "cooldown_2": _line("cooldown: the last 0.2", decay_share=0.2),
        "cooldown_1": _line("cooldown: all of the run", decay_share=1.0),
        "cosine": _line("cooldown: a cosine", schedule="cosine"),
        "warm_up_10": _line("warm-up: 10 steps", warmup_steps=10),
        "warm_up_200": _line("warm-up: 200 steps, v3's", warmup_steps=200),
        "half_sequence": _line(f"sequence: {length // 2}", **steps_of(0.5)),
        "sequence_2": _line(f"sequence: {2 * length}", **steps_of(2)),
        "sequence_4": _line(f"sequence: {4 * length}", **steps_of(4)),
        "sequence_grows": _staged(f"sequence: {grows}, a quarter of the steps each", *quarters),
        "half_batch": _line(f"batch: {count // 2:,} tokens", **steps_of(tokens=0.5)),
        "batch_2": _line(f"batch: {2 * count:,} tokens", **steps_of(tokens=2)),
        "batch_grows": _staged(f"batch: {count // 2:,} to {2 * count:,} tokens", *thirds),
        "frozen": _staged(
            "table: frozen for a quarter", (0, sized(frozen=True)), (1 / 4, sized())
        ),
        "averaged": _line("averages: 0.99, judged", averaged=True, ema_decay=0.99),
        "averaged_5": _line("averages: 0.995, judged", averaged=True, ema_decay=0.995),
        "no_averages": _line("averages: none, which saves time", ema_decay=0.0),
    }
