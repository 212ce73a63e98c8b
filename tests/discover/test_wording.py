"""What the name of a setting makes of its value."""

from __future__ import annotations

import pytest

from licet.discover.wording import Sense, sense

NAMES = {
    Sense.HOST: "DB_HOST REDIS_HOSTNAME PGHOST dbHost ES_HOSTS KAFKA_HOST_1 db.host IMAGE_PROVIDER_HOST",
    Sense.ADDRESS: "CART_ADDR OTEL_EXPORTER_OTLP_ENDPOINT API_URL apiBaseUrl KAFKA_BOOTSTRAP_SERVERS "
    "SCHEMA_REGISTRY_URL TOKEN_URL CONNECTION_STRING HTTP_PROXY --upstream ISSUER_URI DATABASE_DSN",
    Sense.WEAK: "PAYMENT_SERVICE REDIS_MASTER",
    Sense.SILENT: "APP_NAME DB_TYPE OTEL_SERVICE_NAME QUEUE LOG_LEVEL MODE CACHE 42 ''",
    Sense.NEVER: "LISTEN_ADDR BIND_HOST KAFKA_ADVERTISED_LISTENERS ALLOWED_HOSTS NO_PROXY NEXT_PUBLIC_API_URL "
    "REDIRECT_URL CORS_ORIGIN DB_PASSWORD IMAGE APP_VERSION HOSTNAME SERVER_NAME EXTERNAL_URL $schema POD_NAMESPACE",
}


@pytest.mark.parametrize(("name", "meant"), [(name, meant) for meant, names in NAMES.items() for name in names.split()])
def test_names(name: str, meant: Sense) -> None:
    assert sense(name) is meant
