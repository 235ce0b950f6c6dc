"""Reading published files: folders, archives, pickles and downloads; what is unsafe is refused."""
