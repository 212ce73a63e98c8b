"""The command `licet`. What it does not need it does not load: `licet --version` answers before anything else."""

import sys

from licet import __version__


def main() -> int:
    """Run the command line on `sys.argv`; the exit code."""
    try:
        if sys.argv[1:] in (["--version"], ["-V"]):
            sys.stdout.write(f"licet {__version__}\n")
            return 0
        from licet.cli.run import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("licet: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
