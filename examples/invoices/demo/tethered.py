"""Runs a program that ends when the process that started it has ended, even by SIGKILL: the pipe on standard input ends then."""

import os
import runpy
import signal
import sys
import threading


def watch() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=watch, daemon=True).start()
program = sys.argv[1]
sys.path.insert(0, os.path.dirname(program))
runpy.run_path(program, run_name="__main__")
