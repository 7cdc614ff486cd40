"""The schedule of a run's learning rates: one factor for all of them, at each step.

It rises, stays and falls: see minigrad/optim/schedule.py.
"""

from minigrad.optim import wsd

from ..model.config import Config


def rate_factor(config: Config, step: int) -> float:
    """The factor of all learning rates at optimizer step `step`, counted from 1."""
    planned = config.schedule_steps or config.steps
    decay_from = round(planned * (1 - config.decay_share))
    # The factor is 0 at the first step after the run, so that the last step still learns.
    zero_at = config.schedule_steps or planned + 1
    # A run may be shorter than its warm-up. Then the factor rises to its last step.
    total = max(zero_at, config.warmup_steps)
    return wsd(step, warmup=config.warmup_steps, decay_from=decay_from, total=total)


def new_schedule(before: Config, config: Config, step: int) -> str | None:
    """A sentence about how a run that goes on after `step` changes its schedule, if it does."""
    if step >= config.steps or rate_factor(before, step + 1) == rate_factor(config, step + 1):
        return None
    return (
        f"The learning rates now follow the schedule of {config.steps:,} steps: their factor "
        f"was {rate_factor(before, step):.3g} at step {step:,}, and is "
        f"{rate_factor(config, step + 1):.3g} at step {step + 1:,}"
    )


def steps_without_learning(config: Config) -> str | None:
    """A sentence about the steps after the end of the schedule, if there are any."""
    end = max(config.schedule_steps, config.warmup_steps)
    if not config.schedule_steps or end >= config.steps:
        return None
    return (
        f"The learning rates are 0 after step {end:,}; --schedule-steps 0 lets them fall until "
        "the last step"
    )
