"""The environment variable that fixes what is secret otherwise, so that bits can be repeated."""

SALT = "BENCHBENCH_SALT"
"""Its text replaces the secrets of newly decoded tables and of results folders.

Who knows the text and what is published can compute the order of a table and the nonces of runs, so
that a process that runs a hostile method must not see it.
"""
