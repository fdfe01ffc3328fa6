"""`python -m sirocco_worker worker.py [arguments]`: runs a program with this package active, where `.pth` files are not read."""

import os
import runpy
import sys


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m sirocco_worker worker.py [arguments]")
    program = sys.argv[1]
    if not os.path.exists(program):
        raise SystemExit(f"python -m sirocco_worker: there is no file '{program}'")
    # As `python worker.py` has them: the program's own arguments, and its folder first on the path.
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
