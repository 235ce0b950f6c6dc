"""`python -m benchbench.cli`."""

from benchbench.cli.main import main

main()
