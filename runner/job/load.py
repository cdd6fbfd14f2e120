"""The door: from a path to a Job or a Project, or to every mistake at once.

What cannot be found or opened is a `Usage` mistake; what can be read but is wrong is `Invalid`, with the complaints of YAML and of
the model together, in the order of the file. Reading bytes is apart from finding them, so a job can also come from a git revision.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError

from runner.errors import Complaint, Invalid, Place, Usage
from runner.frozen import frozen
from runner.job.document import Document, dotted, read_document
from runner.job.literals import find_literals
from runner.job.model import Job, Spec
from runner.job.project import Project

if TYPE_CHECKING:
    from runner.job.vendor import Vendor

MOST_BYTES: Final = 1 << 20
PROJECT_FILE: Final = "adbatch.yaml"
AnySpec = TypeVar("AnySpec", bound=Spec)


@frozen
class JobFile:
    """A job and where it came from. `digest` is the sha256 (hex) of the file's bytes, `root` the project's folder."""

    job: Job
    document: Document
    path: Path
    digest: str
    root: Path


@frozen
class VendorFile:
    """A vendor's description and where it came from. `digest` is the sha256 (hex) of the file's bytes."""

    vendor: Vendor
    document: Document
    digest: str


@frozen
class ProjectFile:
    """A project and where it came from. Without a file: all defaults, no document, the digest of no bytes.

    `root` is the folder its files are read from. Where that is a copy (the files of a commit), `home` is the project's own folder.
    `vendors` are the descriptions its accounts name, by their path as written.
    """

    project: Project
    document: Document | None
    root: Path
    digest: str
    home: Path | None = None
    vendors: Mapping[str, VendorFile] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        """The folder that state and results belong to."""
        return self.home or self.root

    @property
    def vendor_digests(self) -> dict[str, str]:
        """The sha256 (hex) of each description, by its path below the project's folder."""
        return {name: file.digest for name, file in sorted(self.vendors.items())}


def load_job(path: Path) -> JobFile:
    """The job in the file at `path`. Raises `Usage` where there is none to read, `Invalid` with every complaint about it."""
    raw = _load_bytes(path)
    job, document = read_job(raw, str(path))
    return JobFile(job, document, path, _digest(raw), find_root(path))


def load_mended(path: Path) -> tuple[JobFile | None, frozenset[str]]:
    """What is right of a wrong job, and the top-level keys something was cut out of; None where nothing is left to inspect.

    For finding further mistakes behind the ones `load_job` tells; never to be run. Raises `Usage` as `load_job` does.
    """
    raw = _load_bytes(path)
    try:
        document = read_document(_text(raw, str(path)), str(path))
    except Invalid:
        return None, frozenset()
    from runner.job.mending import mend_job  # noqa: PLC0415 - a job that is right needs neither mending nor wording

    mended = mend_job(document)
    if mended is None:
        return None, frozenset()
    return JobFile(mended.job, document, path, _digest(raw), find_root(path)), mended.cut


def load_project(start: Path) -> ProjectFile:
    """The project around `start` (a job's file, or a folder). Raises `Usage` and `Invalid` as `load_job` does."""
    root = find_root(start)
    path = root / PROJECT_FILE
    if not path.exists():
        return ProjectFile(Project(), None, root, _digest(b""))
    raw = _load_bytes(path)
    project, document = read_project(raw, _shown(path))
    return with_vendors(ProjectFile(project, document, root, _digest(raw)))


def load_copy(path: Path, shown: str, root: Path, home: Path) -> tuple[ProjectFile, JobFile]:
    """A job and its project from a copy: files below `root`, called `shown` and like it in messages, whose project is `home`.

    Raises `Invalid` with the mistakes of the first file that is wrong.
    """
    raw, mark = _load_bytes(path), root / PROJECT_FILE
    job, document = read_job(raw, shown)
    job_file = JobFile(job, document, path, _digest(raw), root)
    if not mark.exists():
        return ProjectFile(Project(), None, root, _digest(b""), home), job_file
    told = _load_bytes(mark)
    project, page = read_project(told, PROJECT_FILE)
    return with_vendors(ProjectFile(project, page, root, _digest(told), home)), job_file


def find_root(start: Path) -> Path:
    """The nearest folder upward from `start` that holds adbatch.yaml, else .git, else the folder of `start`. Absolute."""
    resolved = start.resolve()
    folder = resolved if resolved.is_dir() else resolved.parent
    upward = (folder, *folder.parents)
    for mark in (PROJECT_FILE, ".git"):
        for candidate in upward:
            if (candidate / mark).exists():
                return candidate
    return folder


def read_job(raw: bytes, file: str) -> tuple[Job, Document]:
    """The job that `raw` says, called `file` in complaints. Raises `Invalid`."""
    return _read(raw, file, Job)


def read_project(raw: bytes, file: str) -> tuple[Project, Document]:
    """The project that `raw` says; an empty file is a project of defaults. Raises `Invalid`."""
    return _read(raw, file, Project)


@functools.lru_cache(32)
def read_vendor(raw: bytes, file: str) -> VendorFile:
    """The vendor that `raw` describes. Raises `Invalid`. Its model is imported by who describes one: most projects do not.

    Kept, because every job of a project reads the same ones again.
    """
    from runner.job.vendor import Vendor  # noqa: PLC0415 - see above
    from runner.job.vendor_checks import problems_of  # noqa: PLC0415

    vendor, document = _read(raw, file, Vendor)
    problems = problems_of(vendor)
    if problems:
        complaints = [Complaint(each.message, dotted(each.path), document.place(each.path)) for each in problems]
        raise Invalid(sorted(complaints, key=_where))
    return VendorFile(vendor, document, _digest(raw))


def with_vendors(project_file: ProjectFile) -> ProjectFile:
    """The project with the descriptions its accounts name. Raises `Invalid` with the mistakes of all of them."""
    vendors, wrong = dict[str, VendorFile](), list[Complaint]()
    for name, account in project_file.project.providers.items():
        if account.describe is not None and account.describe not in vendors:
            try:
                vendors[account.describe] = _load_vendor(project_file, account.describe)
            except Usage as mistake:
                way = ("providers", name, "describe")
                place = project_file.document.place(way) if project_file.document is not None else None
                wrong.append(Complaint(str(mistake), dotted(way), place))
            except Invalid as mistakes:
                wrong += mistakes.complaints
    if wrong:
        raise Invalid(wrong)
    return replace(project_file, vendors=vendors)


def _load_vendor(project_file: ProjectFile, name: str) -> VendorFile:
    """A description lies in the project's folder and nowhere else: what a key is sent to is reviewed with the project."""
    path = project_file.root / name
    if name.startswith("~") or not path.resolve().is_relative_to(project_file.root.resolve()):
        raise Usage(f"{name} lies outside the project's folder; a description lies below adbatch.yaml")
    return read_vendor(_load_bytes(path), name if project_file.home is not None else _shown(path))


def _read(raw: bytes, file: str, spec: type[AnySpec]) -> tuple[AnySpec, Document]:
    document = read_document(_text(raw, file), file)
    nothing = document.data is None
    if nothing and spec is not Project:
        cure = "`adbatch init` writes a job to start from" if spec is Job else "`adbatch schema vendor` tells what it may say"
        raise Invalid([*document.complaints, Complaint(f"the file is empty; {cure}", "", Place(file, 1, 1))])
    try:
        read = spec.model_validate({} if nothing else document.data)
    except ValidationError as error:
        from runner.job.wording import complaints_of  # noqa: PLC0415 - as mending

        raise Invalid(sorted(complaints_of(error, document, spec), key=_where)) from None
    if document.complaints:
        raise Invalid(document.complaints)
    return read, document


def _where(complaint: Complaint) -> tuple[int, int]:
    return (complaint.place.line, complaint.place.column) if complaint.place else (0, 0)


def _text(raw: bytes, file: str) -> str:
    if len(raw) > MOST_BYTES:
        wrong = f"is larger than {MOST_BYTES >> 20} MiB; a job is text a person writes, bulk data belongs into the feed"
        raise Invalid([Complaint(wrong, "", Place(file, 1, 1))])
    if keys := find_literals(raw.decode("utf-8-sig", "replace"), file):
        raise Invalid(keys)  # alone: the message about another mistake might quote what must not be repeated
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        begins = raw.rfind(b"\n", 0, error.start) + 1
        line = raw[begins:].split(b"\n", 1)[0].decode(errors="replace")
        column = len(raw[begins : error.start].decode(errors="replace")) + 1
        place = Place(file, raw.count(b"\n", 0, error.start) + 1, column, line)
        raise Invalid([Complaint(f"is not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8", "", place)]) from None


def _load_bytes(path: Path) -> bytes:
    """The bytes of a regular file, and never more than one over the limit: what is named may be a device without end."""
    try:
        if path.is_dir():
            raise Usage(f"{path} is a folder; name a job file in it{_siblings(path, '')}")
        if path.exists() and not path.is_file():
            raise Usage(f"{path} is not a regular file; name a YAML file")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise Usage(f"{path}: no such file{_siblings(path.parent, path.name)}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Usage(f"{path} cannot be read ({reason.lower()}); mend its permissions or name another file") from None


def _siblings(folder: Path, name: str) -> str:
    try:
        known = sorted(entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml"))
    except OSError:
        return ""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {folder / near[0]}?"
    return f"; there is {', '.join(known[:5])}" if known else ""


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
