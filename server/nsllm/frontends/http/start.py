"""Run the server until it is told to stop."""

import logging
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from nsllm.errors import MachineError
from nsllm.frontends.http import log
from nsllm.frontends.http.application import build
from nsllm.frontends.http.gate import Gate
from nsllm.frontends.http.hosts import check_binding, is_loopback
from nsllm.frontends.http.protocol import Protocol
from nsllm.frontends.http.service import Service
from nsllm.frontends.http.tokens import Tokens
from nsllm.frontends.http.traces import spans
from nsllm.settings import Server

logger = logging.getLogger("nsllm.server")

_KEEP_ALIVE_S = 30


class _Uvicorn(uvicorn.Server):
    """Ends with status 0 when it is told to stop: that is no failure."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        started: Callable[[str, int], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._started = started
        self._stopping = stopping

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._started(str(host), int(port))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; told so a second time by Ctrl-C, at once."""
        del frame
        self._stopping()
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


Listening = Callable[[str], None]
"""Told the address once it is listened on."""


async def serve(
    folders: Sequence[Path], settings: Server, tokens: Tokens, *, listening: Listening
) -> None:
    """Serve the workspaces until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: others could ask without a token, or TLS is half configured.
        MachineError: the address is taken, or the certificate cannot be used.
    """
    check_binding(settings)
    log.set_up()
    service = Service(folders)
    app = build(service, settings, tokens, spans(settings.traces_endpoint))
    service.start()
    try:
        await listen(app, settings, stopping=service.stop, listening=listening)
    finally:
        await service.aclose()


async def listen(
    app: Gate,
    settings: Server,
    *,
    stopping: Callable[[], None],
    listening: Listening = lambda _url: None,
) -> None:
    """Serve an application until SIGTERM or Ctrl-C, of which `stopping` is told first.

    Raises:
        MachineError: the address is taken, or the certificate cannot be used.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout_s)),
        ssl_certfile=settings.tls_certificate or None,
        ssl_keyfile=settings.tls_key or None,
    )
    _load(config, settings)
    started = partial(_announce, settings, listening)
    server = _Uvicorn(config, started=started, stopping=stopping)
    await _run(server, settings)


def _load(config: uvicorn.Config, settings: Server) -> None:
    try:
        config.load()
    except OSError as error:
        raise MachineError(
            f"{settings.tls_certificate} and {settings.tls_key} cannot be used for TLS: {error}.",
            hint="Give a certificate and its key as PEM files.",
        ) from error


async def _run(server: _Uvicorn, settings: Server) -> None:
    try:
        await server.serve()
    except SystemExit as end:
        raise MachineError(
            f"{settings.host}:{settings.port} cannot be listened on.",
            hint="Another program may have the port: choose one with --port, or 0 for a free one.",
        ) from end
    logger.info("stopped")


def _announce(settings: Server, listening: Listening, host: str, port: int) -> None:
    scheme = "https" if settings.tls_certificate else "http"
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{port}"
    logger.info("listening", extra={"fields": {"url": url}})
    if not is_loopback(settings.host) and not settings.tls_certificate:
        logger.warning(
            "Others on the network can read tokens, questions and answers: set "
            "`server.tls_certificate` and `server.tls_key`, or put a proxy with TLS in front."
        )
    listening(url)
