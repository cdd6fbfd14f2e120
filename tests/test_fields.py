"""The vendors' rules as data: what is accepted, and in which words the rest is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.fields import CHECKS, KINDS, PENDING, Field, Kind, Operation, Pending, Problem, Rule, check_params, suggest

NO_IMAGE = "needs an image (a URL, a path or an earlier step's file), got "
BLOB = "blob:" + "0" * 64


def problems_of(spec: Field, value: object) -> list[str]:
    """What is said of a value for a field."""
    return [problem.message for problem in check_params(Operation("op", "text", {"f": spec}), "pen/op", {"f": value})]


def checked(fields: Mapping[str, Field], params: Mapping[str, object], *rules: Rule, open: bool = False) -> list[tuple[str, str]]:
    """Path and message of each problem."""
    operation = Operation("op", "text", fields, rules=rules, open=open)
    return [(".".join(map(str, problem.path)), problem.message) for problem in check_params(operation, "pen/op", params)]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (Field("text"), ""),
        (Field("text"), "007"),
        (Field("text", least=1, most=3), "ü😀x"),
        (Field("text", pattern="#[0-9a-f]{6}"), "#00ff00"),
        (Field("text", choices=("pop", "noir")), "noir"),
        (Field("text", choices=("pop", "noir"), open_choices=True), "brand-new"),
        (Field("text", nullable=True), None),
        (Field("integer"), 0),
        (Field("integer", low=1, high=4), 1),
        (Field("integer", low=1, high=4), 4),
        (Field("integer"), 2**53 - 1),
        (Field("integer"), -(2**53) + 1),
        (Field("integer", choices=(512, 1024)), 1024),
        (Field("number"), 3),
        (Field("number", low=0, high=1), 0.0),
        (Field("number", low=0, high=1), 1),
        (Field("number", low=0.5), 0.5),
        (Field("boolean"), True),
        (Field("boolean"), False),
        (Field("list"), []),
        (Field("list"), ("a", 1, None)),
        (Field("list", item=Field("integer")), [1, 2]),
        (Field("list", least=1, most=2), [1]),
        (Field("map", open_fields=True), {"anything": object()}),
        (Field("map", fields={"a": Field("text")}), {}),
        (Field("map", fields={"a": Field("text")}, open_fields=True), {"a": "x", "b": 1}),
        (Field("image", takes=("url",)), "https://shop.example.com/mug.png"),
        (Field("image", takes=("url",)), "HTTP://shop.example.com"),
        (Field("image", takes=("base64",)), BLOB),
        (Field("image", takes=("url", "part")), BLOB),
        (Field("url"), "https://shop.example.com/?a=1"),
        (Field("any"), None),
        (Field("any"), {"a": [1, object()]}),
        (Field("any", choices=("x",)), "y"),
    ],
)
def test_what_a_field_takes(spec: Field, value: object) -> None:
    """Bounds belong to what is allowed, open choices are no fence, and a nullable field may be null."""
    assert problems_of(spec, value) == []


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        (Field("text"), 5, "needs text, got int 5; put quotes around it"),
        (Field("text"), True, "needs text, got bool True; put quotes around it"),
        (Field("text"), ["a"], "needs text, got list ['a']; put quotes around it"),
        (Field("text"), None, "is empty (null); pen/op needs text here, or leave the field out"),
        (Field("text", least=2), "a", "has 1 characters; at least 2 are needed"),
        (Field("text", most=2), "abc", "has 3 characters; at most 2 are allowed"),
        (Field("text", pattern="#[0-9a-f]{6}"), "#00ff00ff", "'#00ff00ff' does not have the form #[0-9a-f]{6}"),
        (Field("text", choices=("pop", "noir")), "nior", "'nior' is not one of pop, noir; did you mean noir?"),
        (Field("text", choices=("pop", "noir")), "xyz", "'xyz' is not one of pop, noir"),
        (Field("text", choices=("pop",)), "Pop", "'Pop' is not one of pop; did you mean pop?"),
        (Field("integer"), "5", "needs a whole number, got the text '5'; write {{ … | int }}"),
        (Field("integer"), " -5 ", "needs a whole number, got the text ' -5 '; write {{ … | int }}"),
        (Field("integer"), "five", "needs a whole number, got the text 'five'"),
        (Field("integer"), 5.0, "needs a whole number, got float 5.0; write {{ … | int }}"),
        (Field("integer"), 5.5, "needs a whole number, got float 5.5"),
        (Field("integer"), True, "needs a whole number, got bool True"),
        (Field("integer"), None, "is empty (null); pen/op needs a whole number here, or leave the field out"),
        (Field("integer", low=1), 0, "is 0; the least allowed is 1"),
        (Field("integer", high=4), 5, "is 5; the most allowed is 4"),
        (Field("integer", high=2147483647), 2147483648, "is 2147483648; the most allowed is 2147483647"),
        (Field("integer"), 2**53, "is 9007199254740992; no number in JSON is exact beyond 9007199254740991"),
        (Field("integer"), -(2**53), "is -9007199254740992; no number in JSON is exact beyond 9007199254740991"),
        (Field("integer", choices=(512, 1024)), 768, "768 is not one of 512, 1024"),
        (Field("number"), "0.5", "needs a number, got the text '0.5'; write {{ … | float }}"),
        (Field("number"), "half", "needs a number, got the text 'half'"),
        (Field("number"), False, "needs a number, got bool False"),
        (Field("number", low=0, high=1), -0.1, "is -0.1; the least allowed is 0"),
        (Field("number", low=0, high=1), 1.1, "is 1.1; the most allowed is 1"),
        (Field("number", low=0.25), 0.2, "is 0.2; the least allowed is 0.25"),
        (Field("number"), float("nan"), "is nan, which is not a number JSON can say"),
        (Field("number", low=0, high=1), float("nan"), "is nan, which is not a number JSON can say"),
        (Field("number"), float("inf"), "is inf, which is not a number JSON can say"),
        (Field("boolean"), "true", "needs true or false, got the text 'true'"),
        (Field("boolean"), 1, "needs true or false, got int 1"),
        (Field("boolean"), None, "is empty (null); pen/op needs true or false here, or leave the field out"),
        (Field("list"), "a", "needs a list, got the text 'a'"),
        (Field("list"), {"a": 1}, "needs a list, got dict {'a': 1}"),
        (Field("list", least=1), [], "has 0 items; at least 1 are needed"),
        (Field("list", most=1), [1, 2], "has 2 items; at most 1 are allowed"),
        (Field("map"), [], "needs a map, got list []"),
        (Field("image", takes=("url",)), BLOB, "the vendor takes public URLs only here, not a file of ours"),
        (Field("image"), BLOB, "the vendor takes public URLs only here, not a file of ours"),
        (Field("image", takes=("base64",)), "", NO_IMAGE + "the text ''"),
        (Field("image", takes=("base64",)), "mug.png", NO_IMAGE + "the text 'mug.png'"),
        (Field("image", takes=("base64",)), "file:///etc/passwd", NO_IMAGE + "the text 'file:///etc/passwd'"),
        (Field("image", takes=("base64",)), 5, NO_IMAGE + "int 5"),
        (Field("url"), "www.example.com", "needs a URL, got the text 'www.example.com'"),
        (Field("url"), "https://", "needs a URL, got the text 'https://'"),
        (Field("url"), "https:///path", "needs a URL, got the text 'https:///path'"),
        (Field("url"), "ftp://example.com", "needs a URL, got the text 'ftp://example.com'"),
        (Field("url"), 5, "needs a URL, got int 5"),
    ],
)
def test_what_a_field_refuses(spec: Field, value: object, message: str) -> None:
    """One problem, in exactly these words: what is wrong, and the remedy where there is one."""
    assert problems_of(spec, value) == [message]


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_what_is_not_nullable_says_what_it_needs(kind: Kind) -> None:
    """Null is refused in the field's own words, and passes where the field allows it."""
    assert problems_of(Field(kind), None) == [f"is empty (null); pen/op needs {KINDS[kind]} here, or leave the field out"]
    assert problems_of(Field(kind, nullable=True), None) == []


def test_every_kind_has_a_name_and_a_check() -> None:
    """No kind of field can be declared that nobody checks; `any` alone needs no check."""
    assert set(KINDS) == set(get_args(Kind)) == {*CHECKS, "any"}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (Field("integer"), "x" * 5000),
        (Field("integer"), ["x" * 5000]),
        (Field("integer"), 10**400),
        (Field("integer", high=4), 10**400),
        (Field("number"), 10**400),
        (Field("text", choices=("a",)), "x" * 5000),
        (Field("text", pattern="a"), "x" * 5000),
        (Field("url"), "x" * 5000),
    ],
)
def test_a_long_value_is_shown_in_part(spec: Field, value: object) -> None:
    """A whole text, or a number of four hundred digits, where something else is wanted does not flood the terminal."""
    [message] = problems_of(spec, value)
    assert len(message) < 200
    assert "…" in message


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"title": "x"}, []),
        ({}, [("", "title is required by pen/op")]),
        ({"titel": "x"}, [("titel", "not a field of pen/op; did you mean title?"), ("", "title is required by pen/op")]),
        ({"title": "x", "zzz": 1}, [("zzz", "not a field of pen/op; it takes assets, style, title")]),
        ({"title": 1, "style": 2}, [("title", "needs text, got int 1; put quotes around it"), ("style", "2 is not one of 1")]),
    ],
)
def test_an_operation_takes_its_fields_and_no_others(params: dict[str, object], problems: list[tuple[str, str]]) -> None:
    """Every unknown, missing and wrong field is told at once, with its path."""
    fields = {"title": Field("text", required=True), "style": Field("integer", choices=(1,)), "assets": Field("list")}
    assert checked(fields, params) == problems


def test_an_open_operation_passes_on_what_it_does_not_list() -> None:
    """Its own fields are checked all the same."""
    assert checked({"n": Field("integer")}, {"n": 1, "new_flag": object()}, open=True) == []
    assert checked({"n": Field("integer")}, {"n": "x", "new_flag": 1}, open=True) == [
        ("n", "needs a whole number, got the text 'x'")
    ]


ASSET = Field(
    "map", fields={"url": Field("image", required=True, takes=("url",)), "role": Field("text", choices=("logo", "product"))}
)
NESTED = {"assets": Field("map", fields={"images": Field("list", item=ASSET, most=2), "tags": Field("list", item=Field("text"))})}


@pytest.mark.parametrize(
    ("assets", "problems"),
    [
        ({"images": [{"url": "https://x.example/a.png", "role": "logo"}], "tags": ["a"]}, []),
        ({"images": ()}, []),
        ({"images": [{"role": "logo"}]}, [("assets.images.0", "assets.images.0.url is required by pen/op")]),
        (
            {"images": [{"url": "https://x.example/a.png"}, {"url": BLOB, "role": "lgo"}]},
            [
                ("assets.images.1.url", "the vendor takes public URLs only here, not a file of ours"),
                ("assets.images.1.role", "'lgo' is not one of logo, product; did you mean logo?"),
            ],
        ),
        ({"images": [5]}, [("assets.images.0", "needs a map, got int 5")]),
        ({"images": [None]}, [("assets.images.0", "is empty (null); pen/op needs a map here, or leave the field out")]),
        ({"images": [1, 2, 3]}, [("assets.images", "has 3 items; at most 2 are allowed")]),
        (
            {"tags": ["a", 1, "b", 2]},
            [(f"assets.tags.{n}", f"needs text, got int {n // 2 + 1}; put quotes around it") for n in (1, 3)],
        ),
        ({"image": []}, [("assets.image", "not a field of pen/op; did you mean images?")]),
        ("none", [("assets", "needs a map, got the text 'none'")]),
    ],
)
def test_lists_and_maps_are_checked_to_the_bottom(assets: object, problems: list[tuple[str, str]]) -> None:
    """A problem deep inside has the whole way to it; a list that is wrong as a whole is not searched."""
    assert checked(NESTED, {"assets": assets}) == problems


@pytest.mark.parametrize(
    "spec", [Field(kind, low=5, least=5, pattern="x", choices=("x",), takes=("url",)) for kind in sorted(CHECKS)]
)
def test_what_is_not_known_yet_passes_every_rule(spec: Field) -> None:
    """A value that an earlier step will give can be wrong in no way now, be it the field, an item or a member."""
    assert problems_of(spec, PENDING) == []
    assert problems_of(Field("list", item=spec), [PENDING, PENDING]) == []
    assert problems_of(Field("map", fields={"inner": Field(spec.kind, required=True)}), {"inner": PENDING}) == []


def test_only_the_missing_part_is_excused() -> None:
    """What stands beside a pending value is still checked."""
    assert checked(NESTED, {"assets": {"images": [{"url": PENDING, "role": "x"}], "tags": [PENDING, 1]}}) == [
        ("assets.images.0.role", "'x' is not one of logo, product"),
        ("assets.tags.1", "needs text, got int 1; put quotes around it"),
    ]


def test_pending_says_what_it_is() -> None:
    """There is one of it, and it prints its name."""
    assert repr(PENDING) == "PENDING"
    assert isinstance(PENDING, Pending)


def _too_small(params: Mapping[str, Any]) -> str | None:
    wrong = params.get("model") == "small" and params.get("size") != "thumbnail"
    return "model small allows size thumbnail only" if wrong else None


SMALL = Rule(("size", "model"), _too_small)
SIZED = {"model": Field("text"), "size": Field("text", choices=("thumbnail", "large"))}
SMALL_PROBLEM = "model small allows size thumbnail only"


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"model": "small", "size": "thumbnail"}, []),
        ({"model": "big", "size": "large"}, []),
        ({}, []),
        ({"model": "small", "size": "large"}, [("size", SMALL_PROBLEM)]),
        ({"model": "small"}, [("model", SMALL_PROBLEM)]),
        ({"model": PENDING, "size": "large"}, []),
        ({"model": "small", "size": PENDING}, []),
        ({"model": "small", "size": "lrage"}, [("size", "'lrage' is not one of thumbnail, large; did you mean large?")]),
        (
            {"model": "small", "size": "large", "modle": 1},
            [("modle", "not a field of pen/op; did you mean model?"), ("size", SMALL_PROBLEM)],
        ),
    ],
)
def test_a_rule_between_fields(params: dict[str, object], problems: list[tuple[str, str]]) -> None:
    """It is asked where its fields are right and known, and blames the first of them that is there."""
    assert checked(SIZED, params, SMALL) == problems


@pytest.mark.parametrize("value", [[PENDING], {"a": PENDING}, {"a": [{"b": PENDING}]}, (1, (PENDING,))])
def test_a_rule_waits_for_what_is_deep_inside(value: object) -> None:
    """A rule that would look into a list or map is not asked while anything in it is pending."""
    rule = Rule(("a",), lambda params: "was asked")
    assert checked({"a": Field("any")}, {"a": value}, rule) == []
    assert checked({"a": Field("any")}, {"a": "known"}, rule) == [("a", "was asked")]


def test_a_rule_about_what_is_missing_blames_the_whole() -> None:
    """Where none of its fields is there, its problem has no path."""
    rule = Rule(("prompt", "image"), lambda params: None if params else "needs a prompt or an image")
    assert checked({"prompt": Field("text")}, {}, rule) == [("", "needs a prompt or an image")]


def test_every_broken_rule_is_told() -> None:
    """One broken rule does not hide another."""
    rules = [Rule(("a",), lambda params, n=number: f"rule {n}") for number in range(3)]  # type: ignore[misc]
    assert [message for _, message in checked({"a": Field("any")}, {"a": 1}, *rules)] == ["rule 0", "rule 1", "rule 2"]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("styel", ["style", "prompt"], "; did you mean style?"),
        ("zzz", ["style", "prompt"], "; it takes prompt, style"),
        ("zzz", [], ""),
        ("zzz", [f"f{number:02}" for number in range(20)], f"; it takes {', '.join(f'f{number:02}' for number in range(12))}"),
        (5, ["style"], "; it takes style"),
    ],
)
def test_suggestions(word: Any, known: list[str], said: str) -> None:
    """What is near is suggested; else what is known, of many the first twelve; of nothing nothing is said."""
    assert suggest(word, known) == said
    assert suggest(word, iter(known)) == said


specs = st.sampled_from(
    [
        *(Field(kind) for kind in sorted(CHECKS)),
        Field("integer", low=1, high=4),
        Field("number", low=0, high=1, nullable=True),
        Field("text", least=1, most=3, pattern="[a-z]*"),
        Field("text", choices=("pop", "noir")),
        Field("list", item=Field("integer", low=0)),
        Field("image", takes=("url", "base64")),
        *NESTED.values(),
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([PENDING, BLOB, "https://x.example", "pop", 10**400, b"x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["images", "url", "tags", "role"]) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(specs, values)
def test_any_value_is_judged(spec: Field, value: Any) -> None:
    """Whatever a template renders to, the answer is a list of problems at places inside the field, never an exception."""
    found = check_params(Operation("op", "text", {"f": spec}), "pen/op", {"f": value})
    assert all(isinstance(problem, Problem) and problem.path[:1] == ("f",) and problem.message for problem in found)


@settings(max_examples=50)
@given(st.integers(-10, 10), st.integers(-10, 10), st.integers(-12, 12))
def test_a_range_is_inclusive_and_exact(low: int, high: int, value: int) -> None:
    """A number passes if and only if it lies between the bounds."""
    assert (problems_of(Field("integer", low=low, high=high), value) == []) is (low <= value <= high)


def test_a_suggestion_takes_no_time():
    """Long names are not compared, many only in part, and none is repeated at length: both may come from a stranger."""
    began = time.process_time()
    assert suggest("a" * 190 + "b", [f"{'a' * 190}{number}" for number in range(1000)]).count("…") == 12
    for number in range(50):
        assert "did you mean" in suggest(
            f"aaab{number}aaaa", ["aaaaaaaaaaaaaaaaaaaaaaaaaaa", *(f"aaaa{other}aaaa" for other in range(1000))]
        )
    assert time.process_time() - began < 2
