"""`licet identity init`: found a trust domain."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "init",
    epilog=epilog(
        [
            "licet identity init --trust-domain shop.example",
            "licet identity init --trust-domain shop.example --passphrase",
            "licet identity init --trust-domain shop.example --data /etc/licet \\",
            "    --database postgresql://licet@db/licet",
        ],
        ["0    founded", "2    the input is wrong, or one is founded there already"],
    ),
)
@click.option("--trust-domain", required=True, metavar="NAME", help="Such as `shop.example`; it stays for good.")
@click.option("--passphrase", is_flag=True, help="Seal keys with a passphrase instead of a key file.")
@click.option(
    "--key-kind",
    type=click.Choice(["ec-p256", "ec-p384", "ed25519"]),
    default="ec-p256",
    show_default=True,
    help="The kind of the authorities' keys, and of workloads'.",
)
@click.option(
    "--keeper",
    type=click.Choice(["sealed", "command", "pkcs11"]),
    default="sealed",
    show_default=True,
    help="Who keeps the authorities' keys: the database, or what `keepers.toml` tells of.",
)
@click.option("--svid-lifetime", type=int, default=3600, show_default=True, metavar="SECONDS", help="Of X.509-SVIDs.")
@click.option("--jwt-lifetime", type=int, default=300, show_default=True, metavar="SECONDS", help="Of JWT-SVIDs.")
@click.option(
    "--intermediate-lifetime",
    type=int,
    default=172800,
    show_default=True,
    metavar="SECONDS",
    help="Six SVIDs' or more.",
)
@click.option(
    "--root-lifetime",
    type=int,
    default=31536000,
    show_default=True,
    metavar="SECONDS",
    help="Six intermediates' or more.",
)
@click.option(
    "--propagation",
    type=int,
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long a new root is published before rotation uses it.",
)
@placed()
def command(
    where: Where,
    trust_domain: str,
    passphrase: bool,
    key_kind: str,
    keeper: str,
    svid_lifetime: int,
    jwt_lifetime: int,
    intermediate_lifetime: int,
    root_lifetime: int,
    propagation: int,
) -> None:
    """Found a trust domain: its secret, its database, its first authorities.

    Keys are sealed with a secret that is not in the database: a key file, by default beside it, or a passphrase. Keep
    the secret apart from backups. Lifetimes that cannot be rotated safely are refused.
    """
    from licet.app.identity.domain import found
    from licet.cli.render.identity import described, described_json
    from licet.identity.domain import Settings
    from licet.identity.keys import KeyKind
    from licet.identity.lifetimes import Lifetimes
    from licet.identity.spiffeid import TrustDomain

    lifetimes = Lifetimes(
        x509=svid_lifetime,
        jwt=jwt_lifetime,
        intermediate=intermediate_lifetime,
        root=root_lifetime,
        backdate=min(30, svid_lifetime // 10),
        propagation=propagation,
    )
    settings = Settings(lifetimes=lifetimes, key_kind=KeyKind(key_kind), keeper=keeper)
    state = found(where.place, TrustDomain(trust_domain), settings, passphrase=passphrase)
    where.write(described(state), lambda: described_json(state))
    if not passphrase:
        where.tell(f"Keys are sealed with `{where.place.sealing_key}`: keep a copy apart from the database.")
