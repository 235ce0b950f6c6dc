"""Whether stored results are what they claim, found out by anybody."""
