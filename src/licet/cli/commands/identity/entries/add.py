"""`licet identity entries add`: register by hand."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "add",
    epilog=epilog(
        [
            "licet identity entries add --spiffe-id spiffe://shop.example/cart \\",
            "    --selector unix:uid:1000",
            "licet identity entries add --spiffe-id spiffe://shop.example/ns/shop/cart \\",
            "    --selector k8s:ns:shop --selector k8s:sa:cart",
        ],
        ["0    registered", "2    the input is wrong"],
    ),
)
@click.option("--spiffe-id", required=True, metavar="ID", help="The identity.")
@click.option(
    "--selector",
    "selectors",
    multiple=True,
    metavar="SELECTOR",
    help="What a workload has to show, such as `unix:uid:1000`; of several, all.",
)
@click.option("--node", "nodes", multiple=True, metavar="ID", help="The agents that may ask for it (default: all).")
@click.option(
    "--svid-lifetime", type=int, default=0, metavar="SECONDS", help="Of its X.509-SVIDs (default: the domain's)."
)
@click.option(
    "--jwt-lifetime", type=int, default=0, metavar="SECONDS", help="Of its JWT-SVIDs (default: the domain's)."
)
@click.option("--hint", default="", help="What its workload tells several identities apart by.")
@click.option("--federates-with", "domains", multiple=True, metavar="NAME", help="Foreign trust domains it meets.")
@click.option("--dns-name", "names", multiple=True, metavar="NAME", help="A DNS name in its certificates.")
@click.option(
    "--id",
    "entry_id",
    default="",
    metavar="ID",
    help="The name of the entry, or the one to replace (default: made from what it says).",
)
@placed()
def command(
    where: Where,
    spiffe_id: str,
    selectors: tuple[str, ...],
    nodes: tuple[str, ...],
    svid_lifetime: int,
    jwt_lifetime: int,
    hint: str,
    domains: tuple[str, ...],
    names: tuple[str, ...],
    entry_id: str,
) -> None:
    """Register an identity by hand.

    Whoever shows every selector on one of the nodes is it. A workload that matches several entries has several
    identities. To change the rest of an entry, add it again with the same identity, selectors and nodes. What the
    doctor would say of it is told at once.
    """
    from licet.app.identity.registration import add, advice, listed
    from licet.cli.render import identity
    from licet.identity.entry import Entry
    from licet.identity.spiffeid import TrustDomain, parse

    entry = Entry(
        id=entry_id,
        spiffe_id=parse(spiffe_id),
        selectors=tuple(sorted(set(selectors))),
        nodes=tuple(parse(node) for node in nodes),
        x509_lifetime=svid_lifetime,
        jwt_lifetime=jwt_lifetime,
        hint=hint,
        federates_with=tuple(TrustDomain(name) for name in domains),
        dns_names=names,
    )
    [made] = add(where.place, [entry])
    where.write(identity.entries([made]), lambda: listed([made]))
    for found in advice(where.place, made):
        where.tell(f"{found.severity.word}: {found.message}: {found.help}")
