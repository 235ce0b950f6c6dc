"""What is wrong with a data set: damage, counts, shared classes, duplicates."""
