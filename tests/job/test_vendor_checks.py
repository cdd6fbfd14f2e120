"""Parts of a description that are right alone and wrong together."""

from __future__ import annotations

import pytest

from tests.job.test_vendor import SMALL, complaints

POLL = "    id: id\n    poll: {path: /jobs/{ticket}, states: {at: s, done: [ok]}, answer: {links: url}}\n".replace(
    "path: /jobs/{ticket}", 'path: "/jobs/{ticket}"'
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: /images", "path: images", "needs a path below base_url that begins with one /"),
        ("path: /images", "path: //evil.example/x", "needs a path below base_url"),
        ("path: /images", "path: /images?a=b", "holds a query or fragment"),
        ("path: /images", 'path: "/{options.acount}/x"', "there is no option acount"),
        ("path: /images", 'path: "/{params.promt}"', "there is no field promt; did you mean prompt?"),
        ("path: /images", 'path: "/{ticket}"', "{ticket} is known to a poll only"),
        ("path: /images", 'path: "/{key}"', "a secret travels in a header only"),
        ("path: /images", 'path: "/{secrets.key}"', "a secret travels in a header only"),
        ("path: /images", 'path: "/{prompt}"', "{prompt} is no place"),
        ("path: /images", 'path: "/{+params.prompt}"', "only an option stands in a text as it is"),
        ("path: /images\n    fields", 'path: "/{params.prompt}"\n    open: true\n    fields', ""),
        ("required: [prompt]", "required: [promt]", "promt is not a field of this operation; did you mean prompt?"),
        (
            "required: [prompt]",
            'required: [prompt]\n    send: {model: "{options.m}"}',
            "operations.image.send.model: there is no option m",
        ),
        ("required: [prompt]", 'required: [prompt]\n    query: {k: {json: {a: ["{key}"]}}}', "operations.image.query.k"),
        ("required: [prompt]", "required: [prompt]\n    rules: [{requires: {prompt: [seed]}}]", "seed is not a field"),
        ("{type: string}", "{type: string, option: brand}", "there is no option brand"),
        ("{type: string}", "{type: string, pattern: '['}", "is no regular expression"),
        ("{type: string}", "{type: object, required: [x]}", "x is not a property of this object"),
        ("path: /images", "method: GET\n    path: /images", "a GET has no body; put {params.prompt} into path: or query:"),
        ("path: /images", "method: GET\n    send: {n: 1}\n    path: /images", "operations.image.send: a GET has no body"),
        ("path: /images", "method: GET\n    open: true\n    path: /images", "operations.image.open: a GET has no body"),
        ("path: /images", 'method: GET\n    query: {p: "{params.prompt}"}\n    path: /images', ""),
        ("{prompt: {type: string}}", "{prompt: {type: image, takes: [url]}}\n    method: GET", "in which a picture could travel"),
        ("gives: file", "gives: text", "text is found by nothing"),
        ("gives: file", "gives: task", "task needs id"),
        ("answer: {links: url}", "answer: {json: url}", "file is found by nothing"),
        ("operations:", "headers: {x-api-key: a}\noperations:", "is the header of the secret key"),
        ("operations:", "headers: {Authorization: a}\noperations:", "belongs under secrets"),
        ("operations:", 'headers: {X-A: "{params.prompt}"}\noperations:', "a header holds no params"),
        ("operations:", "options: {key: {type: string}}\noperations:", "give the option another name"),
        ("operations:", "limits: {tokens: [9/1m]}\noperations:", "limits.tokens: no operation says how it uses up tokens"),
        ("operations:", "errors: {status: {200: busy}}\noperations:", "200 is no failure"),
        ("secrets: {", "secrets: {two: {env: B, header: X-API-KEY}, ", "two secrets travel in the same header"),
        ("    answer: {links: url}\n", POLL.replace("/{ticket}", ""), "needs {ticket}"),
        ("    answer: {links: url}\n", POLL.replace("    id: id\n", ""), "needs the job's id"),
        ("    answer: {links: url}\n", POLL.replace(", states: {at: s, done: [ok]}", ""), "how to tell that a job is done"),
        ("    answer: {links: url}\n", POLL.replace("{links: url}", "{text: url}"), "file is found by nothing here"),
        ("    answer: {links: url}\n", POLL.replace('path: "/jobs/{ticket}"', "gives: file"), "needs path: or url:"),
        ("    answer: {links: url}\n", POLL.replace("poll: {", "poll: {option: x, "), "there is no option x"),
        *(
            ("    answer: {links: url}\n", POLL.replace("poll: {", f"poll: {{result: {result}, "), said)
            for result, said in (
                ("{}", "needs either path: or url:"),
                ('{path: "/r/{ticket}", url: u}', "needs either path: or url:"),
                ("{path: /r}", "poll.result.path: needs {ticket}"),
                ('{path: "/r/{ticket}/{options.x}"}', "there is no option x"),
            )
        ),
        (
            "    answer: {links: url}\n",
            POLL.replace('path: "/jobs/{ticket}"', 'url: u, result: {path: "/r/{ticket}"}'),
            "needs poll.path beside it",
        ),
        (
            "    answer: {links: url}\n",
            POLL.replace("states: {at: s, done: [ok]}", "done_if: url, result: {url: u}"),
            "needs states or statuses",
        ),
    ],
)
def test_what_does_not_fit_is_told(old: str, new: str, said: str) -> None:
    """At its place, with what would."""
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    if said:
        assert any(said in told for told in complaints(text)), complaints(text)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("{type: string}", "give that option a pattern or an enum"),
        ('{type: [string, "null"], pattern: "[a-z]+"}', "which may be null"),
    ],
)
def test_an_option_in_a_path_as_it_is_must_be_sure(option: str, said: str) -> None:
    """It cannot be missing, and it cannot be anything."""
    text = SMALL.replace("operations:", f"options: {{base: {option}}}\noperations:").replace(
        "path: /images", 'path: "{+options.base}"'
    )
    assert any(said in told for told in complaints(text))


def test_several_mistakes_are_told_at_once() -> None:
    """In the order of the file."""
    text = SMALL.replace("path: /images", 'path: "{key}"').replace("[prompt]", "[promt]").replace("gives: file", "gives: json")
    told = complaints(text)
    assert len(told) >= 4
    assert [int(line.split(":")[0]) for line in told] == sorted(int(line.split(":")[0]) for line in told)
