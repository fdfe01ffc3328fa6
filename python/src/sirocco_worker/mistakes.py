"""Programs that would end the worker, or never begin, in a way that tells nobody what to change.

MISTAKE-1. A program that calls `run_worker` without `if __name__ == "__main__":` does so again when the workflow sandbox
           imports it.
MISTAKE-2. `sys.exit` in workflow code would end the process, and that of each worker that takes the execution over. It is a
           bug of the execution, as any other exception there: it waits for repaired code.
MISTAKE-3. A process that an activity forks has this process's pipes to the worker core, its handlers of signals, and what
           Python does at its end. It must keep none of them: the core notices the end of this process by its pipe, and
           `multiprocessing` ends its processes by SIGTERM. When its code returns into temporalio's, or raises `SystemExit`
           there, it would go on as a second worker: it ends instead. A signal that reaches it before it has dropped the
           handlers would be lost, since Python forgets in a forked process which signals have come: the signals are
           blocked around the fork, and come when the handlers are gone.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.worker import Worker, _workflow

from sirocco_worker import ending
from sirocco_worker.refusal import refuse

NESTED = "asyncio.run() cannot be called from a running event loop"


def install(is_sirocco: Callable[[], bool]) -> None:
    running: Any = _workflow._RunningWorkflow
    begin, activate = Worker.__init__, running.activate

    def make(self: Any, *args: Any, **more: Any) -> None:
        """MISTAKE-1."""
        try:
            begin(self, *args, **more)
        except RuntimeError as error:
            if is_sirocco() and NESTED in _causes(error):
                refuse(
                    f"{error}: the workflow sandbox imports the program again, and the program calls run_worker "
                    'when it is imported: put that call under `if __name__ == "__main__":`'
                )
            raise

    def run(self: Any, activation: Any) -> Any:
        """MISTAKE-2."""
        try:
            return activate(self, activation)
        except SystemExit as exit:
            raise RuntimeError(
                f"workflow code called sys.exit({exit.code!r}), which would end the worker: "
                "return, or raise WorkflowError to fail the execution"
            ) from exit

    Worker.__init__, running.activate = make, run  # type: ignore[method-assign]


def _causes(error: BaseException) -> list[str]:
    texts: list[str] = []
    at: BaseException | None = error
    while at is not None and len(texts) < 20:
        texts.append(str(at))
        at = at.__cause__ or at.__context__
    return texts


_main_process = os.getpid()


def after_fork(forget: Callable[[], None]) -> None:
    """MISTAKE-3. `forget` is called in each process that this one forks."""
    global _main_process
    _main_process = os.getpid()
    if not hasattr(os, "register_at_fork"):
        return

    def begin() -> None:
        try:
            forget()
        finally:
            _let_signals_come()

    os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals_come, after_in_child=begin)


class _Held(threading.local):
    """What the thread that forks had blocked before: of each fork hook, if a program has several worker cores in a row."""

    def __init__(self) -> None:
        self.masks: list[set[int]] = []


_held = _Held()


def _hold_signals() -> None:
    _held.masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ending.SIGNALS))


def _let_signals_come() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.masks.pop())


def end_if_forked(completion: ActivityTaskCompletion) -> None:
    """MISTAKE-3. With the code that `sys.exit` was given, where it was a number."""
    if os.getpid() == _main_process:
        return
    failure = completion.result.failed.failure
    if not completion.result.HasField("failed"):
        os._exit(0)
    called_exit = failure.application_failure_info.type == "SystemExit"
    os._exit(int(failure.message) & 0xFF if called_exit and failure.message.isdecimal() else 1)
