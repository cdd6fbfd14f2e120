from __future__ import annotations

import subprocess
import sys


def test_the_module_can_be_run():
    """`python -m runner.sandbox --help` tells the options."""
    shown = subprocess.run([sys.executable, "-m", "runner.sandbox", "--help"], capture_output=True, text=True, check=True)
    assert "--with-parent" in shown.stdout
    assert "--faults" in shown.stdout
