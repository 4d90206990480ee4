"""The report of a release: everything in it is shown and escaped, and missing parts are no error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.report.facts import RUN as RUN_NAME
from ops.report.facts import Facts, facts_from
from ops.report.release_page import BADGES, legend_label
from ops.report.release_report import as_html, as_json, window_of
from ops.report.requests import Series
from ops.report.run_files import RunFiles, read
from tests.support.ops import pages
from tests.support.ops.pages import HOSTILE
from tests.support.ops.releases import BEGIN, BLUE, GREEN, RELEASED, ROLLED_BACK, RUN, Story, read_release


def html(facts: Facts, files: RunFiles) -> str:
    return as_html(facts, files, window_of(facts, files))


def report(facts: Facts, files: RunFiles) -> dict[str, Any]:
    return dict(json.loads(as_json(facts, files, window_of(facts, files))))


@pytest.mark.parametrize("story", [RELEASED, ROLLED_BACK], ids=["released", "rolled back"])
def test_the_page_loads_nothing(story: Story, tmp_path: Path) -> None:
    page = html(*read_release(story, tmp_path))
    assert pages.Page(page).active == []
    assert pages.Page(page).elements.count("svg") == 4
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in page and "url(" not in page


def test_the_page_has_every_part(tmp_path: Path) -> None:
    page = pages.Page(html(*read_release(ROLLED_BACK, tmp_path)))
    for words in (
        "\N{LEFTWARDS ARROW WITH HOOK} Rolled back",
        "1.4.0 was rolled back at 5 % of the traffic: green answers 4.8 % of 312 requests with 5xx; 1 % is allowed.",
        "campshub360-tier1 · 2026-11-25 11:30:00 UTC · by ops · attendance notes",
        "What to do now", "2 min 12 s from start to end", "11,200 requests from outside", "12 of them failed",
        "36 ms p95 of all", "0 of 3,733 writes lost or doubled", "1.3.0: blue, what served before",
        "1.4.0: green, the new release", "1:52 canary \N{MULTIPLICATION X} failed 0 of 2,104 failed, p95 41 ms",
        "The first failure: a read at 11:31:24 UTC: 500 instead of 200", "1.4.0 197 12 36 ms",
        "1:15 Bake at 5 % 39 s 5 % PRODUCTION_TRAFFIC_SHIFT", "0:09 static \N{CHECK MARK} ok Static files of 1.4.0",
        "Previous release 1.3.0", "Schema 0006_fees before, 0007_attendance_notes after", "Breaking migrations none",
        "Finished 2026-11-25 11:32:12 UTC", f"Made from the event log of run {RUN}.",
    ):  # fmt: skip
        assert words in page.text, words


def test_a_hostile_text_stays_text_in_every_fact(tmp_path: Path) -> None:
    every = dict.fromkeys(ROLLED_BACK.facts_given(), HOSTILE) | {
        "outcome": "failed",
        "failure_reason": HOSTILE,
        "schema": {"before": HOSTILE, "after": HOSTILE, "breaking_migrations": [HOSTILE, {"migration": HOSTILE}]},
        "analyses": [
            dict.fromkeys(("name", "outcome", "message", "thresholds", "blue", "green", "t"), HOSTILE)
        ],
        "probe": {
            "requests": HOSTILE, "failed": HOSTILE, "p95_ms": HOSTILE, "first_failure": HOSTILE,
            "not_measured": HOSTILE, "writes": {"lost": HOSTILE, "doubled": HOSTILE, "acknowledged": HOSTILE},
            "by_release": {HOSTILE: {"requests": HOSTILE, "failed": HOSTILE, "p95_ms": HOSTILE}},
        },
    }  # fmt: skip
    folder = tmp_path / RUN
    folder.mkdir()
    event = {"kind": "event", "t": BEGIN + 50, "event": HOSTILE, "outcome": HOSTILE, "message": HOSTILE}
    observation = {"kind": "observation", "t": BEGIN + 51, "status": "IN_PROGRESS", "stage": HOSTILE, "share": 1}
    request = {"t": BEGIN + 60, "ms": 1, "release": HOSTILE, "status": 200, "error": HOSTILE}
    lines = [event, {**event, "event": "analysis"}, {**event, "event": "rollback"}, observation]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "requests.jsonl").write_text(json.dumps(request) + "\n")
    facts, files = facts_from(RUN, every), read(folder)
    assert files.unreadable_lines == 0
    rendered = html(facts, files)
    page = pages.Page(rendered)
    assert page.active == []
    assert {name for name, _ in page.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "xmlns", "viewbox", "role", "aria-label",
        "x", "y", "width", "height", "x1", "x2", "y1", "y2", "cx", "cy", "r", "d",
    }  # fmt: skip
    assert "\x00" not in rendered
    assert "\x1b" not in rendered
    assert page.text.count("{{ 7 * 7 }}") > 30, "a value is no template"
    assert rendered.count("&lt;script&gt;") > 30
    assert pages.Page(rendered.replace("&lt;", "<").replace("&gt;", ">")).active, "unescaped, it would have been active"
    assert report(facts, files)["release"].startswith("</style><script>")


MISSING: list[dict[str, Any]] = [{name: None} for name in [*RELEASED.facts_given(), "analyses"]]


@pytest.mark.parametrize("missing", MISSING, ids=lambda missing: next(iter(missing)))
def test_a_report_without_one_of_its_facts_renders(missing: dict[str, Any], tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path, **missing)
    assert "17,200" in html(facts, files)
    assert report(facts, files)["requests"] == 17200


@pytest.mark.parametrize("name", ["events", "requests"])
def test_a_report_without_one_of_its_files_renders(name: str, tmp_path: Path) -> None:
    facts, _ = read_release(RELEASED, tmp_path)
    (tmp_path / RUN / f"{name}.jsonl").unlink()
    page = pages.Page(html(facts, read(tmp_path / RUN)))
    assert page.elements.count("svg") == (3 if name == "events" else 1)
    assert ("No request was sent from outside." in page.text) is (name == "requests")


def test_nothing_at_all_still_makes_a_page(tmp_path: Path) -> None:
    facts, files = facts_from(RUN, {}), read(tmp_path / "never written")
    page = pages.Page(html(facts, files))
    assert "how it ended was not recorded" in page.text
    assert "nothing to draw" in page.text
    assert "No request was sent" not in page.text
    assert report(facts, files)["requests"] == 0


@pytest.mark.parametrize("outcome", BADGES)
def test_every_outcome_has_its_badge(outcome: str) -> None:
    facts = facts_from(RUN, {"outcome": outcome})
    assert facts.outcome == outcome
    assert BADGES[outcome].label in html(facts, RunFiles())


def test_lines_that_could_not_be_read_are_counted(tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path)
    said = [pages.Page(html(facts, replace(files, unreadable_lines=count))).text for count in (0, 1, 2)]
    assert ["could not be read" in text for text in said] == [False, True, True]
    assert "One line of it could not be read." in said[1]
    assert "2 lines of it could not be read." in said[2]


def test_a_run_that_nobody_measured_says_so_in_its_figures(tmp_path: Path) -> None:
    why = "the availability probe ended by itself"
    probe = {"requests": 2, "not_measured": why, "by_release": {GREEN: {"requests": 2, "failed": 0}}}
    page = pages.Page(html(*read_release(RELEASED, tmp_path, probe=probe)))
    assert "Not measured from outside, but for 2 requests" in page.text
    assert f"Not measured: {why}. The figures below are of the rest. Release" in page.text
    assert "none failed" not in page.text
    bare = pages.Page(html(*read_release(RELEASED, tmp_path / "2", probe={"not_measured": why})))
    assert f"Not measured: {why}. Stages" in bare.text


def test_lost_and_doubled_writes_are_bad(tmp_path: Path) -> None:
    writes = {"acknowledged": 1000, "lost": 1, "doubled": 2}
    rendered = html(*read_release(RELEASED, tmp_path, probe={"requests": 9, "failed": 0, "writes": writes}))
    assert '<div class="key bad"><b>3</b><span>of 1,000 writes lost or doubled</span>' in rendered
    assert '<div class="key"><b>0</b><span>of them failed</span>' in rendered
    unasked = {"acknowledged": 5, "lost": None, "doubled": None}
    rendered = html(*read_release(RELEASED, tmp_path / "2", probe={"requests": 9, "failed": 1, "writes": unasked}))
    assert '<div class="key"><b>0</b><span>of 5 writes lost or doubled</span>' in rendered
    assert '<div class="key bad"><b>1</b><span>of them failed</span>' in rendered


def test_the_legend_names_each_colour() -> None:
    assert legend_label(Series("other", None, 1, [])) == "no answer, or of no known release"
    assert legend_label(Series("green", "1.4.0", 1, [])) == "1.4.0: green, the new release"
    assert legend_label(Series("both", "1.4.0", 1, [])).startswith("1.4.0: the previous release has the same name")


def test_a_schema_that_stayed_says_so(tmp_path: Path) -> None:
    page = pages.Page(html(*read_release(RELEASED, tmp_path, schema={"before": "0007", "after": "0007"})))
    assert "Schema 0007, unchanged" in page.text
    page = pages.Page(html(*read_release(RELEASED, tmp_path / "2", schema={"after": "0007"})))
    assert "Schema unknown before, 0007 after" in page.text


def test_blue_is_known_by_what_answered_when_the_facts_lack_it(tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path, previous_release="")
    assert [(one.colour, one.release) for one in window_of(facts, files).series] == [("blue", BLUE), ("green", GREEN)]
    two = replace(files, requests=[*files.requests, replace(files.requests[0], release="0.1")])
    assert [one.colour for one in window_of(facts, two).series] == ["green", "other"]


def test_the_window_is_that_of_the_facts_or_else_of_the_files(tmp_path: Path) -> None:
    _, files = read_release(RELEASED, tmp_path)

    def window(files: RunFiles, **given: float) -> tuple[float, float]:
        found = window_of(facts_from(RUN, given), files)
        return found.start, found.end

    assert window(files, started=0, finished=5) == (0, 5)
    assert window(files) == (BEGIN + 4, BEGIN + 189.99)
    assert window(files, started=BEGIN) == (BEGIN, BEGIN + 189.99)
    assert window(RunFiles(), finished=7) == (7, 7)
    assert window(RunFiles(), started=9, finished=7) == (9, 9), "a clock that was set back"
    assert window(RunFiles()) == (0, 0)


def test_the_json_has_every_part(tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path)
    found = report(facts, files)
    assert (found["format"], found["outcome"], found["run"]) == (1, "rolled back", RUN)
    assert found["message"].endswith("1 % is allowed.")
    assert (found["started"], found["finished"], found["seconds"]) == (
        "2026-11-25T11:30:00Z",
        "2026-11-25T11:32:12Z",
        132,
    )
    assert (found["change_reason"], found["failure_reason"][:5]) == ("attendance notes", "green")
    assert (found["requests"], found["failed"], found["breaking_migrations"]) == (11200, 12, [])
    assert [step["name"] for step in found["analyses"]] == ["canary"]
    assert (len(found["stages"]), len(found["events"]), len(found["series"])) == (11, 7, 2)
    assert len(found["next_steps"]) == 4
    given = report(facts_from(RUN, {"analyses": [{"name": "bake", "more": 1}]}), files)
    assert given["analyses"] == [{"name": "bake", "more": 1}]


@pytest.mark.parametrize("run", ["../../etc/x", "a/b", ".hidden", "", "a b", "x" * 201])
def test_a_run_that_would_leave_its_folder_is_no_run(run: str) -> None:
    assert not RUN_NAME.fullmatch(run)
    assert RUN_NAME.fullmatch(RUN)
    assert RUN_NAME.fullmatch("x" * 200)
