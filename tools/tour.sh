#!/bin/sh
# What can be asked of the bundled example without running it: who can reach whom, and why; contracts drafted, checked, compiled and proved; a gate
# that stops a bad change; and identities, with a stolen key that is replaced while they are in use. Stops with an error
# where an answer is not the expected one.
set -eu

shop=examples/shop
work=.venv/tour
server=

say() {
    printf '\n\n== %s\n' "$*"
}

run() { # the expected exit code, then the command line
    expected=$1
    shift
    printf '\n$ licet %s\n\n' "$*"
    got=0
    .venv/bin/licet "$@" || got=$?
    [ "$got" -eq "$expected" ] || fail "expected exit code $expected, not $got"
}

show_diff() { # shows how two files differ; they have to
    printf '\n$ diff -U1 %s %s\n\n' "$1" "$2"
    if cmp -s "$1" "$2"; then
        fail "expected $2 to differ"
    fi
    diff -U1 "$1" "$2" | sed 1,2d
}

fail() {
    echo "licet: the tour $*" >&2
    exit 1
}

stop() { # ends the server, where one was started
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || fail "expected the server to end by itself"
        server=
    fi
}

without_policies() { # a manifest without its NetworkPolicies
    awk '
        function flush() { if (!policy) printf "%s", document; document = ""; policy = 0 }
        /^---$/ { flush() }
        /^kind: NetworkPolicy$/ { policy = 1 }
        { document = document $0 "\n" }
        END { flush() }
    ' "$1"
}

trap 'kill $server 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

rm -rf "$work"
mkdir -p "$work"

say 'Who can reach whom on this platform, read from its manifests alone?'
run 0 map "$shop"

say 'Why is one connection allowed, and another denied?'
run 0 why shop/checkout bank/payment "$shop" --port 9000
run 1 why shop/storefront data/database "$shop" --port 5432

say 'Somebody lets bank/payment talk to every address instead of the card processor alone. What does that change?'
cp -R "$shop" "$work/widened"
sed 's|cidr: 203\.0\.113\.0/28|cidr: 0.0.0.0/0|' "$shop/bank/payment.yaml" >"$work/widened/bank/payment.yaml"
run 1 diff "$shop" "$work/widened"

say 'Contracts for a platform that has none, drafted from a bare copy without policies. Each entry says what points to it.'
for folder in bank data shop; do
    mkdir -p "$work/bare/$folder"
    for file in "$shop/$folder"/*.yaml; do
        without_policies "$file" >"$work/bare/$folder/${file##*/}"
    done
done
run 0 init "$work/bare" --out "$work/drafts" --quiet
printf '\n$ tail -n 18 %s/drafts/shop/checkout.yaml\n\n' "$work"
tail -n 18 "$work/drafts/shop/checkout.yaml"

say 'The contracts that people made of such drafts: do they fit the manifests, the policies, and each other?'
run 0 check "$shop"

say 'Compiled to policies that permit what is agreed and nothing else, and proved: with the bare copy, these alone.'
run 0 compile "$shop" --out "$work/policies"
run 0 prove "$work/bare" "$shop/contracts" "$work/policies"

say 'A bad change: cart is given the address of the ledger, which its contract does not declare. The gate fails.'
cp -R "$shop" "$work/changed"
awk '
    { print }
    /value: database\.data\.svc\.cluster\.local:5432/ {
        print "        - name: LEDGER_ADDR"
        print "          value: ledger.bank.svc.cluster.local:9000"
    }
' "$shop/shop/cart.yaml" >"$work/changed/shop/cart.yaml"
run 1 check "$work/changed"

say 'The fix declares the call, for review. It takes two: the owner of the ledger has not admitted cart.'
run 1 check "$work/changed" --fix
show_diff "$shop/contracts/shop/cart.yaml" "$work/changed/contracts/shop/cart.yaml"

say 'Who is it really? A trust domain, and one identity in it: whoever runs this is the cart, because the kernel says so.'
data=$work/identity
socket=$work/run/agent.sock
mkdir -m 755 "$work/run"
run 0 identity init --trust-domain shop.example --data "$data"
run 0 identity entries add --data "$data" --spiffe-id spiffe://shop.example/ns/shop/sa/cart --selector "unix:uid:$(id -u)"
printf '\n$ licet identity serve --data %s --socket %s &\n' "$data" "$socket"
.venv/bin/licet identity serve --data "$data" --socket "$socket" >"$work/serve.log" 2>&1 &
server=$!
left=60
until .venv/bin/licet identity fetch --socket "$socket" >/dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" -eq 0 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$work/serve.log" >&2
        fail "expected the server to answer"
    fi
    sleep 0.5
done
run 0 identity fetch --socket "$socket"

say 'The key of its root was stolen: one command. Who forges identities with it is refused when the last step is done.'
run 0 identity taint --data "$data" --settle 1
run 0 identity fetch --socket "$socket"

say 'Everything that was issued and done is in a log that shows what was changed in it or taken out.'
run 0 audit verify --data "$data"
printf '\n$ licet audit show --data %s --last 6 | cut -c 1-150\n\n' "$data"
.venv/bin/licet audit show --data "$data" --last 6 | cut -c 1-150
stop

printf '\n\n`make demo` runs this platform. The command is .venv/bin/licet; `.venv/bin/licet --help` says what else it answers.\n'
