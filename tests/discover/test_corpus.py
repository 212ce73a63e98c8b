"""Calls that are written in manifests of others, listed by hand from reading them, and what discovery makes of those.

A line with ` ?` is written there, but leads to something that is not: a Service that no manifest holds, a NodePort.
"""

from __future__ import annotations

import os

import pytest

from tests.cli.command import SHOP
from tests.discover.calls import calls, found_in, listed, precision_and_recall
from tests.kubectl import kubectl
from tests.shared import shared

BOOKINFO = """
ratings-v2          -> mongodb-v1          : TCP 27017
ratings-v2-mysql    -> mysqldb-v1          : TCP 3306
ratings-v2-mysql-vm -> vm/mysqldb[Service] : Service 3306 ?
{Ingress}           -> productpage-v1      : TCP 9080
{Metrics}           -> productpage-v1      : TCP 9080
{World}             -> productpage-v1      : TCP 9080 ?
"""
"""What productpage, reviews and details call stands in their code alone."""

EMOJIVOTO = """
emojivoto/web      -> emojivoto/emoji  : TCP 8080
emojivoto/web      -> emojivoto/voting : TCP 8080
emojivoto/vote-bot -> emojivoto/web    : TCP 8080
"""

EMOJIVOTO_TRACED = (
    EMOJIVOTO
    + """
emojivoto/web      -> tracing/oc-collector[Service] : Service 55678 ?
emojivoto/emoji    -> tracing/oc-collector[Service] : Service 55678 ?
emojivoto/voting   -> tracing/oc-collector[Service] : Service 55678 ?
emojivoto/vote-bot -> tracing/oc-collector[Service] : Service 55678 ?
"""
)

AKS_STORE = """
order-service    -> rabbitmq[StatefulSet]   : TCP 5672
makeline-service -> rabbitmq[StatefulSet]   : TCP 5672
makeline-service -> documentdb[StatefulSet] : TCP 10260
product-service  -> ai-service              : TCP 5001
virtual-customer -> order-service           : TCP 3000
virtual-worker   -> makeline-service        : TCP 3001
{World}          -> store-front             : TCP 8080
{World}          -> store-admin             : TCP 8081
"""

AKS_STORE_QUICKSTART = """
order-service   -> rabbitmq[StatefulSet] : TCP 5672
product-service -> ai-service[Service]   : Service 5001 ?
{Ingress}       -> store-front           : TCP 8080
"""
"""The quick start has no assistant; its product service names it all the same."""

EXAMPLE = """
shop/storefront        -> shop/catalog               : TCP 8080
shop/storefront        -> shop/cart                  : TCP 9000
shop/storefront        -> shop/checkout              : TCP 9000
shop/checkout          -> shop/cart                  : TCP 9000
shop/checkout          -> bank/payment               : TCP 9000
shop/checkout          -> data/database[StatefulSet] : TCP 5432
shop/checkout          -> data/queue[StatefulSet]    : TCP 4222
shop/catalog           -> data/database[StatefulSet] : TCP 5432
shop/cart              -> data/database[StatefulSet] : TCP 5432
shop/stock             -> data/database[StatefulSet] : TCP 5432
shop/stock             -> data/queue[StatefulSet]    : TCP 4222
bank/payment           -> bank/ledger                : TCP 9000
bank/payment           -> api.cards.example          : TCP 443
bank/payment           -> 203.0.113.0/28             : TCP 443
bank/reconcile[CronJob] -> bank/ledger               : TCP 9000
bank/ledger            -> data/database[StatefulSet] : TCP 5432
bank/ledger            -> data/queue[StatefulSet]    : TCP 4222
data/database[StatefulSet] -> data/database[StatefulSet] : TCP 5432
data/queue[StatefulSet] -> data/queue[StatefulSet]   : TCP 6222
{Ingress}              -> shop/storefront            : TCP 8080
{Metrics}              -> shop/storefront            : TCP 9090
{Metrics}              -> shop/checkout              : TCP 9090
{Metrics}              -> shop/catalog               : TCP 9090
{Metrics}              -> shop/cart                  : TCP 9090
{Metrics}              -> shop/stock                 : TCP 9090
{Metrics}              -> bank/payment               : TCP 9090
{Metrics}              -> bank/ledger                : TCP 9090
{Metrics}              -> data/database[StatefulSet] : TCP 9187
{Metrics}              -> data/queue[StatefulSet]    : TCP 7777
"""


def judge(name: str, ours: list[str], theirs: list[str]) -> None:
    precision, recall = precision_and_recall(ours, theirs)
    print(f"{name}: {len(theirs)} written, {len(ours)} found, precision {precision:.2f}, recall {recall:.2f}")
    assert ours == theirs
    assert min(precision, recall) >= 0.95


def corpus(*paths: str) -> list[str]:
    return calls(found_in(*(str(shared("corpus").joinpath(*path.split("/"))) for path in paths)))


def test_bookinfo() -> None:
    judge("bookinfo", corpus("bookinfo"), listed(BOOKINFO))


def test_bookinfo_says_nothing_of_what_its_code_knows() -> None:
    assert corpus("bookinfo/bookinfo.yaml") == ["{Metrics} -> productpage-v1 : TCP 9080"]


def test_emojivoto() -> None:
    judge("emojivoto", corpus("emojivoto/deployment"), listed(EMOJIVOTO))


def test_emojivoto_with_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(kubectl().parent), prepend=os.pathsep)
    judge("emojivoto, traced", corpus("emojivoto/tracing"), listed(EMOJIVOTO_TRACED))


def test_aks_store() -> None:
    found = corpus("aks-store/aks-store-all-in-one.yaml", "aks-store/ai-service.yaml")
    judge("aks-store", found, listed(AKS_STORE))


def test_aks_store_quick_start() -> None:
    found = corpus("aks-store/aks-store-ingress-quickstart.yaml")
    judge("aks-store, quick start", found, listed(AKS_STORE_QUICKSTART))


def test_the_example() -> None:
    folders = [str(SHOP / name) for name in ("shop", "bank", "data")]
    judge("examples/shop", calls(found_in(*folders)), listed(EXAMPLE))
