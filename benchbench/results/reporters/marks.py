"""What tables say of the settings of their rows: cells, and notes below the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchbench.datasets.integrity.contamination import judge
from benchbench.results.numbers import percent
from benchbench.results.standing import REFUTED, UNDECIDED, Standing
from benchbench.results.training_labels import FRACTION, UNLABELLED, kind_of


def seen_text(one: Standing) -> str:
    """What the weights were trained on, flagged if that has test classes; empty for nothing."""
    flag = "" if one.contamination == "none" else f" ({one.contamination} seen)"
    return f"{one.pretrained_on}{flag}" if one.pretrained_on else ""


def setting_text(one: Standing) -> str:
    """The setting, marked if nothing but the method's claim supports it, and properties."""
    mark = " (claimed)" if one.evidence == "claim" else ""
    return ", ".join([one.setting + mark, *one.properties.split()])


def apart(groups: Iterable[str]) -> list[str]:
    """A note on the groups of a table that has several."""
    different = list(dict.fromkeys(groups))
    return [f"Ranked apart: {'; '.join(different)}."] if len(different) > 1 else []


def evidence_notes(standings: Mapping[str, Sequence[Standing]]) -> list[str]:
    """Why rows are flagged, and what settings rest on; standings: of a method, by source."""
    every = [one for of in standings.values() for one in of]
    flagged = [one for one in every if one.contamination != "none" and one.pretrained_on]
    pairs = dict.fromkeys((one.pretrained_on, one.subject) for one in flagged)
    notes = [judge(seen.split("+"), subject).reason for seen, subject in pairs]
    if any(one.evidence == "claim" for one in every):
        notes.append("Claimed: by the method's own word, which no audit confirms.")
    if any(one.setting == UNDECIDED for one in every):
        notes.append(
            "Undecided: the audit cannot tell whether scores of a query depend on other queries."
        )
    if any(one.unprotected for one in every):
        notes.append(
            "Unprotected: computed in the process that holds labels and results (--engine inline)."
        )
    if any(one.chose_on_validation for one in every):
        notes.append(
            "Validation labels: hyper-parameters were chosen on labelled images of the official "
            "validation part, beside the support."
        )
    if any(one.had_a_pool for one in every):
        notes.append(
            "Unlabelled pool: given the episode's images without labels; rows without that ignore "
            "them."
        )
    if any(one.read_attributes for one in every):
        notes.append(
            "Class attributes: given numbers that describe the episode's classes, beside the "
            "support; rows without that see none."
        )
    properties = {kind_of(word) for one in every for word in one.properties.split()}
    if FRACTION in properties:
        notes.append("Fraction of labels: the network learned from labels of some training images.")
    if properties & (set(UNLABELLED.values()) - {FRACTION}):
        notes.append(
            "No training labels: the network learned from the training images alone; where it says "
            "so, labels of validation classes chose among its weights."
        )
    for method, of in standings.items():
        notes += _of_method(method, of)
    return notes


def _of_method(method: str, standings: Sequence[Standing]) -> list[str]:
    """What is to be told of one method, each once."""
    notes = []
    for one in [one for one in standings if one.evidence == REFUTED][:1]:
        notes.append(
            f"{method} claims to be inductive, and its scores of a query depend on the other "
            f"queries: in the audit {percent(one.accuracy_together)} % together, "
            f"{percent(one.accuracy_one_at_a_time)} % one at a time."
        )
    for one in [one for one in standings if one.audit_reason][:1]:
        notes.append(f"{method} lacks an audit; {one.audit_reason}.")
    if tried := max((one.files_tried for one in standings), default=0):
        files = "a protected file" if tried == 1 else f"{tried} protected files"
        notes.append(f"{method} tried to reach {files}, such as labels or results.")
    return notes
