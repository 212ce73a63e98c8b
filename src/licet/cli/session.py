"""What every command does around its own question: settle what applies, load, write, tell what was found."""

from __future__ import annotations

import difflib
import gc
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO, TypeVar

from licet.app.load import Loaded, Setting, Tell, load, load_version
from licet.app.report import report
from licet.cli.options import Options
from licet.cli.progress import Progress
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.render import terminal
from licet.diag.render.json import Finding, findings
from licet.diag.render.paint import Paint
from licet.diag.report import Report
from licet.model.profile import Profile
from licet.model.profiles import DEFAULT, PROFILES
from licet.sources import SourceError
from licet.sources.settings import settings

T = TypeVar("T")

_FOR_PEOPLE = "table"
"""The one form that follows the terminal's encoding; what programs read is UTF-8."""
_NARROWEST = 20
_BATCH = 1 << 16


class Session:
    """One run of one command: its options with the settings applied, and its streams."""

    def __init__(self, options: Options) -> None:
        # What is made on the way to an answer is kept or freed by counting: looking for cycles in it finds none, and
        # takes a third of the time on large inputs.
        gc.disable()
        self._began = time.monotonic()
        self.options = options
        self.settings = settings(options.config)
        self.profile = _profile(options.enforcer or self.settings.enforcer or DEFAULT)
        self.fail_on = options.fail_on or self.settings.fail_on or Severity.ERROR
        self.width = max(shutil.get_terminal_size((100, 24)).columns, _NARROWEST)
        self.paint = Paint(_coloured(options.color, sys.stdout))
        self.namespace = options.namespace or self.settings.namespace or "default"
        self.setting = Setting(self.settings, self.namespace, options.platform or self.settings.platform)

    def work(self, do: Callable[[Tell], T]) -> T:
        """What `do` returns; meanwhile a terminal shows what it tells."""
        with Progress(sys.stderr, sys.stderr.isatty() and not self.options.quiet) as progress:
            return do(progress.tell)

    def load(self, paths: Sequence[str], tell: Tell, *, keep: bool = False) -> Loaded:
        """What the paths hold, with `keep` its objects too."""
        return load(paths, self.setting, tell, keep=keep)

    def load_version(self, version: str, tell: Tell, paths: Sequence[str] = ()) -> Loaded:
        """What a path or a git revision holds, of a revision only what stands at `paths`."""
        return load_version(version, self.setting, tell, paths)

    def write(self, chunks: Iterable[str]) -> None:
        """The answer, to standard output; raises BrokenPipeError where nobody reads it."""
        if self.options.output != _FOR_PEOPLE and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        batch: list[str] = []
        size = 0
        for chunk in chunks:
            batch.append(chunk)
            size += len(chunk)
            if size > _BATCH:
                sys.stdout.write("".join(batch))
                batch, size = [], 0
        sys.stdout.write("".join(batch))
        sys.stdout.flush()

    def report(self, loaded: Loaded, more: Iterable[Diagnostic] = (), *, whole: bool = False) -> Report:
        """What was found, with lines and columns: of every finding where `whole`, of those that are shown otherwise."""
        most = None if whole or self.options.verbose else terminal.SHOWN_PER_CODE
        return report((*loaded.diagnostics, *more), loaded.texts, most)

    def json_findings(self, loaded: Loaded) -> list[Finding]:
        """What was found, for a JSON output to hold."""
        return findings(self.report(loaded, whole=True))

    def tell(self, *found: Loaded) -> int:
        """Findings to standard error with a closing line that counts the last one's workloads.

        1 comes back where a finding is at least as bad as --fail-on, otherwise 0.
        """
        diagnostics = list(dict.fromkeys(d for loaded in found for d in loaded.diagnostics))
        texts = {name: text for loaded in found for name, text in loaded.texts.items()}
        failed = any(diagnostic.severity >= self.fail_on for diagnostic in diagnostics)
        least = Severity.ERROR if self.options.quiet else Severity.INFO
        shown = [diagnostic for diagnostic in diagnostics if diagnostic.severity >= least]
        most = None if self.options.verbose else terminal.SHOWN_PER_CODE
        paint = Paint(_coloured(self.options.color, sys.stderr))
        text = terminal.render(report(shown, texts, most), paint=paint, width=self.width, every=self.options.verbose)
        sys.stderr.write(text)
        if not self.options.quiet and (diagnostics or self.options.verbose):
            workloads = terminal.counted(len(found[-1].cluster.workloads), "workload")
            sys.stderr.write(self.closing(Report(tuple(diagnostics)), workloads) + "\n")
        sys.stderr.flush()
        return int(failed)

    def closing(self, found: Report, where: str) -> str:
        """Such as `Found 1 error in 412 workloads (0.38 s).`."""
        seconds = time.monotonic() - self._began
        what = terminal.count(found) or "nothing wrong"
        return f"Found {what} in {where} ({seconds:.2f} s)."


def _profile(name: str) -> Profile:
    profile = PROFILES.get(name.lower())
    if profile is None:
        close = difflib.get_close_matches(name.lower(), PROFILES, n=1)
        meant = f"did you mean `{close[0]}`? " if close else ""
        raise SourceError(f"no profile `{name}`", f"{meant}there are {', '.join(f'`{known}`' for known in PROFILES)}")
    return profile


def _coloured(choice: str, stream: TextIO) -> bool:
    """Whether to colour: as asked, else where a terminal reads and `NO_COLOR` does not forbid it (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()
