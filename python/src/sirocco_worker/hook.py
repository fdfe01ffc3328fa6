"""Activation, without a cost for programs that do not use the SDK.

A finder on `sys.meta_path` waits for the import of `WORKER_MODULE`. When that module has been executed, `install` replaces
the two functions through which temporalio reaches its native core, and the SDK's HTTP transport. Both then ask the server:
only an answer of `whoami` that names the engine `sirocco` changes anything, so a machine with this package still works
against other servers.

This module is imported at every start of Python: it imports nothing but `sys` and `os`.
"""

import os
import sys

WORKER_MODULE = "mistralai.workflows.core.worker"


def activate() -> None:
    """Installs now if the SDK's worker module is already there, else when it is imported. Repeating it changes nothing."""
    if os.environ.get("SIROCCO_WORKER", "").lower() == "off" or _in_sandbox():
        return
    if WORKER_MODULE in sys.modules:
        _install()
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _in_sandbox() -> bool:
    """The workflow sandbox imports the user's program again; what was activated outside of it is active inside."""
    workflow = sys.modules.get("temporalio.workflow")
    return workflow is not None and workflow.unsafe.in_sandbox()


def _install() -> None:
    from sirocco_worker.bridge import install

    install()


class _Finder:
    """Finds no module itself: it wraps the loader that the other finders give for `WORKER_MODULE`."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != WORKER_MODULE:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):  # type: ignore[no-untyped-def]
            execute(module)
            _install()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
