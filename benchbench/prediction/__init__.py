"""New pictures answered by what was benchmarked."""
