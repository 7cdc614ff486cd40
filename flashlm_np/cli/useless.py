"""Arguments that have no effect: each is refused, because its user expects one."""

import argparse
import re
from collections.abc import Callable
from typing import NamedTuple

from ..errors import UserError
from ..model.block_options import CONVOLUTIONS
from ..model.fields import option_name
from ..model.presets import PRESETS


class Rule(NamedTuple):
    """Where `holds(options)`, the `useless` options change nothing; `why` is the reason."""

    holds: Callable[[argparse.Namespace], object]
    why: str
    useless: tuple[str, ...]


def _value(options, name):
    """The value of a field: the given one, or the preset's."""
    given = getattr(options, name)
    return getattr(PRESETS[options.preset or "quickstart"], name) if given is None else given


def _is(name, *values):
    """The rule for options that have no effect where a field has one of some values."""
    return lambda o: not o.resume and _value(o, name) in values


def _is_not(name, *values):
    """The rule for options that have an effect only where a field has one of some values."""
    return lambda o: not o.resume and _value(o, name) not in values


def _has_no_convolution(options):
    """The rule for options of convolutions, which attention may have, too."""
    if _is("mixer", "attention")(options):
        return _is("attention_taps", 0)(options)
    return _is_not("mixer", *CONVOLUTIONS)(options)


def _is_plain(name):
    """Whether a name is that of a text file, which may be compressed."""
    return bool(re.search(r"\.(txt|md)(\.gz|\.zst)?$", name.lower()))


RULES = {
    "train": (
        Rule(lambda o: o.minutes, "--minutes and --steps exclude each other", ("steps",)),
        Rule(lambda o: o.text, "--text and --data exclude each other", ("data",)),
        Rule(lambda o: o.text or o.data, "--text and --data replace the stories", ("stories",)),
        Rule(
            lambda o: not (o.text or o.data or o.resume),
            "the stories for validation are always the same; only a text is divided",
            ("validation_share",),
        ),
        Rule(
            _is_not("embedding", "random"),
            "only a random embedding has a standard deviation to choose",
            ("embedding_std",),
        ),
        Rule(
            _is_not("head", "two_level", "hybrid"),
            "only the heads two_level and hybrid have classes",
            ("classes", "class_order"),
        ),
        Rule(
            _is_not("head", "adaptive", "hybrid"),
            "only the heads adaptive and hybrid have cut-offs",
            ("cutoffs",),
        ),
        Rule(
            _is_not("mixer", "gated_convs"),
            "only the mixer gated_convs has groups and dilations",
            ("conv_groups", "dilations"),
        ),
        Rule(
            _is_not("mixer", *CONVOLUTIONS),
            "only the mixers gated_convs and depthwise are convolutions",
            ("taps", "conv_identity"),
        ),
        Rule(_has_no_convolution, "the mixer has no convolutions", ("conv_lr_ratio",)),
        Rule(
            _is("mixer", *CONVOLUTIONS),
            "only the mixers attention and mlgru have a width of their own",
            ("mixer_width",),
        ),
        Rule(
            _is_not("mixer", "attention"),
            "only the mixer attention has heads",
            ("attention_heads", "attention_taps"),
        ),
        Rule(
            _is_not("mixer", "mlgru"),
            "only the mixer mlgru has this gate",
            ("gru_gate",),
        ),
        Rule(
            _is("model", "matmul_free"),
            "the model matmul_free has initial matrices of its own",
            ("out_std",),
        ),
        Rule(
            _is("model", "flashlm"),
            "only the model matmul_free has lower bounds",
            ("lower_bounds",),
        ),
        Rule(
            _is("initial_weights", "fan_out"),
            "--initial-weights fan_out sets the deviation of all matrices",
            ("out_std",),
        ),
        Rule(
            _is("matrix_optimizer", "adamw"),
            "AdamW moves the matrices here, not NorMuon",
            ("normuon_lr", "normuon_form", "momentum_warmup"),
        ),
        Rule(
            _is("schedule", "cosine"),
            "the cosine falls from the end of the warm-up on",
            ("decay_share",),
        ),
        Rule(_is("schedule", "wsd"), "only the cosine has a floor", ("schedule_floor",)),
        Rule(
            _is_not("prior", "trigram"),
            "only --prior trigram has two losses",
            ("network_loss",),
        ),
        Rule(
            _is("local_steps", 0),
            "only --local-steps has exchanges",
            ("outer_lr", "outer_momentum", "difference_bits"),
        ),
        Rule(_is_not("head", "tree"), "only the head tree has a shape to choose", ("tree",)),
        Rule(
            _is_not("head", "sampled"),
            "only the head sampled draws words",
            ("candidates", "candidates_from"),
        ),
    ),
    "generate": (
        Rule(
            lambda o: o.temperature == 0,
            "--temperature 0 always takes the likeliest token",
            ("top_k", "top_p", "seed"),
        ),
    ),
    "prepare": (
        Rule(
            lambda o: o.source and all(map(_is_plain, o.source)),
            "only tables have columns, and these are plain texts",
            ("text_column",),
        ),
    ),
    "embed": (
        Rule(
            lambda o: o.kind == "random", "embed random only draws numbers", ("data", "weights")
        ),
        Rule(
            lambda o: o.kind == "corpus",
            "embed corpus only counts the tokens of --data",
            ("weights", "vocab_size", "seed"),
        ),
        Rule(
            lambda o: o.kind == "gpt2",
            "embed gpt2 only reduces GPT-2's own embedding",
            ("data", "std", "vocab_size", "seed"),
        ),
    ),
}


def refuse_useless(options: argparse.Namespace) -> None:
    """Raise a UserError that names the options without effect."""
    for rule in RULES.get(options.command, ()):
        given = [name for name in rule.useless if _is_given(options, name)]
        if given and rule.holds(options):
            raise UserError(f"{rule.why}; leave out {', '.join(map(option_name, given))}")


# The option that is probably missing before a word that no argument takes.
FORGOTTEN = {
    "train": "; a text to learn from is given with --text",
    "eval": "; a text to score is given with --text",
    "generate": "; the beginning of a text is given with --prompt, in quotes",
}


def refuse_strays(options: argparse.Namespace, strays: list[str]) -> None:
    """Leave with a usage error of the command, if there are arguments that it does not have."""
    if strays:
        hint = "" if strays[0].startswith("-") else FORGOTTEN.get(options.command, "")
        options.parser.error(f"unrecognized arguments: {' '.join(strays)}{hint}")


def _is_given(options, name):
    return getattr(options, name) != options.parser.get_default(name)
