"""Statistics of few-shot accuracies, as pure functions of arrays and tables.

If a number would mean nothing, they raise `benchbench.errors.NoEstimate` with the reason.
"""

from benchbench.stats.aggregates import Aggregate as Aggregate
from benchbench.stats.aggregates import chance_normalised as chance_normalised
from benchbench.stats.aggregates import improvement_interval as improvement_interval
from benchbench.stats.aggregates import iqm_over_sources as iqm_over_sources
from benchbench.stats.aggregates import mean_over_sources as mean_over_sources
from benchbench.stats.aggregates import optimality_gap as optimality_gap
from benchbench.stats.aggregates import performance_profile as performance_profile
from benchbench.stats.aggregates import probability_of_improvement as probability_of_improvement
from benchbench.stats.aggregates import stratified_bootstrap as stratified_bootstrap
from benchbench.stats.images import OverTestImages as OverTestImages
from benchbench.stats.images import over_test_images as over_test_images
from benchbench.stats.intervals import class_bootstrap as class_bootstrap
from benchbench.stats.intervals import class_half_width as class_half_width
from benchbench.stats.intervals import class_interval as class_interval
from benchbench.stats.intervals import mean_difference as mean_difference
from benchbench.stats.intervals import mean_interval as mean_interval
from benchbench.stats.intervals import wilson_interval as wilson_interval
from benchbench.stats.many_datasets import Friedman as Friedman
from benchbench.stats.many_datasets import friedman as friedman
from benchbench.stats.many_datasets import (
    nemenyi_critical_difference as nemenyi_critical_difference,
)
from benchbench.stats.many_datasets import wilcoxon_holm as wilcoxon_holm
from benchbench.stats.paired import FEWEST_FOR_T as FEWEST_FOR_T
from benchbench.stats.paired import PairedDifference as PairedDifference
from benchbench.stats.paired import compare_paired as compare_paired
from benchbench.stats.paired import holm as holm
from benchbench.stats.paired import pairwise_p_values as pairwise_p_values
from benchbench.stats.paired import sign_flip as sign_flip
from benchbench.stats.seeds import CrossedSeeds as CrossedSeeds
from benchbench.stats.seeds import NestedSeeds as NestedSeeds
from benchbench.stats.seeds import crossed_seeds as crossed_seeds
from benchbench.stats.seeds import nested_seeds as nested_seeds
from benchbench.stats.sizing import best_queries as best_queries
from benchbench.stats.sizing import detectable_difference as detectable_difference
from benchbench.stats.sizing import episodes_needed as episodes_needed
from benchbench.stats.sizing import episodes_to_detect as episodes_to_detect
from benchbench.stats.sizing import power_of as power_of
from benchbench.stats.sizing import reuse as reuse
from benchbench.stats.sizing import reuse_warning as reuse_warning
from benchbench.stats.sizing import variance_parts as variance_parts
from benchbench.stats.skewed import bca_interval as bca_interval
from benchbench.stats.skewed import interquartile_mean as interquartile_mean
