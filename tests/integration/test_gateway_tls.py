"""The gateway over TLS, with a certificate of its own making."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.schema import TlsSettings
from streams.gateway import app
from streams.ledger.access import AccessRole, KeyRequest
from tests.fakes.live_gateway import CountingHub, gateway_settings, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_it_speaks_tls_where_it_is_told_to(tmp_path, bus_server, ledger_server):
    cert, key = a_certificate(tmp_path)
    plain = gateway_settings(tmp_path, bus_server, ledger_server)
    settings = plain.model_copy(update={"tls": TlsSettings(cert=cert, key=key)})

    async def main():
        parts = app.open_parts(settings, CountingHub())
        trust = ssl.create_default_context(cafile=str(cert))
        url = f"https://127.0.0.1:{settings.gateway.port}"
        async with asyncio.TaskGroup() as group, httpx.AsyncClient(verify=trust) as client:
            serving = group.create_task(app.serve(parts))

            async def ready():
                with contextlib.suppress(httpx.ConnectError):
                    return (await client.get(f"{url}/readyz")).status_code == 200
                return False

            await until(ready)
            new = await parts.ledger.keys.create(KeyRequest(AccessRole.VIEWER))
            signed = await client.post(f"{url}/api/v1/session", json={"key": new.plain})
            assert signed.status_code == 200
            assert "Secure" in signed.headers["set-cookie"]
            assert "strict-transport-security" in signed.headers
            serving.cancel()

    asyncio.run(main())


def a_certificate(folder):
    """Make a certificate for 127.0.0.1 that signs itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ostiary test")])
    now = datetime.now(tz=UTC)  # noqa: TID251
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(private, hashes.SHA256())
    )
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return cert, key
