"""What can go wrong with a generator on another machine, each with what to do about it."""

import email.utils
import time
from typing import Any

import httpx
import msgspec

from nsllm.errors import NsllmError, QuestionError, RemoteBusyError, RemoteError
from nsllm.settings import Remote

_SHOWN = 300
_RETRY_S = 5.0


async def broken(response: httpx.Response, remote: Remote) -> NsllmError:
    """Return the error for a response that is not 200."""
    status = response.status_code
    said = _words(await response.aread())
    if status in (401, 403):
        return RemoteError(
            f"{remote.url} refuses the token ({status}){said}",
            hint="Set `remote.token_file`, or the variable that `remote.token_variable` names.",
            reason="refused",
        )
    if status == 404:
        return RemoteError(
            f"{remote.url} has no model {remote.model}, or no chat completions (404){said}",
            hint="`nsllm doctor` lists its models; set `remote.model`, and `remote.url` with "
            "its path, such as http://host:8000/v1.",
            reason="model",
        )
    if status in (429, 503):
        wait_s = retry_after_s(response.headers.get("retry-after"))
        return RemoteBusyError(
            f"{remote.url} has no time now ({status}){said}",
            hint=f"Ask again in {round(wait_s)} s.",
            retry_after_s=wait_s,
        )
    if status in (400, 413, 422) and "context" in said.lower():
        return QuestionError(
            f"The question with its passages is too long for {remote.model}{said}",
            hint="Ask a shorter question, or with fewer passages (`retrieval.top_k`).",
        )
    return RemoteError(
        f"{remote.url} answers with status {status}{said}",
        hint="See that server's log. Redirections are not followed: set `remote.url` as it is.",
        reason="failed",
    )


def failed_within(remote: Remote, told: Any) -> RemoteError:
    """Return the error for a stream that says what went wrong."""
    return RemoteError(
        f"{remote.url} failed while it wrote{_words(msgspec.json.encode(told))}",
        hint="Ask again; see that server's log.",
        reason="failed",
    )


def unreachable(remote: Remote, error: Exception) -> RemoteError:
    """Return the error for a server that cannot be connected to."""
    return RemoteError(
        f"{remote.url} cannot be reached: {str(error) or type(error).__name__}.",
        hint="Check `remote.url`, and that the server runs. `nsllm models use` goes back to a "
        "model of this machine.",
        reason="unreachable",
    )


def timed_out(remote: Remote) -> RemoteError:
    """Return the error for a server that is silent."""
    return RemoteError(
        f"{remote.url} was silent for {remote.timeout_s:g} s.",
        hint="Ask again, or raise `remote.timeout_s`.",
        reason="timeout",
    )


def cut_off(remote: Remote) -> RemoteError:
    """Return the error for an answer without an end."""
    return RemoteError(
        f"{remote.url} broke off in the middle of an answer.",
        hint="Ask again; see that server's log.",
        reason="cut-off",
    )


def retry_after_s(header: str | None) -> float:
    """Return what a Retry-After header says in seconds: a number, or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return _RETRY_S
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return _RETRY_S
    return max(0.0, moment.timestamp() - time.time())


def _words(body: bytes) -> str:
    """Return what a body says, for people: the message of an error, or its beginning."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        told = body.decode("utf-8", "replace")
    for member in ("error", "message", "detail"):
        if isinstance(told, dict) and member in told:
            told = told[member]
    text = " ".join(str(told).split())[:_SHOWN].rstrip(".")
    return f": {text}." if text else "."
