"""A release in one sentence, and what to do when it did not go well: for somebody who is tired."""

from __future__ import annotations

from dataclasses import dataclass

from ops.report.facts import Facts
from ops.report.files import Evidence
from ops.report.timeline import where_it_turned


@dataclass(frozen=True)
class Step:
    """Something to do: words, and a command if one does it."""

    words: str
    command: str = ""


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min" if left else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def counted(requests: int, failed: int) -> str:
    """`4,212 requests seen from outside, none failed`"""
    if not requests:
        return "no request was sent from outside"
    noun = "request" if requests == 1 else "requests"
    if failed == requests:
        return f"{requests:,} {noun} seen from outside, all failed"
    return f"{requests:,} {noun} seen from outside, {f'{failed:,}' if failed else 'none'} failed"


def measured(facts: Facts, evidence: Evidence) -> str:
    """Return what was measured from outside, or that it was not, and why."""
    if facts.not_measured:
        return f"not measured from outside, since {facts.not_measured}"
    return counted(*seen(facts, evidence))


def seen(facts: Facts, evidence: Evidence) -> tuple[int, int]:
    """Requests and failures: the probe's own count, or what its file holds if it was killed before it counted."""
    if facts.probe.get("requests"):
        return int(facts.probe["requests"]), int(facts.probe.get("failed") or 0)
    return len(evidence.requests), sum(request.failed for request in evidence.requests)


def headline(facts: Facts, evidence: Evidence) -> str:
    """Without a full stop."""
    release, why = facts.release, facts.failure_reason or "nobody wrote down why"
    if facts.outcome == "released":
        took = (
            f" in {duration(facts.finished - facts.started)}"
            if facts.started is not None and facts.finished is not None
            else ""
        )
        return f"{release} was released{took}: {measured(facts, evidence)}"
    if facts.outcome == "rolled back":
        turned = where_it_turned(evidence)
        return f"{release} was taken back{f' {turned}' if turned else ''}: {why}"
    if facts.outcome == "refused":
        return f"{release or 'A release'} was not begun: {why}"
    if facts.outcome == "unchanged":
        return f"{release} runs already: nothing was changed"
    if facts.outcome == "started":
        return f"The release of {release} was started, and how it ended was not written down"
    return f"{release} was not released: {why}"


def next_steps(facts: Facts, evidence: Evidence) -> list[Step]:
    """Nothing for what went well."""
    if facts.outcome in ("released", "unchanged"):
        return []
    play = f"ansible-playbook -i <inventory> -l {facts.stack} playbooks/"
    blue = facts.previous_release or "the release before"
    steps = [traffic_now(blue, evidence)]
    if facts.outcome != "rolled back":
        steps.append(
            Step(
                "See whether a deployment is still going on, and what waits for whom.",
                f"{play}runbook_release_status.yml",
            )
        )
        steps.append(
            Step("If one hangs, stop it; blue then keeps or gets back the traffic.", f"{play}runbook_release_stop.yml")
        )
    if facts.breaking_migrations:
        steps.append(
            Step(
                f"Mind the schema: {', '.join(facts.breaking_migrations)} took away what older releases need. "
                "Go on to a release that fits it; one from before it can't simply come back."
            )
        )
    elif facts.schema_before != facts.schema_after and facts.schema_after:
        steps.append(
            Step(f"The schema may stay at {facts.schema_after}: without a contract migration {blue} works with it.")
        )
    steps.append(
        Step("Read what the tasks said.", f"aws logs tail /ecs/{facts.stack} --since 1h --filter-pattern ERROR")
    )
    steps.append(Step("Fix it, and release it under a new tag.", f"{play}deploy.yml -e release=<tag>"))
    return steps


def traffic_now(blue: str, evidence: Evidence) -> Step:
    """Who serves, as far as it was looked at: what somebody on call asks first."""
    if not evidence.looks:
        return Step(f"No traffic was moved: no deployment was seen, {blue} serves as before.")
    share = evidence.looks[-1].share
    if share <= 0:
        return Step(f"Nothing is urgent: when it was last looked at, {blue} had all of the traffic.")
    return Step(f"Look at once: when it was last looked at, green still had {share:g} % of the traffic.")
