"""Metrics of the mesh in the form of Prometheus: what edges count, and how well it is known.

Labels are bounded as edges are: strangers by network, what there is no room for as `other`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from licet.mesh.telemetry.access_log import AccessLogs
from licet.mesh.telemetry.intake import Intake

_LABELS = ("source", "destination", "port", "kind")


class Metrics(Collector):
    """A collector to register; to be collected on the loop that the intake runs on."""

    def __init__(self, logs: AccessLogs, intake: Intake) -> None:
        self._logs = logs
        self._intake = intake

    def collect(self) -> Iterator[Metric]:
        """Everything as it is now."""
        yield self._edges()
        under_way = GaugeMetricFamily("licet_mesh_open", "Requests and connections under way, by edge.", labels=_LABELS)
        for edge, number in sorted(self._intake.edges.open().items()):
            under_way.add_metric([edge.source, edge.destination, str(edge.port), edge.kind], number)
        yield under_way
        counted = {
            "access_logs": ("What came of access logs, and what was turned away.", self._logs.counted.counts()),
            "entries": ("What became of their entries.", self._intake.reader.counted),
            "entries_lost": ("Entries that no flow was made of.", self._intake.counted.counts()),
            "reports": ("Reports by whether both sides made one.", self._intake.joined.counted),
        }
        for name, (help, counts) in counted.items():
            yield _counter(name, help, counts)
        yield GaugeMetricFamily("licet_mesh_entries_waiting", "Entries that wait to be read.", self._intake.waiting)

    def _edges(self) -> Metric:
        help = "Requests and connections by edge, and by what became of them."
        family = CounterMetricFamily("licet_mesh_flows", help, labels=(*_LABELS, "verdict"))
        for edge, counts in self._intake.edges.totals().items():
            by_verdict = {
                "forwarded": counts.forwarded,
                "refused": counts.refused,
                "would-refuse": counts.would_refuse,
                "failed": counts.failed,
            }
            for verdict, number in by_verdict.items():
                if number:
                    labels = [edge.source, edge.destination, str(edge.port), edge.kind, verdict]
                    family.add_metric(labels, number)
        return family


def _counter(name: str, help: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"licet_mesh_{name}", help, labels=["what"])
    for what, number in sorted(counts.items()):
        family.add_metric([what], number)
    return family
