"""Views of a computation: text, a profile, and a page that shows every step.

describe        a line about an array, about a tensor, or about each parameter of a module
trace           a line about every operation that runs, forward and backward
profile         the seconds, multiply-adds and bytes of each operation
step_through    a page that shows a computation step by step, forward and backward
record          keeps the arrays of a loss that is computed before step_through is called
"""

from .profiler import OperationStats, Profile, profile, saved_bytes
from .recorder import record
from .text_views import Event, Trace, describe, trace
from .viewer import StepThrough, step_through

__all__ = [
    "Event",
    "OperationStats",
    "Profile",
    "StepThrough",
    "Trace",
    "describe",
    "profile",
    "record",
    "saved_bytes",
    "step_through",
    "trace",
]
