"""Programs that end with whoever started them, however that ends.

Run as a file it becomes another program, `leash.py PARENT PROGRAM ARGUMENT...`, and is then loaded without anything of
the project or of others, so that this takes no time.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CANNOT = 126


def hold(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; leave at once where it has already.

    It holds for what this process becomes by `exec` too. Of a crash no image is written: it would hold keys.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel does not end this process with its parent")
    if os.getppid() != parent:
        os._exit(_CANNOT)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Become the program that the command line says."""
    try:
        hold(int(sys.argv[1]))
        # An interpreter in the C locale adds this to its environment.
        os.execve(sys.argv[2], sys.argv[2:], {name: os.environ[name] for name in os.environ if name != "LC_CTYPE"})
    except OSError as error:
        sys.stderr.write(f"{sys.argv[2]}: {(error.strerror or str(error)).lower()}\n")
        sys.exit(_CANNOT)


if __name__ == "__main__":
    main()
