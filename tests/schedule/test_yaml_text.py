"""YAML that people read and that every parser reads alike."""

from __future__ import annotations

import pytest
import yaml

from runner.schedule.yaml_text import write_yaml


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [{"x": "y"}]}, "b: 1\na:\n  - x: y\n"),
        ({"on": True}, "'on': true\n"),
        ({"cron": "15 5 * * *"}, 'cron: "15 5 * * *"\n'),
        ({"run": "a\nb\n"}, "run: |\n  a\n  b\n"),
        ({"version": "3.13", "no": "no"}, "version: '3.13'\n'no': 'no'\n"),
        ({"é": "–"}, "é: –\n"),
    ],
)
def test_the_text(value: dict[str, object], text: str) -> None:
    """In the order it was built, what could be misread in quotes, scripts as blocks; and it is read back as it was."""
    assert write_yaml(value) == text
    assert yaml.safe_load(text) == value


def test_nothing_is_an_alias() -> None:
    """What is said twice is written twice."""
    labels = {"a": "b"}
    assert write_yaml({"one": labels, "two": labels}) == "one:\n  a: b\ntwo:\n  a: b\n"
