"""Replays of recorded histories with the program's workflows: the check that a change is safe for running executions (HOST-9)."""

import json
import os
import sys
from typing import Any, NoReturn

VARIABLE = "SIROCCO_REPLAY"
"""Paths of the histories, in the environment, since the program itself knows nothing of this."""
RESULTS = "SIROCCO_REPLAY_RESULTS"
"""Path of a file that is given a line of JSON for each history; `sirocco replay` reads it."""
NO_SERVER = {
    "SERVER_URL": "http://replay.invalid",
    "MISTRAL_API_KEY": "replay",
    "DEPLOYMENT_NAME": "replay",
}
WHOAMI: dict[str, Any] = {
    "engine": "sirocco",
    "scheduler_url": NO_SERVER["SERVER_URL"],
    "namespace": "replay",
    "tls": False,
}


def request(files: list[str]) -> None:
    os.environ[VARIABLE] = os.pathsep.join(os.path.abspath(file) for file in files)
    os.environ.update(NO_SERVER)
    os.environ.setdefault("LOG_LEVEL", "ERROR")


def requested() -> list[str]:
    return [file for file in os.environ.get(VARIABLE, "").split(os.pathsep) if file]


def finish(results: list[dict[str, Any]]) -> NoReturn:
    """One line for each history, and the end of the process: the program would go on as a worker."""
    if path := os.environ.get(RESULTS):
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)
    for result in results:
        error = result.get("error")
        print(f"{result['file']}: {error or 'replays, ' + str(result['events']) + ' events'}", flush=True)
    sys.stderr.flush()
    os._exit(1 if any(result.get("error") for result in results) else 0)
