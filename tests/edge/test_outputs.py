"""The output folder on a real file system: published, kept, never escaped.

Long, because a lot has three ways to the names of its files, and each keeps every promise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.blobs import Blobs
from runner.edge.outputs import MANIFEST_SCHEMA, RESULTS_SCHEMA, Outputs, load_schema, read_results, result_line
from runner.edge.remaking import Remade
from runner.errors import OurSide


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """The store the outputs come from."""
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def outputs(tmp_path: Path, blobs: Blobs) -> Outputs:
    """An empty output folder."""
    return Outputs(tmp_path / "out" / "sale", blobs)


@pytest.fixture(params=["fresh", "used", "named"])
def lots(request: pytest.FixtureRequest, tmp_path: Path, blobs: Blobs) -> Outputs:
    """An output folder for many files at once: empty, not quite empty, and on a file system where all files have names."""
    (tmp_path / "lots").mkdir()
    if request.param == "used":
        (tmp_path / "lots" / "old").mkdir()
    outputs = Outputs(tmp_path / "lots", blobs)
    shutil.rmtree(tmp_path / "lots" / "old", ignore_errors=True)
    outputs.nameless = False if request.param == "named" else None
    return outputs


def tree(outputs: Outputs) -> list[str]:
    """Every file and folder below the output folder."""
    return sorted(str(path.relative_to(outputs.root)) for path in outputs.root.rglob("*"))


def test_a_published_file_holds_its_blob(outputs: Outputs, blobs: Blobs) -> None:
    """Folders are made on the way, and nothing else is left behind once the results are written."""
    blob = blobs.put(b"picture")
    assert outputs.publish(blob.sha256, "mug 1/de-DE/scene-1.png") == "written"
    outputs.write_results([])
    assert tree(outputs) == ["mug 1", "mug 1/de-DE", "mug 1/de-DE/scene-1.png", "results.jsonl"]
    assert (outputs.root / "mug 1/de-DE/scene-1.png").read_bytes() == b"picture"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_published_files_follow_the_users_umask(outputs: Outputs, blobs: Blobs, umask: int, mode: int) -> None:
    """Blobs are private, but what is published has the mode any program of the user's would give it."""
    before = os.umask(umask)
    try:
        outputs.publish(blobs.put(b"picture").sha256, "a.png")
        outputs.write_results([])
    finally:
        os.umask(before)
    assert {stat.S_IMODE((outputs.root / name).stat().st_mode) for name in ("a.png", "results.jsonl")} == {mode}


def test_publishing_again_touches_nothing(outputs: Outputs, blobs: Blobs) -> None:
    """A file that is right keeps its inode and its time."""
    blob = blobs.put(b"picture")
    outputs.publish(blob.sha256, "a.png")
    before = (outputs.root / "a.png").stat()
    assert outputs.publish(blob.sha256, "a.png") == "unchanged"
    after = (outputs.root / "a.png").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (before.st_ino, before.st_mtime_ns, before.st_ctime_ns)


def test_a_copy_with_another_time_is_right_too(outputs: Outputs, blobs: Blobs) -> None:
    """Where times differ (a fresh checkout), the bytes decide."""
    blob = blobs.put(b"picture")
    (outputs.root / "a.png").write_bytes(b"picture")
    os.utime(outputs.root / "a.png", (1, 1))
    assert outputs.publish(blob.sha256, "a.png") == "unchanged"


def test_blobs_of_one_size_and_one_tick_are_told_apart(outputs: Outputs, blobs: Blobs) -> None:
    """Two prices bought together, as long as each other: the published file is the one that was asked for last."""
    for blob in blobs.put_all([b"now 10 USD", b"now 20 USD", b"now 30 USD"]):
        assert outputs.publish(blob.sha256, "a.txt") == "written"
        assert (outputs.root / "a.txt").read_bytes() == blobs.read(blob.sha256)


def test_a_time_without_a_stamp_proves_nothing(outputs: Outputs, blobs: Blobs) -> None:
    """Where the file system keeps whole seconds, the bytes decide."""
    for blob in blobs.put_all([b"now 10 USD", b"now 20 USD"]):
        os.utime(blobs.path(blob.sha256), (1, 1))
        assert outputs.publish(blob.sha256, "a.txt") == "written"
        assert (outputs.root / "a.txt").read_bytes() == blobs.read(blob.sha256)


def test_what_we_wrote_is_replaced(outputs: Outputs, blobs: Blobs) -> None:
    """A file that holds another of our blobs gives way to the new one."""
    old, new = blobs.put(b"old picture"), blobs.put(b"new")
    outputs.publish(old.sha256, "a.png")
    assert outputs.publish(new.sha256, "a.png") == "written"
    assert (outputs.root / "a.png").read_bytes() == b"new"


def test_what_a_user_edited_is_kept(outputs: Outputs, blobs: Blobs) -> None:
    """Bytes we never had are somebody's work, of whatever length."""
    blob = blobs.put(b"picture")
    for edited in (b"retouched by hand", b"Picture"):
        (outputs.root / "a.png").write_bytes(edited)
        assert outputs.publish(blob.sha256, "a.png") == "kept"
        assert (outputs.root / "a.png").read_bytes() == edited


def test_a_link_in_place_of_a_file_is_kept(outputs: Outputs, blobs: Blobs, tmp_path: Path) -> None:
    """We never write through a symbolic link, and never replace one."""
    (tmp_path / "target").write_bytes(b"outside")
    (outputs.root / "a.png").symlink_to(tmp_path / "target")
    assert outputs.publish(blobs.put(b"picture").sha256, "a.png") == "kept"
    assert (tmp_path / "target").read_bytes() == b"outside"


@pytest.mark.parametrize("relative", ["link/a.png", "sub/link/a.png", ".adbatch-tmp-link/a.png"])
def test_a_linked_folder_leads_nowhere(outputs: Outputs, blobs: Blobs, tmp_path: Path, relative: str) -> None:
    """A symbolic link on the way out of the folder is an error, and nothing is written behind it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = outputs.root / Path(relative).parent
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(OurSide, match="a file or a symbolic link is in the way; remove it"):
        outputs.publish(blobs.put(b"picture").sha256, relative)
    assert list(outside.iterdir()) == []


def test_a_linked_workplace_leads_nowhere(outputs: Outputs, blobs: Blobs, tmp_path: Path) -> None:
    """Somebody who plants a link where we write first gains nothing."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outputs.root / ".adbatch-tmp").symlink_to(outside)
    with pytest.raises(OurSide, match="symbolic link is in the way"):
        outputs.publish(blobs.put(b"picture").sha256, "a.png")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "relative",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../a.png",
        "a/../../b.png",
        "a//b.png",
        "a/",
        "./a.png",
        "a\\b.png",
        "a\0.png",
        "/",
        "a/..",
        "a\ud800.png",
    ],
)
def test_paths_that_lead_out_are_refused(outputs: Outputs, blobs: Blobs, relative: str) -> None:
    """The last fence holds even if the plan's rules for paths did not."""
    with pytest.raises(OurSide, match="is not a path below the output folder"):
        outputs.publish(blobs.put(b"picture").sha256, relative)
    assert tree(outputs) == []


@pytest.mark.parametrize("relative", ["results.jsonl", "manifest.json", "Results.JSONL", ".adbatch-tmp/a.png"])
def test_our_own_names_are_taken(outputs: Outputs, blobs: Blobs, relative: str) -> None:
    """No result can sit where results, manifest or half-written files go."""
    with pytest.raises(OurSide, match="is a name adbatch keeps for itself"):
        outputs.publish(blobs.put(b"picture").sha256, relative)


def test_a_folder_in_the_way_is_our_failure(outputs: Outputs, blobs: Blobs) -> None:
    """A folder where a file should be is named, as is a file where a folder should be."""
    (outputs.root / "a.png").mkdir()
    (outputs.root / "file").write_text("x")
    for relative in ("a.png", "file/b.png"):
        with pytest.raises(OurSide, match=rf"{relative}: cannot be written|{relative}: a file or a symbolic link is in the way"):
            outputs.publish(blobs.put(b"picture").sha256, relative)


def test_a_missing_blob_is_our_failure(outputs: Outputs) -> None:
    """Publishing what is not in the store leaves nothing half done."""
    with pytest.raises(OurSide, match=r"a\.png: cannot be written"):
        outputs.publish("ab" * 32, "a.png")
    outputs.write_results([])
    assert tree(outputs) == ["results.jsonl"]


@pytest.mark.parametrize("name", ["ü 你好 (1).png", "x" * 250 + ".png", "-rf", "~", "emoji😀.png"])
def test_odd_names_are_names(outputs: Outputs, blobs: Blobs, name: str) -> None:
    """Every name the file system can hold is one we can publish under."""
    assert outputs.publish(blobs.put(b"picture").sha256, f"{name}/{name}") == "written"
    assert (outputs.root / name / name).read_bytes() == b"picture"


def test_sweep_removes_what_a_killed_run_left(outputs: Outputs, blobs: Blobs) -> None:
    """Half-written files are gone before the next run, published ones stay."""
    outputs.publish(blobs.put(b"picture").sha256, "a.png")
    (outputs.root / ".adbatch-tmp").mkdir(exist_ok=True)
    (outputs.root / ".adbatch-tmp" / "0123").write_bytes(b"half")
    outputs.sweep()
    assert tree(outputs) == ["a.png"]


def test_a_folder_that_cannot_be_made_is_our_failure(tmp_path: Path, blobs: Blobs) -> None:
    """An output folder below a file is named before anything is sent."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OurSide, match="file/out: a file or a symbolic link is in the way"):
        Outputs(tmp_path / "file" / "out", blobs)


def test_results_are_streamed_and_described(outputs: Outputs) -> None:
    """Lines come from an iterator, and what was written is counted and hashed."""
    lines = [result_line({"key": f"mug|{number}", "status": "done"}) for number in range(1000)]

    def stream() -> Iterator[bytes]:
        yield from lines

    written = outputs.write_results(stream())
    whole = (outputs.root / "results.jsonl").read_bytes()
    assert whole == b"".join(lines)
    assert (written.sha256, written.size, written.lines) == (hashlib.sha256(whole).hexdigest(), len(whole), 1000)
    assert [line["key"] for line in read_results(outputs.root / "results.jsonl")] == [f"mug|{number}" for number in range(1000)]


def test_unchanged_results_keep_their_file(outputs: Outputs) -> None:
    """The same lines again leave inode and time alone; other lines do not."""
    path = outputs.root / "results.jsonl"
    outputs.write_results([b'{"a":1}\n'])
    before = path.stat()
    outputs.write_results([b'{"a":1}\n'])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    outputs.write_results([b'{"a":2}\n'])
    assert path.read_bytes() == b'{"a":2}\n'


def test_results_that_fail_half_way_change_nothing(outputs: Outputs) -> None:
    """A failure while lines are made leaves the old file whole and no other."""

    def broken() -> Iterator[bytes]:
        yield b'{"a":2}\n'
        raise RuntimeError("bug")

    outputs.write_results([b'{"a":1}\n'])
    with pytest.raises(RuntimeError, match="bug"):
        outputs.write_results(broken())
    assert (tree(outputs), (outputs.root / "results.jsonl").read_bytes()) == (["results.jsonl"], b'{"a":1}\n')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_line_is_canonical(result: dict[str, object]) -> None:
    """A line is one line, reads back as what it was, and does not depend on the order of its keys."""
    line = result_line(result)  # type: ignore[arg-type]
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line) == result
    assert result_line(dict(reversed(result.items()))) == line  # type: ignore[arg-type]


def test_a_line_is_plain_utf8() -> None:
    """Letters stand as themselves, keys are sorted, and half a surrogate pair is escaped rather than lost."""
    assert result_line({"b": "größe 你", "a": [1, None]}) == '{"a":[1,null],"b":"größe 你"}\n'.encode()
    assert result_line({"b": 1, "a": "x\ud800"}) == b'{"a":"x\\ud800","b":1}\n'


@pytest.mark.parametrize("line", [b"{", b"[1]", b"", b"\xff", b'"text"'])
def test_a_line_that_is_no_result_is_named(tmp_path: Path, line: bytes) -> None:
    """A results file that somebody broke says where."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"key":"a"}\n' + line + b"\n")
    with pytest.raises(OurSide, match=r"results\.jsonl:2: not (JSON|a JSON object).*run the job again"):
        list(read_results(path))


def test_missing_results_are_named(tmp_path: Path) -> None:
    """Reading results that are not there is our failure."""
    with pytest.raises(OurSide, match=r"results\.jsonl: cannot be read \(No such file"):
        list(read_results(tmp_path / "results.jsonl"))


def test_the_manifest_names_its_schema(outputs: Outputs) -> None:
    """The manifest is readable JSON that begins with its schema."""
    written = outputs.write_manifest({"job": {"name": "sale"}, "counts": {"done": 3}})
    text = (outputs.root / "manifest.json").read_text("utf-8")
    assert json.loads(text) == {"$schema": MANIFEST_SCHEMA, "job": {"name": "sale"}, "counts": {"done": 3}}
    assert text.startswith('{\n  "$schema": "urn:adbatch:schema:manifest:1",\n')
    assert written.lines == text.count("\n")


@pytest.mark.parametrize(("name", "urn"), [("results", RESULTS_SCHEMA), ("manifest", MANIFEST_SCHEMA)])
def test_schemas_are_whole(name: str, urn: str) -> None:
    """Each schema is named by its URN, requires only what it describes, and refers only to what it defines."""
    schema = load_schema(name)  # type: ignore[arg-type]
    assert schema["$id"] == urn
    assert set(schema["required"]) <= schema["properties"].keys()
    text = json.dumps(schema)
    for definition in schema["$defs"]:
        assert f'"#/$defs/{definition}"' in text
    assert text.count('"$ref": "#/$defs/') == sum(text.count(f'"#/$defs/{definition}"') for definition in schema["$defs"])


def test_many_files_are_published_with_one_wait(lots: Outputs, blobs: Blobs) -> None:
    """New ones, large ones, those that are right, outdated or edited: each comes to what `publish` would have made of it."""
    named = [f"{number % 7}/{number}.txt" for number in range(200)]
    digests = [blobs.put(f"text {number}".encode()).sha256 for number in range(200)]
    large = blobs.put(bytes((1 << 20) + 1)).sha256
    assert lots.publish(digests[5], named[5]) == "written"
    assert lots.publish(digests[7], named[6]) == "written"
    (lots.root / "0").mkdir(exist_ok=True)
    (lots.root / named[7]).write_text("mine")
    told = lots.publish_all([*zip(digests, named, strict=True), (large, "large.bin")])
    assert told == ["written"] * 5 + ["unchanged", "written", "kept"] + ["written"] * 193
    wanted = {name: f"text {number}" for number, name in enumerate(named)} | {named[7]: "mine"}
    assert {name: (lots.root / name).read_text() for name in named} == wanted
    assert (lots.root / "large.bin").stat().st_size == (1 << 20) + 1
    lots.write_results([])
    assert ".adbatch-tmp" not in tree(lots)


def test_lots_follow_the_users_umask(lots: Outputs) -> None:
    """Whatever way they get their names, they have the mode that any program of the user's would give them."""
    before = os.umask(0o027)
    try:
        publish_texts(lots, a=b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((lots.root / "a.txt").stat().st_mode) == 0o640


def test_what_comes_up_meanwhile_is_looked_at(lots: Outputs, blobs: Blobs, tmp_path: Path) -> None:
    """A folder that was empty when the run began may have something now: mine stays, ours is replaced, what is right is right."""
    digests = blobs.put_all([b"old", b"one", b"two"])
    for name, data in (("old", b"old"), ("right", b"two"), ("mine", b"mine")):
        (lots.root / f"{name}.txt").write_bytes(data)
    (lots.root / "link.txt").symlink_to(tmp_path / "beyond")
    before = (lots.root / "right.txt").stat()
    told = publish_texts(lots, new=b"one", old=b"two", right=b"two", mine=b"three", link=b"four", last=b"five")
    assert told == ["written", "written", "unchanged", "kept", "kept", "written"]
    found = {path.stem: path.read_bytes() for path in lots.root.glob("*.txt") if path.is_file()}
    assert found == {"new": b"one", "old": b"two", "right": b"two", "mine": b"mine", "last": b"five"}
    after = (lots.root / "right.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "beyond").exists()
    assert blobs.read(digests[0].sha256) == b"old"


def test_a_path_named_twice_holds_the_last(lots: Outputs, blobs: Blobs) -> None:
    """In one lot, too, later comes after earlier."""
    one, two = blobs.put_all([b"one", b"two"])
    assert lots.publish_all([(one.sha256, "a.txt"), (two.sha256, "a.txt")]) == ["written"] * 2
    assert (lots.root / "a.txt").read_bytes() == b"two"


def test_a_folder_in_the_way_of_a_lot_is_our_failure(lots: Outputs, blobs: Blobs) -> None:
    """It is named, and it stays."""
    (lots.root / "a.png").mkdir()
    for sha256 in (blobs.put(b"small").sha256, blobs.put(bytes((1 << 20) + 1)).sha256):
        with pytest.raises(OurSide, match=r"a\.png: cannot be written"):
            lots.publish_all([(sha256, "a.png")])
    assert (lots.root / "a.png").is_dir()


def test_one_bad_path_among_many_is_named(lots: Outputs, blobs: Blobs) -> None:
    """A path that leads out, or through a file, is an error that names it, and nothing half is left."""
    sha256 = blobs.put(b"text").sha256
    (lots.root / "a.txt").write_text("mine")
    for bad in ("../x.txt", "a.txt/b.txt"):
        with pytest.raises(OurSide, match=bad.rpartition("/")[2]):
            lots.publish_all([(sha256, "good.txt"), (sha256, bad)])
    lots.write_results([])
    assert set(tree(lots)) <= {"a.txt", "good.txt", "results.jsonl"}


def publish_texts(lots: Outputs, **texts: bytes) -> list[str]:
    """Publish these texts, of which the store has no blobs, by name; what was done."""
    named = {name: (hashlib.sha256(text).hexdigest(), text) for name, text in texts.items()}
    remade = {sha256: Remade(len(text), partial(bytes, text)) for sha256, text in named.values()}
    return list(lots.publish_all([(sha256, f"{name}.txt") for name, (sha256, _) in named.items()], remade))


def test_texts_need_no_blob(lots: Outputs, blobs: Blobs) -> None:
    """One that is right is left alone, one that we wrote is replaced and then in the store, an edited one is kept."""
    assert publish_texts(lots, a=b"one", b=b"two", c=b"three") == ["written"] * 3
    assert list(blobs.root.iterdir()) == []
    (lots.root / "c.txt").write_text("THREE")
    before = (lots.root / "a.txt").stat()
    assert publish_texts(lots, a=b"one", b=b"2", c=b"3", d=b"4") == ["unchanged", "written", "kept", "written"]
    assert [(lots.root / f"{name}.txt").read_text() for name in "abcd"] == ["one", "2", "THREE", "4"]
    assert (lots.root / "a.txt").stat().st_ino == before.st_ino
    assert [path.read_bytes() for path in blobs.root.glob("??/*")] == [b"two"]


def test_a_replaced_text_is_in_the_store_first(lots: Outputs, blobs: Blobs) -> None:
    """By itself, too, and a blob that cannot be stored leaves the file as it was."""
    publish_texts(lots, a=b"one", b=b"two")
    new = blobs.put(b"new").sha256
    assert lots.publish(new, "a.txt") == "written"
    assert blobs.read(hashlib.sha256(b"one").hexdigest()) == b"one"
    (blobs.root / hashlib.sha256(b"two").hexdigest()[:2]).write_text("in the way")
    with pytest.raises(OurSide):
        publish_texts(lots, b=b"2")
    assert (lots.root / "b.txt").read_bytes() == b"two"


def test_an_edited_text_with_its_old_time_is_kept(lots: Outputs) -> None:
    """A stamp says that bytes are ours only of those bytes."""
    publish_texts(lots, a=b"one")
    path, found = lots.root / "a.txt", (lots.root / "a.txt").stat()
    path.write_bytes(b"mine")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert publish_texts(lots, a=b"two") == ["kept"]


def test_texts_have_blobs_where_times_are_whole_seconds(lots: Outputs, blobs: Blobs) -> None:
    """Where the file system keeps no stamp, a text is known to be ours by the store, as a picture is."""
    lots.keeps_stamps = False
    assert publish_texts(lots, a=b"one") == ["written"]
    os.utime(lots.root / "a.txt", (1, 1))
    assert blobs.read(hashlib.sha256(b"one").hexdigest()) == b"one"
    assert publish_texts(lots, a=b"two") == ["written"]
    assert (lots.root / "a.txt").read_bytes() == b"two"


def test_what_is_made_again_is_made_once_for_two_paths(lots: Outputs, blobs: Blobs) -> None:
    """What is at hand is not made at all; otherwise the first path has it made, and the others of its lot use the same bytes."""
    data, calls = b"marked", list[int]()
    sha256 = hashlib.sha256(data).hexdigest()

    def make() -> bytes:
        calls.append(1)
        return data

    wanted = {sha256: Remade(len(data), make)}
    assert lots.publish_all([(sha256, "a.png"), (sha256, "b.png")], wanted) == ["written"] * 2
    assert calls == [1]
    blobs.lately.put(sha256, data)
    assert lots.publish_all([(sha256, "c.png"), (sha256, "a.png")], wanted) == ["written", "unchanged"]
    assert calls == [1]
    assert [(lots.root / f"{name}.png").read_bytes() for name in "abc"] == [data] * 3
    assert not blobs.has(sha256)
