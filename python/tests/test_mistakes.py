"""MISTAKE-3: what a process that an activity forks has of the worker's."""

import os
import subprocess
import sys

import pytest

FORKS = """
import asyncio, os, signal, time

from sirocco_worker import ending, mistakes


async def main():
    ending.handle_signals()
    mistakes.after_fork(ending.forget)
    ends = []
    for _ in range(100):
        child = os.fork()
        if child == 0:
            time.sleep(3)
            os._exit(9)
        os.kill(child, signal.SIGTERM)
        ends.append(child)
    print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in ends})
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))


asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="forks are of POSIX alone")
def test_sigterm_ends_a_forked_process_from_its_first_moment() -> None:
    done = subprocess.run([sys.executable, "-c", FORKS], check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr) == (["{-15}", "set()"], "")
