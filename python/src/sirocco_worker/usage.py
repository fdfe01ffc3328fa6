"""What this process uses. The core adds it to its own, and tells both in the worker's heartbeats."""

import os
import resource
import sys
import time


def of_this_process() -> dict[str, float | int]:
    return {"cpu_seconds": time.process_time(), "memory_bytes": _resident_bytes()}


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        # Elsewhere the largest that it has been, in KiB, or in bytes on macOS.
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * 1024
