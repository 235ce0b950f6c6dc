"""A plug-in of every kind for benchbench, built on its public names alone."""
