"""Checks for damaged data, wrong counts, classes in several splits, duplicates, contamination."""
