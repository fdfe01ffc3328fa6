"""Runs workers of the official SDK `mistralai-workflows`, unmodified, against a Sirocco server.

Installing this package is enough: a `.pth` file activates it in every Python of the environment. Where `.pth` files are not
read, `import sirocco_worker` as the first line of the program does the same, and so does `python -m sirocco_worker worker.py`.
`SIROCCO_WORKER=off` switches it off.
"""

from sirocco_worker._version import VERSION
from sirocco_worker.hook import activate

__version__ = VERSION
__all__ = ["__version__", "activate"]

activate()
