"""Verifying: are the files still what `results.jsonl` says, and is that file still what the run wrote?

Only the output folder is read; neither state nor key nor network is needed, so whoever was handed the files can do it. Files are
hashed by several threads (hashing and reading let each other run), a batch at a time, so memory holds one batch and what is amiss.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from runner.census import fingerprint
from runner.edge.outputs import MANIFEST, PROVENANCE, REPORT, RESULTS, read_results
from runner.edge.published import Claim, claims_of, files_in, hash_published, load_manifest, results_digest
from runner.errors import OurSide, Usage
from runner.exports.feeds import FOLDER

BATCH: Final = 512
"""Files hashed between two looks at results.jsonl."""

OURS: Final = frozenset({RESULTS, MANIFEST, PROVENANCE})
MADE: Final = (f"{REPORT}/", f"{FOLDER}/")


@dataclass(slots=True)
class Verified:
    """What was found. Paths are relative to the output folder.

    `files` and `size` count what is named, each path once. `missing` and `changed` are amiss; `strangers` are named by nobody,
    which is no fault. `results` is what is wrong with results.jsonl itself, empty where it is what the run wrote; `manifest` says
    whether there was a manifest to tell that by.
    """

    folder: Path
    files: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    results: str = ""
    manifest: bool = True

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written."""
        return not (self.missing or self.changed or self.results)

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        counts = {"whole": self.whole, "files": self.files, "bytes": self.size, "manifest": self.manifest, "results": self.results}
        return {**counts, "missing": self.missing, "changed": self.changed, "strangers": self.strangers}


def verify_output(folder: Path) -> Verified:
    """Re-hash every file that results.jsonl in `folder` names, and results.jsonl itself by manifest.json.

    Raises `Usage` where there are no results, `OurSide` where they cannot be read.
    """
    folder = folder.resolve()
    found, digest, named = Verified(folder), results_digest(folder), dict[int, int]()
    if digest is None:
        raise Usage(f"{folder / RESULTS}: no such file; there is nothing to verify before the first run")
    _compare_results(found, digest)
    claims = _claims(folder, named)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8), "verify") as pool:
        while batch := list(islice(claims, BATCH)):
            _note(found, batch, pool.map(partial(hash_published, folder), (claim.path for claim in batch)))
    strangers = (path for path in files_in(folder) if path not in OURS and not path.startswith(MADE))
    found.strangers = [path for path in strangers if fingerprint(path) not in named]
    return found


def _compare_results(found: Verified, digest: str) -> None:
    told = load_manifest(found.folder)
    found.manifest = told is not None
    results = (told or {}).get("results")
    if isinstance(results, dict) and results.get("sha256") != digest:
        found.results = f"{RESULTS} is not the file that {MANIFEST} tells of"


def _claims(folder: Path, named: dict[int, int]) -> Iterator[Claim]:
    """Every file that a line names, once however many lines do; two lines that contradict each other are two claims."""
    for number, line in enumerate(read_results(folder / RESULTS), 1):
        for claim in _claims_of_line(folder / RESULTS, number, line):
            path, digest = fingerprint(claim.path), fingerprint(claim.sha256)
            if named.get(path) != digest:
                named[path] = digest
                yield claim


def _claims_of_line(path: Path, number: int, line: dict[str, Any]) -> list[Claim]:
    try:
        return [claim for step in line["steps"].values() for claim in claims_of(step)]
    except (KeyError, AttributeError, ValueError) as error:
        raise OurSide(f"{path}:{number}: not a line of results; run the job again to write this file anew") from error


def _note(found: Verified, claims: Iterable[Claim], digests: Iterable[str | None]) -> None:
    for claim, digest in zip(claims, digests, strict=True):
        found.files += 1
        found.size += claim.size or 0
        if digest is None:
            found.missing.append(claim.path)
        elif digest != claim.sha256:
            found.changed.append(claim.path)
