"""The rows of a small leaderboard, as `leaderboard.collect` gives them."""

from typing import Any

import pandas as pd

ROWS: list[dict[str, Any]] = [
    {
        "dataset": "glyphs",
        "fingerprint": "f" * 64,
        "splits": "s" * 64,
        "split": "test",
        "protocol": "5way-1shot-15query",
        "episode_seed": 0,
        "collection": "glyphs",
        "source": "glyphs",
        "subject": "glyphs",
        "trained_on": "",
        "protocol_hash": "0123456789ab",
        "rank": rank,
        "rank_rule": "paired",
        "rank_group": "inductive",
        "best": rank == 1,
        "method": method,
        "budget": "quick",
        "backbone": "conv4",
        "class_names": False,
        "pretrained_on": "",
        "contamination": "none",
        "setting": "inductive",
        "evidence": "audit",
        "properties": "",
        "accuracy_together": 0.9,
        "accuracy_one_at_a_time": 0.9,
        "audit_reason": "",
        "files_tried": 0,
        "accuracy": accuracy,
        "ci_episodes": 0.1 + 0.2,
        "ci_classes": ci_classes,
        "ci_seeds": None,
        "wilson_low": None,
        "wilson_high": None,
        "official_test": False,
        "ci_images": None,
        "ci_both": None,
        "episodes": 600,
        "way": 5,
        "shot": 1,
        "query": 15,
        "disjoint": False,
        "standard": True,
        "images_drawn": None,
        "images_available": None,
        "seeds": 1,
        "seed_accuracies": f"0:{accuracy!r}",
        "published_percent": None,
        "published_difference": None,
        "published_source": None,
        "training_seconds": 61.7,
        "seconds_per_episode": 0.0012345,
        "parameters": 111936,
        "peak_memory_bytes": 900 * 2**20,
        "run": f"{method}-0123abcd",
    }
    for method, rank, accuracy, ci_classes in [
        ("protonet", 1.0, 2 / 3, 0.123456789012345678),
        ("knn[k=3,distance=cosine]", 2.0, 1 / 3, None),
    ]
]


def frame(*changes: dict[str, Any]) -> pd.DataFrame:
    """The rows above, a copy of both for each change."""
    return pd.DataFrame([{**row, **change} for change in changes or ({},) for row in ROWS])
