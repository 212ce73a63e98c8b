#!/bin/sh
# The main job on the bundled example: its map, why one edge is allowed and another is not, and a diff that catches
# a widened policy. Stops with an error where an answer is not the expected one.
set -eu

shop=examples/shop
widened=.venv/widened

ask() { # the expected exit code, then the command line
    expected=$1
    shift
    printf '\n$ licet %s\n\n' "$*"
    got=0
    .venv/bin/licet "$@" || got=$?
    if [ "$got" -ne "$expected" ]; then
        echo "licet: the demo expected exit code $expected, not $got" >&2
        exit 1
    fi
}

ask 0 map "$shop"
ask 0 why shop/checkout bank/payment "$shop" --port 9000
ask 1 why shop/storefront data/database "$shop" --port 5432

rm -rf "$widened"
cp -R "$shop" "$widened"
sed 's|cidr: 203\.0\.113\.0/28|cidr: 0.0.0.0/0|' "$shop/bank/payment.yaml" >"$widened/bank/payment.yaml"
printf '\nSomebody lets `bank/payment` talk to every address instead of the card processor alone:\n'
ask 1 diff "$shop" "$widened"

printf '\nThe command is .venv/bin/licet; `.venv/bin/licet --help` says what else it answers.\n'
