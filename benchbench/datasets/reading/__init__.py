"""Reading published files: folders, archives, pickles, downloads, and what is refused."""
