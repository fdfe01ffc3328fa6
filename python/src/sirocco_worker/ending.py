"""How a worker ends: after a signal, always.

END-1. A temporalio worker whose `run` was cancelled before its first step, or during its own shutdown, never says that it has
       ended, and the SDK waits for that word without a limit. For workers on this core, `shutdown` does not wait for such a
       worker.
END-2. SIGTERM stops a worker as Ctrl-C does. Without a handler it would end Python at once; and as the first process of a
       container, where the system ignores it, Python would be killed later, together with the worker core.
END-3. A worker that has not ended `STOP_SECONDS` after the signal, or that gets a second one, is ended at once: code that does
       not yield, or a thread, holds it. The core notices the end of its input and hands back what it held; Python waits for
       that a little, since the end of a container's first process ends the others.
END-4. Programs with signal handlers of their own keep them, and decide themselves how they end.
"""

import asyncio
import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import structlog

from sirocco_worker.refusal import refuse

logger = structlog.get_logger("sirocco_worker")

STOP_SECONDS = 8.0
"""Less than the 10 s that `docker stop` waits before it kills."""
VARIABLE = "SIROCCO_STOP_SECONDS"

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Those that this module handles."""
REPEATED_SECONDS = 0.5
"""A signal can come twice: to the process group, and forwarded by a program such as `uv run`."""
LEAVING_SECONDS = 2

_received: signal.Signals | None = None
_received_at = 0.0
_at_the_end: list[Callable[[], None]] = []
_handlers: dict[int, tuple[Any, Any]] = {}
"""By the number of the signal: our handler, and the one that it has replaced."""


def before_the_end(close: Callable[[], None]) -> None:
    """`close` is called before Python ends, also when it is ended at once; then from another thread, for a short time."""
    _at_the_end.append(close)
    atexit.register(close)


def forget() -> None:
    """In a process that was forked: it ends as if this module were not there (MISTAKE-3)."""
    for close in _at_the_end:
        atexit.unregister(close)
    atexit.unregister(_end_by_sigterm)
    _at_the_end.clear()
    for number, (ours, before) in _handlers.items():
        if signal.getsignal(number) is ours:
            with suppress(ValueError):  # not the main thread: the handler stays
                signal.signal(number, before)


def stop_seconds() -> float:
    text = os.environ.get(VARIABLE)
    if text is None:
        return STOP_SECONDS
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    refuse(f"{VARIABLE} is '{text}', which is no number of seconds greater than 0: correct it, or remove it")


def end_cancelled_workers(on_this_core: Callable[[Any], bool]) -> None:
    """END-1. `on_this_core` tells whether a temporalio worker is one of ours."""
    from temporalio.worker import Worker

    run, shutdown = Worker.run, Worker.shutdown

    async def run_to_its_end(self: Any) -> None:
        try:
            await run(self)
        finally:
            if on_this_core(self):
                self._shutdown_complete_event.set()

    async def shutdown_what_runs(self: Any) -> None:
        if on_this_core(self) and not self._started:
            self._shutdown_complete_event.set()
        await shutdown(self)

    Worker.run, Worker.shutdown = run_to_its_end, shutdown_what_runs  # type: ignore[method-assign]


def handle_signals() -> None:
    """Called when `run_worker` connects: asyncio has its handler of SIGINT by then. Repeating it changes nothing."""
    if threading.current_thread() is not threading.main_thread():
        return  # Python allows handlers there alone; the program's main thread decides
    seconds = stop_seconds()
    interrupt = signal.getsignal(signal.SIGINT)
    if not _is_pythons(interrupt):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        global _received, _received_at
        now = time.monotonic()
        if _received is not None:
            if now - _received_at > REPEATED_SECONDS:
                _end_at_once(f"a second signal came ({signal.Signals(number).name})")
            return
        _received, _received_at = signal.Signals(number), now
        threading.Thread(target=_watch, args=(seconds,), name="sirocco end", daemon=True).start()
        assert callable(interrupt)
        interrupt(signal.SIGINT, frame)

    _handlers[signal.SIGINT] = (handle, interrupt)
    signal.signal(signal.SIGINT, handle)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        _handlers[signal.SIGTERM] = (handle, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, handle)
        sys.excepthook = _quiet(sys.excepthook)
        atexit.register(_end_by_sigterm)


def _is_pythons(handler: Any) -> bool:
    """Python's own handler, or that of `asyncio.run`."""
    function = getattr(handler, "func", handler)
    return handler is signal.default_int_handler or isinstance(getattr(function, "__self__", None), asyncio.Runner)


def _watch(seconds: float) -> None:
    threading.Event().wait(seconds)
    _end_at_once(
        f"the worker has not ended within {seconds:g} s ({VARIABLE}): code that does not yield, or a thread, holds it"
    )


def _end_at_once(why: str) -> None:
    """END-3. Written without the logger: the interrupted code may hold its lock."""
    with suppress(OSError):
        os.write(2, f"sirocco-worker: {why}; Python ends now, other workers take over what it ran\n".encode())
    for close in _at_the_end:
        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        closing.join(LEAVING_SECONDS)
    os._exit(128 + (_received or signal.SIGINT))


def _quiet(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A stop by SIGTERM is no error to show the stack of."""

    def show(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not (_received is signal.SIGTERM and issubclass(kind, KeyboardInterrupt)):
            hook(kind, error, trace)

    return show


def _end_by_sigterm() -> None:
    """Ends as a program that has no handler does, so that whoever sent SIGTERM sees it."""
    if _received is signal.SIGTERM and os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
