"""A CronJob that the API would take: parsed by PyYAML and held against the fields of batch/v1."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from runner.errors import EXITS, Usage
from runner.schedule.kubernetes import AGAIN, IN_VAIN, object_name, write_kubernetes
from tests.schedule.samples import KEYS, scheduled
from tests.schemas import misfits

TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$"}
META = {"type": "object", "properties": {"name": NAME, "labels": {"type": "object", "additionalProperties": TEXT}}}


def listed(of: dict[str, Any]) -> dict[str, Any]:
    """A list of such things."""
    return {"type": "array", "items": of}


def thing(required: str = "", **properties: dict[str, Any]) -> dict[str, Any]:
    """An object with these fields and no other."""
    return {"type": "object", "properties": properties, "required": required.split()}


EXIT_CODES = thing(
    "operator values",
    containerName=TEXT,
    operator={"enum": ["In", "NotIn"]},
    values=listed({"type": "integer", "minimum": 1}),
)
CONDITION = thing("type status", type=TEXT, status={"enum": ["True", "False", "Unknown"]})
RULE = thing(
    "action",
    action={"enum": ["FailJob", "Ignore", "Count", "FailIndex"]},
    onExitCodes=EXIT_CODES,
    onPodConditions=listed(CONDITION),
)
KEY_REF = thing("key", name=NAME, key={"type": "string", "pattern": "^[-._a-zA-Z0-9]+$"})
CONTAINER = thing(
    "name",
    name=NAME,
    image=TEXT,
    command=listed(TEXT),
    workingDir=TEXT,
    env=listed(thing("name", name=TEXT, valueFrom=thing(secretKeyRef=KEY_REF))),
    volumeMounts=listed(thing("name mountPath", name=NAME, mountPath=TEXT, subPath=TEXT, readOnly={"type": "boolean"})),
    terminationMessagePolicy={"enum": ["File", "FallbackToLogsOnError"]},
    securityContext=thing(allowPrivilegeEscalation={"type": "boolean"}, capabilities=thing(drop=listed(TEXT))),
)
SECRET = thing("secretName", secretName=NAME, defaultMode=WHOLE, items=listed(thing("key path", key=TEXT, path=TEXT)))
VOLUME = thing("name", name=NAME, persistentVolumeClaim=thing("claimName", claimName=NAME), secret=SECRET)
POD = thing(
    "containers",
    restartPolicy={"enum": ["Never", "OnFailure"]},
    terminationGracePeriodSeconds=WHOLE,
    securityContext=thing(runAsNonRoot={"type": "boolean"}, runAsUser=WHOLE, fsGroup=WHOLE),
    containers=listed(CONTAINER),
    volumes=listed(VOLUME),
)
JOB = thing(
    "template", backoffLimit=WHOLE, podFailurePolicy=thing("rules", rules=listed(RULE)), template=thing(metadata=META, spec=POD)
)
CRON_JOB = thing(
    "apiVersion kind metadata spec",
    apiVersion={"const": "batch/v1"},
    kind={"const": "CronJob"},
    metadata=META,
    spec=thing(
        "schedule jobTemplate",
        schedule={"type": "string", "pattern": r"^[-0-9*/,]+( [-0-9*/,]+){4}$"},
        timeZone=TEXT,
        concurrencyPolicy={"enum": ["Allow", "Forbid", "Replace"]},
        startingDeadlineSeconds=WHOLE,
        successfulJobsHistoryLimit=WHOLE,
        failedJobsHistoryLimit=WHOLE,
        jobTemplate=thing("spec", spec=JOB),
    ),
)
"""From the API reference of Kubernetes 1.31 (batch/v1 CronJob, core/v1 PodSpec), as far as ours is written."""


def cron_job(**more: Any) -> dict[str, Any]:
    """The CronJob of a scheduled job, as its parser reads it."""
    [text] = write_kubernetes(scheduled(**more)).values()
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@pytest.mark.parametrize("more", [{}, KEYS, {"name": "Spring_Sale.2026", "cron": "5/15 8-18 1,15 * MON", "zone": "Asia/Kolkata"}])
def test_it_is_a_cron_job(more: dict[str, Any]) -> None:
    """Every field is one of the API's, of its type, with names it allows."""
    assert list(misfits(cron_job(**more), CRON_JOB)) == []


def test_runs_do_not_overlap_and_are_caught_up_on() -> None:
    """No second run beside the first, and a start that was missed is made up for within hours."""
    spec = cron_job(zone="Europe/Berlin")["spec"]
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"], spec["timeZone"]) == ("Forbid", 6 * 3600, "Europe/Berlin")
    assert cron_job(cron="* * * * *")["spec"]["startingDeadlineSeconds"] == 90 * 60


def test_exit_codes_decide_about_another_try() -> None:
    """Every code but 0 is in exactly one rule, sorted as the API wants it; disruptions come first and cost no try."""
    rules = cron_job()["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert [rule["action"] for rule in rules] == ["Ignore", "FailJob", "Count"]
    assert sorted((*AGAIN, *IN_VAIN)) == sorted(code for code in EXITS if code)
    assert all(rule["onExitCodes"]["values"] == sorted(rule["onExitCodes"]["values"]) for rule in rules[1:])


def test_keys_are_references() -> None:
    """Variables come from a secret, key files are mounted one by one where the project file looks for them."""
    pod = cron_job(**KEYS)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert [each["name"] for each in container["env"]] == ["JIVOX_API_KEY", "SIVI_API_KEY"]
    assert container["volumeMounts"][1]["mountPath"] == "/run/secrets/placewise"
    assert [volume["name"] for volume in pod["volumes"]] == ["project", "keys"]
    assert "env" not in cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


def test_the_command_and_the_delay() -> None:
    """The same paths as here, the same delay for the same job, and within the jitter."""
    job = cron_job(jitter=600)
    container = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert (container["command"], container["workingDir"]) == (["adbatch", "run", "/srv/offers/jobs/offers.yaml"], "/srv/offers")
    assert job == cron_job(jitter=600)
    assert 15 <= int(job["spec"]["schedule"].split()[0]) <= 25


@pytest.mark.parametrize(("title", "name"), [("adbatch-offers", "adbatch-offers"), ("adbatch-" + "x" * 44, "adbatch-" + "x" * 44)])
def test_a_good_name_stays(title: str, name: str) -> None:
    """What Kubernetes allows is not changed."""
    assert object_name(title) == name


def test_other_names_stay_apart() -> None:
    """Titles that differ only in what Kubernetes does not allow, or at the end, get names that differ."""
    names = {object_name(title) for title in ("adbatch-a.b", "adbatch-a_b", "adbatch-A-b", "adbatch-a-b", "a" * 60, "a" * 61)}
    assert len(names) == 6
    assert all(len(name) <= 52 for name in names)


def test_what_it_cannot_say() -> None:
    """A weekday on certain dates is refused with what can say it."""
    with pytest.raises(Usage, match="which Kubernetes cannot say; --as systemd can"):
        write_kubernetes(scheduled("0 6 */2 * MON"))
