"""Figures of a running service, in the text format of Prometheus."""

from collections.abc import Callable, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

TEXT_FORMAT = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset("GET POST HEAD PUT DELETE PATCH OPTIONS".split())
OTHER = "other"  # methods and addresses that do not exist: anybody can invent any number of those


class Metrics:
    """The figures of one application, in a registry of their own. No label has anything that a client made up."""

    def __init__(self, generation: Callable[[], int]) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Histogram(
            "citewell_request_seconds",
            "From the head of a request to the end of its answer.",
            ("method", "route", "status"),
            registry=own,
            buckets=BUCKETS,
        )
        self._stages = Histogram(
            "citewell_stage_seconds",
            "Stages of a search and an answer; those asked again have no stages of a search.",
            ("stage",),
            registry=own,
            buckets=BUCKETS,
        )
        self._refusals = Counter(
            "citewell_refusals", "Requests answered with a problem, by its kind.", ("kind",), registry=own
        )
        self.under_way = Gauge("citewell_requests_under_way", "Requests that have no whole answer yet.", registry=own)
        served = Gauge(
            "citewell_generation", "Generation of the index that was served last; 0 before the first.", registry=own
        )
        served.set_function(generation)
        ProcessCollector(registry=own)

    def text(self) -> bytes:
        """Write all of them."""
        return generate_latest(self._registry)

    def add_request(self, method: str | None, route: str | None, status: int | None, seconds: float) -> None:
        """Count a request; `status` is None where the client left before there was one."""
        known = method if method in METHODS else OTHER
        kind = "none" if status is None else f"{status // 100}xx"
        self._requests.labels(known, route or OTHER, kind).observe(seconds)

    def add_stages(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of a search or an answer."""
        for stage, taken in seconds.items():
            self._stages.labels(stage).observe(taken)

    def add_refusal(self, kind: str) -> None:
        """Count a request that was answered with a problem."""
        self._refusals.labels(kind).inc()
