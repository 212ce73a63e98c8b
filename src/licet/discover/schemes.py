"""URL schemes: the port and the transport that they stand for."""

from __future__ import annotations

import re

from licet.model.ports import Protocol

_PORTS = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "grpc": None,
    "grpcs": 443,
    "h2c": 80,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "postgres": 5432,
    "postgresql": 5432,
    "pgsql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mongodb": 27017,
    "mongo": 27017,
    "nats": 4222,
    "stan": 4222,
    "kafka": 9092,
    "mqtt": 1883,
    "mqtts": 8883,
    "stomp": 61613,
    "pulsar": 6650,
    "memcached": 11211,
    "memcache": 11211,
    "cassandra": 9042,
    "clickhouse": 9000,
    "cockroachdb": 26257,
    "sqlserver": 1433,
    "mssql": 1433,
    "oracle": 1521,
    "etcd": 2379,
    "zookeeper": 2181,
    "zk": 2181,
    "ldap": 389,
    "ldaps": 636,
    "smtp": 25,
    "smtps": 465,
    "ftp": 21,
    "sftp": 22,
    "ssh": 22,
    "syslog": 514,
    "statsd": 8125,
    "bolt": 7687,
    "neo4j": 7687,
    "consul": 8500,
    "tcp": None,
    "tcp4": None,
    "tcp6": None,
    "udp": None,
    "tls": None,
    "ssl": None,
    "dns": None,
    "xds": None,
    "passthrough": None,
    "plaintext": None,
    "sasl_plaintext": None,
    "sasl_ssl": None,
}
_DATAGRAMS = frozenset({"udp", "statsd", "syslog"})
_PARTS = re.compile(r"[:+.]")


def is_network(scheme: str) -> bool:
    """Whether a URL of this scheme names somebody to connect to; `s3`, `file`, `unix` and the like do not."""
    return any(part in _PORTS for part in _parts(scheme))


def default_port(scheme: str) -> int | None:
    """The port of a URL that names none; None where the scheme has none."""
    return next((port for part in _parts(scheme) if (port := _PORTS.get(part)) is not None), None)


def transport(scheme: str) -> Protocol:
    """The transport beneath the scheme."""
    return Protocol.UDP if any(part in _DATAGRAMS for part in _parts(scheme)) else Protocol.TCP


def _parts(scheme: str) -> list[str]:
    """The words of such as `jdbc:postgresql`, `mongodb+srv`."""
    return _PARTS.split(scheme.lower())
