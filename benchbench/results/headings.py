"""What intervals are called in tables, and what they speak of."""

OF_EPISODES = ("± episodes", "± classes")
OF_OFFICIAL_TESTS = ("± draws", "± test images", "± both")
"""Where every episode is tested on all official test images."""

ABOUT_OFFICIAL_TESTS = (
    "± draws: other draws of support images; ± test images: other test images of these classes; "
    "± both: other draws and other test images."
)
