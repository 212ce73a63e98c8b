"""The socket behind a front, which this process alone reaches: it has no name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from licet.identity.workload.endpoint import require_short


class Inner:
    """A unix socket that `bind` makes at the path it is given, and whoever knows `path` in this process reaches.

    It is made in a directory of its own under the system's for temporary files, and never beside the public one, whose
    directory pods see. Once it is bound, both are taken away: this process has it by a descriptor, and one that is
    killed leaves nothing behind. Raises IdentityError where the directory's name is too long for a socket.
    """

    def __init__(self, bind: Callable[[Path], object]) -> None:
        private = Path(tempfile.mkdtemp(prefix="licet-"))
        try:
            named = private / "inner.sock"
            require_short(named, "`TMPDIR` names a shorter folder for temporary files")
            bind(named)
            named.chmod(0o600)
            self._held = os.open(named, os.O_PATH | os.O_CLOEXEC)
        finally:
            shutil.rmtree(private, ignore_errors=True)
        self.path = Path(f"/proc/self/fd/{self._held}")

    def close(self) -> None:
        """Be reached no more."""
        os.close(self._held)
