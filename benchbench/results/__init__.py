"""What stored runs say."""
