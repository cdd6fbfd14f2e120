"""`python -m runner.sandbox`: see `runner.sandbox.serve`."""

from __future__ import annotations

import sys

from runner.sandbox.serve import main

if __name__ == "__main__":
    sys.exit(main())
