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


if __name__ == "__main__":
    sys.exit(main())
