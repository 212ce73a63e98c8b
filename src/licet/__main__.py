"""The command `licet`. What it does not need it does not load: `licet --version` answers before anything else."""

import sys

from licet import __version__


def main() -> int:
    """Run the command line on `sys.argv`; the exit code."""
    try:
        if sys.argv[1:] in (["--version"], ["-V"]):
            print(f"licet {__version__}", flush=True)
            return 0
        from licet.cli.run import run

        return run(sys.argv[1:])
    except BrokenPipeError:
        from licet.cli.run import CLOSED, silence

        silence(sys.stdout)
        return CLOSED
    except OSError as error:
        sys.stderr.write(f"licet: {(error.strerror or str(error)).lower()}\n")
        sys.stdout = None  # or the interpreter tries once more to write what it holds
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("licet: interrupted\n")
        return 130


def leave() -> None:
    """Run the command line and end the process with its exit code.

    What was read is not taken apart object by object first: on large inputs that takes a tenth of the whole run.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            sys.exit(code)
    import os

    os._exit(code)


if __name__ == "__main__":
    leave()
