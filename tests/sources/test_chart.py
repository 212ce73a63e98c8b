"""Charts: rendered with the real helm, and told of where there is none."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.sources import Fetched, fetch
from tests.kubectl import helm
from tests.shared import shared


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def with_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(helm().parent))


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def chart(folder: str, name: str = "shop", more: str = "") -> None:
    write(f"{folder}/Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: 1.2.3\n{more}")
    write(f"{folder}/values.yaml", "port: 80\n")
    write(
        f"{folder}/templates/web.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\n"
        "spec: {ports: [{port: {{ .Values.port }}}]}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
    )
    write(
        f"{folder}/templates/tests/ping.yaml",
        'apiVersion: v1\nkind: Pod\nmetadata: {name: ping, annotations: {"helm.sh/hook": test}}\n',
    )


def sources(fetched: Fetched) -> list[str]:
    return [text.source for text in fetched.texts]


@pytest.mark.usefixtures("with_helm")
@pytest.mark.parametrize("path", ["charts/shop", "charts/shop/Chart.yaml", "charts", "."])
def test_a_chart_is_rendered_whether_named_or_met(path: str) -> None:
    chart("charts/shop")
    found = fetch([path], namespace="bank")
    assert sources(found) == ["rendered by helm: charts/shop/templates/web.yaml"]
    assert b"metadata: {name: shop, namespace: bank}\nspec: {ports: [{port: 80}]}" in found.texts[0].data
    assert found.texts[0].data.count(b"\nkind: ") == 2
    assert found.diagnostics == []


@pytest.mark.usefixtures("with_helm")
def test_a_subchart_belongs_to_its_parent_and_definitions_are_included() -> None:
    chart("shop", more="dependencies: [{name: cache, version: 1.2.3}]\n")
    chart("shop/charts/cache", "cache")
    write(
        "shop/crds/d.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: d}\n"
    )
    assert sources(fetch(["."])) == [
        "rendered by helm: shop/charts/cache/templates/web.yaml",
        "rendered by helm: shop/crds/d.yaml",
        "rendered by helm: shop/templates/web.yaml",
    ]


@pytest.mark.usefixtures("with_helm")
def test_an_archive_is_rendered(here: Path) -> None:
    chart("shop")
    with tarfile.open(here / "shop-1.2.3.tgz", "w:gz") as archive:
        archive.add("shop")
    found = fetch(["shop-1.2.3.tgz"])
    assert sources(found) == ["rendered by helm: shop-1.2.3.tgz/templates/web.yaml"]
    assert b"name: shop," in found.texts[0].data


def test_without_helm_it_is_an_error_and_the_rest_is_read() -> None:
    chart("k8s/charts/shop")
    write("k8s/a.yaml", "apiVersion: v1\n")
    found = fetch(["k8s"])
    assert sources(found) == ["k8s/a.yaml"]
    assert found.diagnostics == [
        Diagnostic(
            "L0010",
            Severity.ERROR,
            "`k8s/charts/shop` is a Helm chart and `helm` is not installed: "
            "its templates are not YAML and are not read",
            where=Span("k8s/charts/shop/Chart.yaml", 1, 1, 1, 1),
            help="install helm, exclude the chart, or pipe it in: `helm template CHART | licet map -`",
        )
    ]


def test_a_chart_that_is_excluded_is_not_rendered() -> None:
    chart("k8s/charts/shop")
    write("k8s/a.yaml", "apiVersion: v1\n")
    assert fetch(["k8s"], exclude=["charts/"]).diagnostics == []


@pytest.mark.usefixtures("with_helm")
def test_a_chart_that_helm_refuses_is_told_with_helms_own_words() -> None:
    chart("shop")
    write("shop/templates/broken.yaml", '{{ required "a password is needed" .Values.password }}')
    found = fetch(["shop"])
    assert found.texts == []
    [diagnostic] = found.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("L0011", "helm cannot render `shop`")
    assert "a password is needed" in diagnostic.notes[0]


@pytest.mark.usefixtures("with_helm")
def test_dependencies_that_are_not_there_are_not_fetched() -> None:
    chart("shop", more='dependencies: [{name: cache, version: 1.2.3, repository: "https://example.com/charts"}]\n')
    [diagnostic] = fetch(["shop"]).diagnostics
    assert diagnostic.help == "bring its dependencies first: `helm dependency build shop`"


@pytest.mark.usefixtures("with_helm")
def test_a_library_chart_holds_nothing_and_that_is_no_error() -> None:
    chart("lib", more="type: library\n")
    [diagnostic] = fetch(["lib"]).diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("L0012", Severity.INFO)


@pytest.mark.usefixtures("with_helm")
@pytest.mark.parametrize("folder", ["--debug", "My Chart!", "-", "x" * 80])
def test_the_name_of_a_folder_does_no_harm(folder: str) -> None:
    chart(f"k8s/{folder}")
    assert len(fetch([f"k8s/{folder}"]).texts) == 1


@pytest.mark.usefixtures("with_helm")
def test_a_file_that_is_only_named_like_an_archive_is_a_finding() -> None:
    write("x.tgz", "no archive")
    [diagnostic] = fetch(["x.tgz"]).diagnostics
    assert diagnostic.code == "L0011"


@pytest.mark.usefixtures("with_helm")
def test_the_chart_of_aks_store_is_rendered_within_its_folder() -> None:
    found = fetch([str(shared("corpus", "aks-store"))])
    rendered = [source.rpartition("/")[2] for source in sources(found) if source.startswith("rendered by helm: ")]
    services = ("makeline-service", "order-service", "product-service", "store-admin", "store-front")
    others = ("documentdb", "rabbitmq", "virtual-customer", "virtual-worker")
    assert rendered == sorted(f"{name}.yaml" for name in services + others)
    assert found.diagnostics == []


def test_the_folder_of_aks_store_without_helm_says_so_and_does_the_rest() -> None:
    found = fetch([str(shared("corpus", "aks-store"))])
    assert len(found.texts) == 34
    assert [each.code for each in found.diagnostics] == ["L0010"]
    assert not any("/templates/" in source or source.endswith("values.yaml") for source in sources(found))
