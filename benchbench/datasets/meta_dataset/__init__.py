"""The ten sources of Meta-Dataset (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""
