"""`python -m benchbench.cli.main`."""

from benchbench.cli.main import main

if __name__ == "__main__":
    main()
