"""Errors as problem details (RFC 9457), with the project's codes."""

import math

import msgspec

from nsllm.errors import NsllmError, UsageError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Request timeout",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    422: "Unprocessable content",
    429: "Too many requests",
    431: "Header fields too large",
    500: "Internal error",
    503: "Unavailable",
    504: "Timeout",
    507: "Insufficient storage",
}

_STATUSES = {
    "usage": 400,
    "question": 422,
    "settings": 409,
    "model.unknown": 404,
    "model.missing": 409,
    "model.unsupported": 409,
    "workspace": 409,
    "index.busy": 503,
    "worker": 503,
    "memory": 503,
    "rate.limited": 429,
    "remote": 503,
    "disk.full": 507,
}
"""Statuses by the code of an error, or by what the code begins with; all others are 500."""


class RequestRefused(UsageError):  # noqa: N818 - a refusal, not a fault of the program
    """A request that is not let through, with the status that says why."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.refusal = code
        self.headers = headers


class OpenAiError(msgspec.Struct, frozen=True, kw_only=True):
    """The member of an error in which OpenAI's clients look for it."""

    message: str
    type: str
    code: str
    param: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong; `code` is stable, `detail` and `hint` are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    request_id: str
    retry_after_s: int | None = None
    error: OpenAiError | None = None
    """Set below /v1 only."""


def problem_of(error: NsllmError, request_id: str, *, openai: bool = False) -> Problem:
    """Describe an error of the project."""
    if isinstance(error, RequestRefused):
        status, code = error.status, error.refusal
    else:
        code = error.code
        status = _STATUSES.get(code) or _STATUSES.get(code.split(".")[0], 500)
    retry_after_s: int | None = None
    if status in (429, 503):
        retry_after_s = math.ceil(getattr(error, "retry_after_s", RETRY_AFTER_S))
    kind = "invalid_request_error" if status < 500 else "server_error"
    return Problem(
        type=f"urn:nsllm:problem:{code}",
        title=_TITLES.get(status, "Error"),
        status=status,
        code=code,
        detail=error.message,
        hint=error.hint,
        request_id=request_id,
        retry_after_s=retry_after_s,
        error=OpenAiError(message=error.message, type=kind, code=code) if openai else None,
    )


def headers_of(error: NsllmError, problem: Problem) -> dict[str, str]:
    """Return the headers that go with a problem, besides its media type."""
    headers = dict(error.headers) if isinstance(error, RequestRefused) else {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    return headers


def crash(error: BaseException) -> NsllmError:
    """Return what a client is told of a failure that nobody foresaw: nothing of its inside."""
    return NsllmError(
        f"Something went wrong inside NS-LLM ({type(error).__name__}).",
        hint="This is a bug. The server's log has the details, under this request's id.",
    )
