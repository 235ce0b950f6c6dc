"""Observers that log runs to experiment trackers; each is off until its variable names a place."""
