"""What Prometheus reads: requests, answers by stage and verdict, and who waits."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from nsllm import __version__
from nsllm.frontends.http.slots import Slots
from nsllm.types import Answer

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The figures of one server; no label holds what a client wrote."""

    def __init__(self, slots: Slots) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "nsllm_http_requests", "Requests.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "nsllm_http_request_seconds",
            "Time of a request.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._stages = Histogram(
            "nsllm_answer_stage_seconds",
            "Time of an answer's stages.",
            ["stage"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._answers = Counter(
            "nsllm_answers", "Answers.", ["mode", "verdict", "cached"], registry=registry
        )
        self._findings = Counter("nsllm_findings", "Findings.", ["severity"], registry=registry)
        running = Gauge("nsllm_requests_running", "Requests that hold a slot.", registry=registry)
        running.set_function(lambda: slots.running)
        waiting = Gauge(
            "nsllm_requests_waiting", "Requests that wait for a slot.", registry=registry
        )
        waiting.set_function(lambda: slots.waiting)
        Gauge("nsllm_info", "The version.", ["version"], registry=registry).labels(__version__).set(
            1
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_answer(self, answer: Answer) -> None:
        """Count an answer, its stages and its findings."""
        judgement = answer.judgement
        cached = "true" if answer.cached else "false"
        self._answers.labels(answer.mode, judgement.verdict.value, cached).inc()
        for stage, spent_ms in answer.timings_ms.items():
            self._stages.labels(stage).observe(spent_ms / 1000)
        for finding in judgement.findings:
            self._findings.labels(finding.severity.value).inc()

    def render(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return generate_latest(self._registry)
