"""Keys: references until the transport's last step, and never in anything that is printed.

The project file names where a secret is (`{env: SIVI_API_KEY}` or `{file: /run/secrets/sivi}`); it is looked up once, before
anything is spent, so a missing key costs nothing. A secret travels as a value with no telling `repr`, and whatever becomes one is
known to the redactor of this process from then on (`runner.edge.redaction`).
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runner.edge.redaction import learn
from runner.errors import OurSide
from runner.frozen import frozen
from runner.providers.registry import Reference

SECRET_MOUNTS: Final = ("/run/secrets/", "/var/run/secrets/")
"""Where Docker and Kubernetes mount secrets: root's, read-only and often 0444, in a folder only this container sees."""
MOST_BYTES: Final = 16_384


@frozen
class SecretRef:
    """A reference for who has no project file: a provider's default variable."""

    env: str | None = None
    file: str | None = None


class Secrets:
    """The secrets of one lane by their names in the project file. Printing it shows the names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})
        learn(self._values.values())

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __reduce__(self) -> str:
        raise TypeError("secrets are not serialised")

    def reveal(self, name: str) -> str:
        """The value itself: for the transport, as a header is written. Raises `KeyError` if there is none of that name."""
        return self._values[name]

    def values(self) -> tuple[str, ...]:
        """All values, for a `Redactor`."""
        return tuple(self._values.values())


def load_secrets(
    lane: str, refs: Mapping[str, Reference], environ: Mapping[str, str], optional: frozenset[str] = frozenset()
) -> Secrets:
    """Look up the secrets of `lane`. An optional one that is nowhere is left out.

    Raises `OurSide` naming the lane and the variable or file, never a value: missing, blank, of several lines, with characters that
    cannot stand in a header, or in a file that others may read.
    """
    values = {}
    for name, ref in refs.items():
        value = _load_file(lane, Path(ref.file), name in optional) if ref.file else environ.get(ref.env or "")
        if value is None and name in optional:
            continue
        values[name] = _check(lane, name, f"file {ref.file}" if ref.file else f"environment variable {ref.env}", value)
    return Secrets(values)


def _check(lane: str, name: str, where: str, value: str | None) -> str:
    if value is None:
        raise OurSide(f"{lane}: no {name}: {where} is not set; set it, or name another in the project file")
    value = value.strip(" \t\r\n")
    if not value:
        raise OurSide(f"{lane}: no {name}: {where} is blank")
    if not re.fullmatch(r"[\x20-\x7e\xa1-\xff]+", value):
        raise OurSide(f"{lane}: {where} has a line break or another character that cannot stand in a header; was it pasted whole?")
    return value


def _load_file(lane: str, path: Path, optional: bool) -> str | None:
    """The text of a secret file that only its owner can read; mounts of Docker and Kubernetes are taken as they are."""
    try:
        with path.open("rb") as file:
            found = path.stat()
            mounted = str(path.resolve()).startswith(SECRET_MOUNTS) or str(path.absolute()).startswith(SECRET_MOUNTS)
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) and not mounted:
                raise OurSide(f"{lane}: {path} can be read by others; run: chmod 600 {path}")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        if optional and isinstance(error, FileNotFoundError):
            return None
        raise OurSide(f"{lane}: the secret file {path} cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise OurSide(f"{lane}: {path} is larger than {MOST_BYTES} bytes, which no key is")
    return data.decode("latin-1")
