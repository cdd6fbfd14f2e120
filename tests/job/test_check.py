from __future__ import annotations

import pytest

from runner.errors import Invalid
from runner.job.check import MOST_LISTED, check
from tests.job.plans import HEAD, checked, make_plan, make_row, said

TEXT = "steps:\n  head: {use: pen/text, with: {prompt: 'For {{ row.title }}'}}\n"
CUT = "steps:\n  cut: {use: brush/cut, with: {image: '{{ row.image }}'}%s}\n"


MATRIX = "matrix: {locale: [en, de], size: [{name: s}, {name: l}]}\nvariants: 2\n"


def rows(count: int, **values):
    """`count` rows called r0, r1 and so on."""
    return [make_row(f"r{number}", number + 2, **values) for number in range(count)]


def test_a_good_job_has_no_complaints(tmp_path):
    """Rows, variants and different requests are counted."""
    body = TEXT + "  cut: {use: brush/cut, with: {image: '{{ row.image }}'}}\nmatrix: {locale: [en, de]}\nvariants: 2\n"
    result = checked(make_plan(tmp_path, body), [make_row("a"), make_row("b", title="Cup")])
    assert said(result) == []
    assert (result.rows, result.variants) == (2, 8)
    assert result.requests == {"head": 2, "cut": 1}


def test_what_may_be_asked_again_counts_as_often(tmp_path):
    """At most so many requests: with `on_fail: {retry: 2}` each may take three."""
    body = CUT % ", expect: {blank: forbidden, on_fail: {retry: 2}}"
    assert checked(make_plan(tmp_path, body), [make_row("a")]).requests["cut"] == 3


@pytest.mark.parametrize(
    ("with_", "requests"),
    [
        ("{prompt: fixed}", 1),
        ("{prompt: '{{ row.title }}'}", 3),
        ("{prompt: '{{ row.image }}'}", 1),
        ("{prompt: '{{ matrix.locale }}'}", 2),
        ("{prompt: '{{ matrix.size.name }}'}", 2),
        ("{prompt: '{{ row.title }} {{ matrix.locale }}'}", 6),
        ("{prompt: 'no {{ variant }}'}", 2),
        ("{prompt: 'no {{ seed }}'}", 24),
        ("{prompt: '{{ row.title }} {{ matrix.locale }} {{ matrix.size.name }} {{ variant }}'}", 24),
    ],
)
def test_a_step_is_asked_as_often_as_it_asks_something_else(tmp_path, with_, requests):
    """3 rows × 2 locales × 2 sizes × 2 repeats: only what is read multiplies."""
    body = f"steps:\n  a: {{use: pen/text, with: {with_}}}\n{MATRIX}"
    result = checked(make_plan(tmp_path, body), [make_row(key, title=key) for key in "abc"])
    assert said(result) == []
    assert result.variants == 24
    assert result.requests == {"a": requests}


def test_ten_mistakes_give_ten_complaints(tmp_path):
    """What is wrong whatever the rows say, and what rows show, come together, each with its place."""
    head = HEAD.replace("feed.csv}", "feed.csv, where: \"row.stok == 'yes'\"}")
    body = """
matrix: {locale: [en, de], exclude: [{locael: de}]}
"""
    static = """
steps:
  a: {use: pen/txt, with: {prompt: x}}
  b: {use: pen/text, with: {prompt: x, tnoe: dry}}
  c: {use: pen/text, with: {prompt: "{{ row.title | uper }}"}}
  d: {use: pen/text, with: {prompt: "{{ steps.bb.text }}"}}
  e: {use: brush/paint, with: {prompt: x, seed: 0}}
  f: {use: pen/text, with: {prompt: {template: gone.j2}}}
  g: {use: pen/text, with: {prompt: "{{ row.title }}", tone: "{{ row.tone }}"}}
  h: {use: brush/cut, with: {image: "{{ row.picture }}"}}
  i: {use: pen/text, with: {prompt: x}, save: "{{ row.title.nope }}"}
  j: {use: pen/text, with: {prompt: x}, expect: {max_chars: "{{ row.title }}"}}
"""
    assert said(checked(make_plan(tmp_path, static), [make_row(tone="loud", line=318)])) == [
        "7:12 steps.a.use: there is no pen/txt; did you mean pen/text?",
        "8:40 steps.b.with.tnoe: not a field of pen/text; did you mean tone?",
        "9:37 steps.c.with.prompt: there is no filter uper; did you mean upper?",
        "10:37 steps.d.with.prompt: there is no step bb; did you mean b?",
        "11:49 steps.e.with.seed: is 0; the least allowed is 1",
        f"12:48 steps.f.with.prompt.template: there is no {tmp_path}/templates/gone.j2",
        "13:62 steps.g.with.tone: 'loud' is not one of dry, warm [mug at 318]",
        "14:37 steps.h.with.image: row has no picture; it takes id, image, title, tone [mug at 318]",
        "15:47 steps.i.save: row.title has no nope [mug at 318]",
        "16:61 steps.j.expect.max_chars: needs a whole number, got 'Mug'; write {{ … | int }} [mug at 318]",
    ]
    assert said(checked(make_plan(tmp_path, TEXT + body, head=head), [make_row()])) == [
        "8:39 matrix.exclude[0].locael: not an axis of the matrix; did you mean locale?",
        "3:31 feed.where: row has no stok; it takes id, image, title [mug at 2]",
    ]


def test_one_mistake_of_many_rows_is_one_complaint(tmp_path):
    """The first row is named, the others are counted once each, however many variants they have."""
    plan = make_plan(tmp_path, TEXT.replace("title", "titel") + "matrix: {locale: [en, de]}\n")
    assert said(checked(plan, rows(3))) == ["6:40 steps.head.with.prompt: row has no titel; did you mean title? [r0 at 2] ×3"]


def test_at_most_twenty_mistakes_are_listed(tmp_path):
    """The rest is a number."""
    plan = make_plan(tmp_path, "steps:\n  a: {use: pen/text, with: {prompt: x, tone: '{{ row.id }}'}}\n")
    result = checked(plan, rows(MOST_LISTED + 5))
    assert len(result.complaints) == MOST_LISTED + 1
    assert said(result)[-1] == ": 5 more mistakes like these are not listed; mend these first"


def test_a_bad_row_is_found_wherever_it_is(tmp_path):
    """Every row is rendered, not a sample."""
    plan = make_plan(tmp_path, TEXT)
    feed = rows(500)
    feed[377] = make_row("bad", 379, title="x" * 200)
    assert said(checked(plan, feed)) == ["6:40 steps.head.with.prompt: has 204 characters; at most 200 are allowed [bad at 379]"]


def test_where_and_limit_choose_the_rows_that_are_checked(tmp_path):
    """Rows that are not wanted may be wrong; rows after the limit too."""
    plan = make_plan(tmp_path, TEXT, head=HEAD.replace("feed.csv}", "feed.csv, where: row.ok, limit: 2}"))
    feed = [
        make_row("a", ok=False, title="x" * 300),
        make_row("b", ok=True),
        make_row("c", ok=True),
        make_row("d", ok=True, title="x" * 300),
    ]
    result = checked(plan, feed)
    assert said(result) == []
    assert result.rows == 2


@pytest.mark.parametrize(
    ("more", "keys", "complaints"),
    [
        (
            ", save: same",
            ["a", "b"],
            ["6:65 steps.cut.save: cut of a|1 and cut of b|1 would both be same; save: must read what tells them apart [b at 3]"],
        ),
        (
            ", save: '{{ row.id }}'",
            ["Straße", "STRASSE"],
            [
                "6:65 steps.cut.save: cut of Straße|1 and cut of STRASSE|1 would be Straße and STRASSE, which are one file on some "
                "systems; save: must read what tells them apart [STRASSE at 3]"
            ],
        ),
        (
            "",
            ["a:b", "a?b"],
            [
                "6:3 steps.cut: cut of a:b|1 and cut of a?b|1 would both be a-b-1/cut; give the step a save: that tells them apart "
                "[a?b at 3]"
            ],
        ),
        (", save: '{{ row.id }}'", ["a", "b"], []),
    ],
)
def test_results_that_meet_on_one_path_are_named(tmp_path, more, keys, complaints):
    """Over the whole plan, after cleaning and folding; both variants are named."""
    plan = make_plan(tmp_path, CUT % more)
    feed = [make_row(key, line, image=f"https://shop.test/{line}.jpg") for line, key in enumerate(keys, start=2)]
    assert said(checked(plan, feed)) == complaints


def test_one_result_may_have_one_path(tmp_path):
    """Variants that ask the same thing may save it to the same place."""
    plan = make_plan(tmp_path, CUT % ", save: logo" + "matrix: {locale: [en, de]}\n")
    result = checked(plan, rows(5))
    assert said(result) == []
    assert result.requests == {"cut": 1}


def test_different_steps_may_meet_too(tmp_path):
    """Two steps of one variant on one path collide, unless they ask the same."""
    body = """
steps:
  a: {use: brush/cut, with: {image: "{{ row.image }}"}, save: "{{ row.id }}"}
  b: {use: brush/cut, with: {image: %s}, save: "{{ row.id }}"}
"""
    other = said(checked(make_plan(tmp_path, body % "other.png")))
    assert other == [
        "8:55 steps.b.save: a of mug|1 and b of mug|1 would both be mug; save: must read what tells them apart [mug at 2]"
    ]
    assert said(checked(make_plan(tmp_path, body % '"{{ row.image }}"'))) == []


def test_one_answer_finished_in_two_ways_needs_two_paths(tmp_path):
    """What is asked is the same, what is published is not: in cells, between steps, and with values that are no size."""
    finish = ", save: '{{ row.id }}', finish: {width: '{{ matrix.size.%s }}', height: 9, format: webp}"
    matrix = "matrix: {size: [{name: s, w: 5}, {name: l, w: 6}]}\n"
    [met] = said(checked(make_plan(tmp_path, CUT % finish % "w" + matrix)))
    assert met.endswith(
        "cut of mug|size=s|1 and cut of mug|size=l|1 would both be mug; save: must read what tells them apart [mug at 2]"
    )
    assert said(checked(make_plan(tmp_path, CUT % finish % "w" + matrix.replace("6", "5")))) == []
    wrong, _ = said(checked(make_plan(tmp_path, CUT % finish % "name" + matrix)))
    assert "steps.cut.finish: finish.width must be a whole number of pixels, 1 to 10000; it is 's'" in wrong
    two = CUT % ", save: x" + "  again: {use: brush/cut, with: {image: '{{ row.image }}'}, save: x%s}\n"
    [met] = said(checked(make_plan(tmp_path, two % ", finish: {format: jpeg}")))
    assert "cut of mug|1 and again of mug|1 would both be x" in met


def test_numbered_files_do_not_meet_others(tmp_path):
    """A step that gives several files adds -1, -2, …; a path that looks like one of them collides."""
    body = """
steps:
  ads: {use: brush/paint, with: {prompt: "{{ row.title }}"}, save: "x/{{ row.id }}"}
"""
    plan = make_plan(tmp_path, body)
    feed = [make_row("a", title="A"), make_row("a-1", 3, title="B"), make_row("b-1", 4, title="C"), make_row("b-2", 5, title="D")]
    assert said(checked(plan, feed)) == [
        "7:68 steps.ads.save: ads of a|1 and ads of a-1|1 would be x/a and x/a-1, where -1, -2, … are added to several files; "
        "save: must read what tells them apart [a-1 at 3]"
    ]


def test_collisions_are_listed_up_to_twenty(tmp_path):
    """Many shared paths are a list and a number."""
    plan = make_plan(tmp_path, CUT % ", save: '{{ row.group }}'")
    feed = [make_row(f"r{n}", n, group=n % 30, image=f"https://shop.test/{n}.jpg") for n in range(60)]
    result = checked(plan, feed)
    assert len(result.complaints) == MOST_LISTED + 1
    assert said(result)[-1] == ": 10 more paths are shared by different results"


def test_texts_without_save_have_no_path(tmp_path):
    """Only what becomes a file can collide."""
    assert said(checked(make_plan(tmp_path, TEXT), [make_row("a:b", title="A"), make_row("a?b", title="B")])) == []


def test_an_empty_feed_still_shows_what_is_wrong_with_the_job(tmp_path):
    """Unknown fields are found without a single row."""
    plan = make_plan(tmp_path, "steps:\n  a: {use: pen/text, with: {prompt: '{{ row.x }}', tnoe: dry}}\n")
    result = check(plan, lambda: ())
    assert said(result) == ["6:52 steps.a.with.tnoe: not a field of pen/text; did you mean tone?"]
    assert (result.rows, result.variants, result.requests) == (0, 0, {"a": 0})


def test_a_feed_that_breaks_says_so_itself(tmp_path):
    """What reading the feed raises is the feed's to say."""

    def broken():
        yield make_row()
        raise Invalid([])

    with pytest.raises(Invalid):
        check(make_plan(tmp_path, TEXT), broken)


def test_memory_does_not_grow_with_the_variants(tmp_path):
    """Twenty thousand variants leave a few bytes each behind: fingerprints, no rows."""
    import tracemalloc  # noqa: PLC0415 - measuring slows everything else

    plan = make_plan(tmp_path, CUT % "" + "matrix: {locale: [a, b, c, d, e, f, g, h, i, j]}\n")
    tracemalloc.start()
    result = check(plan, lambda: (make_row(str(number), image=f"https://shop.test/{number}.jpg") for number in range(2000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.variants == 20_000
    assert result.complaints == ()
    assert peak < 3_000_000


@pytest.mark.parametrize(("guard", "told"), [("", True), (", guard: {min_rows: 0}", False)])
def test_a_where_that_chooses_nothing_is_a_mistake(tmp_path, guard, told):
    """A misspelt value would retire everything in silence; who means it says that no row will do."""
    plan = make_plan(tmp_path, TEXT, head=HEAD.replace("feed.csv}", f"feed.csv, where: row.title == 'Mgu'{guard}}}"))
    found = said(checked(plan, rows(3)))
    assert [line.partition(": chooses no row")[0] for line in found] == ["3:31 feed.where"] * told
    assert check(plan, list).complaints == ()


def test_two_rows_of_one_key_are_not_told_as_one_path(tmp_path):
    """That is the survey's to say; that their files would meet follows from it."""
    plan = make_plan(tmp_path, CUT % ", save: '{{ row.id }}'")
    assert said(checked(plan, [make_row("a", image="a.png"), make_row("a", 3, image="b.png")])) == []
