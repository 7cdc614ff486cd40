"""The limits of the optimizers' options: an impossible one gets one sentence at once."""

from ..errors import expect_number

LIMITS = {  # of the options of all optimizers, by name
    "lr": {"least": 0},
    "beta1": {"least": 0, "below": 1},  # 1 would keep the first mean, which is 0, for ever
    "beta2": {"least": 0, "below": 1},
    "momentum": {"least": 0, "below": 1},
    "weight_decay": {"least": 0},
    "eps": {"above": 1e-38},  # else a gradient of 0 gives 0/0, in float32 as well
}


def checked(where: str, options: dict) -> dict:
    """The options, each within its limits. One without limits is returned as it is."""
    return {name: _checked(where, name, value) for name, value in options.items()}


def _checked(where, name, value):
    if name == "betas":
        return _betas(where, value)
    if name == "nesterov" and not isinstance(value, bool):
        raise TypeError(f"{where}: nesterov is {value!r}, expected True or False")
    return expect_number(where, name, value, **LIMITS[name]) if name in LIMITS else value


def _betas(where, betas):
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise TypeError(f"{where}: betas is {betas!r}, expected two numbers (β₁, β₂)")
    limits = {"least": 0, "below": 1}
    beta1, beta2 = (expect_number(where, f"betas[{i}]", betas[i], **limits) for i in range(2))
    # |m| / √v has no bound then: v forgets a large gradient before m does.
    if beta1**2 > beta2:
        raise ValueError(
            f"{where}: betas is {(beta1, beta2)}, expected β₁² at most β₂; are they exchanged?"
        )
    return beta1, beta2
