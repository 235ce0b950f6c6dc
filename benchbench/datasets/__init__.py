"""Data sets: each decodes its images once into a memory-mapped table and says how classes split."""
