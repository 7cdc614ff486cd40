"""The schedule of a run's learning rates: one factor for all of them, at each step.

It rises, stays and falls (wsd), or rises and falls as a cosine to a floor: see
minigrad/optim/schedule.py. NorMuon's momentum can rise, too:

    β₁ = 0.95 - 0.10 · (1 - step / momentum_warmup)   until step momentum_warmup, then 0.95

In the first steps the gradient soon points elsewhere, so that a long memory holds it back.

source   of the momentum: K. Jordan et al. 2024, the training script of modded-nanogpt
"""

from minigrad.optim import cosine, wsd

from ..model.config import Config

MOMENTUM, FIRST_MOMENTUM = 0.95, 0.85  # NorMuon's β₁, and that before the first step


def momentum(config: Config, step: int) -> float:
    """NorMuon's β₁ at optimizer step `step`, counted from 1."""
    missing = max(0.0, 1 - step / config.momentum_warmup) if config.momentum_warmup else 0.0
    return MOMENTUM - (MOMENTUM - FIRST_MOMENTUM) * missing


def rate_factor(config: Config, step: int) -> float:
    """The factor of all learning rates at optimizer step `step`, counted from 1."""
    # A run may be shorter than its warm-up. Then the factor rises to its last step.
    steps = {"warmup": config.warmup_steps, "total": max(_end(config), config.warmup_steps)}
    if config.schedule == "cosine":
        return cosine(step, **steps, floor=config.schedule_floor)
    planned = config.schedule_steps or config.steps
    return wsd(step, **steps, decay_from=round(planned * (1 - config.decay_share)))


def _end(config):
    """The step at which the factor is least; by default that after the last one."""
    return config.schedule_steps or config.steps + 1


def new_schedule(before: Config, config: Config, step: int) -> str | None:
    """A sentence about how a run that goes on after `step` changes its schedule, if it does."""
    if step >= config.steps or _end(before) == _end(config):
        return None
    planned = config.schedule_steps or config.steps
    return (
        f"The learning rates now follow the schedule of {planned:,} steps: their factor was "
        f"{rate_factor(before, step):.3g} at step {step:,}, and is "
        f"{rate_factor(config, step + 1):.3g} at step {step + 1:,}"
    )


def steps_without_learning(config: Config) -> str | None:
    """A sentence about the steps after the end of the schedule, if there are any."""
    end = max(config.schedule_steps, config.warmup_steps)
    learns_on = config.schedule == "cosine" and config.schedule_floor > 0
    if not config.schedule_steps or end >= config.steps or learns_on:
        return None
    return (
        f"The learning rates are 0 after step {end:,}; --schedule-steps 0 lets them fall until "
        "the last step"
    )
