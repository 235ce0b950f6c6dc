"""Decoded images, written once and memory-mapped from then on."""
