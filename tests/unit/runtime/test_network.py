"""Addresses by name, and processes that resolve and bind as if they were tasks of their own."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox.runtime.network
from sandbox.runtime.network import Network, read_hosts


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path, "127.89")


def test_an_address_is_its_names_own_and_stays(network: Network, tmp_path: Path) -> None:
    first, second = network.address("database/one"), network.address("task/two")
    assert first != second
    assert network.address("database/one") == first
    assert Network(tmp_path, "127.89").address("database/one") == first


def test_addresses_stay_off_the_sandboxs_own(network: Network) -> None:
    assert not network.address("task/1").startswith("127.89.0.")


def test_a_released_address_rests_before_another_gets_it(network: Network) -> None:
    released = network.address("task/1")
    network.release("task/1")
    assert network.address("task/2") != released
    network.release("task/never-seen")


def test_names_are_published_and_withdrawn(network: Network) -> None:
    network.publish("Database.Example", "127.89.1.1")
    assert network.lookup("database.example") == "127.89.1.1"
    assert read_hosts(network.hosts) == {"database.example": "127.89.1.1"}
    network.withdraw("database.example")
    assert network.lookup("database.example") is None


def test_who_only_reads_leaves_the_hosts_file_alone(network: Network, tmp_path: Path) -> None:
    network.publish("new.example", "127.89.1.1")
    before = network.hosts.stat().st_ino
    assert Network(tmp_path, "127.89").lookup("new.example") == "127.89.1.1"
    assert network.hosts.stat().st_ino == before


def test_files_are_the_owners_alone(network: Network, tmp_path: Path) -> None:
    network.address("task/1")
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "addresses.json": 0o600,
        "hosts": 0o600,
    }


def run(network: Network, address: str, program: str) -> str:
    """Return the output of a Python process of the sandbox."""
    done = subprocess.run(
        [sys.executable, "-c", f"import socket\n{program}"],
        env=network.environment(address),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_process_resolves_published_names_only(network: Network) -> None:
    network.publish("database.example", "127.89.1.9")
    program = "print(socket.getaddrinfo('{}', 5432, socket.AF_INET)[0][4])"
    assert run(network, "127.89.1.1", program.format("DATABASE.example.")) == "('127.89.1.9', 5432)"
    unknown = "try: socket.getaddrinfo('withdrawn.invalid', 1)\nexcept socket.gaierror: print('unknown')"
    assert run(network, "127.89.1.1", unknown) == "unknown"


def test_a_process_sees_names_change_while_it_runs(network: Network) -> None:
    network.publish("database.example", "127.89.1.9")
    program = f"""
import os
print(socket.gethostbyname('database.example'))
with open('{network.hosts}.new', 'w') as file: file.write('127.89.1.10 database.example\\n')
os.replace('{network.hosts}.new', '{network.hosts}')
print(socket.gethostbyname('database.example'))"""
    assert run(network, "127.89.1.1", program).split() == ["127.89.1.9", "127.89.1.10"]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
def test_a_process_binds_its_own_address(network: Network, host: str) -> None:
    program = f"s = socket.socket(); s.bind(({host!r}, 0)); print(s.getsockname()[0])"
    assert run(network, "127.89.1.7", program) == "127.89.1.7"


def test_localhost_is_the_process_itself(network: Network) -> None:
    program = (
        "s = socket.create_server(('0.0.0.0', 0)); c = socket.create_connection(('localhost', s.getsockname()[1]))"
    )
    assert run(network, "127.89.1.7", f"{program}; print(c.getpeername()[0])") == "127.89.1.7"


def test_what_a_full_disk_did_not_take_is_told_again(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered as told, it would never be: a database whose name nobody finds."""
    with monkeypatch.context() as full:

        def refuse(path: Path, content: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        full.setattr(sandbox.runtime.network, "_write", refuse)
        for attempt in (network.publish, network.publish):
            with pytest.raises(OSError, match="No space"):
                attempt("database.example", "127.89.1.1")
        with pytest.raises(OSError, match="No space"):
            network.address("database/one")
    network.publish("database.example", "127.89.1.1")
    assert read_hosts(network.hosts) == {"database.example": "127.89.1.1"}
    assert Network(network.hosts.parent, "127.89").address("database/one") == network.address("database/one")
