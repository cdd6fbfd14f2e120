"""`python -m runner.sandbox`: see `runner.sandbox.serve`. It makes no cycles, so Python hardly looks for any."""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__":
    gc.set_threshold(50_000)
    from runner.sandbox.serve import main

    gc.freeze()
    sys.exit(main())
