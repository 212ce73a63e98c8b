"""What looks like a password, a token or a key is not shown with the line that it stands in."""

from __future__ import annotations

import time

import pytest

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.diag.render.masks import masked
from licet.diag.render.terminal import render
from licet.diag.report import Report
from licet.diag.text import Text

SHAPES = (
    "postgres://user:{}@db:5432/x",
    "postgresql+psycopg2://u:{}@db/x",
    "mongodb://u:{}@db:27017,db2:27017/x",
    "nats://u:{}@a:4222,nats://u:{}@b:4222",
    "nats://{}@a:4222",
    "redis://:{}@cache:6379/0",
    "http://u:p/{}@db:80/x",
    "http://u:p#{}?{}@db:80/x",
    "u:{}@tcp(db:3306)/x?parseTime=true",
    "u:p@{}@db:5432/x",
    "jdbc:oracle:thin:u/{}@db:1521:sid",
    "u/{}@db:1521/x",
    "{}@db:5432",
    "host=db user=u password={} dbname=x",
    "host=db password='{} {}' dbname=x",
    "Server=db,5432;User Id=u;Pwd={};",
    "Endpoint=sb://db/;SharedAccessKeyName=k;SharedAccessKey={}",
    "https://db/?api_key={}&x=y",
    "https://db/?key={}",
    '{{"url": "http://db:5432", "password": "{}"}}',
    '{{"url": "http://db:5432", "pw": "{}"}}',
    '"{{\\"password\\": \\"{}\\"}}"',
    "'host=db password=''{} {}'' dbname=x'",
    "curl -u admin:{} http://db",
    "--url=http://db --token {}",
    "Authorization: Bearer {}",
    "{{name: DB_PASSWORD, value: {}}}",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_is_not_shown_and_nothing_moves(shape: str) -> None:
    line = "          value: " + shape.format(*["hunter2Q"] * shape.count("{}"))
    shown = masked(line)
    assert "hunter2Q" not in shown
    assert [(a, b) for a, b in zip(line, shown, strict=True) if a != b and b != "*"] == []


def test_the_name_stands_above_its_value() -> None:
    assert masked("  value: hunter2 x", "- name: DB_PASSWORD") == "  value: *********"
    assert masked("- hunter2", "- --token") == "- *******"
    assert masked("  value: db:5432", "- name: DB_ADDR") == "  value: db:5432"


@pytest.mark.parametrize(
    "part", ["a", "a:", "://", "://a", "password", "a@", "-", "''", "password=''", "pass-", " ", "name:"]
)
def test_a_long_line_takes_no_longer_than_its_length(part: str) -> None:
    """Forms that try again from every place would take minutes here, and the line may be somebody's trap."""
    long = part * (60_000 // len(part))
    begun = time.process_time()
    assert len(masked(long, long)) == len(long)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "line",
    [
        "image: registry.example/bank/payment:4.0.2@sha256:67176e816a8b",
        "automountServiceAccountToken: false",
        "secret: {secretName: db-password}",
        "secretKeyRef: {name: db, key: password}",
        "value: https://api.example.com/v1/items?page=2",
        "value: payment.bank.svc.cluster.local:9000",
        "  - {name: token, to: {workload: {kind: Deployment, name: token}}, ports: [{port: 443}]}",
        "value: http://issue-token:8080",
        "password: $(DB_PASSWORD)",
        "# ask team@shop.example",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert masked(line) == line


def test_the_lines_of_a_finding_hold_no_password() -> None:
    text = b"- name: API_TOKEN\n  value: hunter2\n- name: URL\n  value: postgres://u:hunter2@db:5432/x\n"
    texts = {"a.yaml": Text("a.yaml", text)}
    for line in (1, 2, 3, 4):
        finding = Diagnostic("L0000", Severity.ERROR, "wrong", Span("a.yaml", line, 3, line, 7), help="put it right")
        assert "hunter2" not in render(Report((finding,), texts))
