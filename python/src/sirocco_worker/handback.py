"""What a dead worker core held, handed back in its place (HOST-6).

HANDBACK-1. The calls are made on the thread that reads the core's pipe, and what they need is noted there: the loop that runs
            activities may be blocked at that moment, and leases that lapse cost other workers half a minute.
HANDBACK-2. A core that has ended in order has handed back itself. Repeating it would be harmless.
"""

import structlog

from sirocco_worker.frames import Message

logger = structlog.get_logger("sirocco_worker")

TIMEOUT_SECONDS = 3
RECEIPTS_A_CALL = 1000
"""The server's limit of a list."""
LEFT_IN_ORDER = 1
"""Exit code of a core that has said `fatal` and then left."""


class HandBack:
    """Notes the core's session and leases from its messages."""

    def __init__(self) -> None:
        self._hello: Message = {}
        self._session: str | None = None
        self._leased: set[str] = set()
        self._said: set[str] = set()

    def sent(self, message: Message) -> None:
        if message["type"] == "hello":
            self._hello = message

    def received(self, message: Message) -> None:
        kind = message["type"]
        self._said.add(kind)
        if kind == "running":
            self._session = message["session"]
        elif kind == "lease":
            (self._leased.add if message["held"] else self._leased.discard)(message["receipt"])

    def core_ended(self, code: int) -> None:
        """Returns when the calls have ended. What fails is left to the leases."""
        if "stopped" in self._said or ("fatal" in self._said and code == LEFT_IN_ORDER):
            return  # HANDBACK-2
        if self._session is None:
            return
        import httpx

        hello = self._hello
        about = {"deployment": hello["deployment"], "worker": hello["worker"], "session": self._session}
        receipts = sorted(self._leased)
        calls = [("stop", about)] + [
            ("extend", {"receipts": receipts[i : i + RECEIPTS_A_CALL], "lease_ms": 0})
            for i in range(0, len(receipts), RECEIPTS_A_CALL)
        ]
        headers = {"authorization": f"Bearer {hello['key']}"}
        with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers) as client:
            for operation, body in calls:
                try:
                    answer = client.post(f"{hello['url'].rstrip('/')}/v1/worker/{operation}", json=body)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    logger.warning(f"what the worker core held comes to other workers later: {operation}: {error}")
