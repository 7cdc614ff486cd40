"""Memory of this process: how much it had at most, and keeping what was freed."""

from __future__ import annotations

import ctypes
import sys


def peak_memory() -> int | None:
    """The most bytes this process ever had in memory; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next arrays; whether it will.

    Each step of training allocates the same few hundred arrays as the last. glibc gives large
    ones back to the system when they are freed, and the next are made of fresh pages, which the
    system clears one by one: about 5 % of a step of FlashLM v3. It is a setting of the whole
    process, so only the commands choose it. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    largest, most = 32 << 20, 2**31 - 1  # bytes; the largest that glibc lets one choose
    m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8  # <malloc.h>
    settings = ((m_mmap_threshold, largest), (m_trim_threshold, most), (m_arena_max, 1))
    return [mallopt(name, value) for name, value in settings] == [1, 1, 1]
