"""A release as a story: stages one after the other, and how much of the traffic green had."""

from __future__ import annotations

from dataclasses import dataclass

from ops.report.files import Evidence, Look

# Words for each, and what it is like.
# docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
STAGES = {
    "RECONCILE_SERVICE": ("Tidying up", "start"),
    "PRE_SCALE_UP": ("Before green starts", "start"),
    "SCALE_UP": ("Green starts", "start"),
    "POST_SCALE_UP": ("Green has started", "start"),
    "TEST_TRAFFIC_SHIFT": ("Test traffic", "test"),
    "POST_TEST_TRAFFIC_SHIFT": ("Tests on green", "test"),
    "PRE_PRODUCTION_TRAFFIC_SHIFT": ("Before traffic moves", "shift"),
    "PRODUCTION_TRAFFIC_SHIFT": ("Traffic moves", "shift"),
    "POST_PRODUCTION_TRAFFIC_SHIFT": ("Traffic has moved", "shift"),
    "BAKE_TIME": ("Bake", "bake"),
    "CLEAN_UP": ("Clean-up", "start"),
}
# Of a deployment that doesn't go forward any more; what is not here goes back.
ENDS = {
    "SUCCESSFUL": ("Afterwards", "prepare"),
    "ROLLBACK_SUCCESSFUL": ("Back on blue", "prepare"),
    "ROLLBACK_FAILED": ("Rollback failed", "back"),
}
# What comes before the deployment; an event is written when it is over.
PREPARATIONS = {"preflight": "Preflight", "static": "Static files", "migration": "Migration"}


@dataclass(frozen=True)
class Span:
    stage: str  # AWS's word, or the event's
    words: str
    kind: str  # prepare, start, test, shift, bake, back
    start: float
    end: float
    share: float  # of green, at its end

    @property
    def seconds(self) -> float:
        return self.end - self.start


def span_of(look: Look, start: float, end: float) -> Span:
    words, kind = STAGES.get(look.stage, (look.stage.replace("_", " ").capitalize() or "Deployment", "start"))
    if look.stage == "PRODUCTION_TRAFFIC_SHIFT" and 0 < look.share < 100:
        words = f"{look.share:g} % bakes"  # the stage lasts until the step's own bake is over
    if not look.goes_forward:
        words, kind = ENDS.get(look.status, ("Taken back", "back"))
    return Span(look.stage or look.status, words, kind, start, end, look.share)


def spans(evidence: Evidence, start: float, end: float) -> list[Span]:
    """From the start to the end, without a gap."""
    found: list[Span] = []
    for event in evidence.events:
        if event.event in PREPARATIONS and not evidence.looks_before(event.t):
            since = found[-1].end if found else start
            found.append(Span(event.event, PREPARATIONS[event.event], "prepare", since, event.t, 0.0))
    if evidence.looks and (first := evidence.looks[0].t) > (since := found[-1].end if found else start):
        found.append(Span("", "Deployment asked for", "prepare", since, first, 0.0))
    for n, look in enumerate(evidence.looks):
        until = evidence.looks[n + 1].t if n + 1 < len(evidence.looks) else max(end, look.t)
        span = span_of(look, look.t, until)
        before = found[-1] if found else None
        if before and (before.words, before.kind) == (span.words, span.kind):
            found[-1] = Span(before.stage, before.words, before.kind, before.start, until, span.share)
        else:
            found.append(span)
    return found


def shares(evidence: Evidence) -> list[tuple[float, float]]:
    """Moments and green's percentage from then on; only what was looked at."""
    return [(look.t, look.share) for look in evidence.looks]


def where_it_turned(evidence: Evidence) -> str | None:
    """How far green had come, in words, when it was taken back; None if nothing was looked at."""
    forward = [look for look in evidence.looks if look.goes_forward]
    if not forward:
        return None
    last = forward[-1]
    if last.share >= 100:
        return "in the bake" if last.stage == "BAKE_TIME" else "with all of the traffic"
    if last.share > 0:
        return f"at {last.share:g} % of the traffic"
    return "on test traffic" if "TEST_TRAFFIC" in last.stage else "before it had any traffic"
