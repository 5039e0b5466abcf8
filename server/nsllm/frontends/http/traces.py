"""OpenTelemetry traces: a span for each request, where an endpoint for them is configured."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nsllm import __version__
from nsllm.errors import SettingsError
from nsllm.frontends.http.gate import Exchange, Scope, Span


@contextmanager
def no_span(_scope: Scope, _exchange: Exchange) -> Iterator[None]:
    """Trace nothing."""
    yield


def spans(endpoint: str) -> Span:
    """Return what makes the spans; each is named by its route and holds no text of a client.

    Raises:
        SettingsError: the extra `telemetry` is not installed.
    """
    if not endpoint:
        return no_span
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.propagate import extract
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode
    except ImportError as error:
        raise SettingsError(
            "`server.traces_endpoint` is set, and OpenTelemetry is not installed.",
            hint="Install it: pip install 'nsllm[telemetry]'",
        ) from error
    resource = Resource.create({"service.name": "nsllm", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    tracer = provider.get_tracer("nsllm.http", __version__)

    @contextmanager
    def span(_scope: Scope, exchange: Exchange) -> Iterator[None]:
        parent = extract(exchange.headers)
        with tracer.start_as_current_span(
            exchange.known_method, context=parent, kind=SpanKind.SERVER
        ) as current:
            try:
                yield
            finally:
                found: dict[str, Any] = {
                    "http.request.method": exchange.known_method,
                    "http.route": exchange.route,
                    "http.response.status_code": exchange.status,
                    "nsllm.request_id": exchange.request_id,
                }
                current.update_name(f"{exchange.known_method} {exchange.route}")
                current.set_attributes(found)
                if exchange.status >= 500:
                    current.set_status(Status(StatusCode.ERROR))

    return span
