"""The fields of a configuration that can have one value only for the MatMul-free model."""

from ..fields import option_name

MODELS = ("flashlm", "matmul_free")
# Facts about the model, which the fields of a configuration state.
FIXED = {
    "mixer": "mlgru",
    "mixer_width": 0,
    "recursions": 1,
    "activation": "silu",
    "ternary_mixer": True,
    "ternary_threshold": 0.5,
    "ternary_scale": "mean",
    "head": "exact",
    "prior": "none",
    "output_gains": False,
    "first_skip": False,
    "bigram_rows": 0,
    "logit_scale": 1.0,
    "initial_weights": "v3",
}


def check_model(config) -> None:
    """Raise a ValueError if options are not those of the configuration's model."""
    if config.model == "flashlm":
        if not config.lower_bounds:
            raise ValueError(
                "--no-lower-bounds needs --model matmul_free: FlashLM has no such bounds"
            )
        return
    for name, value in FIXED.items():
        if (given := getattr(config, name)) != value:
            raise ValueError(
                f"{option_name(name)} is {given}, and the model matmul_free has {value} only; "
                "begin with --preset matmul_free, and leave this option out"
            )
