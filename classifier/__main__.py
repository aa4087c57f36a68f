"""`python -m classifier` is the same program as `ghostresume`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from classifier.ui.cli import run

        code = run()
    except KeyboardInterrupt:  # while the program was still starting
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
