"""Hosts in the value of a setting, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.discover.mention import mentions, urls

VALUES = {
    "db": "db",
    "db:5432": "db:5432",
    "DB.Data.svc.cluster.local.:5432": "db.data.svc.cluster.local:5432",
    "a:1,b:2; c:3": "a:1 b:2 c:3",
    "redis:6379,password=x:1,ssl=False": "redis:6379",
    "1@kafka-0.kafka:9093,2@kafka-1.kafka:9093": "kafka-0.kafka:9093 kafka-1.kafka:9093",
    "cart:8080/v1/items": "cart:8080",
    "10.0.0.5:80": "10.0.0.5:80",
    "[2001:db8::1]:443": "[2001:db8::1]:443",
    "http://cart": "http://cart=80",
    "https://cart:8443/x?y=http://other": "https://cart:8443",
    "grpc://cart": "grpc://cart",
    "dns:///cart.shop:9000": "dns://cart.shop:9000",
    "tcp://cart:1": "tcp://cart:1",
    "udp://logs:514": "udp://logs:514/UDP",
    "redis://:p@ss@redis/0": "redis://redis=6379",
    "amqp://user:pass@rabbit/vhost": "amqp://rabbit=5672",
    "postgres://u:p/w@db/x?host=other": "postgres://db=5432",
    "mongodb://u:p@a:1,b:2/x?replicaSet=r": "mongodb://a:1 mongodb://b:2",
    "mongodb+srv://u:p@mongo.data/x": "mongodb+srv://mongo.data=27017",
    "jdbc:postgresql://db:5432/x": "jdbc:postgresql://db:5432",
    "jdbc:mysql:loadbalance://a,b/x": "jdbc:mysql:loadbalance://a=3306 jdbc:mysql:loadbalance://b=3306",
    "jdbc:sqlserver://db:1433;databaseName=x;password=y": "jdbc:sqlserver://db:1433",
    "jdbc:oracle:thin:@//db:1521/x": "jdbc:oracle:thin://db:1521",
    "jdbc:oracle:thin:@db:1521:x": "jdbc:oracle:thin://db:1521",
    "user:pw@tcp(db:3306)/x?parseTime=true": "db:3306",
    "user:pw@tcp(db)/x": "db=3306",
    "host=db port=5432 user=u password=secret": "db:5432",
    "host=a,b port=1,2 dbname=x": "a:1 b:2",
    "Server=db,1433;Database=x;User Id=u;Password=p": "db:1433",
    "Server=tcp:db,1433;Initial Catalog=x": "db:1433",
    "Host=db;Port=5432;Database=x": "db:5432",
    "http://minio-{0...3}.minio/data": "http://minio-0.minio=80",
}

NOTHING = [
    "",
    "12:30",
    "5432",
    "true, false and more",
    "redis:latest",
    "redis:99999",
    "a:b:c",
    "file:///etc/x",
    "unix:///run/x.sock",
    "s3://bucket/key",
    "spiffe://corp/vm",
    "sqlite://db/x",
    ":8080",
    "/var/run/x",
    "--flag",
    "two words here!",
    "name=db",
    "x@y",
    "http://",
    "http:///x",
    "http://$(UNKNOWN):80",
    "http://-x-",
    "*.example.com",
    "a..b:80",
]


def shown(value: str) -> str:
    return " ".join(
        f"{mention}{f'={mention.port}' if mention.implied else ''}{'/UDP' if mention.protocol else ''}"
        for mention in mentions(value)
    )


@pytest.mark.parametrize("value", VALUES)
def test_what_names_hosts(value: str) -> None:
    assert shown(value) == VALUES[value]


@pytest.mark.parametrize("value", NOTHING)
def test_what_names_none(value: str) -> None:
    assert mentions(value) == []


def test_urls_in_the_midst_of_a_text() -> None:
    text = "see https://docs.example.com/a, or (http://cart:80) and s3://bucket"
    assert [str(mention) for mention in urls(text)] == ["https://docs.example.com", "http://cart:80"]


SECRET = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'`<>|\\^#?"), min_size=6
).filter(lambda text: not text.isalnum())


@given(SECRET, st.sampled_from(["amqp", "postgres", "redis", "mongodb", "mysql"]))
def test_no_password_is_ever_shown(secret: str, scheme: str) -> None:
    for mention in mentions(f"{scheme}://user:{secret}@db.data:1234/x"):
        assert secret not in str(mention)
        assert mention.host == "db.data"
