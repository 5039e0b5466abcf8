"""The web page at `/`: fixed files, the same for everyone, that call the API with the user's token.

They are made from `extension/page` by `npm run build`.
"""

from pathlib import Path
from typing import Any, Final

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

from nsllm.frontends.http.problems import RequestRefused

FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page/page.js": ("page.js", "text/javascript"),
    "/page/page.css": ("page.css", "text/css"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""What is served, by its path: the file and its media type."""

_FOLDER = Path(__file__).parent / "page"
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def routes(folder: Path = _FOLDER) -> list[HTTPRouteHandler]:
    """Return a route for each file of the page."""
    return [_route(folder / name, path, kind) for path, (name, kind) in FILES.items()]


def _route(file: Path, path: str, media_type: str) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
        request.scope["state"]["exchange"].route = path
        return Response(_read(file), media_type=media_type, status_code=200, headers=_HEADERS)

    return HTTPRouteHandler(path, http_method="GET", status_code=200)(serve)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise RequestRefused(
            404,
            "page",
            "The web page is not part of this installation; the API works without it.",
            hint="In a clone of NS-LLM, build it with Node: npm ci && npm run build",
        ) from error
