"""`python -m sirocco_worker worker.py [arguments]`: runs a program with this package active, where `.pth` files are not read.

`python -m sirocco_worker replay worker.py history.json …`: replays recorded histories with the program's workflows, without a
server, and exits with 1 if one does not fit.
"""

import os
import runpy
import sys

from sirocco_worker import replay

USAGE = """usage: python -m sirocco_worker worker.py [arguments]
       python -m sirocco_worker replay worker.py history.json [history.json …]"""


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["replay"] and not os.path.exists("replay"):
        if len(arguments) < 3:
            raise SystemExit(USAGE)
        program = arguments[1]
        replay.request([_existing(file) for file in arguments[2:]])
        arguments = [program]
    if not arguments:
        raise SystemExit(USAGE)
    program = _existing(arguments[0])
    # As `python worker.py` has them: the program's own arguments, and its folder first on the path.
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    runpy.run_path(program, run_name="__main__")


def _existing(file: str) -> str:
    if not os.path.exists(file):
        raise SystemExit(f"python -m sirocco_worker: there is no file '{file}'")
    return file


if __name__ == "__main__":
    main()
