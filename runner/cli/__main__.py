"""`python -m runner.cli`: the command where its script is not on the PATH."""

from __future__ import annotations

from runner.cli import main

if __name__ == "__main__":
    main()
