"""What objects beside workloads say of who calls whom, and what they do not."""

from __future__ import annotations

import pytest

from tests.discover.calls import calls, found_in
from tests.discover.small import OTHERS, WEB

CLUSTER_WIDE = {
    "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}": ["{Ingress} -> web : TCP 8080"],
    "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {defaultBackend: {service: {name: gone, port: {number: 80}}}}": [
        "{Ingress} -> gone[Service] : Service 80 ?"
    ],
    "kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {parentRefs: [{name: public, namespace: infra}], rules: [{backendRefs: [{name: web, port: 80}]}]}": [
        "infra/public[Gateway] -> web : TCP 8080"
    ],
    "kind: Service\napiVersion: v1\nmetadata: {name: x}\n"
    "spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}": [
        "{World} -> web : TCP 8080"
    ],
    "kind: Service\napiVersion: v1\nmetadata: {name: x}\n"
    "spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}": [
        "{World} -> web : TCP 8080 ?"
    ],
    "kind: ValidatingWebhookConfiguration\napiVersion: admissionregistration.k8s.io/v1\nmetadata: {name: x}\n"
    "webhooks: [{clientConfig: {service: {name: web, namespace: default, port: 80}}}, "
    "{clientConfig: {url: 'https://db'}}]": ["{APIServer} -> web : TCP 8080"],
    "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {conversion: {webhook: {clientConfig: {service: {name: web, namespace: default, port: 80}}}}}": [
        "{APIServer} -> web : TCP 8080"
    ],
    "kind: APIService\napiVersion: apiregistration.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {service: {name: web, namespace: default, port: 80}}": ["{APIServer} -> web : TCP 8080"],
    "kind: ClusterRoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: x}\n"
    "subjects: [{kind: ServiceAccount, name: default, namespace: data}]": ["data/queue -> {APIServer} : any"],
    "kind: ClusterRoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: x}\n"
    "subjects: [{kind: User, name: default}]": [],
    "kind: Service\napiVersion: v1\nmetadata: {name: x, annotations: {prometheus.io/scrape: 'true'}}\n"
    "spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9090}]}": ["{Metrics} -> web : TCP 9090"],
    "kind: Service\napiVersion: v1\nmetadata: {name: x, annotations: {prometheus.io/scrape: 'false'}}\n"
    "spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9090}]}": [],
    "kind: Service\napiVersion: v1\nmetadata: {name: x, labels: {m: 'y'}}\n"
    "spec: {selector: {app: web}, ports: [{name: m, port: 80, targetPort: 9090}]}\n---\n"
    "kind: ServiceMonitor\napiVersion: monitoring.coreos.com/v1\nmetadata: {name: x}\n"
    "spec: {selector: {matchLabels: {m: 'y'}}, endpoints: [{port: m}, {port: other}]}": ["{Metrics} -> web : TCP 9090"],
    "kind: PodMonitor\napiVersion: monitoring.coreos.com/v1\nmetadata: {name: x}\n"
    "spec: {selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{portNumber: 9090}]}": [
        "{Metrics} -> web : TCP 9090"
    ],
    "kind: PodMonitor\napiVersion: monitoring.coreos.com/v1\nmetadata: {name: x, namespace: data}\n"
    "spec: {selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{portNumber: 9090}]}": [],
    "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], "
    "ports: [{port: 5433}]}]}": ["web -> db : TCP 5433"],
    "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}": [
        "web -> db : any ?"
    ],
    "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], "
    "egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 443}]}, "
    "{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]}]}": ["db -> 192.0.2.0/24 : TCP 443"],
    "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}": [],
    "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n"
    "spec: {podSelector: {matchLabels: {app: db}}, "
    "ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}, {}]}": [],
}


@pytest.mark.parametrize("document", CLUSTER_WIDE)
def test_what_objects_beside_workloads_say(document: str) -> None:
    assert calls(found_in(text=WEB + OTHERS + "---\n" + document)) == CLUSTER_WIDE[document]


def test_annotated_pods_are_scraped_on_the_port_they_say() -> None:
    text = (
        "kind: Pod\napiVersion: v1\nmetadata: {name: a, annotations: {prometheus.io/scrape: 'true'%s}}\n"
        "spec: {containers: [{name: m, image: i, ports: [{containerPort: 80}%s]}]}\n"
    )
    assert calls(found_in(text=text % (", prometheus.io/port: '9090'", ""))) == ["{Metrics} -> a[Pod] : TCP 9090"]
    assert calls(found_in(text=text % ("", ""))) == ["{Metrics} -> a[Pod] : TCP 80"]
    assert calls(found_in(text=text % ("", ", {containerPort: 81}"))) == ["{Metrics} -> a[Pod] : any ?"]


def test_every_kind_with_a_pod_template_is_read() -> None:
    cron = (
        "kind: CronJob\napiVersion: batch/v1\nmetadata: {name: night}\nspec: {jobTemplate: {spec: "
        "{template: {spec: {initContainers: [{name: w, image: i, env: [{name: DB_HOST, value: db}]}], "
        "containers: [{name: m, image: i}]}}}}}"
    )
    assert calls(found_in(text=cron + OTHERS)) == ["night[CronJob] -> db : TCP 5433"]


def test_objects_of_any_form_do_no_harm() -> None:
    odd = (
        "kind: Pod\napiVersion: v1\nmetadata: {name: a, annotations: 3}\n"
        "spec:\n  volumes: [1, {configMap: 2}, {projected: []}]\n"
        "  containers: [{name: m, image: i, env: [1, {name: 2}, {name: A, valueFrom: 3}, {name: B_HOST, value: 4}], "
        "envFrom: [x], args: [1, {}], livenessProbe: 4}]\n---\n"
        "kind: ServiceMonitor\napiVersion: monitoring.coreos.com/v1\nmetadata: 1\nspec: 2\n---\n"
        "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {}\n"
        "subjects: [1, {kind: ServiceAccount}]\n---\n"
        "kind: MutatingWebhookConfiguration\napiVersion: admissionregistration.k8s.io/v1\nmetadata: {name: x}\n"
        "webhooks: [1, {}]\n"
    )
    assert calls(found_in(text=odd)) == []
