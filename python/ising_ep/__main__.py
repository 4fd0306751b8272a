"""The command `ising-ep`, and `python -m ising_ep`."""

import sys


def main() -> None:
    """Runs the command; Ctrl-C while it is loaded, which takes a moment, is no traceback either."""
    from .extras import MissingExtraError

    try:
        from .cli import main as command

        command(prog_name="ising-ep")
    except MissingExtraError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
