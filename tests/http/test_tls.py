"""`nsllm serve` over TLS, with a certificate of an authority made for the test."""

import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme

from http_live import Live

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
ENVIRONMENT = 3


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certified(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of a server that has a certificate; the clients of the test trust it."""
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "server.pem", tmp_path / "server.key"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    issued.private_key_pem.write_to_path(key)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return {"NSLLM_SERVER_TLS_CERTIFICATE": str(chain), "NSLLM_SERVER_TLS_KEY": str(key)}


def test_it_answers_over_tls_and_not_without(
    start: Callable[..., Live], certified: dict[str, str]
) -> None:
    server = start(**certified).ready()
    assert server.url.startswith("https://127.0.0.1:")
    with server.client() as client:
        found = client.post("/api/search", json={"query": "blinking status light"})
        assert found.json()["hits"][0]["path"] == "docs/relays.md"
    with (
        httpx.Client(verify=ssl.create_default_context(cadata=other_authority())) as stranger,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stranger.get(f"{server.url}/healthz")
    with httpx.Client() as plain, pytest.raises(httpx.TransportError):
        plain.get(f"{server.url.replace('https', 'http')}/healthz")
    with server.client() as client:
        assert client.get("/healthz").status_code == 200


def test_old_versions_of_tls_are_refused(
    start: Callable[..., Live], certified: dict[str, str]
) -> None:
    server = start(**certified).ready()
    context = ssl.create_default_context()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with httpx.Client(verify=context) as client, pytest.raises(httpx.ConnectError):
        client.get(f"{server.url}/healthz")


@pytest.mark.parametrize("broken", ["certificate", "key", "pair"])
def test_what_cannot_be_used_is_named(
    server_home: Path, harrow: Path, certified: dict[str, str], tmp_path: Path, broken: str
) -> None:
    if broken == "certificate":
        Path(certified["NSLLM_SERVER_TLS_CERTIFICATE"]).write_text("no certificate")
    elif broken == "key":
        Path(certified["NSLLM_SERVER_TLS_KEY"]).unlink()
    else:
        other = trustme.CA().issue_cert("127.0.0.1")
        other.private_key_pem.write_to_path(certified["NSLLM_SERVER_TLS_KEY"])
    done = subprocess.run(
        [sys.executable, "-m", "nsllm", "serve", str(harrow), "--port", "0"],
        env={**os.environ, "NSLLM_HOME": str(server_home), "COLUMNS": "300", **certified},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=280,
    )
    assert done.returncode == ENVIRONMENT, done.stderr
    assert "server.pem" in done.stderr
    assert "PEM" in done.stderr
    assert "Traceback" not in done.stderr


def other_authority() -> str:
    return trustme.CA().cert_pem.bytes().decode()
