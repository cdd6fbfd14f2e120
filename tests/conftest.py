"""What holds for the whole suite: runs write no gallery, that hundreds of tests would make for nobody."""

from __future__ import annotations

import os

os.environ.setdefault("ADBATCH_NO_REPORT", "1")
