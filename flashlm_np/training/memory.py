"""Memory of this process: its peak, and a setting that keeps freed memory for the next step."""

import ctypes
import sys


def peak_memory() -> int | None:
    """The most bytes that this process ever had in memory. None: the system has no count."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next arrays. Returns whether it will.

    Each step of training allocates the same few hundred arrays. glibc returns large ones to the
    system when they are freed, and the system clears the pages of the next ones. That takes
    about 5 % of a step of FlashLM v3. The setting holds for the whole process, so only the
    commands call this function. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    largest, most = 32 << 20, 2**31 - 1  # bytes; the largest values that glibc accepts
    m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8  # <malloc.h>
    settings = ((m_mmap_threshold, largest), (m_trim_threshold, most), (m_arena_max, 1))
    return [mallopt(name, value) for name, value in settings] == [1, 1, 1]
