"""`python -m bench`: measure on this machine and print what was measured, ratios first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench import peers, report
from bench.cases import FULL, OUT, QUICK, measure, warm
from bench.generate import VARIANTS, Case
from bench.result import Latency, Machine, Measured, Peer


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 1 where something failed, 0 otherwise (an aim missed is a number, not a failure)."""
    options = _options(arguments)
    machine = Machine.here()
    print(machine, flush=True)
    warm()
    cases = [_case(case, options.repeats) for case in _cases(options)]
    latencies = _latencies(options)
    others = _peers() if options.peers else []
    _show("Licet beside PyYAML merely loading the same files", report.CASE_HEAD, map(report.case_row, cases))
    _show("Answering again after a change", report.LATENCY_HEAD, map(report.latency_row, latencies))
    _show("Other analysers on the same files", report.PEER_HEAD, map(report.peer_row, others))
    print("\n" + "\n".join(report.aims(cases)))
    report.keep(options.out, machine, cases, latencies, others)
    return int(any(one.failure for one in cases))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="CASE", type=Case.parse, help="such as plain-1000 or plain-100-split"
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="only these of the usual cases")
    parser.add_argument("--sizes", nargs="+", type=int, help="only these of the usual sizes")
    parser.add_argument("--quick", action="store_true", help="every variant at 100, once, and nothing else")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, of which the least counts (default: 2)")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure other tools too")
    parser.add_argument("--reanswer", action=argparse.BooleanOptionalAction, default=True, help="measure changes too")
    parser.add_argument("--out", type=type(OUT), default=OUT / "results.json", help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.quick:
        options.repeats, options.peers = 1, False
    return options


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.only:
        return list(options.only)
    usual = QUICK if options.quick else FULL
    return [
        case
        for case in usual
        if case.size in (options.sizes or [case.size]) and case.variant in (options.variants or [case.variant])
    ]


def _case(case: Case, repeats: int) -> Measured:
    _progress(f"{case.name}: {VARIANTS[case.variant]}")
    return measure(case, repeats)


def _latencies(options: argparse.Namespace) -> list[Latency]:
    return []


def _peers() -> list[Peer]:
    found = []
    for tool in peers.TOOLS:
        _progress(tool.name)
        found += list(peers.compare(tool))
    return found


def _show(title: str, head: Sequence[str], rows: map[tuple[str, ...]]) -> None:
    listed = list(rows)
    if listed:
        print(f"\n{title}\n\n{report.table(head, listed)}")


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
