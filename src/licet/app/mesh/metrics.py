"""Metrics of a control plane: who is connected, how fast what is new reaches all, and what is wrong now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from licet.app.mesh.running import Mesh
from licet.mesh.fleet import Stage


class Measured(Collector):
    """A collector to register; to be collected on the loop that the control plane runs on."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def collect(self) -> Iterator[Metric]:
        """Everything as it is now."""
        mesh, control = self._mesh, self._mesh.control
        yield GaugeMetricFamily(
            "licet_mesh_sidecars_connected", "Sidecars that are connected here.", len(control.attended)
        )
        yield self._stages()
        yield CounterMetricFamily("licet_mesh_pushes", "Snapshots that sidecars were told.", control.pushes)
        yield CounterMetricFamily("licet_mesh_nacks", "What sidecars did not take.", control.nacks)
        yield _settled(control.settling.buckets(), control.settling.total)
        yield CounterMetricFamily("licet_mesh_proofs", "Policies that were seen to decide.", mesh.proving.proofs)
        yield CounterMetricFamily(
            "licet_mesh_severed", "Connections of revoked identities that were ended.", mesh.severed
        )
        yield CounterMetricFamily(
            "licet_mesh_rollbacks", "Workloads that were put back to Shadow by themselves.", mesh.rolling.done
        )
        yield self._findings()
        held = GaugeMetricFamily("licet_mesh_held", "Workloads that are held back.", labels=["workload", "mode"])
        for workload, step in sorted(control.known.steps.items()):
            held.add_metric([workload, step.mode.value], 1)
        yield held
        yield GaugeMetricFamily(
            "licet_mesh_domain_followed",
            "Whether revocations and steps reach this control plane.",
            int(not mesh.following.failure),
        )

    def _stages(self) -> Metric:
        family = GaugeMetricFamily("licet_mesh_instances", "Instances that are known, by stage.", labels=["stage"])
        counts = Counter(self._mesh.control.fleet.stages.values())
        for stage in Stage:
            family.add_metric([stage.value], counts[stage])
        return family

    def _findings(self) -> Metric:
        family = GaugeMetricFamily("licet_mesh_findings", "What is wrong with sidecars now, by code.", labels=["code"])
        for code, number in sorted(Counter(each.code for each in self._mesh.findings).items()):
            family.add_metric([code], number)
        return family


def _settled(buckets: list[tuple[str, float]], total: float) -> Metric:
    help = "Seconds from a change until the last sidecar acknowledged it."
    return HistogramMetricFamily("licet_mesh_settling_seconds", help, buckets=buckets, sum_value=total)
