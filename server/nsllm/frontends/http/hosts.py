"""Which names and which web pages may reach the server: Host, Origin, and binding elsewhere.

A page of another site that resolves its own name to this machine (DNS rebinding) sends its own
name as Host; a page that calls across sites sends its Origin.
"""

import ipaddress
import platform
from urllib.parse import urlsplit

from nsllm.errors import SettingsError
from nsllm.frontends.http.problems import RequestRefused
from nsllm.settings import Server

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}


class Hosts:
    """Decides by the settings of one server."""

    def __init__(self, settings: Server) -> None:
        self._here = is_loopback(settings.host)
        self._names = {name.lower() for name in settings.allowed_hosts} | _LOOPBACK
        if not self._here:
            self._names |= {settings.host.lower(), platform.node().lower()}
        self._origins = frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins)

    def check_host(self, host: str | None) -> str:
        """Return the Host of a request, in lower case and without its port.

        Raises:
            RequestRefused: it is missing, or not a name of this server.
        """
        name = _name_of(host or "")
        if name and (name in self._names or (not self._here and _is_address(name))):
            return name
        raise RequestRefused(
            421,
            "host",
            "The Host of the request is not a name of this server.",
            hint="Use the address that the server printed, or add the name to "
            "`server.allowed_hosts`.",
        )

    def check_origin(self, origin: str | None, site: str | None, host: str | None) -> str | None:
        """Return the origin of another site that may read the answer; None for everyone else.

        Raises:
            RequestRefused: a web page of another site that was not allowed asks.
        """
        if origin is not None:
            if origin.lower() in self._origins:
                return origin
            if _same(origin, host or ""):
                return None
        elif site in (None, "none", "same-origin"):
            return None
        raise RequestRefused(
            403,
            "origin",
            "A web page of another site may not call this server.",
            hint="If it is yours, add its origin to `server.cors_origins`.",
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() in _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(settings: Server) -> None:
    """Refuse to be reachable by others without a token.

    Raises:
        SettingsError: others could ask without a token, or TLS is half configured.
    """
    if not settings.require_token and not is_loopback(settings.host):
        raise SettingsError(
            f"The server would answer everyone who reaches {settings.host}, without a token.",
            hint="Set `server.require_token` to true, or `server.host` to 127.0.0.1.",
        )
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingsError(
            "TLS takes both `server.tls_certificate` and `server.tls_key`.",
            hint="Set both, or neither.",
        )


def _name_of(host: str) -> str:
    """Return the name in a Host header; empty where it is not well formed."""
    if any(char in host for char in "/@?#\\, \t"):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    return (parts.hostname or "").lower()


def _is_address(name: str) -> bool:
    # No name stands behind an address, so none can be rebound.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, host: str) -> bool:
    try:
        ours, theirs = urlsplit(f"//{host}"), urlsplit(origin)
        default = _PORTS.get(theirs.scheme)
        ports = (theirs.port or default, ours.port or default)
    except ValueError:
        return False
    is_same_name = ours.hostname is not None and theirs.hostname == ours.hostname
    return default is not None and is_same_name and ports[0] == ports[1]
