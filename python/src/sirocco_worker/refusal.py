"""How a worker that cannot work ends."""

from typing import NoReturn

import structlog

logger = structlog.get_logger("sirocco_worker")


def refuse(sentence: str) -> NoReturn:
    """Logs what is wrong and what to do, and ends the program with exit code 1, without a traceback.

    The line is logged at once: a program with other tasks may not come to its end."""
    logger.error(sentence)
    raise SystemExit(1)
