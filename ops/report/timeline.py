"""The stages of a release one after the other, and green's share of the traffic."""

from __future__ import annotations

from dataclasses import dataclass

from ops.report.events import Observation
from ops.report.run_files import RunFiles

# Label and kind of each stage.
# docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
STAGES = {
    "RECONCILE_SERVICE": ("Reconcile service", "start"),
    "PRE_SCALE_UP": ("Before green starts", "start"),
    "SCALE_UP": ("Green starts", "start"),
    "POST_SCALE_UP": ("Green has started", "start"),
    "TEST_TRAFFIC_SHIFT": ("Test traffic", "test"),
    "POST_TEST_TRAFFIC_SHIFT": ("Smoke test", "test"),
    "PRE_PRODUCTION_TRAFFIC_SHIFT": ("Before traffic shift", "shift"),
    "PRODUCTION_TRAFFIC_SHIFT": ("Traffic shift", "shift"),
    "POST_PRODUCTION_TRAFFIC_SHIFT": ("After traffic shift", "shift"),
    "BAKE_TIME": ("Bake", "bake"),
    "CLEAN_UP": ("Clean-up", "start"),
}
# Of a deployment that has ended; any other status that does not go forward rolls back.
ENDS = {
    "SUCCESSFUL": ("After deployment", "prepare"),
    "ROLLBACK_SUCCESSFUL": ("Back on blue", "prepare"),
    "ROLLBACK_FAILED": ("Rollback failed", "back"),
}
# Before the deployment; their events are written when they are over.
PREPARATIONS = {"preflight": "Preflight", "static": "Static files", "migration": "Migration"}


@dataclass(frozen=True)
class Span:
    stage: str  # name in ECS, or of the event
    label: str
    kind: str  # prepare, start, test, shift, bake, back
    start: float
    end: float
    share: float  # of green, at its end

    @property
    def seconds(self) -> float:
        return self.end - self.start


def span_of(observation: Observation, start: float, end: float) -> Span:
    stage = observation.stage
    label, kind = STAGES.get(stage, (stage.replace("_", " ").capitalize() or "Deployment", "start"))
    if stage == "PRODUCTION_TRAFFIC_SHIFT" and 0 < observation.share < 100:
        label = f"Bake at {observation.share:g} %"  # the stage lasts until the step's own bake is over
    if not observation.goes_forward:
        label, kind = ENDS.get(observation.status, ("Rollback", "back"))
    return Span(stage or observation.status, label, kind, start, end, observation.share)


def spans(files: RunFiles, start: float, end: float) -> list[Span]:
    """Return the stages from start to end, without a gap."""
    found = preparations(files, start)
    observations = files.observations
    if observations and (first := observations[0].t) > (since := found[-1].end if found else start):
        found.append(Span("", "Deployment requested", "prepare", since, first, 0.0))
    for n, observation in enumerate(observations):
        until = observations[n + 1].t if n + 1 < len(observations) else max(end, observation.t)
        span = span_of(observation, observation.t, until)
        before = found[-1] if found else None
        if before and (before.label, before.kind) == (span.label, span.kind):
            found[-1] = Span(before.stage, before.label, before.kind, before.start, until, span.share)
        else:
            found.append(span)
    return found


def preparations(files: RunFiles, start: float) -> list[Span]:
    found: list[Span] = []
    for event in files.events:
        if event.event in PREPARATIONS and not files.observed_before(event.t):
            since = found[-1].end if found else start
            found.append(Span(event.event, PREPARATIONS[event.event], "prepare", since, event.t, 0.0))
    return found


def shares(files: RunFiles) -> list[tuple[float, float]]:
    """Return green's percentage from each observed moment on."""
    return [(observation.t, observation.share) for observation in files.observations]


def progress_before_rollback(files: RunFiles) -> str | None:
    """Return how far green had come, as `at 5 % of the traffic`; None without an observation."""
    forward = [observation for observation in files.observations if observation.goes_forward]
    if not forward:
        return None
    last = forward[-1]
    if last.share >= 100:
        return "in the bake" if last.stage == "BAKE_TIME" else "with all of the traffic"
    if last.share > 0:
        return f"at {last.share:g} % of the traffic"
    return "on test traffic" if "TEST_TRAFFIC" in last.stage else "before it had any traffic"
