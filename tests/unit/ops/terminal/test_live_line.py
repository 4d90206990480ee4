"""A live line on a terminal: one row that is written over, and stays only when its stage is over. On a real pty."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.terminal.live_line import LiveLine, cut, elapsed, stage_of
from tests.support.waiting import HANGS_SECONDS, read_until, until

CHECKOUT = Path(__file__).parents[4]
COLUMNS = 60
PLAY = """
- name: Wait for something
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Wait until it is there
      progressing: {{file: {file}}}
      register: look
      until: look.done
      retries: 20
      delay: 0.1
    - name: Say so
      ansible.builtin.debug: {{msg: it is there}}
"""
MODULE = """
import pathlib
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"file": {}})
file = pathlib.Path(module.params["file"])
n = int(file.read_text()) + 1 if file.exists() else 1
file.write_text(str(n))
stage = "SCALE_UP" if n < 4 else "BAKE_TIME"
module.exit_json(done=n > 6, progress=f"{stage}: look {n}, and a text that is far too long for a row of this terminal")
"""


def screen(raw: str, columns: int) -> list[str]:
    """What is to be seen on a terminal at the end: enough of one for what is written here."""
    rows, column = [""], 0
    for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", raw):
        if part == "\n":
            rows.append("")
            column = 0
        elif part == "\r":
            column = 0
        elif part == "\x1b[2K":
            rows[-1] = ""
        elif not part.startswith("\x1b"):
            rows[-1] = rows[-1].ljust(column)[:column] + part + rows[-1][column + len(part) :]
            column += len(part)
            assert column <= columns or len(rows[-1]) > columns
    return rows


def in_terminal(command: list[str], environment: dict[str, str], columns: int = COLUMNS) -> str:
    """All that a command writes to a terminal of its own."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, env=environment, cwd=CHECKOUT
    )
    os.close(follower)
    try:
        written = read_until(leader, lambda _: False)
    finally:
        os.close(leader)  # which ends what still writes
        process.wait(HANGS_SECONDS)
    return written.decode()


@pytest.fixture
def played(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a play that waits."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/progressing.py").write_text(MODULE)
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY.format(file=tmp_path / "looks"))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = {
        **os.environ,
        "TERM": "xterm",
        "ANSIBLE_LIBRARY": str(tmp_path / "modules"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    return [program, "-i", "localhost,", "-c", "local", str(playbook)], environment


def test_a_terminal_has_one_row_that_stays_once_a_stage(played: tuple[list[str], dict[str, str]]) -> None:
    raw = in_terminal(*played)
    assert raw.count("\r\x1b[2K") > 6
    live = [re.sub(r"\x1b\[[0-9;]*m", "", part) for part in re.findall(r"\r\x1b\[2K([^\r\n]+?)(?=[\r\n]|$)", raw)]
    rows = [row for row in live if "look" in row and "waited" not in row]
    assert len(rows) >= 6
    assert max(len(row) for row in rows) < COLUMNS
    stayed = [row for row in screen(raw, COLUMNS) if "look" in row]
    assert [row.partition(",")[0] for row in stayed] == [
        "  waited: [localhost] SCALE_UP: look 3",
        "  waited: [localhost] BAKE_TIME: look 6",
    ]
    assert re.search(r"\(\d+:\d\d\)$", stayed[0])
    assert any("it is there" in row for row in screen(raw, COLUMNS))


@pytest.mark.parametrize("plainly", ["pipe", "dumb", "verbose"])
def test_elsewhere_it_is_plain_lines(plainly: str, played: tuple[list[str], dict[str, str]]) -> None:
    command, environment = played
    if plainly == "pipe":
        raw = subprocess.run(
            command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=HANGS_SECONDS
        ).stdout
    else:
        raw = in_terminal(
            [*command, *(["-v"] if plainly == "verbose" else [])],
            environment | ({"TERM": "dumb"} if plainly == "dumb" else {}),
        )
    assert "\x1b[2K" not in raw
    assert len(re.findall(r"  waiting: \[localhost\] \w+: look \d", raw)) == 6


#: a byte that nobody else writes
MARK = b"\x00"


class Terminal:
    """A pty that is read all the time, so that nobody who writes waits, and a line that writes to it."""

    def __init__(self, columns: int) -> None:
        self.columns, self.read, self.marks = columns, b"", 0
        self.leader, self.follower = pty.openpty()
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.line = LiveLine(self.follower, lambda words: self.write(words + "\n"))
        self.reader = threading.Thread(target=self.take, daemon=True)
        self.reader.start()

    def take(self) -> None:
        with suppress(OSError):  # how a pty says that nobody writes any more
            while True:
                self.read += os.read(self.leader, 65536)

    def write(self, words: str) -> None:
        os.write(self.follower, words.encode())

    def rows(self) -> list[str]:
        """What is to be seen once all that was written by now has come; the clock may write before and after."""
        self.marks += 1
        os.write(self.follower, MARK)
        until(lambda: self.read.count(MARK) >= self.marks, lambda: f"it wrote {self.read!r}")
        return screen(self.read.replace(MARK, b"").decode().replace("\r\n", "\n"), self.columns)

    def close(self) -> None:
        self.line.end()
        os.close(self.follower)
        self.reader.join()
        os.close(self.leader)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(COLUMNS)
    yield made
    made.close()


def test_other_output_stands_above_the_line(terminal: Terminal) -> None:
    terminal.line.wait("a", "1 of 3 tasks")
    with terminal.line.hidden():
        terminal.write("ok: [b]\n")
    assert terminal.rows() == ["ok: [b]", "  0:00 [a] 1 of 3 tasks"]
    terminal.line.end("a")
    assert terminal.rows() == ["ok: [b]", "  waited: [a] 1 of 3 tasks (0:00)", ""]


def test_hosts_share_the_line_and_end_apart(terminal: Terminal) -> None:
    terminal.line.wait("a", "1 of 3 tasks")
    terminal.line.wait("b", "2 of 3 tasks")
    assert terminal.rows()[-1] == "  0:00 [b] (and 1 more) 2 of 3 tasks"
    terminal.line.end("b")
    terminal.line.wait("a", "2 of 3 tasks")
    assert terminal.rows()[-1] == "  0:00 [a] 2 of 3 tasks"
    assert len(terminal.rows()) == 2


def test_a_stage_that_was_told_counts_more_than_the_words(terminal: Terminal) -> None:
    terminal.line.wait("a", "BAKE: 5 s left", "5 %")
    terminal.line.wait("a", "other words", "5 %")
    assert terminal.rows() == ["  0:00 [a] other words"]
    terminal.line.wait("a", "other words", "100 %")
    assert terminal.rows() == ["  waited: [a] other words (0:00)", "  0:00 [a] other words"]


def test_the_clock_ticks_while_nobody_says_anything(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.terminal.live_line.TICK_SECONDS", 0.05)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    terminal.line.wait("a", "it")
    now[0] += 75
    until(lambda: terminal.rows()[-1] == "  1:15 [a] it")


def test_a_clock_that_writes_all_the_time_overtakes_no_reader(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is awaited need not be the last that was written."""
    monkeypatch.setattr("ops.terminal.live_line.TICK_SECONDS", 0.0)
    terminal.line.wait("a", "it")
    until(lambda: terminal.rows()[-1] == "  0:00 [a] it")
    for number in range(20):
        terminal.line.wait("a", f"it {number}", "it")
        until(lambda number=number: terminal.rows()[-1].endswith(f"[a] it {number}"))  # type: ignore[misc]


def test_a_line_is_cut_to_the_row_and_can_t_move_the_cursor() -> None:
    assert cut("x" * 100, 60) == "x" * 56 + "..."
    assert len(cut("x" * 100, 60)) < 60
    assert cut("a\nb\x1b[2J", 60) == "a b [2J"
    assert elapsed(75.9) == "1:15"


def test_figures_alone_are_no_new_stage() -> None:
    assert stage_of("1 of 3 tasks running") == stage_of("2 of 3 tasks running")
    assert stage_of("SCALE_UP: green has 1 task") == stage_of("SCALE_UP: starts, 2 tasks")
    assert stage_of("SCALE_UP: 5") != stage_of("BAKE_TIME: 5")
