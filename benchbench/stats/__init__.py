"""Statistics of few-shot accuracies, as pure functions of arrays and tables.

Where a number would mean nothing, they raise `benchbench.errors.NoEstimate` with the reason.
"""

from benchbench.stats.aggregates import (
    Aggregate,
    chance_normalised,
    improvement_interval,
    iqm_over_sources,
    mean_over_sources,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    stratified_bootstrap,
)
from benchbench.stats.intervals import (
    bca_interval,
    class_bootstrap,
    class_half_width,
    class_interval,
    interquartile_mean,
    mean_interval,
    wilson_interval,
)
from benchbench.stats.many_datasets import (
    Friedman,
    friedman,
    nemenyi_critical_difference,
    wilcoxon_holm,
)
from benchbench.stats.paired import (
    PairedDifference,
    compare_paired,
    holm,
    pairwise_p_values,
    sign_flip,
)
from benchbench.stats.seeds import CrossedSeeds, NestedSeeds, crossed_seeds, nested_seeds
from benchbench.stats.sizing import (
    best_queries,
    detectable_difference,
    episodes_needed,
    episodes_to_detect,
    power_of,
    reuse,
    reuse_warning,
    variance_parts,
)

__all__ = [
    "Aggregate",
    "CrossedSeeds",
    "Friedman",
    "NestedSeeds",
    "PairedDifference",
    "bca_interval",
    "best_queries",
    "chance_normalised",
    "class_bootstrap",
    "class_half_width",
    "class_interval",
    "compare_paired",
    "crossed_seeds",
    "detectable_difference",
    "episodes_needed",
    "episodes_to_detect",
    "friedman",
    "holm",
    "improvement_interval",
    "interquartile_mean",
    "iqm_over_sources",
    "mean_interval",
    "mean_over_sources",
    "nemenyi_critical_difference",
    "nested_seeds",
    "optimality_gap",
    "pairwise_p_values",
    "performance_profile",
    "power_of",
    "probability_of_improvement",
    "reuse",
    "reuse_warning",
    "sign_flip",
    "stratified_bootstrap",
    "variance_parts",
    "wilcoxon_holm",
    "wilson_interval",
]
