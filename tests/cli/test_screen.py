"""A platform that runs is shown on a terminal of any size, which is left as it was."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from licet.app.up import orders
from licet.app.up.orders import Outcome, Protocol, Result, Way
from licet.app.up.plan import Cause, Counts, Edge, Expected, Plan, Planned
from licet.app.up.tally import Row
from licet.app.up.traffic import Example, Report
from licet.cli.render.up import render
from licet.cli.screen import Screen
from licet.diag.render.paint import PLAIN, Paint
from licet.mesh.decision.explain import Explained, Reason
from licet.model.key import Key

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def workload(name: str) -> Key:
    return Key("", "apps", "Deployment", "shop", name)


WEB, CART = workload("web"), workload("cart")


def row(caller: Key | None, agreed: Counts, seen: Counts, rule: str = "", failed: int = 0, callee: Key = CART) -> Row:
    return Row(Edge(callee, 8080, caller), agreed, seen, failed, rule)


def report(*rows: Row, seconds: float = 0.0, shadow: frozenset[Key] = frozenset()) -> Report:
    call = orders.Call(0, Protocol.GRPC, Way.EXIT, "127.77.0.1", 20000, str(CART), (), "POST", "/shop.Cart/Add")
    planned = Planned(WEB, CART, 8080, Cause.DECLARED, Expected.ALLOWED, "agreed", call)
    explained = Explained(True, "agreed", Reason.AGREED, "it is agreed", "contracts/cart.yaml:12")
    return Report(
        trust_domain="shop.example",
        envoy="1.40.0",
        shadow=shadow,
        sidecars=2,
        seconds=seconds,
        calls=len(rows),
        plan=Plan((planned,), ()),
        rows=rows,
        alike={},
        surprises=(),
        examples=(Example(planned, Outcome(0, Result.ALLOWED), "spiffe://shop.example/ns/shop/sa/web", explained),),
        lost=(),
    )


ONE, TWO = Counts(allowed=1), Counts(refused=2)
LONG = [row(WEB, ONE, ONE, callee=workload(f"callee-{number}")) for number in range(40)]


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> Iterator[Callable[[], str]]:
    """A terminal of this size behind standard error; what has come there since it was last asked."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        try:
            yield lambda: os.read(ours, 1 << 16).decode()
        finally:
            os.close(ours)


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (60, 12), (200, 60), (20, 5)])
def test_what_is_drawn_fits(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> None:
    with terminal(monkeypatch, columns, lines) as shown, Screen(Paint(True), quiet=False) as screen:
        screen.show(report(*LONG, row(None, TWO, TWO, "no-certificate"), shadow=frozenset({CART})))
        drawn = CONTROLS.sub("", shown()).lstrip("\r").split("\r\n")
        assert len(drawn) <= lines
        assert max(map(len, drawn)) <= columns


def test_every_edge_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 80, 24) as shown, Screen(PLAIN, quiet=False) as screen:
        seen = set()
        for seconds in range(0, 40, 4):
            screen.show(report(*LONG, seconds=float(seconds)))
            seen.update(re.findall(r"callee-\d+", shown()))
        assert len(seen) == 40


def test_the_terminal_is_left_as_it_was_also_where_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 80, 24) as shown:
        screen = Screen(PLAIN, quiet=False)
        with pytest.raises(KeyError), screen:
            _fail(screen)
        drawn = shown()
        assert drawn.index("\x1b[?1049h") < drawn.index("callee-0")
        assert drawn.endswith("\x1b[?1049l")


def _fail(screen: Screen) -> None:
    screen.tell("starting")
    screen.show(report(*LONG))
    raise KeyError


def test_what_may_still_come_is_not_missing_and_what_is_too_much_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    late, beyond = row(WEB, Counts(allowed=5), Counts(allowed=3)), row(CART, ONE, Counts(allowed=2))
    with terminal(monkeypatch, 80, 24) as shown, Screen(Paint(True), quiet=False) as screen:
        screen.show(report(late, beyond))
        lines = {CONTROLS.sub("", line).split()[0]: line for line in shown().split("\r\n") if ":8080 " in line}
        assert "of" not in CONTROLS.sub("", lines["shop/web"])
        assert "\x1b[1;31m" not in lines["shop/web"]
        assert "\x1b[1;31m" in lines["shop/cart"]
    settled = "".join(render(report(late, beyond), PLAIN, grouped=False))
    assert re.search(r"^shop/web +shop/cart:8080 +3 of 5 *$", settled, re.MULTILINE)
    assert "is not what was agreed" in settled


def test_a_rule_is_named_where_the_edge_does_not_say_it() -> None:
    rows = (
        row(WEB, ONE, ONE, f"{WEB}->{CART}#2"),
        row(WEB, TWO, TWO, "default-deny", callee=WEB),
        row(None, TWO, TWO, "no-certificate"),
        row(CART, ONE, ONE, "it fails", failed=3),
    )
    grouped = "".join(render(report(*rows), PLAIN, grouped=True)).splitlines()
    assert [re.sub(r" +", " ", line) for line in grouped[2:7]] == [
        "CALLER CALLEE ALLOWED REFUSED DECIDED BY",
        "shop/web shop/cart:8080 1",
        " shop/web:8080 2 default-deny",
        "(no certificate) shop/cart:8080 2",
        "shop/cart shop/cart:8080 1 3 failed",
    ]
    assert grouped[8:10] == [
        "allowed   spiffe://shop.example/ns/shop/sa/web -> shop/cart:8080",
        "          gRPC /shop.Cart/Add, by contracts/cart.yaml:12",
    ]


def test_what_runs_is_told_without_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(PLAIN, quiet=False) as screen:
        for number in range(3):
            screen.tell(f"starting: {number} of 2")
            screen.show(msgspec.structs.replace(report(row(WEB, ONE, ONE)), seconds=float(number)))
    assert capsys.readouterr().err == "starting\n0 s: 1 call on 1 edge, 1 allowed, 0 refused\n"
    with Screen(PLAIN, quiet=True) as screen:
        screen.tell("starting")
        screen.show(report())
    assert capsys.readouterr().err == ""
