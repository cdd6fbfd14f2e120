from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.job.expect import Expected
from runner.job.plan import Plan, Skipped, StepResult, variant_key
from runner.records import Request, Row, Variant, request_id
from tests.job.plans import HEAD, bring, make_plan, make_row

TEXT = "steps:\n  head: {use: pen/text, with: {prompt: 'For {{ row.title }}'}}\n"
FILE = StepResult(files=("ab" * 32,))


def step(with_: str, use: str = "pen/text", more: str = "") -> str:
    """A job of the one step `a`."""
    return f"steps:\n  a: {{use: {use}, with: {with_}{more}}}\n"


def first(plan: Plan, row: Row | None = None) -> Variant:
    """The first variant of the row."""
    return next(plan.variants([row or make_row()]))


def ask(plan: Plan, results: dict[str, StepResult] | None = None, name: str = "a", **values: Any) -> Request | Skipped:
    """What the first variant of a row with `values` asks."""
    return plan.ask(first(plan, make_row(**values)), name, results or {})


def refused(plan: Plan, **more: Any) -> list[str]:
    """The complaints that asking raises."""
    with pytest.raises(Invalid) as raised:
        ask(plan, **more)
    return [f"{complaint.path}: {complaint.message}" for complaint in raised.value.complaints]


class TestVariants:
    def test_order_keys_and_numbers(self, tmp_path):
        """Rows as given, cells as written, repeats 1..n; the key names all three and the index counts."""
        plan = make_plan(tmp_path, TEXT + "matrix: {locale: [en, de]}\nvariants: 2\n")
        variants = list(plan.variants([make_row("a"), make_row("b")]))
        assert [variant.key for variant in variants[:5]] == [
            "a|locale=en|1",
            "a|locale=en|2",
            "a|locale=de|1",
            "a|locale=de|2",
            "b|locale=en|1",
        ]
        assert [variant.index for variant in variants] == list(range(8))
        assert variants[2].cell == {"locale": "de"}
        assert (variants[5].number, variants[5].row.key) == (2, "b")

    def test_without_a_matrix_the_key_is_row_and_number(self, tmp_path):
        """A single cell without axes does not show in the key."""
        assert first(make_plan(tmp_path, TEXT)).key == "mug|1"

    def test_where_and_limit(self, tmp_path):
        """`limit` counts the rows that `where` let through, and the rest of the feed is not read."""
        head = HEAD.replace("feed.csv}", "feed.csv, where: \"row.stock == 'yes'\", limit: 2}")
        plan = make_plan(tmp_path, TEXT, head=head)
        stocks = iter(["no", "yes", "no", "yes", "yes"])
        rows = (make_row(str(number), stock=stock) for number, stock in enumerate(stocks))
        assert [variant.row.key for variant in plan.variants(rows)] == ["1", "3"]
        assert list(stocks) == []

    def test_where_that_cannot_be_told_blames_the_row(self, tmp_path):
        """An undefined name in `where` is an error with the feed's line and key."""
        plan = make_plan(tmp_path, TEXT, head=HEAD.replace("feed.csv}", "feed.csv, where: row.stok}"))
        with pytest.raises(Invalid, match="row has no stok; did you mean stock") as raised:
            list(plan.variants([make_row(line=9, stock="x")]))
        [complaint] = raised.value.complaints
        assert complaint.path == "feed.where"
        assert complaint.row is not None
        assert (complaint.row.file, complaint.row.line) == (str(tmp_path / "feed.csv"), 9)
        assert (complaint.row.key_name, complaint.row.key) == ("id", "mug")

    def test_a_wrong_job_has_no_variants(self, tmp_path):
        """Whoever forgets to look at the complaints is told them."""
        plan = make_plan(tmp_path, step("{prompt: '{{ rwo }}'}"))
        with pytest.raises(Invalid, match="there is no rwo here"):
            list(plan.variants([make_row()]))
        with pytest.raises(Invalid, match="there is no rwo here"):
            plan.ask(Variant("x", make_row(), {}, 1, 1, 0), "a", {})

    def test_seeds_are_the_same_on_every_machine(self, tmp_path):
        """The seed is a fixed function of job name, row key, cell and number; this one was computed by hand."""
        plan = make_plan(tmp_path, TEXT + "matrix: {locale: [en]}\n")
        digest = hashlib.sha256(b"tiny\nmug|locale=en|1").digest()
        assert first(plan).seed == int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1 == 537239459

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(keys=st.lists(st.text("a|1\\=", min_size=1, max_size=5), unique=True, max_size=8))
    def test_keys_and_seeds_of_different_variants_differ(self, tmp_path, keys):
        """Whatever rows are called, no two variants have one key; seeds are positive 31-bit numbers and stable."""
        plan = make_plan(tmp_path, TEXT + "matrix: {a: ['1', 'a|1']}\nvariants: 3\n")
        variants = list(plan.variants([make_row(key) for key in keys]))
        assert len({variant.key for variant in variants}) == len(variants) == 6 * len(keys)
        assert all(1 <= variant.seed <= 2**31 - 1 for variant in variants)
        assert [variant.seed for variant in plan.variants([make_row(key) for key in keys])] == [
            variant.seed for variant in variants
        ]


class TestAsk:
    def test_a_request_is_what_it_asks(self, tmp_path):
        """Provider, operation and rendered params; the id is that of their canonical JSON."""
        request = ask(make_plan(tmp_path, step("{prompt: 'For {{ row.title }}'}")))
        assert request == Request(request_id("pen", "text", {"prompt": "For Mug"}), "pen", "text", {"prompt": "For Mug"})

    def test_again_is_a_new_purchase(self, tmp_path):
        """`again: 2` changes the id and nothing else."""
        once, twice = (ask(make_plan(tmp_path, step("{prompt: x}", more=f", again: {n}"))) for n in (1, 2))
        assert isinstance(once, Request)
        assert isinstance(twice, Request)
        assert once.id != twice.id
        assert once.params == twice.params

    def test_account_defaults_are_part_of_it(self, tmp_path):
        """What the account's options fill in is asked, and the job's own value wins."""
        plain = ask(make_plan(tmp_path, step("{prompt: x}", "brush/paint")))
        own = ask(make_plan(tmp_path, step("{prompt: x, size: {w: 1}}", "brush/paint")))
        assert isinstance(plain, Request)
        assert isinstance(own, Request)
        assert plain.params == {"prompt": "x", "size": {"brand": 7}}
        assert own.params == {"prompt": "x", "size": {"w": 1}}

    def test_earlier_results_are_read(self, tmp_path):
        """Text, file, files and JSON of an earlier step; a file is named by its blob."""
        body = """
steps:
  h: {use: pen/text, with: {prompt: x}}
  f: {use: pen/facts, with: {about: x}}
  c: {use: brush/paint, with: {prompt: x}}
  a:
    use: brush/paint
    with:
      prompt: "{{ steps.h.text }} {{ steps.f.json.year }} {{ steps.h.json.k }} {{ steps.f.text }}"
      images: [{url: "{{ steps.c.file }}"}, {url: "{{ steps.c.files[1] }}"}]
"""
        results = {
            "h": StepResult(text='{"k": "v"}'),
            "f": StepResult(json={"year": 1999}),
            "c": StepResult(files=("11" * 32, "22" * 32)),
        }
        request = ask(make_plan(tmp_path, body), results)
        assert isinstance(request, Request)
        assert request.params["prompt"] == '{"k": "v"} 1999 v {"year": 1999}'
        assert request.params["images"] == [{"url": f"blob:{'11' * 32}"}, {"url": f"blob:{'22' * 32}"}]

    def test_with_may_be_one_expression(self, tmp_path):
        """A feed of ready-made bodies: the row is the params, pictures included."""
        plan = make_plan(tmp_path, step("\"{{ row | pick('prompt', 'images') }}\"", "brush/paint"))
        request = ask(plan, prompt="x", images=[{"url": "pics/a.png"}])
        assert isinstance(request, Request)
        assert request.params == {"prompt": "x", "images": [{"url": bring("pics/a.png")}], "size": {"brand": 7}}
        assert refused(plan, prompt="x", images=[{"urk": "x"}]) == [
            "steps.a.with.images[0].urk: not a field of brush/paint; did you mean url?"
        ]
        assert refused(make_plan(tmp_path, step("'{{ row.title }}'"))) == ["steps.a.with: must give a map of fields, got str"]

    def test_when(self, tmp_path):
        """A step whose `when` is false is skipped, and so is one that reads it without asking whether it is there."""
        body = """
steps:
  c: {use: brush/cut, with: {image: x.png}, when: row.cut is defined}
  a: {use: brush/cut, with: {image: "{{ steps.c.file }}"}}
  b: {use: brush/cut, with: {image: "{{ steps.c.file if steps.c is defined else row.image }}"}}
"""
        plan = make_plan(tmp_path, body)
        assert ask(plan, name="c") == Skipped("when is false")
        assert isinstance(ask(plan, name="c", cut="yes"), Request)
        assert ask(plan) == Skipped("it reads a step that was skipped")
        instead = ask(plan, name="b")
        assert isinstance(instead, Request)
        assert instead.params["image"] == "https://shop.test/mug.jpg"

    def test_a_feed_cannot_name_our_blobs(self, tmp_path):
        """`blob:` in a picture's field must come from an earlier step's file of the same variant."""
        plan = make_plan(tmp_path, step("{image: '{{ row.image }}'}", "brush/cut"))
        [message] = refused(plan, image=f"blob:{'ab' * 32}")
        assert message.startswith("steps.a.with.image: names bytes that no earlier step")
        body = "steps:\n  c: {use: brush/cut, with: {image: x.png}}\n  a: {use: brush/cut, with: {image: '{{ steps.c.file }}'}}\n"
        request = ask(make_plan(tmp_path, body), {"c": FILE})
        assert isinstance(request, Request)
        assert request.params == {"image": f"blob:{'ab' * 32}"}

    def test_every_wrong_field_is_named(self, tmp_path):
        """All problems of one row come at once, with the row and the place in the YAML."""
        plan = make_plan(tmp_path, step("{prompt: '{{ row.title }}', tone: '{{ row.tone }}'}"))
        with pytest.raises(Invalid) as raised:
            ask(plan, title="", tone="drry")
        found = [
            (complaint.path, complaint.message, complaint.place and complaint.place.column) for complaint in raised.value.complaints
        ]
        assert found == [
            ("steps.a.with.prompt", "has 0 characters; at least 1 are needed", 37),
            ("steps.a.with.tone", "'drry' is not one of dry, warm; did you mean dry?", 62),
        ]
        assert {complaint.row and complaint.row.key for complaint in raised.value.complaints} == {"mug"}

    def test_a_mistake_in_a_template_file_points_there(self, tmp_path):
        """The place is the file's line, the path the job's, the row the feed's."""
        plan = make_plan(tmp_path, step("{prompt: {template: h.j2}}"), {"h.j2": "one\n{{ row.colr }}\n"})
        with pytest.raises(Invalid) as raised:
            ask(plan, color="red")
        [complaint] = raised.value.complaints
        assert complaint.message == "row has no colr; did you mean color?"
        assert complaint.row is not None
        assert complaint.place is not None
        assert (complaint.path, complaint.row.key) == ("steps.a.with.prompt.template", "mug")
        assert complaint.place.file == str(tmp_path / "templates/h.j2")
        assert (complaint.place.line, complaint.place.text) == (2, "{{ row.colr }}")
        assert list(plan.template_digests()) == ["h.j2"]

    def test_the_columns_that_are_read_are_known(self, tmp_path):
        """From `where`, `with`, `when`, `save` and `expect`, through template files; `*` where the row is taken as a whole."""
        more = ", when: row.d, save: '{{ row.e.f }}', expect: {max_chars: '{{ row.g }}'}"
        head = HEAD.replace("feed.csv}", "feed.csv, where: row.a}")
        plan = make_plan(tmp_path, step("{prompt: {template: h.j2}}", more=more), {"h.j2": "{{ row.b }} {{ row['c'] }}"}, head=head)
        assert plan.columns() == {"a", "b", "c", "d", "e", "g"}
        assert make_plan(tmp_path, step("\"{{ row | pick('prompt') }}\"")).columns() == {"*"}
        assert make_plan(tmp_path, step("{prompt: '{{ seed }}'}")).columns() == frozenset()

    def test_text_that_is_no_unicode_is_refused(self, tmp_path):
        """A lone surrogate cannot be sent; the row is named."""
        plan = make_plan(tmp_path, step("{prompt: '{{ row.title }}'}"))
        assert refused(plan, title="\ud800")[0].startswith("steps.a.with: cannot be sent as JSON")


class TestExpectation:
    def test_it_is_rendered(self, tmp_path):
        """Constants as they are, expressions with their type."""
        body = step("{prompt: x}", more=", expect: {max_chars: '{{ matrix.most }}', max_width: 60}")
        plan = make_plan(tmp_path, body + "matrix: {most: [30]}\n")
        assert plan.expectation(first(plan), "a", {}) == Expected(max_chars=30, max_width=60)

    def test_none_is_nothing_expected(self, tmp_path):
        """A step without `expect` expects nothing."""
        plan = make_plan(tmp_path, TEXT)
        assert plan.expectation(first(plan), "head", {}) == Expected()

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("30", "needs a whole number, got '30'; write {{ … | int }}"),
            (1.5, "needs a whole number, got '1.5'"),
            (-1, "got '-1'"),
            (True, "got 'True'"),
        ],
    )
    def test_it_must_be_a_number(self, tmp_path, value, message):
        """Feed text is not silently a number."""
        plan = make_plan(tmp_path, step("{prompt: x}", more=", expect: {max_chars: '{{ row.most }}'}"))
        with pytest.raises(Invalid) as raised:
            plan.expectation(first(plan, make_row(most=value)), "a", {})
        assert message in str(raised.value)
        assert raised.value.complaints[0].path == "steps.a.expect.max_chars"


class TestSavePath:
    def test_default_is_key_and_step(self, tmp_path):
        """The key is one cleaned name, the step the next."""
        plan = make_plan(tmp_path, TEXT + "matrix: {locale: [en-US]}\n")
        assert plan.save_path(first(plan, make_row("a/b")), "head") == "a-b-locale-en-US-1/head"

    @pytest.mark.parametrize(
        ("save", "path"),
        [
            ("{{ row.id }}/{{ job.name }}-{{ variant }}", "mug/tiny-1"),
            ("fixed", "fixed"),
            ("{{ row.up }}/{{ row.title }}", "-/Mug"),
            ("/{{ row.id }}?", "mug-"),
            ("{{ row.n }}", "7"),
        ],
    )
    def test_save_is_rendered_and_cleaned(self, tmp_path, save, path):
        """What `save:` renders to goes through the allowlist."""
        plan = make_plan(tmp_path, step("{prompt: x}", more=f", save: '{save}'"))
        assert plan.save_path(first(plan, make_row(n=7, up="..")), "a") == path

    def test_nothing_is_no_path(self, tmp_path):
        """An empty rendering is a mistake of the row."""
        plan = make_plan(tmp_path, step("{prompt: x}", more=", save: '{{ row.path }}'"))
        with pytest.raises(Invalid, match="names no path"):
            plan.save_path(first(plan, make_row(path=" / ")), "a")


def test_keys_escape_the_bar():
    """A row called `a|1` and a cell called `1` are not a row called `a`."""
    assert variant_key(make_row("a|1"), "", 1) == "a\\|1|1"
    assert variant_key(make_row("a"), "x=1", 1) == "a|x=1|1"


@given(st.sets(st.integers(0, 23)))
@settings(max_examples=15, deadline=None)
def test_some_variants_are_those_of_all(tmp_path_factory, wanted):
    """The variants at some places are the very ones that stand there in the plan, whatever else `where` and `limit` leave out."""
    where = HEAD.replace("{path: feed.csv}", "{path: feed.csv, where: \"row.title != 'Hat'\", limit: 4}")
    body = "variants: 2\nmatrix: {a: [1, 2, 3]}\nsteps:\n  it: {use: pen/text, with: {prompt: x}}\n"
    plan = make_plan(tmp_path_factory.mktemp("plan"), body, head=where)
    rows = [make_row(f"r{n}", n, title="Hat" if n % 3 == 0 else "Mug") for n in range(9)]
    everything = list(plan.variants(rows))
    assert len(everything) == 24
    assert list(plan.variants_at(rows, sorted(wanted))) == [everything[index] for index in sorted(wanted)]
