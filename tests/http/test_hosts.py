"""Which names and pages reach the server."""

import pytest

from nsllm.errors import SettingsError
from nsllm.frontends.http.hosts import Hosts, check_binding
from nsllm.frontends.http.problems import RequestRefused
from nsllm.settings import Server

LOCAL = Server()
TEAM = Server(host="0.0.0.0", allowed_hosts=("docs.example.org",))
PAGE = Server(cors_origins=("https://wiki.example.org",))


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        (LOCAL, "127.0.0.1:8642"),
        (LOCAL, "localhost"),
        (LOCAL, "LOCALHOST:1"),
        (LOCAL, "[::1]:8642"),
        (TEAM, "docs.example.org:8642"),
        (TEAM, "192.0.2.7:8642"),
        (TEAM, "[2001:db8::1]"),
    ],
)
def test_a_name_of_the_server_is_taken(settings: Server, host: str) -> None:
    assert Hosts(settings).check_host(host)


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        (LOCAL, None),
        (LOCAL, ""),
        (LOCAL, "evil.example"),
        (LOCAL, "localhost.evil.example"),
        (LOCAL, "127.0.0.1.evil.example"),
        (LOCAL, "192.0.2.7"),
        (LOCAL, "localhost@evil.example"),
        (LOCAL, "localhost/evil"),
        (LOCAL, "localhost, evil.example"),
        (LOCAL, "localhost:port"),
        (LOCAL, "localhost:99999"),
        (LOCAL, "[::1"),
        (TEAM, "evil.example"),
    ],
)
def test_another_name_is_refused(settings: Server, host: str | None) -> None:
    with pytest.raises(RequestRefused) as refused:
        Hosts(settings).check_host(host)
    assert refused.value.status == 421


@pytest.mark.parametrize(
    ("settings", "origin", "site", "allowed"),
    [
        (LOCAL, None, None, None),
        (LOCAL, None, "none", None),
        (LOCAL, None, "same-origin", None),
        (LOCAL, "http://127.0.0.1:8642", "same-origin", None),
        (PAGE, "https://wiki.example.org", "cross-site", "https://wiki.example.org"),
    ],
)
def test_ones_own_pages_and_programs_may_call(
    settings: Server, origin: str | None, site: str | None, allowed: str | None
) -> None:
    assert Hosts(settings).check_origin(origin, site, "127.0.0.1:8642") == allowed


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://evil.example", None),
        ("null", None),
        ("", None),
        ("http://127.0.0.1:9999", None),
        ("http://127.0.0.1:8642.evil.example", None),
        ("file://", None),
        ("https://wiki.example.org.evil.example", None),
        (None, "cross-site"),
        (None, "same-site"),
    ],
)
def test_pages_of_other_sites_may_not(origin: str | None, site: str | None) -> None:
    with pytest.raises(RequestRefused) as refused:
        Hosts(PAGE).check_origin(origin, site, "127.0.0.1:8642")
    assert refused.value.status == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "docs.example.org", ""])
def test_others_are_never_answered_without_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="without a token"):
        check_binding(Server(host=host, require_token=False))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_this_machine_may_be_answered_without_a_token(host: str) -> None:
    check_binding(Server(host=host, require_token=False))


def test_tls_takes_certificate_and_key() -> None:
    with pytest.raises(SettingsError, match="tls_key"):
        check_binding(Server(tls_certificate="server.pem"))
