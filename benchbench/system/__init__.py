"""The machine that benchbench runs on: files, compute, randomness, progress, confinement."""
