"""A process that trains on a CPU: what the C libraries must be told before they are loaded.

With glibc's defaults every large buffer goes back to the kernel, and page faults cost more than the arithmetic; with two thread
pools (OpenMP's and OpenBLAS's) that wait by spinning, each keeps the other from its core.
"""
import os
import sys


def settle() -> None:
    """Starts the program again with the settings, once; on a machine with a CUDA device nothing happens. Call it before anything
    imports torch. OMP_NUM_THREADS, where it is set, says how many cores to use."""
    threads = os.environ.get("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    settings = {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "passive",
        "OPENBLAS_THREAD_TIMEOUT": "8",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_TOP_PAD_": "500000000",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
    if not os.path.exists("/dev/nvidiactl") and any(os.environ.get(name) != value for name, value in settings.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **settings})
