"""Looking at what runs: a line about an array, every step of a pass, where the time goes.

describe        a line about an array, a tensor, or each parameter of a module
trace           every operation that runs, forward and backward, a line each
profile         what each operation cost: seconds, multiply-adds, bytes
record          keeps of each operation that runs what step_through shows
step_through    a page on which the whole computation can be walked, forward and back
"""

from .describing import describe
from .profiling import PRODUCTS, Profile, Share, profile, saved_bytes
from .recorder import record
from .stepping import Steps, step_through
from .tracing import Event, trace

__all__ = [
    "PRODUCTS",
    "Event",
    "Profile",
    "Share",
    "Steps",
    "describe",
    "profile",
    "record",
    "saved_bytes",
    "step_through",
    "trace",
]
