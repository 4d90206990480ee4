"""The sandbox's certificate authority, as a strict client sees it."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from sandbox.runtime.certificates import Authority, Identity


def handshake(identity: Identity, ca: Path, name: str) -> None:
    """Connect to a server with that identity, verified as `name` against the CA."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(identity.certificate, identity.key)
    asking = ssl.create_default_context(cafile=str(ca))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            serving.wrap_socket(there, server_side=True).close()
        except OSError:
            there.close()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        asking.wrap_socket(here, server_hostname=name).close()
    finally:
        here.close()
        server.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("name", ["one.example", "any.two.example", "127.1.2.3"])
def test_a_certificate_is_good_for_its_names(authority: Authority, name: str) -> None:
    handshake(authority.issue(["one.example", "*.two.example"], ["127.1.2.3"]), authority.certificate, name)


@pytest.mark.parametrize("name", ["other.example", "two.example", "127.1.2.4"])
def test_and_for_no_other(authority: Authority, name: str) -> None:
    identity = authority.issue(["one.example", "*.two.example"], ["127.1.2.3"])
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity, authority.certificate, name)


def test_another_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.issue(["one.example"]), Authority(tmp_path).certificate, "one.example")


def test_the_same_names_get_the_same_certificate(authority: Authority) -> None:
    first = authority.issue(["one.example"])
    content = first.certificate.read_bytes()
    assert authority.issue(["one.example"]) == first
    assert first.certificate.read_bytes() == content
    assert authority.issue(["two.example"]) != first


def test_an_authority_outlives_its_object(tmp_path: Path) -> None:
    first = Authority(tmp_path).certificate.read_bytes()
    assert Authority(tmp_path).certificate.read_bytes() == first


def test_every_file_is_the_owners_alone(authority: Authority) -> None:
    authority.issue(["one.example"])
    folder = authority.certificate.parent / "certificates"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (*folder.iterdir(), authority.certificate)} == {0o600}


def test_a_long_name_fits(authority: Authority) -> None:
    name = f"{'a' * 60}.{'b' * 60}.example"
    handshake(authority.issue([name]), authority.certificate, name)
