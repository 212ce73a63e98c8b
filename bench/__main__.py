"""`python -m bench`: measure on this machine and print what was measured, ratios first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import chain, identities, meshes, peers, report
from bench.cases import FULL, OUT, QUICK, SCALE, changes, measure, warm
from bench.generate import VARIANTS, Case
from bench.identity import tables
from bench.mesh import tables as mesh_tables
from bench.result import Machine, Results

CHANGED = Case("plain", 10_000)
CHANGED_QUICK = Case("plain", 100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 1 where something failed, 0 otherwise (an aim missed is a number, not a failure)."""
    options = _options(arguments)
    machine = Machine.here()
    print(f"{machine}\n", flush=True)
    warm()
    results = Results(machine)
    for case in _cases(options):
        _progress(f"{case.name}: {VARIANTS[case.variant]}")
        results.cases.append(measure(case, options.repeats))
        report.keep(options.out, results)
    for size in options.contracts:
        _progress(f"{size} contracts")
        results.chains.append(chain.measure(size, options.repeats))
        report.keep(options.out, results)
    if options.changes:
        _progress("changes")
        results.latencies, failure = changes(CHANGED_QUICK if options.quick else CHANGED, options.changes)
        results.failures += filter(None, [failure])
    if options.identities:
        _progress("identities")
        results.identities = identities.measure(identities.QUICK if options.quick else identities.FULL)
        report.keep(options.out, results)
    if options.mesh:
        _progress("the mesh")
        results.meshes = meshes.measure(meshes.QUICK if options.quick else meshes.FULL)
        report.keep(options.out, results)
    for tool in peers.TOOLS if options.peers else ():
        _progress(tool.name)
        results.peers += peers.compare(tool)
    text = "\n".join(_sections(results))
    print(text)
    report.keep(options.out, results)
    if options.write:
        report.insert(options.write, f"{machine}\n\n{text}")
    failed = [one.failure for one in results.cases] + [one.failure for one in results.chains]
    failed += [results.identities.failure] if results.identities else []
    failed += [results.meshes.failure] if results.meshes else []
    return int(bool(results.failures) or any(failed))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="CASE", type=_case, help="cases by name, such as plain-100-split")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="only these of the usual cases")
    parser.add_argument("--sizes", nargs="+", type=int, help="only these of the usual sizes")
    parser.add_argument("--quick", action="store_true", help="every variant at 100, once, and nothing else")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, of which the least counts (default: 2)")
    parser.add_argument(
        "--contracts", nargs="*", type=int, default=SCALE, help="sizes of the platforms with contracts; none for none"
    )
    parser.add_argument("--changes", type=int, default=500, help="changes of each kind to follow (default: 500)")
    parser.add_argument(
        "--identities", action=argparse.BooleanOptionalAction, default=True, help="measure the identity plane too"
    )
    parser.add_argument("--mesh", action=argparse.BooleanOptionalAction, default=True, help="measure the mesh too")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure other tools too")
    parser.add_argument("--out", type=Path, default=OUT / "results.json", help="where the results go as JSON")
    parser.add_argument("--write", type=Path, metavar="FILE", help="replace the numbers in this Markdown file too")
    options = parser.parse_args(arguments)
    if options.quick:
        options.repeats, options.peers, options.changes = 1, False, min(options.changes, 20)
        options.contracts = options.contracts[:1]
    return options


def _case(name: str) -> Case:
    try:
        return Case.parse(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.only is not None:
        return list(options.only)
    usual = QUICK if options.quick else FULL
    return [
        case
        for case in usual
        if case.size in (options.sizes or [case.size]) and case.variant in (options.variants or [case.variant])
    ]


def _sections(results: Results) -> Iterator[str]:
    """The tables, and where the aims stand."""
    if results.cases:
        yield "Licet beside PyYAML merely loading the same files\n"
        yield report.table(report.CASE_HEAD, map(report.case_row, results.cases)) + "\n"
    if results.chains:
        yield "From contracts to proved policies, every command in a process of its own\n"
        yield report.table(report.CHAIN_HEAD, report.chain_rows(results.chains)) + "\n"
    if results.latencies:
        yield "Answering again after a change\n"
        yield report.table(report.LATENCY_HEAD, map(report.latency_row, results.latencies)) + "\n"
    if results.identities:
        yield from tables.sections(results.identities)
    if results.meshes:
        yield from mesh_tables.sections(results.meshes)
    if results.peers:
        yield "Other analysers on the same files\n"
        yield report.table(report.PEER_HEAD, map(report.peer_row, results.peers)) + "\n"
    lines = [*report.aims(results), *(tables.aims(results.identities) if results.identities else ())]
    lines += mesh_tables.aims(results.meshes) if results.meshes else ()
    yield from (f"- {line}" for line in lines)


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
