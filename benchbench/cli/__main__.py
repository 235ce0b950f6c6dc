"""`python -m benchbench.cli`."""

from benchbench.cli.main import main

if __name__ == "__main__":
    main()
