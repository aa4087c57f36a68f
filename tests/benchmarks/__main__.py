"""`make bench`: whole processes, measured from outside; prints the tables of README.md here.

Usage: python -m tests.benchmarks [start] [classify] [sync]   (nothing named: all)
"""

from __future__ import annotations

import sys

from tests.benchmarks import classifying, starting, syncing

_ALL = {"start": starting.run, "classify": classifying.run, "sync": syncing.run}


def main() -> None:
    for name in sys.argv[1:] or _ALL:
        _ALL[name]()
        print(flush=True)


main()
