"""What holds for the whole suite: runs write no gallery, that hundreds of tests would make for nobody.

What has been collected is set aside from the garbage collector: it lives to the end, and walking these thousands of tests took a
second or two whenever a test that measures memory had the collector run.
"""

from __future__ import annotations

import gc
import os

os.environ.setdefault("ADBATCH_NO_REPORT", "1")
os.environ.pop("GITHUB_STEP_SUMMARY", None)


def pytest_collection_finish() -> None:
    """Tell the garbage collector that what there is now will stay."""
    gc.collect()
    gc.freeze()
