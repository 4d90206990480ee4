"""A release in one sentence, and what to do when it did not succeed."""

from __future__ import annotations

from ops.report.facts import Facts
from ops.report.page import NextStep
from ops.report.run_files import RunFiles
from ops.report.timeline import progress_before_rollback
from ops.report.values import duration, whole


def counted(requests: int, failed: int) -> str:
    """Return the counts as `4,212 requests seen from outside, none failed`."""
    if not requests:
        return "no request was sent from outside"
    noun = "request" if requests == 1 else "requests"
    if failed == requests:
        return f"{requests:,} {noun} seen from outside, all failed"
    return f"{requests:,} {noun} seen from outside, {f'{failed:,}' if failed else 'none'} failed"


def request_counts(facts: Facts, files: RunFiles) -> tuple[int, int]:
    """Return requests and failures as the probe counted them, or as its file has them if it was killed before."""
    if requests := whole(facts.probe.get("requests")):
        return requests, whole(facts.probe.get("failed"))
    return len(files.requests), sum(request.failed for request in files.requests)


def availability(facts: Facts, files: RunFiles) -> str:
    """Return what the probe measured, or why it did not."""
    if facts.not_measured:
        return f"not measured from outside, since {facts.not_measured}"
    return counted(*request_counts(facts, files))


def summary(facts: Facts, files: RunFiles) -> str:
    """Return how the release ended in a sentence, without a full stop."""
    release, reason = facts.release, facts.failure_reason or "no reason was recorded"
    started, finished = facts.started, facts.finished
    if facts.outcome == "released":
        took = f" in {duration(finished - started)}" if started is not None and finished is not None else ""
        return f"{release} was released{took}: {availability(facts, files)}"
    if facts.outcome == "rolled back":
        progress = progress_before_rollback(files)
        return f"{release} was rolled back{f' {progress}' if progress else ''}: {reason}"
    if facts.outcome == "refused":
        return f"{release or 'A release'} was not begun: {reason}"
    if facts.outcome == "unchanged":
        return f"{release} runs already: nothing was changed"
    if facts.outcome == "started":
        return f"The release of {release} was started, and how it ended was not recorded"
    return f"{release} was not released: {reason}"


def next_steps(facts: Facts, files: RunFiles) -> list[NextStep]:
    """Return what a person does now; empty if the release succeeded."""
    if facts.outcome in ("released", "unchanged"):
        return []
    play = f"ansible-playbook -i <inventory> -l {facts.stack} playbooks/"
    blue = facts.previous_release or "the previous release"
    steps = [traffic_step(blue, files)]
    if facts.outcome != "rolled back":
        steps += [
            NextStep("See whether a deployment is in progress or waits.", f"{play}runbook_release_status.yml"),
            NextStep("If it hangs, stop it; all traffic then goes to blue.", f"{play}runbook_release_stop.yml"),
        ]
    return [
        *steps,
        *schema_steps(facts, blue),
        NextStep(
            "Read the errors of the tasks.", f"aws logs tail /ecs/{facts.stack} --since 1h --filter-pattern ERROR"
        ),
        NextStep("Fix the cause, and release it under a new tag.", f"{play}deploy.yml -e release=<tag>"),
    ]


def traffic_step(blue: str, files: RunFiles) -> NextStep:
    """Return which colour serves by the last observation: the first question of a person on call."""
    if not files.observations:
        return NextStep(f"No traffic was moved: no deployment was observed, {blue} serves as before.")
    share = files.observations[-1].share
    if share <= 0:
        return NextStep(f"Nothing is urgent: at the last observation {blue} had all of the traffic.")
    return NextStep(f"Act at once: at the last observation green still had {share:g} % of the traffic.")


def schema_steps(facts: Facts, blue: str) -> list[NextStep]:
    if facts.breaking_migrations:
        names = ", ".join(facts.breaking_migrations)
        return [
            NextStep(
                f"Mind the schema: breaking migrations ({names}) removed what older releases need. Release a "
                "version that works with the new schema; an older release does not."
            )
        ]
    if facts.schema_after and facts.schema_before != facts.schema_after:
        return [
            NextStep(f"The schema may stay at {facts.schema_after}: without a breaking migration {blue} works with it.")
        ]
    return []
