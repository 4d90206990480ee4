"""The evidence of a release: read from what a run left, told in a sentence, drawn, escaped."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ops.report.analysis import figures, gates
from ops.report.chart import Chart, clock, ticks, unbroken
from ops.report.charts import pictures
from ops.report.facts import RUN as RUN_NAME
from ops.report.facts import Facts, facts_from, moment
from ops.report.files import Evidence, read
from ops.report.report import as_html, as_json, window_of
from ops.report.requests import colour_of, p95, series, width_of
from ops.report.summary import counted, duration, headline, next_steps, seen
from ops.report.timeline import spans
from tests.support.ops.releases import BEGIN, BLUE, GREEN, HOSTILE, RELEASED, RUN, TAKEN_BACK, Story

NO_MOMENTS: list[Any] = [None, "", "soon", True, []]
NOTHING = Evidence([], [], [], 0)


def found(story: Story, folder: Path, **facts: Any) -> tuple[Facts, Evidence]:
    return facts_from(RUN, story.told() | facts), read(story.write(folder))


def drawn(facts: Facts, evidence: Evidence) -> list[str]:
    return [picture.svg for picture in pictures(evidence, window_of(facts, evidence))]


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, and what would run or be loaded."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.active: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.open.append(tag)
        if tag in ("script", "img", "iframe", "link", "object"):
            self.active.append(tag)
        self.active += [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass


@pytest.mark.parametrize("story", [RELEASED, TAKEN_BACK], ids=["released", "taken back"])
def test_pictures_are_xml_and_the_page_loads_nothing(story: Story, tmp_path: Path) -> None:
    facts, evidence = found(story, tmp_path)
    svgs = drawn(facts, evidence)
    assert len(svgs) == 4
    for svg in svgs:
        assert ET.fromstring(svg).tag.endswith("svg")
        assert "nan" not in svg.lower()
    page = as_html(facts, evidence, window_of(facts, evidence))
    assert Reader(page).active == []
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_a_hostile_text_stays_text_wherever_it_stands(tmp_path: Path) -> None:
    facts, _ = found(
        TAKEN_BACK,
        tmp_path,
        **dict.fromkeys(
            ("stack", "operator", "change_reason", "failure_reason", "digest", "task_definition", "strategy"), HOSTILE
        ),
        release=HOSTILE,
        schema={"before": HOSTILE, "after": HOSTILE, "breaking_migrations": [HOSTILE, {"migration": HOSTILE}]},
        analyses=[{"name": HOSTILE, "outcome": HOSTILE, "message": HOSTILE, "thresholds": HOSTILE, "t": BEGIN + 1}],
        probe={"requests": 1, "failed": 1, "first_failure": HOSTILE, "by_release": {HOSTILE: {"requests": 1}}},
    )
    folder = tmp_path / RUN
    with (folder / "events.jsonl").open("a") as file:
        for event in ("analysis", "rollback"):
            line = {"kind": "event", "t": BEGIN + 50, "event": event, "outcome": HOSTILE, "message": HOSTILE}
            file.write(json.dumps(line) + "\n")
        look = {"kind": "observation", "t": BEGIN + 51, "status": "IN_PROGRESS", "stage": HOSTILE, "share": 1}
        file.write(json.dumps(look) + "\n")
    with (folder / "requests.jsonl").open("a") as file:
        file.write(json.dumps({"t": BEGIN + 60, "ms": 1, "release": HOSTILE, "status": 200, "error": HOSTILE}) + "\n")
    evidence = read(folder)
    assert evidence.unreadable == 0
    for svg in drawn(facts, evidence):
        ET.fromstring(svg)
    page = as_html(facts, evidence, window_of(facts, evidence))
    assert Reader(page).active == []
    assert "\x00" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert Reader(page.replace("&lt;", "<").replace("&gt;", ">")).active, "unescaped, it would have been active"
    json.loads(as_json(facts, evidence, window_of(facts, evidence)))


def test_what_a_kill_left_half_written_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = RELEASED.write(tmp_path)
    whole = read(folder)
    for name in ("events", "requests"):
        path = folder / f"{name}.jsonl"
        path.write_bytes(path.read_bytes()[:-9])
    cut = read(folder)
    assert (whole.unreadable, cut.unreadable) == (0, 2)
    assert len(cut.requests) == len(whole.requests) - 1
    assert "2 lines of it could not be read" in as_html(
        facts_from(RUN, RELEASED.told()), cut, window_of(facts_from(RUN, {}), cut)
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "1",
        "{}",
        '{"t": "soon"}',
        '{"t": NaN}',
        '{"t": 1, "ms": "fast"}',
        '{"t": true}',
        '{"t": 1, "status": Infinity}',
    ],
)
def test_lines_that_are_no_request_are_counted_and_left_out(line: str, tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(f'{line}\n{{"t": 1, "ms": 2, "release": null, "status": 200}}\n')
    evidence = read(tmp_path)
    assert (len(evidence.requests), evidence.unreadable) == (1, 1)


def test_nothing_at_all_still_makes_a_page(tmp_path: Path) -> None:
    facts, evidence = facts_from(RUN, {}), read(tmp_path / "never written")
    assert evidence == NOTHING
    window = window_of(facts, evidence)
    assert "how it ended was not written down" in as_html(facts, evidence, window)
    assert json.loads(as_json(facts, evidence, window))["requests"] == 0


def test_a_good_release_is_told_in_a_sentence(tmp_path: Path) -> None:
    facts, evidence = found(RELEASED, tmp_path)
    assert headline(facts, evidence) == (
        "1.4.0 was released in 3 min 12 s: 17,200 requests seen from outside, none failed"
    )
    assert next_steps(facts, evidence) == []


def test_a_release_that_was_taken_back_says_where_and_why(tmp_path: Path) -> None:
    facts, evidence = found(TAKEN_BACK, tmp_path)
    assert headline(facts, evidence) == (
        "1.4.0 was taken back at 5 % of the traffic: green answers 4.8 % of 312 requests with 5xx; 1 % is allowed"
    )
    steps = [step.words for step in next_steps(facts, evidence)]
    assert steps[0] == "Nothing is urgent: when it was last looked at, 1.3.0 had all of the traffic."
    assert any("without a contract migration" in words for words in steps)


def test_a_contract_migration_changes_what_to_do(tmp_path: Path) -> None:
    facts, evidence = found(
        TAKEN_BACK, tmp_path, schema={"before": "1", "after": "2", "breaking_migrations": ["campus.0002_drop"]}
    )
    words = " ".join(step.words for step in next_steps(facts, evidence))
    assert "campus.0002_drop took away what older releases need" in words
    assert "without a contract" not in words


def test_green_with_traffic_is_urgent(tmp_path: Path) -> None:
    facts, evidence = found(RELEASED, tmp_path, outcome="failed", failure_reason="The watcher was killed.")
    assert headline(facts, evidence) == "1.4.0 was not released: The watcher was killed"
    assert next_steps(facts, evidence)[0].words == (
        "Look at once: when it was last looked at, green still had 100 % of the traffic."
    )


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("unchanged", "1.4.0 runs already: nothing was changed"),
        ("started", "The release of 1.4.0 was started, and how it ended was not written down"),
        ("failed", "1.4.0 was not released: the image is missing"),
        ("rolled back", "1.4.0 was taken back: the image is missing"),
        ("released", "1.4.0 was released: no request was sent from outside"),
        ("what?", "1.4.0 was not released: the image is missing"),
    ],
)
def test_every_outcome_has_its_sentence(outcome: str, words: str) -> None:
    facts = facts_from(RUN, {"release": GREEN, "outcome": outcome, "failure_reason": "the image is missing."})
    assert headline(facts, NOTHING) == words


def test_counts_and_durations_are_said_as_people_do() -> None:
    assert counted(4212, 17) == "4,212 requests seen from outside, 17 failed"
    assert counted(1, 1) == "1 request seen from outside, all failed"
    assert [duration(seconds) for seconds in (0.4, 59.6, 60, 192, 3600, 7260)] == [
        "0 s", "1 min", "1 min", "3 min 12 s", "1 h", "2 h 1 min",
    ]  # fmt: skip
    assert [clock(seconds) for seconds in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]


def test_moments_are_read_in_every_form_that_is_written() -> None:
    forms = [BEGIN, str(BEGIN), "2026-11-25T11:30:00Z", "20261125T113000Z", "2026-11-25T12:30:00+01:00"]
    assert {moment(form) for form in forms} == {BEGIN}
    assert [moment(none) for none in NO_MOMENTS] == [None] * len(NO_MOMENTS)


def test_without_the_probe_s_own_count_its_file_is_counted(tmp_path: Path) -> None:
    facts, evidence = found(TAKEN_BACK, tmp_path, probe=None)
    assert seen(facts, evidence) == (TAKEN_BACK.probe()["requests"], TAKEN_BACK.probe()["failed"])


def test_colours_are_told_by_the_release_alone() -> None:
    assert [colour_of(name, BLUE, GREEN) for name in (BLUE, GREEN, None, "0.1")] == ["blue", "green", "other", "other"]
    assert colour_of(GREEN, GREEN, GREEN) == "both"
    assert colour_of(None, None, GREEN) == "other"


def test_blue_is_known_by_what_was_seen_when_nobody_wrote_it_down(tmp_path: Path) -> None:
    facts, evidence = found(RELEASED, tmp_path, previous_release="")
    assert [(one.colour, one.release) for one in window_of(facts, evidence).series] == [
        ("blue", BLUE),
        ("green", GREEN),
    ]
    two = replace(evidence, requests=[*evidence.requests, replace(evidence.requests[0], release="0.1")])
    assert [one.colour for one in window_of(facts, two).series] == ["green", "other"]


def test_every_request_is_in_one_bin_of_one_colour(tmp_path: Path) -> None:
    evidence = read(TAKEN_BACK.write(tmp_path))
    found_ = series(evidence.requests, BLUE, GREEN, BEGIN, BEGIN + TAKEN_BACK.seconds)
    assert [one.colour for one in found_] == ["blue", "green"]
    assert sum(one.requests for one in found_) == len(evidence.requests)
    assert [one.failed for one in found_] == [0, TAKEN_BACK.probe()["failed"]]
    assert {len(one.bins) for one in found_} == {66}
    assert width_of(192) == 2


def test_p95_is_a_measured_figure() -> None:
    assert p95([float(n) for n in range(1, 101)]) == 95.0
    assert p95([7.0]) == 7.0
    assert p95([]) is None


def test_stages_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    evidence = read(TAKEN_BACK.write(tmp_path))
    told = spans(evidence, BEGIN, BEGIN + TAKEN_BACK.seconds)
    assert [span.words for span in told] == [
        "Preflight", "Static files", "Migration", "Deployment asked for", "Before green starts", "Green starts",
        "Test traffic", "Tests on green", "Before traffic moves", "5 % bakes", "Taken back",
    ]  # fmt: skip
    assert (told[0].start, told[-1].end) == (BEGIN, BEGIN + TAKEN_BACK.seconds)
    assert all(one.end == other.start for one, other in pairwise(told))


def test_figures_tell_how_many_were_slow() -> None:
    known = {"requests": 312, "errors": 0, "p95_ms": 44.0, "slow": 4, "slow_ms": 82.0}
    assert figures(known) == "0 of 312 failed, p95 44 ms, 4 above 82 ms"
    assert figures({**known, "slow": None, "slow_ms": None}) == "0 of 312 failed, p95 44 ms"


def test_gates_come_from_the_record_when_nobody_handed_them_over(tmp_path: Path) -> None:
    facts, evidence = found(TAKEN_BACK, tmp_path)
    (gate,) = gates(facts, evidence)
    assert (gate.name, gate.outcome) == ("canary", "failed")
    assert gate.green == "15 of 312 failed (4.8 %), p95 44 ms"
    assert gate.limits.startswith("at least 300 requests, 1 % errors")
    bare = [replace(event, figures={}) for event in evidence.events]
    figures = {"green": {"requests": 300, "errors": 3, "p95_ms": None}}
    looks = [replace(look, figures=figures) for look in evidence.looks]
    (gate,) = gates(facts, replace(evidence, events=bare, looks=looks))
    assert (gate.name, gate.blue, gate.green) == ("at 5 %", "-", "3 of 300 failed (1.0 %)")
    told = gates(facts_from(RUN, {"analyses": [{"name": "bake", "outcome": "pass"}]}), evidence)
    assert [gate.name for gate in told] == ["bake"]


def test_axes_end_at_round_numbers_above_the_most() -> None:
    assert ticks(97) == [0, 25, 50, 75, 100]
    assert ticks(0) == [0, 1]
    assert ticks(0.3)[-1] >= 0.3
    assert all(ticks(most)[-1] >= most and len(ticks(most)) <= 6 for most in (1, 3, 7.2, 41, 999, 123456))


def test_a_line_breaks_where_there_is_no_figure() -> None:
    assert unbroken([(0, 1.0), (1, None), (2, 3.0), (3, 4.0), (4, None)]) == [[(0, 1.0)], [(2, 3.0), (3, 4.0)]]


def test_a_chart_of_no_time_at_all_is_still_one() -> None:
    chart = Chart("t", 5.0, 5.0, [0, 1])
    chart.line([(5.0, 1.0)], "green")
    ET.fromstring(str(chart))


@pytest.mark.parametrize("run", ["../../etc/x", "a/b", ".hidden", "", "a b", "x" * 201])
def test_a_run_that_would_leave_its_folder_is_no_run(run: str) -> None:
    assert not RUN_NAME.fullmatch(run)
    assert RUN_NAME.fullmatch(RUN)
