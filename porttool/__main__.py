"""Where a process of porttool begins."""

from porttool.interrupts import leave_when_interrupted


def main() -> None:
    """Run the command line; interruptions count from the first moment."""
    leave_when_interrupted()
    from porttool.cli import main as run

    run()


if __name__ == "__main__":
    main()
