"""What Prometheus reads: requests, answers by stage and verdict, and who waits."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from nsllm import __version__
from nsllm.cache.store import KINDS, CacheStatus
from nsllm.frontends.http.slots import Slots
from nsllm.types import Answer

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The figures of one server; no label holds what a client wrote."""

    def __init__(
        self, slots: Slots, caches: Callable[[], Sequence[CacheStatus]] = lambda: ()
    ) -> None:
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
        registry.register(_Caches(caches))
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


class _Caches:
    """The caches of all workspaces together, read when Prometheus asks."""

    def __init__(self, read: Callable[[], Sequence[CacheStatus]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield what the caches hold, and how often they helped."""
        found = self._read()
        entries = GaugeMetricFamily("nsllm_cache_entries", "Entries.", labels=["kind"])
        hits = CounterMetricFamily("nsllm_cache_hits", "Found in a cache.", labels=["kind"])
        misses = CounterMetricFamily("nsllm_cache_misses", "Made anew.", labels=["kind"])
        for kind in KINDS:
            entries.add_metric([kind], sum(one.entries[kind] for one in found))
            hits.add_metric([kind], sum(one.hits[kind] for one in found))
            misses.add_metric([kind], sum(one.misses[kind] for one in found))
        size = sum(one.size_bytes for one in found)
        limit = sum(one.limit_bytes for one in found)
        broken = sum(one.problem is not None for one in found)
        yield from (entries, hits, misses)
        yield GaugeMetricFamily("nsllm_cache_bytes", "Size of all caches.", value=size)
        yield GaugeMetricFamily("nsllm_cache_limit_bytes", "Most they may take.", value=limit)
        yield GaugeMetricFamily("nsllm_cache_problems", "Caches without use.", value=broken)
