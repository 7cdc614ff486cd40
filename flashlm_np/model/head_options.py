"""The options of the output layers: which of them fit together, and sizes that fit V words."""

import math

from .fields import option_name

OF_EXACT = ("label_smoothing", "z_loss")  # options of the loss that only the exact head has


def sizes_for(head: str, V: int) -> dict:
    """The sizes of a head for V words: for 50,257, those that docs/heads.md compares."""
    one_cutoff = (min(8192, max(1, V // 6)),)
    two_cutoffs = (min(2000, max(1, V // 25)), min(10000, max(2, V // 5)))
    return {
        "classes": min(224, math.isqrt(V)),
        "cutoffs": one_cutoff if head == "hybrid" else two_cutoffs,
        "candidates": min(3072, max(1, V // 8)),
    }


def has_plain_loss(config) -> bool:
    """Whether the loss in training is -ln p of the targets, without the options OF_EXACT."""
    return config.head != "exact" or config.prior != "none"


def check_head(config) -> None:
    """Raise a ValueError if options do not fit the head, each other or the vocabulary."""
    if has_plain_loss(config):
        _check_plain_loss(config)
    if config.head == "exact":
        return
    words = config.vocab_size  # that share the classes
    if config.head in ("adaptive", "hybrid"):
        _check_cutoffs(config)
    if config.head == "hybrid":
        words -= config.cutoffs[0]
    if config.head in ("two_level", "hybrid") and config.classes > words:
        raise ValueError(f"--classes is {config.classes}, but they share only {words} words")


def _check_plain_loss(config):
    for name in OF_EXACT:
        if value := getattr(config, name):
            other = "--head" if config.head != "exact" else "--prior"
            raise ValueError(
                f"{option_name(name)} is {value}, expected 0: only the exact head has this "
                f"option, and {other} is {getattr(config, other[2:])}"
            )
    if config.prior == "trigram_logits" and config.head != "exact":
        raise ValueError(
            "--prior is trigram_logits, which needs the logits of all words, and --head is "
            f"{config.head}; choose --head exact, or --prior trigram"
        )


def _check_cutoffs(config):
    cutoffs, V = config.cutoffs, config.vocab_size
    if list(cutoffs) != sorted(set(cutoffs)) or not cutoffs or cutoffs[-1] >= V:
        raise ValueError(
            f"--cutoffs is {' '.join(map(str, cutoffs))}, expected rising numbers below "
            f"--vocab-size {V}"
        )
    if config.head == "hybrid" and len(cutoffs) > 1:
        raise ValueError("--cutoffs: the head hybrid has one, the number of frequent words")
