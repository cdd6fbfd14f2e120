"""A CronJob for Kubernetes.

`Forbid` keeps runs apart, the starting deadline catches up on what was missed, and the pod failure policy knows our exit codes: a
run that was interrupted is tried again, one that failed for a reason is not. State and outputs live on a volume that is mounted
where the project is here, so paths are the same. Fields: kubernetes.io, API reference, batch/v1 CronJob.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from pathlib import PurePosixPath
from typing import Any, Final

from runner.schedule.cron import delay_of, plain_fields, read_cron
from runner.schedule.scheduled import HELD, Scheduled, comment, exit_lines
from runner.schedule.yaml_text import write_yaml

LONGEST_NAME: Final = 52
AGAIN: Final = (6, HELD, 129, 130, 143)
"""Ends after which the same command goes on where this one stopped."""
IN_VAIN: Final = (1, 2, 3, 4, 5)
"""Ends after which somebody has to look, or the next night has to come."""
CATCH_UP: Final = 6 * 3600
MISSED: Final = 90
"""A controller that counts more than 100 missed starts within the deadline gives up."""
LANDING: Final = 900
OWNER: Final = 1000


def write_kubernetes(scheduled: Scheduled) -> Mapping[str, str]:
    """The CronJob. Raises `Usage` for what its cron cannot say."""
    cron = read_cron(scheduled.timetable.cron)
    fields = plain_fields(cron, delay_of(cron, scheduled.delay // 60), "Kubernetes")
    name = object_name(scheduled.title)
    how = f"kubectl apply -f {scheduled.title}.yaml"
    about = comment(*scheduled.heading(how), *_about(scheduled, name), *exit_lines())
    return {f"{scheduled.title}.yaml": about + write_yaml(_cron_job(scheduled, name, fields))}


def object_name(title: str) -> str:
    """A name that Kubernetes allows (RFC 1123, 52 characters for a CronJob); one that had to be changed stays unique."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if plain == title and len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9].rstrip('-')}-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


def _about(scheduled: Scheduled, name: str) -> Iterator[str]:
    yield f"It needs an image with adbatch ({scheduled.image}), a volume claim {name} with the project folder in it, whose files"
    yield f"belong to user {OWNER}" + (
        f", and a secret {name} with {', '.join(_secret_keys(scheduled))}." if _secret_keys(scheduled) else "."
    )
    yield from scheduled.clock_change("a time that is skipped in spring is not made up for.")


def _secret_keys(scheduled: Scheduled) -> list[str]:
    return [*scheduled.keys, *scheduled.key_files]


def _cron_job(scheduled: Scheduled, name: str, fields: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "adbatch", "app.kubernetes.io/instance": name}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "schedule": fields,
            "timeZone": "Etc/UTC" if scheduled.timetable.zone == "UTC" else scheduled.timetable.zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": deadline(scheduled),
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 3,
                    "podFailurePolicy": {"rules": _rules()},
                    "template": {"metadata": {"labels": labels}, "spec": _pod(scheduled, name)},
                }
            },
        },
    }


def deadline(scheduled: Scheduled) -> int:
    """Seconds a missed start is made up for: six hours, less where runs come thick and fast."""
    gaps = (
        int((after - before).total_seconds()) for before, after in pairwise(islice(scheduled.timetable.after(scheduled.at), 50))
    )
    return min(CATCH_UP, MISSED * min(gaps, default=CATCH_UP))


def _rules() -> list[dict[str, Any]]:
    """In order; the first that fits decides."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "adbatch", "operator": "In", "values": list(IN_VAIN)}},
        {"action": "Count", "onExitCodes": {"containerName": "adbatch", "operator": "In", "values": list(AGAIN)}},
    ]


def _pod(scheduled: Scheduled, name: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": LANDING,
        "securityContext": {"runAsNonRoot": True, "runAsUser": OWNER, "fsGroup": OWNER},
        "containers": [_container(scheduled, name)],
        "volumes": [{"name": "project", "persistentVolumeClaim": {"claimName": name}}, *_key_volume(scheduled, name)],
    }


def _container(scheduled: Scheduled, name: str) -> dict[str, Any]:
    env = [{"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}} for key in scheduled.keys]
    mounts = [{"name": "project", "mountPath": str(scheduled.root)}]
    for key, path in scheduled.key_files.items():
        where = str(PurePosixPath(scheduled.root) / path)
        mounts.append({"name": "keys", "mountPath": where, "subPath": key, "readOnly": True})  # type: ignore[dict-item]
    return {
        "name": "adbatch",
        "image": scheduled.image,
        "command": ["adbatch", "run", str(scheduled.job)],
        "workingDir": str(scheduled.root),
        **({"env": env} if env else {}),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _key_volume(scheduled: Scheduled, name: str) -> list[dict[str, Any]]:
    if not scheduled.key_files:
        return []
    items = [{"key": key, "path": key} for key in scheduled.key_files]
    return [{"name": "keys", "secret": {"secretName": name, "defaultMode": 0o400, "items": items}}]
