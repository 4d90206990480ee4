"""The analysis of a release: what both colours did goes in, an outcome and a sentence come out (pure).

Two shares of green's requests are analysed alike: of those that failed, and of those that were slow, which took longer
than twice blue's p95. Five of a hundred may be slow, so it is a limit on the p95. How both err, in figures:
docs/decisions/005-releases-on-ecs-own-engine.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ops.release.sample import SLOW_SHARE, Figures, Sample, error_pairs, slow_pairs, summed
from ops.release.significance import Pair, at_least, chance_of, share, total

# While a bake is watched, the same figures are looked at a hundred times: chance may be blamed once in so many looks.
CHANCE = 1e-4
# At a pause hook they are analysed once. A release at the very limit goes back once in a hundred, a better one less.
FINAL = 0.01
FEW = 2  # failures of what was sent itself that prove nothing, however few were sent


@dataclass(frozen=True)
class Thresholds:
    """What green may do: the only home of these defaults.

    minimum_requests: what green must have answered. error_percent: the share of 5xx that is allowed. p95_factor: times
    blue's p95. p95_floor_ms: below it, latency never fails. cpu_percent: of what the service's tasks reserve.
    """

    minimum_requests: int = 300
    error_percent: float = 1.0
    p95_factor: float = 2.0
    p95_floor_ms: float = 50.0
    cpu_percent: float = 90.0


@dataclass(frozen=True)
class Sent:
    """Requests sent to green for its analysis, and how many failed: CloudWatch counts none without a target."""

    sent: int = 0
    failed: int = 0
    first_failure: str = ""


@dataclass(frozen=True)
class Analysis:
    """An outcome and why. message: a sentence for a tired person. missing: requests that green still lacks.

    inconclusive: measured, and not told apart; undecided: not measured, or not yet.
    """

    outcome: Literal["pass", "fail", "inconclusive", "undecided"]
    message: str
    missing: int = 0


def analyse(
    compared: Sample, cpu: float | None, thresholds: Thresholds, final: bool, sent: Sent | None = None
) -> Analysis:
    """Return how green does. final: at a pause hook. Else only what can't be chance fails, and a pass means so far."""
    green = summed(compared.green, compared.slow_ms)
    missing = max(0, thresholds.minimum_requests - green.requests)
    if reason := next(certain(compared, thresholds, sent or Sent()), None):
        return Analysis("fail", reason, missing)
    if missing:
        return Analysis("undecided", lacking(green, thresholds, missing), missing)
    if reason := next(wrong(compared, thresholds, FINAL if final else CHANCE), None):
        return Analysis("fail", reason)
    if green.p95_ms is None:
        return Analysis("undecided", f"CloudWatch has no response times yet of green's {green.requests:,} requests")
    if doubts := list(doubtful(compared, cpu, thresholds)):
        return Analysis("inconclusive", f"it can't be told apart: {'; '.join(doubts)}", thresholds.minimum_requests)
    return Analysis("pass", good(compared, cpu))


def certain(compared: Sample, thresholds: Thresholds, sent: Sent) -> Iterator[str]:
    """Yield errors that can't be chance, however few requests there are, and whether green is warm or not."""
    allowed = thresholds.error_percent / 100
    errors = error_pairs(compared, {**compared.first, **compared.green})
    if (chance := chance_of(errors, allowed)) < CHANCE:
        yield too_many_errors(errors, compared, thresholds, chance)
    if sent.failed > FEW and (chance := at_least(sent.failed, sent.sent, allowed)) < FINAL:
        yield refused(sent, thresholds, chance)


def wrong(compared: Sample, thresholds: Thresholds, level: float) -> Iterator[str]:
    """Yield what, of enough requests, is chance less often than the level."""
    errors, slow = error_pairs(compared, compared.green), slow_pairs(compared)
    if (chance := chance_of(errors, thresholds.error_percent / 100)) < level:
        yield too_many_errors(errors, compared, thresholds, chance)
    if (chance := slow_by_chance(slow, compared)) < level:
        yield too_slow(slow, compared, chance)


def doubtful(compared: Sample, cpu: float | None, thresholds: Thresholds) -> Iterator[str]:
    """Yield what may speak against green, or be chance, or a machine that is slow for both."""
    errors, slow = error_pairs(compared, compared.green), slow_pairs(compared)
    if share(errors) > (allowed := thresholds.error_percent / 100):
        yield too_many_errors(errors, compared, thresholds, chance_of(errors, allowed))
    if compared.slow_ms is not None and share(slow) > SLOW_SHARE:
        yield too_slow(slow, compared, slow_by_chance(slow, compared))
    if cpu is not None and cpu > thresholds.cpu_percent:
        yield (
            f"the service uses {cpu:.0f} % of its CPU and {thresholds.cpu_percent:g} % is allowed, but ECS does not "
            "say which colour does"
        )


def slow_by_chance(pairs: Sequence[Pair], compared: Sample) -> float:
    """Return the chance that so many are slow; 1 without blue beside them, as nobody knows then what is slow."""
    return chance_of(pairs, SLOW_SHARE) if compared.slow_ms is not None and total(pairs, "blue") else 1.0


def may_continue(analysis: Analysis, on_inconclusive: str) -> bool:
    """Return whether green may have more traffic: where nothing is proven, as a person said; unmeasured, never."""
    return analysis.outcome == "pass" or (analysis.outcome == "inconclusive" and on_inconclusive == "continue")


def final_analysis(analysis: Analysis, on_inconclusive: str, alarms: Sequence[str]) -> Analysis:
    """Return the analysis at a pause hook, with what it means and which alarms are in the state ALARM."""
    message = analysis.message
    if analysis.outcome == "inconclusive":
        said = "continues" if may_continue(analysis, on_inconclusive) else "rolls back"
        message = f"{message}. By release_on_inconclusive={on_inconclusive} it {said}"
    if analysis.outcome == "undecided":
        message = not_analysed(message)
    if alarms:
        message = f"{message}. Alarms in the state ALARM meanwhile, which roll nothing back: {', '.join(alarms)}"
    return replace(analysis, message=message)


# Messages


def not_analysed(reason: str) -> str:
    """Return what is said of a green that nobody could analyse: it never gets more traffic."""
    return f"nothing speaks against green, but it could not be analysed: {reason or 'nobody looked'}"


def lacking(green: Figures, thresholds: Thresholds, missing: int) -> str:
    return (
        f"not enough requests to analyse: green has answered {green.requests:,} of the "
        f"{thresholds.minimum_requests:,} that it takes, {missing:,} are missing"
    )


def too_many_errors(pairs: Sequence[Pair], compared: Sample, thresholds: Thresholds, chance: float) -> str:
    message = (
        f"green answers {percent(share(pairs))} of {total(pairs):,} requests with 5xx; {thresholds.error_percent:g} % "
        f"is allowed and blue {of_blue(pairs, compared)}: chance, {odds(chance)}"
    )
    return (
        f"{message}. Look beyond the release too" if share(pairs, "blue") > thresholds.error_percent / 100 else message
    )


def too_slow(pairs: Sequence[Pair], compared: Sample, chance: float) -> str:
    figures = compared.figures()
    left_out = total(pairs) < sum(minute.timed for minute in compared.green.values())
    return (
        f"{percent(share(pairs))} of green's {total(pairs):,} requests{' but for its worst minute' * left_out} took "
        f"longer than {ms(compared.slow_ms)}; {100 * SLOW_SHARE:g} % may and blue {of_blue(pairs, compared)}: chance, "
        f"{odds(chance)}. Green's p95 is {ms(figures['green'].p95_ms)}, blue's {ms(figures['blue'].p95_ms)}"
    )


def refused(sent: Sent, thresholds: Thresholds, chance: float) -> str:
    return (
        f"green fails {percent(sent.failed / sent.sent)} of the {sent.sent:,} requests that were sent to analyse it; "
        f"{thresholds.error_percent:g} % is allowed: chance, {odds(chance)}. The first: {sent.first_failure}"
    )


def good(compared: Sample, cpu: float | None) -> str:
    figures = compared.figures()
    blue, green = figures["blue"], figures["green"]
    failed = f"{percent(green.errors / green.requests)} of {green.requests:,} requests"
    slow = "" if green.slow is None else f"{green.slow:,} of them took longer than {ms(green.slow_ms)}, "
    against = f"blue's is {ms(blue.p95_ms)}" if blue.p95_ms is not None else "blue had no requests to compare with"
    load = "the service's CPU is not known yet" if cpu is None else f"the service uses {cpu:.0f} % of its CPU"
    return f"green answers {failed} with 5xx, {slow}its p95 is {ms(green.p95_ms)}, {against}; {load}"


def of_blue(pairs: Sequence[Pair], compared: Sample) -> str:
    if not (requests := total(pairs, "blue")):
        return "had no requests"
    return (
        f"has {percent(share(pairs, 'blue'))} of {requests:,} {'in the same minutes' if compared.beside else 'before'}"
    )


def percent(value: float) -> str:
    return f"{100 * value:.2g} %" if 0 < value < 0.001 else f"{100 * value:.1f} %"  # a few among many are not 0.0 %


def odds(chance: float) -> str:
    """Return how often that is chance: 0.004 -> at most once in 250."""
    return "as likely as not" if chance >= 0.5 else f"at most once in {min(1 / max(chance, 1e-12), 1e6):,.0f}"


def ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f} ms"
