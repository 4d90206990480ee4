"""A task that serves: health, the API, sessions, rate limits, heartbeats, shutdown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.waiting import HANGS_SECONDS, until

from .harness import ADMIN, MASTER, RATE_LIMIT, SECRETS, Answer, Client, Stack, Task, ready

TOKEN = {"Authorization": f"Bearer {SECRETS['HEARTBEAT_TOKEN']}"}


def reports(client: Client, dependency: str) -> str:
    return str(client("GET", "/readyz").json()[dependency])


def test_health_checks_come_by_address_and_every_response_names_its_release(
    client: Client,
) -> None:
    for path in ("/healthz", "/readyz"):
        answer = client("GET", path, Host="10.20.1.7:8000")
        assert (answer.status, answer.headers["X-Release"]) == (200, "1.0.0")
    assert client("GET", "/", Host="10.20.1.7:8000").status == 400
    assert client("GET", "/nowhere").headers["X-Release"] == "1.0.0"


def test_a_task_is_ready_only_when_the_database_has_its_migrations(migrated: Stack) -> None:
    where = {"DATABASE_NAME": migrated.database("empty")}
    task = migrated.serve(**where)
    until(lambda: "0001_initial" in reports(task.client, "database"))
    assert not ready(task.client)
    assert task.client("GET", "/healthz").status == 200
    assert migrated.run("migrate", **where, **ADMIN).finish() == 0
    until(lambda: ready(task.client))


def test_a_task_that_was_ready_stays_so_and_tells_what_is_away(migrated: Stack, member: Client) -> None:
    with migrated.without_cache(member):
        migrated.postgres.stop()
        until(lambda: "ok" not in (reports(member, "database"), reports(member, "cache")))
        assert ready(member)
        assert member("GET", "/api/students").status == 503
        migrated.postgres.start()
        until(lambda: member("GET", "/api/students").status == 200)
    until(lambda: reports(member, "database") == reports(member, "cache") == "ok")


def test_the_first_page_has_the_style_of_its_release_signed_for_a_private_bucket(client: Client) -> None:
    answer = client("GET", "/")
    assert answer.status == 200
    assert b"/static/campus/style.0123456789ab.css?" in answer.body
    assert b"Signature=" in answer.body


def test_the_first_page_stands_without_its_style(migrated: Stack) -> None:
    task = migrated.serve(STATIC_BUCKET="gone")
    until(lambda: ready(task.client))
    answer = task.client("GET", "/")
    assert answer.status == 200
    assert b"CampsHub360" in answer.body
    assert b"stylesheet" not in answer.body


def test_the_api_is_for_members(client: Client) -> None:
    assert client("GET", "/api/students").status == 403
    assert client.login(password="a guess").status == 403


def test_lists_are_filtered_and_paged(member: Client) -> None:
    page = member("GET", "/api/students?page_size=7&programme=Arts").json()
    assert len(page["results"]) == 7
    assert {student["programme"] for student in page["results"]} == {"Arts"}
    following = member("GET", page["next"].partition("example")[2]).json()
    assert following["results"][0]["id"] < page["results"][-1]["id"]
    days = member("GET", "/api/attendance?date__gte=2026-09-07&page_size=200").json()["results"]
    assert {day["date"] for day in days} == {"2026-09-07"}
    assert member("GET", "/api/students?shoe_size=43").status == 400
    assert member("GET", "/api/attendance?date=yesterday").status == 400


def test_what_is_written_is_read(member: Client) -> None:
    new = {"number": "X1", "name": "Zoe", "email": "zoe@example.org", "programme": "Arts"}
    assert member("GET", "/api/students?number=X1").json()["results"] == []
    created = member("POST", "/api/students", new)
    assert created.status == 201
    path = f"/api/students/{created.json()['id']}"
    assert member("POST", "/api/students", new).status == 400
    assert member("PATCH", path, {"programme": "Science"}).status == 200
    assert member("GET", path).json()["programme"] == "Science"
    assert member("GET", "/api/students?number=X1").json()["results"] == [member("GET", path).json()]
    assert member("DELETE", path).status == 204
    assert member("GET", path).status == 404


def test_a_payment_shows_on_its_invoice_and_is_booked_once(member: Client) -> None:
    unpaid = next(i for i in member("GET", "/api/invoices").json()["results"] if i["paid"] == "0.00")
    payment = {"invoice": unpaid["id"], "amount": "10.00", "received": "2026-10-01"}
    assert member("POST", "/api/payments", {**payment, "reference": "R1"}).status == 201
    assert member("POST", "/api/payments", {**payment, "reference": "R1"}).status == 400
    invoices = member("GET", "/api/invoices").json()["results"]
    assert next(i for i in invoices if i["id"] == unpaid["id"])["paid"] == "10.00"


def test_lists_come_from_the_cache_until_somebody_writes(member: Client, migrated: Stack) -> None:
    before = member("GET", "/api/courses").json()
    with migrated.postgres.connection("campshub360") as connection:
        connection.execute("UPDATE campus_course SET title = upper(title)")
    assert member("GET", "/api/courses").json() == before
    first = before["results"][0]
    assert member("PATCH", f"/api/courses/{first['id']}", {"code": first["code"]}).status == 200
    after = member("GET", "/api/courses").json()["results"]
    assert [course["title"] for course in after] == [course["title"].upper() for course in before["results"]]


def test_a_write_needs_the_csrf_token(member: Client) -> None:
    assert member("POST", "/api/courses", {}, X_CSRFToken="forged").status == 403


def test_requests_and_sessions_survive_the_loss_of_the_cache(member: Client, migrated: Stack) -> None:
    with migrated.without_cache(member):
        assert Client(member.address)("POST", "/api/login", {}).status == 400
        assert member("GET", "/api/login").json()["username"] == "probe"
        assert member("GET", "/api/students").status == 200
    assert member("GET", "/api/login").json()["username"] == "probe"


def test_a_client_that_asks_too_often_is_told_when_to_return(member: Client, migrated: Stack) -> None:
    statuses = {member("GET", "/api/sections").status for _ in range(RATE_LIMIT - 1)}
    assert statuses == {200}

    def refusal() -> Answer | None:
        answer = member("GET", "/api/sections")
        return answer if answer.status == 429 else None

    refused = until(refusal, every=0)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    with migrated.without_cache(member):
        assert member("GET", "/api/sections").status == 200  # nobody counts, nobody is refused


def test_guessing_passwords_is_slow_work(client: Client) -> None:
    assert client("POST", "/api/login", {}).status == 400
    until(lambda: client("POST", "/api/login", {}).status == 429, every=0)


def test_a_heartbeat_is_written_once_and_gaps_are_told(client: Client) -> None:
    def beat(sequence: int) -> int:
        return client("POST", "/api/heartbeat", {"probe": "p", "sequence": sequence}, **TOKEN).status

    assert [beat(n) for n in (1, 2, 2, 5, 9)] == [201, 201, 200, 201, 201]
    told = client("GET", "/api/heartbeat?probe=p", **TOKEN).json()
    assert told == {
        "probe": "p", "count": 4, "first": 1, "last": 9, "missing": 5, "gaps": [[3, 4], [6, 8]],
    }  # fmt: skip
    assert client("GET", "/api/heartbeat?probe=other", **TOKEN).json()["last"] is None
    assert client("POST", "/api/heartbeat", {"probe": "p", "sequence": -1}, **TOKEN).status == 400


def test_a_heartbeat_is_committed_before_its_answer_is_held_back(client: Client, migrated: Stack) -> None:
    def beat(hold_ms: object) -> int:
        return client("POST", "/api/heartbeat", {"probe": "held", "sequence": 1, "hold_ms": hold_ms}, **TOKEN).status

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(beat, 5000)  # as long as it may be
        until(lambda: migrated.rows("SELECT count(*) FROM campus_heartbeat WHERE probe = 'held'") == [(1,)])
        assert not answer.done()
        assert answer.result() == 201
    assert [beat(wrong) for wrong in (-1, 5001, "long")] == [400, 400, 400]
    assert beat(0) == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer é"}])
def test_a_heartbeat_needs_the_token(client: Client, header: dict[str, str]) -> None:
    assert client("GET", "/api/heartbeat?probe=p", **header).status == 401
    assert client("POST", "/api/heartbeat", {"probe": "p", "sequence": 1}, **header).status == 401


def test_a_request_in_flight_is_finished_after_sigterm(migrated: Stack) -> None:
    task = migrated.serve()
    with (
        ThreadPoolExecutor() as pool,
        migrated.postgres.connection("campshub360") as connection,
    ):
        connection.autocommit = False
        connection.execute("LOCK TABLE campus_heartbeat")
        beat = {"probe": "slow", "sequence": 1}
        answer = pool.submit(task.client, "POST", "/api/heartbeat", beat, **TOKEN)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        until(lambda: migrated.rows(waiting) == [(1,)])
        code = pool.submit(task.process.stop, HANGS_SECONDS)
        until(lambda: "Handling signal: term" in task.text())
        connection.commit()
        assert answer.result().status == 201
        assert code.result() == 0


def test_the_log_has_json_lines_and_no_secret(task: Task, client: Client) -> None:
    client("GET", "/api/students?name__istartswith=Asha")
    until(lambda: "/api/students" in task.text())
    requests = [record for record in task.records() if record["message"] == "request"]
    assert {"method", "path", "status", "ms", "client", "release"} <= requests[-1].keys()
    assert "Asha" not in task.text()
    assert not [secret for secret in (*SECRETS.values(), MASTER.password) if secret in task.text()]
