"""What holds for the whole suite: runs write no gallery, that hundreds of tests would make for nobody.

What has been collected is set aside from the garbage collector: it lives to the end, and walking these thousands of tests took a
second or two whenever a test that measures memory had the collector run.

The hang-up signal is what it is in a terminal, also where `nohup` started the suite: processes hand it on to those they start.
"""

from __future__ import annotations

import gc
import os
import signal

os.environ.setdefault("ADBATCH_NO_REPORT", "1")
os.environ.pop("GITHUB_STEP_SUMMARY", None)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Tell the garbage collector that what there is now will stay."""
    gc.collect()
    gc.freeze()
