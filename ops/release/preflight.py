"""Release blockers, from what AWS says (pure): each a sentence with its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]

GIB = 1024
# CPU units and the MiB of memory that Fargate has for them:
# docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
SIZES: Mapping[int, range | tuple[int, ...]] = {
    256: (512, 1 * GIB, 2 * GIB),
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
# docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html: vCPUs that run at once in account and region
QUOTAS = {"FARGATE": "L-3032A538", "FARGATE_SPOT": "L-36FBB829"}
# Outcomes of releases that may have begun a deployment and not ended it well.
TRIED = {"started", "failed", "rolled back"}


def wrong_size(cpu: int, memory: int) -> Iterator[str]:
    if cpu not in SIZES:
        yield f"Fargate has no tasks of {cpu} CPU units. It has {', '.join(map(str, SIZES))}: correct release_cpu."
    elif memory not in SIZES[cpu]:
        yield (
            f"Fargate has no {memory} MiB for {cpu} CPU units. From {min(SIZES[cpu])} to {max(SIZES[cpu])} MiB are "
            "possible: correct release_memory."
        )


def unscanned(digest: str, scan: Found, allowed: int, accepted: bool) -> Iterator[str]:
    """Yield what ECR's scan says against an image; basic scanning ends as COMPLETE, enhanced scanning stays ACTIVE."""
    state = scan.get("imageScanStatus", {})
    if state.get("status") not in ("COMPLETE", "ACTIVE") and not accepted:
        words = [state[part] for part in ("status", "description") if state.get(part)]
        yield (
            f"The image {digest} has not been scanned ({': '.join(words) or 'no scan was started'}). Wait for the scan "
            "that a push starts, or start one: aws ecr start-image-scan. Where ECR can't scan it, release it without: "
            "-e release_allow_unscanned_image=true"
        )
    counts = scan.get("imageScanFindings", {}).get("findingSeverityCounts", {})
    if (critical := counts.get("CRITICAL", 0)) > allowed:
        yield (
            f"The image {digest} has {critical} critical findings, {allowed} are allowed. Fix it, "
            f"or accept them: -e release_max_critical_findings={critical}"
        )


def unlogged(log_group: str, found: Sequence[str]) -> Iterator[str]:
    """Yield that the tasks' log group is gone: the awslogs driver does not create it, and no task would start.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    """
    if log_group not in found:
        yield (
            f"The log group {log_group} is gone, and without it no task starts. Run playbooks/provision.yml --tags "
            "cluster."
        )


def misrouted(rules: Sequence[Found], production: str, groups: Mapping[str, str]) -> Iterator[str]:
    """Yield why ECS would refuse to move traffic on a listener with these rules.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
    """
    kinds = sorted({action["Type"] for rule in rules for action in rule["Actions"]} - {"forward"})
    if kinds:
        yield (
            f"A rule of the HTTPS listener does something else than forward ({', '.join(kinds)}), and then ECS moves "
            "no traffic. Remove that rule; playbooks/provision.yml makes those that belong there."
        )
    configs = [
        action.get("ForwardConfig", {}) for rule in rules if rule["RuleArn"] == production for action in rule["Actions"]
    ]
    forwards = [group["TargetGroupArn"] for config in configs for group in config.get("TargetGroups", [])]
    if any(config.get("TargetGroupStickinessConfig", {}).get("Enabled") for config in configs):
        yield (
            "The production rule binds clients to a target group (stickiness), so they would stay with blue until it "
            "is gone, and then fail. Run playbooks/provision.yml --tags load_balancer."
        )
    for colour in sorted(name for name, arn in groups.items() if arn not in forwards):
        yield (
            f"The production rule does not know the target group {colour}. Run playbooks/provision.yml --tags "
            "load_balancer."
        )


def target(rules: Sequence[Found], production: str, groups: Mapping[str, str]) -> str:
    """Return the colour to which the next release goes: the one with the lesser share of the production traffic."""
    actions = [action for rule in rules if rule["RuleArn"] == production for action in rule["Actions"]]
    forwards = [group for action in actions for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
    weights = {group["TargetGroupArn"]: group.get("Weight", 1) for group in forwards}
    return min(sorted(groups, reverse=True), key=lambda colour: weights.get(groups[colour], 0))


def alarmed(alarms: Sequence[Found], desired: Sequence[str], running: bool = True) -> Iterator[str]:
    """Yield the alarms in the state ALARM already: ECS ignores all of a deployment's alarms then.

    Where nothing runs they may: requests find no target, of which only a release is the cure, and there is no way back.
    docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    states = {alarm["AlarmName"]: alarm for alarm in alarms}
    if missing := [name for name in desired if name not in states]:
        yield (
            f"There is no alarm {', '.join(missing)} to watch releases. Run playbooks/provision.yml --tags monitoring."
        )
    for name in desired:
        if running and states.get(name, {}).get("StateValue") == "ALARM":
            reason = states[name].get("StateReason", "AWS says no reason")
            yield (
                f"The alarm {name} fires already: {reason} See to that first; ECS would ignore it during the release."
            )


def shares(tasks: int, strategy: Sequence[Found]) -> dict[str, int]:
    """Return the number of tasks that each capacity provider runs: base first, the rest by weight, rounded up."""
    found = {item["provider"]: min(tasks, int(item.get("base") or 0)) for item in strategy}
    rest = max(0, tasks - sum(found.values()))
    weights = {item["provider"]: int(item.get("weight") or 0) for item in strategy}
    total = sum(weights.values())
    for provider, weight in weights.items():
        found[provider] += -(-rest * weight // total) if total else 0
    return found


def cramped(tasks: int, cpu: int, strategy: Sequence[Found], quotas: Mapping[str, float]) -> Iterator[str]:
    """Yield the quotas of the account into which both colours, each with so many tasks, do not fit."""
    for provider, count in shares(tasks, strategy).items():
        needed = 2 * count * cpu / 1024
        if provider in quotas and needed > quotas[provider]:
            yield (
                f"Both colours together need {needed:g} vCPUs of {provider}, and the account may run "
                f"{quotas[provider]:g}. Ask for more: aws service-quotas request-service-quota-increase "
                f"--service-code fargate --quota-code {QUOTAS[provider]} --desired-value {needed:g}"
            )


def known_definitions(history: Sequence[Found]) -> set[str]:
    """Return the definitions that our releases may have left running: the latest that ended well, those tried since.

    What ran before such a try had passed this very check; so, however many failed in a row, what they failed back to is
    known. A try has a task definition only from then on.
    """
    found = set()
    for entry in history:  # newest first
        if definition := entry.get("task_definition"):
            found.add(definition)
        if entry.get("outcome") == "released":
            break
        if definition:
            found.add(entry.get("previous_task_definition"))
    return {str(definition) for definition in found if definition}


def by_hand(running: str | None, history: Sequence[Found], accepted: str) -> Iterator[str]:
    """Yield that somebody deployed by hand, and that nobody accepted it."""
    if not running or not history or running in known_definitions(history):
        return
    short = running.rpartition("/")[2]
    if accepted in (short, running):
        return
    last = next((entry for entry in history if entry.get("outcome") == "released"), history[0])
    yield (
        f"The service runs {short}, which no release brought: the last was {last.get('release')} by "
        f"{last.get('operator')} ({last.get('finished') or last.get('started')}). Somebody deployed by hand. Ask them; "
        f"to release over it: -e release_replace_unmanaged={short}"
    )


def in_progress(target: str | None, history: Sequence[Found], arn: str) -> Iterator[str]:
    """Yield that a deployment in progress is no release of ours whose operator died."""
    tried = {entry.get("task_definition") for entry in history if entry.get("outcome") in TRIED}
    if target and target in tried:
        return
    yield (
        f"A deployment is in progress that no release of ours began ({arn.rpartition('/')[2]}, of "
        f"{(target or 'unknown').rpartition('/')[2]}). Let it end, or stop it: playbooks/runbook_release_stop.yml"
    )
