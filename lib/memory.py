"""The memory of a process that runs nets: what a step frees, the next one takes.

glibc gives large blocks back to the system as soon as they are free, and the next step fetches them anew, page by page,
each page cleared first: of an operator that only reads and writes 77 MB of activations, eight ninths of the time.
"""

import ctypes
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt, in malloc.h
LARGE = 2 * 10**9  # bytes: more than a block of activations has


def keep_freed():
    """Let this process keep freed memory for its next tensors.  -> whether it does from now on, by this call

    The process then stays as large as it was at its largest. A user who set glibc's variables has decided already; on
    other systems than Linux with glibc there is nothing to do.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(which, LARGE) == 1 for which in (TRIM_THRESHOLD, MMAP_THRESHOLD))
