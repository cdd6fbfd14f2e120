from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid, Place, Usage
from runner.job.load import MOST_BYTES, PROJECT_FILE, find_root, load_job, load_project, read_job, read_project
from runner.job.project import Project
from tests.job.samples import FULL, JOB, PROJECT, job_mistakes, project_mistakes

TEN_MISTAKES = """\
version: 2
name: summer sale
feed:
  path: products.csv
  formt: csv
  limit: "50"
matrix:
  size: [{name: mpu}, {name: mpu}]
variants: 0
steps:
  head line:
    use: jivox/text
  scene:
    use: vyro
    whn: row.x
    expect: {width: -1}
output: {}
"""


def test_load_job(tmp_path):
    """A job comes with its document, its path as given, the digest of its bytes and the root of its project."""
    path = tmp_path / "jobs" / "x.yaml"
    path.parent.mkdir()
    path.write_text(FULL, encoding="utf-8")
    (tmp_path / PROJECT_FILE).write_text("", encoding="utf-8")
    loaded = load_job(path)
    assert loaded.job.name == "summer-sale"
    assert loaded.path == path
    assert loaded.digest == hashlib.sha256(FULL.encode()).hexdigest()
    assert loaded.root == tmp_path.resolve()
    assert loaded.document.place(("steps", "scene", "use")).file == str(path)


def test_load_project(tmp_path):
    """A project is found from a job inside it, and comes with its document, root and digest."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / PROJECT_FILE).write_text(PROJECT, encoding="utf-8")
    loaded = load_project(tmp_path / "jobs" / "x.yaml")
    assert list(loaded.project.providers) == ["jivox", "sivi", "placewise", "house-llm"]
    assert loaded.root == tmp_path.resolve()
    assert loaded.digest == hashlib.sha256(PROJECT.encode()).hexdigest()
    assert loaded.document is not None
    assert loaded.document.place(("budget",), "key").line == 11


def test_no_project_file(tmp_path):
    """Without a file a project is all defaults, in the folder of the job."""
    (tmp_path / ".git").mkdir()
    loaded = load_project(tmp_path)
    assert (loaded.project, loaded.document, loaded.root) == (Project(), None, tmp_path.resolve())
    assert loaded.digest == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("marks", "root"),
    [
        (("adbatch.yaml", "a/.git"), "."),
        (("adbatch.yaml", "a/adbatch.yaml"), "a"),
        ((".git", "a/.git"), "a"),
        ((".git", "a/b/.git"), "a/b"),
        ((".git", "a/b/adbatch.yaml"), "a/b"),
    ],
)
def test_find_root(tmp_path, marks, root):
    """The root is the nearest folder with adbatch.yaml, else the nearest with .git, from a file or from a folder."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    for mark in marks:
        (tmp_path / mark).touch()
    job = tmp_path / "a" / "b" / "x.yaml"
    job.touch()
    expected = (tmp_path / root).resolve()
    assert find_root(job) == find_root(job.parent) == find_root(tmp_path / "a" / "b" / "missing.yaml") == expected


def test_ten_mistakes():
    """Ten mistakes in one file are ten complaints, in the order of the file."""
    mistakes = job_mistakes(TEN_MISTAKES)
    assert mistakes == [
        "1:10 version: this adbatch reads version 1 of the format; got the number 2",
        "2:7 name: needs a name of letters, digits, - _ and . that begins with a letter or digit; got the text 'summer sale'",
        "5:3 feed.formt: not a field of a feed; did you mean format?",
        "6:10 feed.limit: needs a whole number; got the text '50'; take the quotes away",
        "8:23 matrix.size[1]: is the same value as size[0]; an axis names each value once",
        "9:11 variants: is 0; the least allowed is 1",
        "11:3 steps.'head line': a name begins with a letter and holds letters, digits and _ only, so that a template can read it",
        "14:10 steps.scene.use: needs provider/operation, such as vyro/ai-background; got the text 'vyro'",
        "15:5 steps.scene.whn: not a field of a step; did you mean when?",
        "16:21 steps.scene.expect.width: needs a whole number of at least 1, or one {{ expression }}; got the number -1",
        "17:1 output.dir: is missing; output needs it",
    ]


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["1:1 : the file is empty; `adbatch init` writes a job to start from"]),
        ("# only words\n", ["1:1 : the file is empty; `adbatch init` writes a job to start from"]),
        ("- a\n", ["1:1 : needs a map; got a list"]),
        ("job", ["1:1 : needs a map; got the text 'job'"]),
        (JOB + "steps: {}\n", ["8:1 steps: is written twice; the first is in line 4"]),
        (
            JOB.replace("  ad:", "  ad:\n  ad:"),
            ["5:6 steps.ad: is empty; give it a value, or leave it out", "6:3 steps.ad: is written twice; the first is in line 5"],
        ),
        (
            JOB + "vars: {a: !x 1}\nbudjet: {}\n",
            [
                "8:11 vars.a: tags ('!x') are not used here; take it away",
                "9:1 budjet: not a field of a job; did you mean budget?",
            ],
        ),
        (JOB.replace("sivi/design", "{{ vars.use }}"), ['6:11 steps.ad.use: put quotes around "{{ … }}"']),
        (JOB.replace("{dir: out}", "{dir: out"), ["8:1 output: a comma is missing, or the { of line 7 is not closed"]),
        (JOB + "budget:\n", ["8:8 budget: is empty; give it a value, or leave it out"]),
        (JOB.replace("  ad:\n    use: sivi/design", "  {}"), ["5:3 steps: is empty; at least one is needed"]),
        (JOB.replace("version: 1\n", ""), ["1:1 version: is missing; a job needs it"]),
        (
            JOB + "refresh: {max_age: 30}\n",
            [
                "8:20 refresh.max_age: needs a whole number of s, m, h or d, such as 12h or 30d; got the number 30",
            ],
        ),
        (JOB + "refresh: {jitter: 1m}\n", ["8:10 refresh: says neither when nor how old; give it cron, max_age or both"]),
        (
            JOB + "matrix:\n  a: &x [1, 1]\n  b: *x\n",
            [
                "9:13 matrix.a[1]: is the same value as a[0]; an axis names each value once",
                "9:13 matrix.b[1]: is the same value as b[0]; an axis names each value once",
            ],
        ),
    ],
)
def test_job_mistakes(text, mistakes):
    """YAML's mistakes and the model's come together, each at its line and column with its path and remedy."""
    assert job_mistakes(text) == mistakes


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", []),
        ("# nothing yet\n", []),
        (PROJECT, []),
        ("providrs: {}\n", ["1:1 providrs: not a field of a project; did you mean providers?"]),
        (
            "providers:\n  vyro: {key: test-key}\n",
            ["2:15 providers.vyro.key: a key is never written into a file; write {env: NAME} or {file: PATH}"],
        ),
        (
            "providers: {vyro: {limits: {queue: 1}}}",
            ["1:29 providers.vyro.limits.queue: not a field of limits; did you mean queued?"],
        ),
        ("prices: {a/b: {each: 1}}", ["1:10 prices.'a/b'.currency: is missing; a price needs it"]),
    ],
)
def test_project_mistakes(text, mistakes):
    """A project file may be empty; what it says is judged as strictly as a job."""
    assert project_mistakes(text) == mistakes


def test_complaint_is_complete():
    """A complaint has its message, path and place apart, with the source line, so that a caret can be drawn."""
    with pytest.raises(Invalid) as caught:
        read_job(JOB.replace("use: sivi", "ues: sivi").encode(), "jobs/x.yaml")
    [complaint] = caught.value.complaints
    assert complaint.message == "not a field of a step; did you mean use?"
    assert complaint.path == "steps.ad.ues"
    assert complaint.place == Place("jobs/x.yaml", 6, 5, "    ues: sivi/design")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        "providers:\n  jivox: {key: test-key, key: test-key}\n",
        "providers:\n  jivox:\n    key: test-key\n    key: test-key\n",
        "providers:\n  jivox: {key: test-key, plan: 1, plan: 2}\n",
        "providers:\n  jivox: {key: !x test-key}\n",
        "providers:\n  jivox: {user: &k test-key, key: *k}\n",
        "providers:\n  jivox: {key: {value: test-key}, limit: 5, limits: 5}\n",
        "providers:\n  jivox:\n    key: |\n      test-key\n    kind: 5\n",
    ],
)
def test_a_literal_key_is_shown_nowhere(text):
    """A key written into the file is in no message and no source line, whatever else is wrong beside it."""
    with pytest.raises(Invalid) as caught:
        read_project(text.encode(), "adbatch.yaml")
    assert any("a key is never written into a file" in complaint.message for complaint in caught.value.complaints)
    assert "test-key" not in repr(caught.value.complaints)
    assert "test-key" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_byte_order_mark_is_read():
    """A file saved with a byte order mark is the same job, at the same places."""
    job, document = read_job(b"\xef\xbb\xbf" + JOB.encode(), "x.yaml")
    assert job.name == "summer-sale"
    assert document.place(("version",), "key").column == 1


@pytest.mark.parametrize(
    ("raw", "line", "column", "byte"),
    [
        (b"version: 1\nname: \xfcber\n", 2, 7, "fc"),
        ("name: ä".encode() + b"\xff", 1, 8, "ff"),
        (JOB.encode("utf-16"), 1, 1, "ff"),
    ],
)
def test_not_utf_8(raw, line, column, byte):
    """A file in another encoding is refused at the first byte that shows it."""
    with pytest.raises(Invalid) as caught:
        read_job(raw, "x.yaml")
    [complaint] = caught.value.complaints
    assert complaint.message == f"is not UTF-8 (byte 0x{byte}); save the file as UTF-8"
    assert complaint.place is not None
    assert (complaint.place.line, complaint.place.column) == (line, column)


def test_too_large(tmp_path):
    """A file over the limit is refused for its size, even where the limit cuts a character in two."""
    path = tmp_path / "x.yaml"
    path.write_text("#" + "ä" * MOST_BYTES, encoding="utf-8")
    with pytest.raises(Invalid, match="is larger than 1 MiB"):
        load_job(path)


def test_largest_that_is_read():
    """A file of exactly the limit is read."""
    padding = "#" * (MOST_BYTES - len(JOB))
    assert read_job((JOB + padding).encode(), "x.yaml")[0].name == "summer-sale"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sumer.yaml", "no such file; did you mean {folder}/summer.yaml?"),
        ("qqq", "no such file; there is summer.yaml, winter.yml"),
        ("none/x.yaml", "no such file"),
    ],
)
def test_missing_file(tmp_path, name, message):
    """A job that is not there is a mistake of the command line, with what is there."""
    (tmp_path / "summer.yaml").touch()
    (tmp_path / "winter.yml").touch()
    with pytest.raises(Usage) as caught:
        load_job(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message.format(folder=tmp_path)}"


def test_folder_instead_of_a_file(tmp_path):
    """A folder is not a job; the jobs in it are named."""
    (tmp_path / "summer.yaml").touch()
    with pytest.raises(Usage) as caught:
        load_job(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a folder; name a job file in it; there is summer.yaml"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_instead_of_a_file(tmp_path):
    """A pipe or a device is refused without being opened: it might never end."""
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(Usage, match="is not a regular file; name a YAML file"):
        load_job(tmp_path / "x.yaml")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    """A file without permission is refused with the remedy."""
    path = tmp_path / "x.yaml"
    path.touch(mode=0o000)
    with pytest.raises(Usage, match=r"cannot be read \(permission denied\); mend its permissions"):
        load_job(path)


def test_path_through_a_file(tmp_path):
    """A path that leads through a file is refused with the system's own reason."""
    (tmp_path / "x.yaml").touch()
    with pytest.raises(Usage, match=r"cannot be read \(not a directory\)"):
        load_job(tmp_path / "x.yaml" / "y.yaml")


def test_path_no_system_knows(tmp_path):
    """A path that cannot even be looked up is a mistake of the command line, not of the program."""
    with pytest.raises(Usage, match=r"cannot be read|no such file"):
        load_job(tmp_path / ("x" * 5000))
    with pytest.raises(Usage, match=r"cannot be read|no such file"):
        load_job(tmp_path / "a\0b")


def test_project_place_is_shown_from_here(tmp_path):
    """A complaint names the project file as seen from the current folder, where that is above it."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / PROJECT_FILE).write_text("version: 2\n", encoding="utf-8")
    code = (
        "from pathlib import Path\n"
        "from runner.errors import Invalid\n"
        "from runner.job.load import load_project\n"
        "try:\n    load_project(Path('jobs/x.yaml'))\n"
        "except Invalid as error:\n    print(error.complaints[0].place.file)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == PROJECT_FILE


@given(st.text(st.sampled_from(list("abc:-{}[]\n \"'#&*!|>%@1.{{}}") + list(FULL)), max_size=300))
def test_any_text_is_a_job_or_invalid(text):
    """Arbitrary text is a job or `Invalid`, never anything else, and never slow."""
    began = time.process_time()
    for read in (read_job, read_project):
        complaints = _refusal(read, text)
        assert all(complaint.place is not None and complaint.message for complaint in complaints)
    assert time.process_time() - began < 2


def _refusal(read: Callable[[bytes, str], object], text: str) -> tuple[Complaint, ...]:
    """What is said against a text; nothing where it is taken."""
    try:
        read(text.encode("utf-8", "surrogatepass"), "x.yaml")
    except Invalid as error:
        return error.complaints
    return ()


@given(st.integers(0, len(FULL) - 1), st.integers(0, 40), st.text(max_size=6))
def test_damaged_jobs_are_jobs_or_invalid(start, length, insert):
    """A real job with any piece replaced by anything is a job or `Invalid`."""
    damaged = FULL[:start] + insert + FULL[start + length :]
    complaints = _refusal(read_job, damaged)
    assert all(len(complaint.message) < 400 and "\n" not in complaint.message for complaint in complaints)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_job_or_invalid(raw):
    """Arbitrary bytes are `Invalid`."""
    with pytest.raises(Invalid):
        read_job(raw, "x.yaml")


def test_six_kilobytes_load_fast():
    """A job of six kilobytes is read, judged and mapped to its places in some milliseconds."""
    steps = "".join(
        f"  s{n}:\n    use: a/b\n    with: {{prompt: '{{{{ row.title }}}}', n: [1, 2]}}\n    expect: {{max_kb: 3}}\n"
        for n in range(52)
    )
    raw = FULL.replace("steps:\n", "steps:\n" + steps).encode()
    assert len(raw) > 6000
    times = []
    for _ in range(5):
        began = time.process_time()
        read_job(raw, "x.yaml")
        times.append(time.process_time() - began)
    assert min(times) < 0.1
