"""The sandbox's certificate authority, which its clients trust."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=397)
COMMON_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate (PEM) and its private key (PEM, mode 0600)."""

    certificate: Path
    key: Path


class Authority:
    """Issue server certificates under root/certificates; the authority's own is root/ca.pem."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "certificates"
        self._lock = threading.Lock()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.certificate = root / "ca.pem"
        self._key_file = self._folder / "ca.key"
        if not self._key_file.exists():
            self._create()
        self._issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    def issue(self, names: Iterable[str], addresses: Iterable[str] = ()) -> Identity:
        """Return a server certificate for these DNS names (wildcards too) and IP addresses.

        The same names and addresses get the same identity again.
        """
        desired = list(dict.fromkeys(names)), list(dict.fromkeys(addresses))
        digest = hashlib.sha256(repr(desired).encode()).hexdigest()[:16]
        identity = Identity(self._folder / f"{digest}.pem", self._folder / f"{digest}.key")
        with self._lock:
            if not identity.certificate.exists():
                self._issue(identity, *desired)
        return identity

    def certify(self, key: CertificatePublicKeyTypes, names: Iterable[str], addresses: Iterable[str] = ()) -> bytes:
        """Return a server certificate (PEM) for a key that somebody else created."""
        names, addresses = tuple(names), tuple(addresses)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder((*names, *addresses)[0], self._issuer.subject, key)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _issue(self, identity: Identity, names: list[str], addresses: list[str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(identity.key, _pem(key))
        _write(identity.certificate, self.certify(key.public_key(), names, addresses))

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = "CampsHub360 sandbox CA"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(name, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        _write(self._key_file, _pem(key))


def _builder(common_name: str, issuer: x509.Name, key: CertificatePublicKeyTypes) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    name = x509.NameAttribute(NameOID.COMMON_NAME, common_name[:COMMON_NAME_LIMIT])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([name]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
