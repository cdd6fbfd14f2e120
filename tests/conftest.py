"""What holds for the whole suite: runs write no gallery, that hundreds of tests would make for nobody.

What has been collected is set aside from the garbage collector: it lives to the end, and walking these thousands of tests took a
second or two whenever a test that measures memory had the collector run.

What hypothesis draws may take as long as it takes: a machine that is busy for a fifth of a second has found no mistake. Where time
matters, a test measures the work.

Signals are what they are in a terminal, also where `nohup`, or a shell in the background, started the suite: processes hand on to
those they start which ones are ignored.
"""

from __future__ import annotations

import gc
import os
import signal

from hypothesis import settings

os.environ.setdefault("ADBATCH_NO_REPORT", "1")
os.environ.pop("GITHUB_STEP_SUMMARY", None)
settings.register_profile("suite", settings(), deadline=None)
settings.load_profile("suite")
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Tell the garbage collector that what there is now will stay."""
    gc.collect()
    gc.freeze()
