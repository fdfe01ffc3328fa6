"""A worker that gets SIGINT, or the signal of its first argument, at the moment that it begins to serve: before the loop has
run a single step of it."""

import asyncio
import signal
import sys

import mistralai.workflows as workflows
import mistralai.workflows.core.worker as sdk
from mistralai.workflows import workflow

SIGNAL = signal.Signals[sys.argv[1] if len(sys.argv) > 1 else "SIGINT"]


@workflow.define(name="plain")
class Plain:
    @workflow.entrypoint
    async def run(self) -> str:
        return "done"


class AtOnce:
    """The SDK's logger, which tells when."""

    def __getattr__(self, name):
        return getattr(logger, name)

    def info(self, message, **fields):
        logger.info(message, **fields)
        if message == "Starting Temporal worker":
            signal.raise_signal(SIGNAL)


logger = sdk.logger

if __name__ == "__main__":
    sdk.logger = AtOnce()
    asyncio.run(workflows.run_worker([Plain]))
