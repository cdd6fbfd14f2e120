"""Snapshots of feeds: local files, globs and links, held still under the name of their content."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from runner.edge.blobs import Sink
from runner.edge.snapshots import Snapshot, find_files, take_snapshot
from runner.errors import Invalid, OurSide
from runner.records import Answer, NoAnswer, Reply

ROWS = b"id,title\n1,Mug\n"


def sha(data: bytes) -> str:
    """The sha256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a folder of jobs and one of feeds."""
    for name in ("jobs", "feeds", "state"):
        (tmp_path / "project" / name).mkdir(parents=True)
    (tmp_path / "project/feeds/products.csv").write_bytes(ROWS)
    return tmp_path / "project"


async def refuse(url: str, sink: Sink) -> Reply:
    """A network that nobody should ask."""
    raise AssertionError(f"asked for {url}")


async def take(project: Path, spec: str) -> Snapshot:
    """The snapshot of a local feed as a job in `jobs/` names it."""
    return await take_snapshot(spec, project / "jobs", [project], project / "state", refuse)


async def fetch(project: Path, url: str, reply: Answer | NoAnswer, body: bytes = ROWS) -> Snapshot:
    """The snapshot of a link whose server says `reply`, with `body` where it is 2xx."""

    async def download(asked: str, sink: Sink) -> Reply:
        assert asked == url
        if isinstance(reply, NoAnswer) or reply.status >= 300:
            return reply
        sink.write(body)
        return Answer(reply.status, reply.headers, body[:65536], sink.finish())

    return await take_snapshot(url, project / "jobs", [project], project / "state", download)


async def test_a_file_is_copied_under_its_content(project: Path) -> None:
    """The copy is named by its sha256 and keeps the suffix that tells the format; messages keep the name as written."""
    snapshot = await take(project, "../feeds/products.csv")
    assert snapshot == Snapshot((project / "state" / f"{sha(ROWS)}.csv",), ("../feeds/products.csv",), sha(ROWS), len(ROWS))
    assert snapshot.files[0].read_bytes() == ROWS


async def test_a_feed_rewritten_later_changes_nothing(project: Path) -> None:
    """What a run reads is the copy."""
    snapshot = await take(project, "../feeds/products.csv")
    (project / "feeds/products.csv").write_bytes(b"id\n")
    assert snapshot.files[0].read_bytes() == ROWS


async def test_the_same_feed_again_writes_nothing(project: Path) -> None:
    """A snapshot that is there keeps its inode."""
    first = (await take(project, "../feeds/products.csv")).files[0].stat()
    assert (await take(project, "../feeds/products.csv")).files[0].stat().st_ino == first.st_ino
    assert len(list((project / "state").iterdir())) == 1


async def test_a_glob_takes_its_files_in_order(project: Path) -> None:
    """Several files are read sorted by name, and the digest is of all of them."""
    for name in ("b", "a", "c"):
        (project / f"feeds/part-{name}.csv").write_bytes(name.encode() * 10)
    snapshot = await take(project, "../feeds/part-*.csv")
    assert snapshot.names == ("../feeds/part-a.csv", "../feeds/part-b.csv", "../feeds/part-c.csv")
    assert [path.read_bytes()[:1] for path in snapshot.files] == [b"a", b"b", b"c"]
    assert snapshot.sha256 == sha("".join(f"{sha(name * 10)}\n" for name in (b"a", b"b", b"c")).encode())
    assert snapshot.size == 30


async def test_globs_go_deep(project: Path) -> None:
    """`**` and folders with a pattern keep their names apart."""
    for shop in ("x", "y"):
        (project / "feeds" / shop).mkdir()
        (project / "feeds" / shop / "p.csv").write_text(shop)
    assert (await take(project, "../feeds/*/p.csv")).names == ("../feeds/x/p.csv", "../feeds/y/p.csv")
    assert (await take(project, "../feeds/**/p.csv")).names == ("../feeds/x/p.csv", "../feeds/y/p.csv")


async def test_a_name_that_looks_like_a_pattern_is_a_name(project: Path) -> None:
    """A file that is there is taken as it is called."""
    (project / "feeds/sale [1].csv").write_bytes(ROWS)
    assert (await take(project, "../feeds/sale [1].csv")).names == ("../feeds/sale [1].csv",)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("p.csv.gz", ".csv.gz"),
        ("P.XML", ".xml"),
        ("p.2026.tsv", ".tsv"),
        ("feed", ""),
        ("p.x y", ""),
        ("a.b.c.jsonl.gz", ".jsonl.gz"),
    ],
)
async def test_the_suffix_that_tells_the_format_is_kept(project: Path, name: str, suffix: str) -> None:
    """Only a plain ending, in lower case, with `.gz` after it, comes along."""
    data = gzip.compress(ROWS, mtime=0) if name.endswith("gz") else ROWS
    (project / "feeds" / name).write_bytes(data)
    assert (await take(project, f"../feeds/{name}")).files[0].name == sha(data) + suffix


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("../feeds/none.csv", "../feeds/none.csv matches no file (looked in "),
        ("../feeds/*.xml", "../feeds/*.xml matches no file"),
        ("../feeds", "../feeds is a folder; name its files, as in ../feeds/*.csv"),
    ],
)
async def test_a_feed_that_is_not_there_is_named(project: Path, spec: str, message: str) -> None:
    """Nothing to read is a mistake of the job, and the message says where we looked."""
    with pytest.raises(Invalid) as failure:
        await take(project, spec)
    assert message in str(failure.value)
    assert failure.value.complaints[0].path == "feed.path"


@pytest.mark.parametrize(
    "spec", ["../../secret.csv", "../../*.csv", "{tmp}/secret.csv", "../feeds/link.csv", "../feeds/folder/secret.csv"]
)
async def test_feeds_lie_inside_the_project(project: Path, spec: str) -> None:
    """A path, a pattern or a symbolic link that leads out of the project is refused: rows are sent to vendors."""
    (project.parent / "secret.csv").write_bytes(ROWS)
    (project / "feeds/link.csv").symlink_to(project.parent / "secret.csv")
    (project / "feeds/folder").symlink_to(project.parent)
    with pytest.raises(Invalid, match=r"secret\.csv lies outside|link\.csv lies outside"):
        await take(project, spec.format(tmp=project.parent))
    assert list((project / "state").iterdir()) == []


def test_further_folders_may_be_allowed(project: Path) -> None:
    """Whoever calls decides which folders feeds may lie in."""
    (project.parent / "more.csv").write_bytes(ROWS)
    assert find_files("../../more.csv", project / "jobs", [project, project.parent]) == [project / "jobs/../../more.csv"]


async def test_a_feed_that_cannot_be_read_is_our_failure(project: Path) -> None:
    """A state folder that takes no copy is not the job's mistake."""
    (project / "file").write_text("x")
    with pytest.raises(OurSide, match="cannot make this folder"):
        await take_snapshot("../feeds/products.csv", project / "jobs", [project], project / "file" / "state", refuse)


@pytest.mark.parametrize(
    ("url", "media_type", "suffix"),
    [
        ("https://shop.test/feeds/products.xml.gz?key=test-key", "", ".xml.gz"),
        ("https://shop.test/export?format=csv", "text/csv; charset=utf-8", ".csv"),
        ("https://shop.test/export.php", "application/rss+xml", ".xml"),
        ("https://shop.test/", "application/octet-stream", ""),
    ],
)
async def test_a_link_is_downloaded_and_noted(project: Path, url: str, media_type: str, suffix: str) -> None:
    """The format comes from the path, else from the media type; ETag and date are kept, the query (perhaps a key) is not."""
    headers = {"content-type": media_type, "etag": '"1"', "last-modified": "Sat, 21 Nov 2026 10:00:00 GMT", "x": "y"}
    snapshot = await fetch(project, url, Answer(200, headers))
    plain = url.partition("?")[0]
    assert snapshot.files == (project / "state" / f"{sha(ROWS)}{suffix}",)
    assert snapshot.files[0].read_bytes() == ROWS
    assert (snapshot.names, snapshot.sha256, snapshot.size) == ((plain,), sha(ROWS), len(ROWS))
    assert snapshot.origin == {"url": plain, "etag": '"1"', "last-modified": "Sat, 21 Nov 2026 10:00:00 GMT"}


@pytest.mark.parametrize("page", [b"<!doctype html><title>Sign in", b"\n<HTML lang=en>", b"\xef\xbb\xbf<!DOCTYPE HTML>"])
async def test_a_login_page_is_no_feed(project: Path, page: bytes) -> None:
    """An HTML page with status 200 is what a private sheet answers, and it is not kept."""
    with pytest.raises(Invalid, match="an HTML page came instead of a feed; does the link need a login"):
        await fetch(project, "https://shop.test/feed.csv", Answer(200, {"content-type": "text/html"}), page)
    assert list((project / "state").iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Answer(404), "the feed's server answered 404"),
        (Answer(503), "the feed's server answered 503"),
        (Answer(302), "the feed's server answered 302"),
        (NoAnswer(False, "not dialled: 10.0.0.1 is not a public address"), "could not be downloaded: not dialled: 10.0.0.1"),
    ],
)
async def test_a_link_that_does_not_work_is_named(project: Path, reply: Answer | NoAnswer, message: str) -> None:
    """A feed that does not come stops the job before anything is sent, without the query of its URL in the message."""
    with pytest.raises(Invalid, match=message) as failure:
        await fetch(project, "https://shop.test/feed.csv?key=test-key", reply)
    assert "test-key" not in str(failure.value)
    assert list((project / "state").iterdir()) == []


@pytest.mark.parametrize("url", ["https://[", "https://[x]/feed.csv", "https://[\u2460::1]/feed.csv"])
async def test_a_link_that_is_none_is_told(project: Path, url: str) -> None:
    """Brackets around no address are a mistake in the job, with the link in it."""
    with pytest.raises(Invalid, match="not a URL"):
        await fetch(project, url, Answer(200))


@pytest.mark.parametrize("spec", ["x" * 5000, "a/" * 3000 + "b", "x\0y", "loop/x.csv", "loop/*.csv"])
def test_a_path_no_system_can_have_is_told(project: Path, spec: str) -> None:
    """Names that are too long, cut by NUL, or lead in a circle match no file, and are not repeated at length."""
    (project / "jobs").mkdir(exist_ok=True)
    (project / "jobs" / "loop").symlink_to("loop")
    with pytest.raises(Invalid) as failure:
        find_files(spec, project / "jobs", [project])
    assert len(str(failure.value)) < 400
