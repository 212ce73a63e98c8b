"""What a workload's own manifest, and the files that it names, say of its calls; and what is none."""

from __future__ import annotations

from textwrap import indent

import pytest
import yaml

from licet.diag.text import Text
from licet.discover.evidence import evidence
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.manifest.locate import locate
from tests.discover.calls import calls, found_in
from tests.discover.small import OTHERS, WEB


def of_web(fields: str, spec: str = "", more: str = "") -> list[str]:
    """What web calls, given these fields of its container and of its pods."""
    text = WEB + indent(fields, " " * 8) + "\n" + indent(spec, " " * 6) + OTHERS + more
    return [line.removeprefix("web -> ") for line in calls(found_in(text=text)) if line.startswith("web -> ")]


DB, ADMIN = "db : TCP 5433", "data/queue : TCP 8222"

VARIABLES = {
    "DB_ADDR: 'db:5432'": [DB],
    "X: 'db:5432'": [DB],
    "X: db.default.svc.cluster.local:5432": [DB],
    "X: db.default.svc": [DB],
    "X: postgres://u:p@db/x": [DB],
    "DB_HOST: db": [DB],
    "DB_HOST: db.default": [DB],
    "DB_URL: queue.data:8222": [ADMIN],
    "DB_HOST: db, DB_PORT: '5432'": [DB],
    "PGHOST: db, PGPORT: '5432'": [DB],
    "A: db, A_PORT: '5432'": ["db : TCP 5433 ?"],
    "QUEUE: 'nats://queue.data:4222,nats://queue.data:8222'": ["data/queue : TCP 4222", ADMIN],
    "NAMES: 'db:5432,queue.data:8222'": [DB, ADMIN],
    "DB: '$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)'": [DB],
    "DB: '$(DB_PORT)'": [DB],
    "NAME: db, DB: 'postgres://$(NAME)/x'": [DB],
    "PEERS: 'web-0.ring:7946'": ["web : TCP 7946"],
    "PEERS: 'ring:7946'": ["web : TCP 7946"],
    "DB_HOST: db-0.peers": ["db : any ?"],
    "MAIL_HOST: mail, MAIL_PORT: '25'": ["smtp.example.com : TCP 25"],
    "DB: 'alias:5432'": [DB],
    "API: https://api.example.com": ["api.example.com : TCP 443"],
    "API_HOST: api.example.com": ["api.example.com : any ?"],
    "API: http://192.0.2.1/x": ["192.0.2.1/32 : TCP 80"],
    "META: 'http://169.254.169.254/latest'": ["169.254.169.254/32 : TCP 80"],
    "K: https://kubernetes.default.svc": ["{APIServer} : TCP 443"],
    "K: 'https://$(KUBERNETES_SERVICE_HOST):443'": ["{APIServer} : TCP 443"],
    "JAVA_OPTS: '-Xmx1g -Ddb.host=db -Dname=db'": [DB],
    'JSON: \'{"db": {"host": "db", "port": 5432}, "name": "queue"}\'': [DB],
    "X: 'http://gone:80/'": ["gone[Service] : Service 80 ?"],
    "GONE_ADDR: 'gone:80'": ["gone[Service] : Service 80 ?"],
    "GONE_HOST: gone": ["gone[Service] : any ?"],
    "X: gone.elsewhere.svc.cluster.local:80": ["elsewhere/gone[Service] : Service 80 ?"],
    "QUEUE_HOST: queue.data": ["data/queue : any ?"],
    "DB_ADDR: 'db:1'": ["db : Service 1 ?"],
    "AGENT_HOST: agent, AGENT_PORT: '6831'": ["db : UDP 6831"],
    "APP_URL: https://www.shop.example": ["www.shop.example : TCP 443 ?"],
    "PAYMENT_SERVICE: db": ["db : TCP 5433 ?"],
    "X: db.default": ["db : TCP 5433 ?"],
    "X: http://a.b.c:80": ["a.b.c : TCP 80 ?"],
}

NO_CALLS = [
    "APP_NAME: db",
    "DB_TYPE: db",
    "OTEL_SERVICE_NAME: db",
    "CACHE: db",
    "MODE: db",
    "DB: db",
    "IMAGE: 'db:5432'",
    "X: 'db:7'",
    "TAG: 'db:12'",
    "LISTEN_ADDR: 'db:5432'",
    "ALLOWED_HOSTS: 'db,web'",
    "NO_PROXY: 'db,.svc,queue.data:4222'",
    "CORS_ORIGIN: http://db:5432",
    "KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://db:5432'",
    "DB_PASSWORD: 'db:5432'",
    "HOSTNAME: db",
    "SELF: http://web",
    "SELF_HOST: web.default.svc.cluster.local",
    "HOST: 0.0.0.0",
    "HOST: localhost",
    "ADDR: '127.0.0.1:5432'",
    "ADDR: 'http://localhost:80'",
    "ADDR: ':5432'",
    "X: 'gone:80'",
    "X: gone",
    "X: '12:30'",
    "X: api.example.com",
    "X: config.yaml",
    "X: main.go:12",
    "X: 10.0.0.0/8",
    "X: 1.2.3.4",
    "VERSION: 1.2.3.4",
    "URL: /x/db:5432",
    "URL: 's3://db/x'",
    "URL: 'file:///db'",
    "URL: ''",
    "DNS_SERVER: kube-dns.kube-system.svc.cluster.local",
    "LOGS: 'tcp://db:1:2'",
    "X: 'postgres://$(DB_PASSWORD)'",
    "POD_NAMESPACE: data",
]


@pytest.mark.parametrize("values", VARIABLES)
def test_variables(values: str) -> None:
    assert sorted(of_web(_env(values))) == sorted(VARIABLES[values])


@pytest.mark.parametrize("values", NO_CALLS)
def test_variables_that_call_nobody(values: str) -> None:
    assert of_web(_env(values)) == []


def _env(values: str) -> str:
    entries = yaml.safe_load(f"{{{values}}}")
    return "env: " + str([{"name": name, "value": str(value)} for name, value in entries.items()])


SOURCES = {
    "envFrom: [{configMapRef: {name: settings}}]": [DB],
    "envFrom: [{prefix: X_, configMapRef: {name: settings}}]": [DB],
    "env: [{name: TARGET_HOST, valueFrom: {configMapKeyRef: {name: settings, key: DB_HOST}}}]": [DB],
    "env: [{name: APP, valueFrom: {configMapKeyRef: {name: settings, key: DB_HOST}}}]": [],
    "env: [{name: DB_HOST, valueFrom: {secretKeyRef: {name: db, key: db}}}]": [],
    "env: [{name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}, {name: A, value: 'db.$(NS).svc'}]": [DB],
    "env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: A, value: 'http://$(IP):1'}]": [],
    "envFrom: [{secretRef: {name: settings}}]": [],
    "envFrom: [{configMapRef: {name: other}}]": [],
}


@pytest.mark.parametrize("field", SOURCES)
def test_where_variables_come_from(field: str) -> None:
    assert of_web(field) == SOURCES[field]


COMMANDS = {
    '["--db-host=db"]': [DB],
    '["--db-host", "db", "--verbose"]': [DB],
    '["-db.addr=db:5432"]': [DB],
    '["--db", "postgres://db/x"]': [DB],
    '["db:5432"]': [DB],
    '["http://db:5432/x"]': [DB],
    '["sh", "-c", "until nc -z -w 30 db 5432; do sleep 1; done"]': [DB],
    '["nc", "-z", "db", "5432"]': [DB],
    '["sh", "-c", "while ! nc -z db 5432; do echo waiting for queue.data; done; exec web --queue queue.data:8222"]': [
        ADMIN,
        DB,
    ],
    '["bash", "-c", "timeout 1 bash -c \'</dev/tcp/db/5432\'"]': [DB],
    '["sh", "-c", "pg_isready -h db -p 5432"]': [DB],
    '["sh", "-c", "until nslookup db; do sleep 1; done"]': ["db : TCP 5433 ?"],
    '["sh", "-c", "curl -s db:5432/health"]': [DB],
    '["sh", "-c", "DB_HOST=db exec web"]': [DB],
    '["$(DB_SERVICE_HOST):5432"]': [DB],
    '["--external-url=http://db:5432"]': [],
    '["--listen-address=db:5432"]': [],
    '["--name=db", "--mode", "db", "db"]': [],
    '["--upstream=http://localhost:8080", "--web.listen-address=:9187"]': [],
    '["echo", "db"]': [],
    '["sh", "-c", "echo db; cat /db/5432; ls db"]': [],
    '["sh", "-c", "# nc db 5432"]': [],
    '["--image=db:5432"]': [],
}


@pytest.mark.parametrize("words", COMMANDS)
def test_commands(words: str) -> None:
    assert sorted(of_web(f"args: {words}")) == sorted(COMMANDS[words])
    assert sorted(of_web(f"command: {words}")) == sorted(COMMANDS[words])
    assert sorted(of_web(f"livenessProbe: {{exec: {{command: {words}}}}}")) == sorted(COMMANDS[words])


FILES = {
    "db:\n  host: db\n  port: 5432\n": [DB],
    "db:\n  port: 5432\n  host: db\n": [DB],
    "db.host=db\ndb.port=5432\n": [DB],
    "url: postgres://u:p@db:5432/x\n": [DB],
    "spring.datasource.url=jdbc:postgresql://db:5432/x\n": [DB],
    '[db]\naddress = "db:5432"\n': [DB],
    '{"db": {"host": "db", "port": 5432}}': [DB],
    '{\n  "db": {\n    "host": "db",\n    "port": 5432\n  }\n}\n': [DB],
    "upstream back { server db:5432 weight=5; }\n": [DB],
    "upstream back {\n  server db:5432;\n}\nserver {\n  location / { proxy_pass http://back; }\n}\n": [DB],
    "location / {\n  proxy_pass http://db:5432;\n}\n": [DB],
    "replicaof db 5432\n": [DB],
    "targets: ['db:5432', 'queue.data:8222']\n": [ADMIN, DB],
    "targets:\n- db:5432\n": [DB],
    "address: db\nport_value: 5432\n": [DB],
    "see db:5432 there\n": [DB],
    "<match>\n  host db\n  port 5432\n</match>\n": [DB],
    '{"panels": [{"url": "https://grafana.example.com"}], "schemaVersion": 1}': [],
    "# postgres://db:5432\n": [],
    "x: 1 # db:5432\n": [],
    "// db:5432\n": [],
    "listen: db:5432\n": [],
    "server_name db;\nlisten 8080;\n": [],
    "name: db\nkind: db\n": [],
    "db: true\n": [],
    "time = 12:30\n": [],
    "db:\n  name: db\n": [],
    "image: db:5432\n": [],
    "docs: https://docs.example.com/db\n": [],
    "see https://docs.example.com for more\n": [],
    "link: https://docs.example.com/db\n": ["docs.example.com : TCP 443 ?"],
    "api_url: https://api.example.com\n": ["api.example.com : TCP 443"],
}


CONFIG = "---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: files}"


@pytest.mark.parametrize("content", FILES)
def test_files(content: str) -> None:
    more = CONFIG + "\ndata:\n  x.conf: |\n" + indent(content, "    ")
    volume = "volumes: [{name: x, configMap: {name: files}}]"
    assert sorted(of_web("", volume, more)) == sorted(FILES[content])


def test_files_that_are_not_mounted_say_nothing() -> None:
    more = CONFIG + "\ndata: {a: 'http://db', b: 'http://queue.data:8222'}"
    chosen = "configMap: {name: files, items: [{key: %s}]}"
    assert of_web("", "", more) == []
    assert of_web("", f"volumes: [{{name: x, {chosen % 'a'}}}]", more) == ["db : Service 80 ?"]
    assert of_web("", f"volumes: [{{name: x, projected: {{sources: [{{{chosen % 'b'}}}]}}}}]", more) == [ADMIN]


def test_scripts_are_read_as_scripts() -> None:
    more = (
        "---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: files}\ndata:\n  wait.sh: |\n"
        "    #!/bin/sh\n    # nc queue.data 8222\n    until nc -z db 5432; do sleep 1; done\n"
    )
    (one,) = found_in(text=WEB + "      volumes: [{name: x, configMap: {name: files}}]" + OTHERS + more)
    assert (one.below, one.text, one.place.path) == (2, "nc db 5432", ("data", "wait.sh"))


def test_no_service_links_no_variables() -> None:
    assert of_web("env: [{name: DB, value: '$(DB_SERVICE_HOST):5432'}]", "enableServiceLinks: false") == []


def test_the_place_is_the_line() -> None:
    text = WEB + "        env:\n        - name: DB_HOST\n          value: db\n" + OTHERS
    documents, _ = read([Text("all.yaml", text.encode())])
    (one,) = evidence(documents, decode(documents).cluster)
    span = locate(Text("all.yaml", text.encode()), one.place)
    assert text.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1] == "db"
    assert one.text == "DB_HOST=db"
