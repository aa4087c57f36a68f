"""`python -m classifier` is the same program as `ghostresume`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from classifier.ui.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
