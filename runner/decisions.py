"""What people decided about results: `decisions.yaml` beside the job, a file to review and commit like the job itself.

A decision names what was looked at by its bytes: the variant's key, the step, and the sha256 of the file (of a text that is in no
file, of the text in UTF-8). When a run brings another picture the digest is another, so the decision is void by itself and nobody
has to remember to take it back. One file serves all jobs of a folder::

    version: 1
    decisions:
      - {job: summer-sale, key: "mug|locale=en-US|1", step: ad, sha256: 5f…, decision: approved}
      - {job: summer-sale, key: "hat|locale=en-US|1", step: ad, sha256: 9c…, decision: rejected, reason: it is cut off, author: kim}
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from runner.edge.blobs import Sync, sync_folder
from runner.edge.outputs import RESULTS, read_results
from runner.errors import Complaint, Invalid, OurSide, Place, Usage
from runner.job.document import read_document
from runner.job.load import JobFile
from runner.job.model import Spec
from runner.job.wording import complaints_of
from runner.records import DECISIONS
from runner.report.parts import parts_of

MOST_BYTES: Final = 32 << 20
WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What some reader of YAML takes for something else than text."""
DIGITS: Final = 64
FIELDS: Final = ("job", "key", "step", "sha256", "decision", "reason", "author")


def _read_digest(text: str) -> str:
    if len(text) != DIGITS or not set(text) <= set("0123456789abcdef"):
        raise PydanticCustomError("digest", "is not a sha256: 64 digits of lower-case hex")
    return text


class Decision(Spec):
    """What somebody decided about one file of one step of one variant."""

    NOUN: ClassVar[str] = "a decision"
    job: str = Field(min_length=1, max_length=500, description="The job's name.")
    key: str = Field(min_length=1, max_length=10_000, description="The variant's key, as results.jsonl has it.")
    step: str = Field(min_length=1, max_length=500, description="The step.")
    sha256: Annotated[str, AfterValidator(_read_digest)] = Field(
        description="The file that was looked at; of a text without a file, the text."
    )
    decision: Literal["approved", "rejected"] = Field(description="approved or rejected.")
    reason: str = Field("", max_length=10_000, description="Why.")
    author: str = Field("", max_length=500, description="Who decided.")

    @property
    def about(self) -> tuple[str, str, str, str]:
        """What it is about: job, key, step and digest. A later decision about the same replaces an earlier one."""
        return (self.job, self.key, self.step, self.sha256)


class Decisions(Spec):
    """A `decisions.yaml`."""

    NOUN: ClassVar[str] = "decisions"
    version: Literal[1] = Field(description="The version of this format.")
    decisions: list[Decision] = Field(default_factory=list, description="What was decided, one entry a file.")


def decisions_beside(job: Path) -> Path:
    """Where decisions about the job at this path are kept."""
    return job.parent / DECISIONS


def decisions_of(job_file: JobFile) -> list[Decision]:
    """The decisions that hold for this job: those beside it. Of a job read from a commit, those of the commit.

    A run of a commit can be repeated by anybody who has the commit; what somebody decided since holds once it is committed too.
    Raises as `load_decisions`, and calls the file as the job is called.
    """
    return load_decisions(decisions_beside(job_file.path), str(decisions_beside(Path(job_file.document.file))))


def load_decisions(path: Path, name: str = "") -> list[Decision]:
    """The decisions in the file at `path`, the last about each file; none where there is no such file.

    Raises `Invalid` with every mistake and its place, `Usage` where the file cannot be read; it is called `name`, or by its path.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Usage(f"{name} cannot be read ({error.strerror}); mend its permissions or move it away") from None
    return read_decisions(raw, name)


def read_decisions(raw: bytes, name: str) -> list[Decision]:
    """The decisions that `raw` says, the last about each file; the file is called `name` in complaints. Raises `Invalid`."""
    try:
        text = raw[: MOST_BYTES + 1].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid([Complaint(f"is not UTF-8 ({error.reason}); save the file as UTF-8", "", Place(name, 1, 1))]) from None
    if len(raw) > MOST_BYTES:
        raise Invalid([Complaint(f"is larger than {MOST_BYTES >> 20} MiB", "", Place(name, 1, 1))])
    document = read_document(text, name)
    try:
        read = Decisions(version=1) if document.data is None else Decisions.model_validate(document.data)
    except ValidationError as error:
        raise Invalid([*document.complaints, *complaints_of(error, document, Decisions)]) from None
    if document.complaints:
        raise Invalid(document.complaints)
    return list({decision.about: decision for decision in read.decisions}.values())


def write_decisions(decisions: Iterable[Decision]) -> str:
    """The file's text: sorted, one line a decision, so that its diff is what was decided. JSON strings are YAML strings."""
    lines = [
        "# What was decided about results, by variant and file: another file voids it. `adbatch report` writes this.",
        "version: 1",
    ]
    told = [f"  - {{{_fields(decision)}}}" for decision in sorted(decisions, key=lambda decision: decision.about)]
    return "\n".join([*lines, "decisions:" if told else "decisions: []", *told]) + "\n"


def save_decisions(
    path: Path, changes: Iterable[Decision], taken_back: Iterable[tuple[str, str, str, str]] = (), sync: Sync = os.fsync
) -> None:
    """Put these decisions into the file at `path` and take others out of it; what else it says stays.

    It is on disk when this returns: there is no other copy of what people decided. Raises `Invalid` where the file is wrong,
    `OurSide` when it cannot be written.
    """
    kept = {decision.about: decision for decision in load_decisions(path)}
    kept |= {decision.about: decision for decision in changes}
    for about in taken_back:
        kept.pop(about, None)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(write_decisions(kept.values()))
            file.flush()
            sync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent, sync)
    except OSError as error:
        raise OurSide(f"{path} cannot be written ({error.strerror}); check its permissions and the disk") from error
    finally:
        draft.unlink(missing_ok=True)


class Approvals:
    """Which results of a job hold an approval that still counts."""

    def __init__(self, job: str, decisions: Iterable[Decision]) -> None:
        self._said = {decision.about[1:]: decision.decision for decision in decisions if decision.job == job}

    def has(self, key: str, step: str, sha256: str) -> bool:
        """Whether this file of this step of the variant is approved."""
        return self._said.get((key, step, sha256)) == "approved"

    def approved_keys(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """The variants, of these lines of results.jsonl, that have something approved and nothing rejected as it is now."""
        for line in lines:
            key = str(line["key"])
            parts = ((name, part) for name, step in line["steps"].items() for part in parts_of(step))
            found = {self._said.get((key, name, part.digest)) for name, part in parts}
            if "approved" in found and "rejected" not in found:
                yield key


def approved_keys(job_file: JobFile, output: Path) -> frozenset[str]:
    """The approved variants of the job, by the results that lie in `output`.

    Raises `Usage` where there are none yet, and as `decisions_of`.
    """
    if not (output / RESULTS).is_file():
        raise Usage(f"{output / RESULTS}: no such file; what nobody has looked at is not approved")
    approvals = Approvals(job_file.job.name, decisions_of(job_file))
    return frozenset(approvals.approved_keys(read_results(output / RESULTS)))


def _fields(decision: Decision) -> str:
    told = {name: getattr(decision, name) for name in FIELDS}
    return ", ".join(f"{name}: {_quoted(value)}" for name, value in told.items() if value or name not in ("reason", "author"))


def _quoted(text: str) -> str:
    """The text bare where it is a plain word, else in double quotes, as both YAML and people read it."""
    if text.isascii() and text.replace("-", "").isalpha() and text[0] != "-" and text.lower() not in WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    """The character as it stands between double quotes; half a surrogate pair, which YAML cannot say, is replaced."""
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    number = ord(char)
    if 0xD800 <= number < 0xE000:
        return "\N{REPLACEMENT CHARACTER}"
    return f"\\U{number:08x}" if number > 0xFFFF else f"\\u{number:04x}"
