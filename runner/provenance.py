"""Where the results come from, in the words of supply chains: an in-toto Statement v1 with a SLSA Provenance v1 predicate.

It says of every published file, by name and digest, from which job, templates, feed and commit which run made it, so that policy
engines and archives which know nothing of adbatch can check that. All of it is told by the manifest and by results.jsonl already;
here it is only put into the form that https://in-toto.io/Statement/v1 and https://slsa.dev/provenance/v1 describe. It is not
signed: whoever keeps keys signs it, with cosign for instance. It is written piece by piece, for there may be a million subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import orjson
import rfc8785

from runner.census import fingerprint
from runner.edge.outputs import MANIFEST, RESULTS, Outputs, read_results
from runner.edge.published import Claim, claims_of

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:adbatch:build:run:1"
BUILDER: Final = "urn:adbatch:builder:local"
"""Who vouches for it: adbatch on somebody's machine, which is nobody in particular. A CI system attests its own identity."""

BATCH: Final = 1_000
"""Subjects written at once."""


def write_told(outputs: Outputs, manifest: Mapping[str, Any]) -> None:
    """manifest.json and provenance.intoto.json, once results.jsonl is written."""
    sha256 = outputs.write_manifest(manifest).sha256
    outputs.write_provenance(state_provenance(manifest, sha256, read_results(outputs.root / RESULTS)))


def state_provenance(manifest: Mapping[str, Any], manifest_sha256: str, lines: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The statement in canonical JSON (RFC 8785) and a newline, in pieces; `lines` are those of results.jsonl."""
    told = rfc8785.dumps(predicate_of(manifest, manifest_sha256))
    yield b'{"_type":"%b","predicate":%b,"predicateType":"%b","subject":[' % (STATEMENT.encode(), told, PREDICATE.encode())
    yield _subject(Claim(RESULTS, manifest["results"]["sha256"]))
    published = _published(lines)
    while batch := list(islice(published, BATCH)):
        yield b"".join(b"," + _subject(claim) for claim in batch)
    yield b"]}\n"


def predicate_of(manifest: Mapping[str, Any], manifest_sha256: str) -> dict[str, Any]:
    """What the run was asked, what it was made from, and when, from its manifest."""
    asked = {"job": manifest["job"]["path"], "mode": manifest["mode"]}
    if manifest.get("selection"):
        asked["selection"] = manifest["selection"]
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": asked,
            "internalParameters": {"seed": manifest["seed"]},
            "resolvedDependencies": list(_dependencies(manifest)),
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": dict(manifest["versions"])},
            "metadata": {
                "invocationId": f"urn:adbatch:journal:{manifest['journal']}:run:{manifest['run']}",
                "startedOn": manifest["started"],
                "finishedOn": manifest["ended"],
            },
            "byproducts": [{"name": MANIFEST, "digest": {"sha256": manifest_sha256}}],
        },
    }


def _dependencies(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that was read, as resource descriptors (in-toto attestation framework, v1)."""
    yield _resource(f"job {manifest['job']['path']}", manifest["job"]["sha256"])
    yield _resource("project file", manifest["project"]["sha256"])
    yield from (_resource(f"vendor {name}", sha256) for name, sha256 in sorted(manifest.get("vendors", {}).items()))
    yield from (_resource(f"template {name}", sha256) for name, sha256 in sorted(manifest["templates"].items()))
    feed = manifest["feed"]
    place = {"uri": feed["url"]} if "url" in feed else {}
    yield {**_resource(f"feed {', '.join(feed['files'])}", feed["sha256"]), **place}
    if manifest["git"]:
        commit = {"name": "commit", "digest": {"gitCommit": manifest["git"]["commit"]}}
        yield {**commit, "annotations": {"dirty": manifest["git"]["dirty"]}}


def _resource(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


def _published(lines: Iterable[Mapping[str, Any]]) -> Iterator[Claim]:
    """Every file the lines name, each path once."""
    seen: set[int] = set()
    for line in lines:
        for step in line["steps"].values():
            for claim in claims_of(step) if "files" in step else ():
                mark = fingerprint(claim.path)
                if mark not in seen:
                    seen.add(mark)
                    yield claim


def _subject(claim: Claim) -> bytes:
    """One subject: a name relative to the output folder, and a digest. Both need no escapes that orjson would write otherwise."""
    return orjson.dumps({"digest": {"sha256": claim.sha256}, "name": claim.path})
