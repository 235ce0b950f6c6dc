"""Who may be ranked with whom: by what methods do, on the audit's evidence, and have seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchbench.datasets.integrity.contamination import LEVELS, judge
from benchbench.results.entries import Entry
from benchbench.results.training_labels import UNLABELLED, kind_of, property_of

INDUCTIVE, TRANSDUCTIVE, UNDECIDED = SETTINGS = ("inductive", "transductive", "undecided")
GRAVITY = (INDUCTIVE, UNDECIDED, TRANSDUCTIVE)
"""Of settings: what one seed or one test source is makes the whole so."""

REFUTED = "audit against its claim"
EVIDENCE = ("", "audit", "claim", REFUTED)
"""What a setting rests on; empty for one that a table of published figures states."""

UNPROTECTED, READS_FILES, VALIDATION = "unprotected", "reads-files", "validation-labels"
POOL = "unlabelled-pool"
"""The property of a method that was given unlabelled images with each support."""
ATTRIBUTES = "class-attributes"
"""The property of a method that read attributes of the classes where others had a support alone."""
APART = (POOL, VALIDATION, ATTRIBUTES, *UNLABELLED.values(), UNPROTECTED)
"""The properties by which methods are ranked apart."""
FOUND_BY_AUDIT = ("order_dependent", "stateful", "stochastic")


@dataclass(frozen=True)
class Standing:
    """What decides with whom a method is ranked; its fields are columns of a leaderboard.

    subject: the data set that was tested; pretrained_on: what the weights have seen, joined by +;
    contamination: one of `contamination.LEVELS`; evidence: one of `EVIDENCE`; properties: what else
    the audit and the engine found, joined by spaces. The accuracies are those of the audit;
    audit_reason: why there is none, if it was tried. files_tried: how many protected files the
    method tried to reach.
    """

    subject: str = ""
    pretrained_on: str = ""
    contamination: str = "none"
    setting: str = INDUCTIVE
    evidence: str = ""
    properties: str = ""
    accuracy_together: float | None = None
    accuracy_one_at_a_time: float | None = None
    audit_reason: str = ""
    files_tried: int = 0

    @property
    def unprotected(self) -> bool:
        """Whether nothing kept the method from labels and scores."""
        return UNPROTECTED in self.properties.split()

    @property
    def chose_on_validation(self) -> bool:
        """Whether the method was given labelled images of the official validation part."""
        return VALIDATION in self.properties.split()

    @property
    def had_a_pool(self) -> bool:
        """Whether the method was given unlabelled images with each support."""
        return POOL in self.properties.split()

    @property
    def read_attributes(self) -> bool:
        """Whether the method knew attributes of the classes beside a support."""
        return ATTRIBUTES in self.properties.split()

    @property
    def group(self) -> str:
        """Methods of one group are ranked together, and with no others."""
        seen = [] if self.contamination == "none" else [f"{self.contamination} seen"]
        apart = [word for word in self.properties.split() if kind_of(word) in APART]
        ordered = sorted(apart, key=lambda word: APART.index(kind_of(word)))
        return ", ".join([self.setting, *seen, *ordered])


def standing(entry: Entry) -> Standing:
    """How an entry stands; what the audit of one seed found holds for all."""
    method, subject = entry.first.manifest["method"], entry.first.subject
    seen = method.get("pretrained_on") or []
    audits = [result.manifest.get("audit") or {} for result in entry.results]
    made = [audit for audit in audits if _setting_found(audit)]
    found = _behaviour(made, TRANSDUCTIVE if method.get("transductive") else INDUCTIVE)
    reasons = [str(audit["reason"]) for audit in audits if _was_tried(audit)]
    tried, protected = _protection(result.manifest for result in entry.results)
    properties = [
        *(name.replace("_", "-") for name in FOUND_BY_AUDIT if any(one.get(name) for one in made)),
        *([POOL] if method.get("uses_unlabelled") and _has_pool(entry) else []),
        *([VALIDATION] if method.get("uses_validation") else []),
        *([ATTRIBUTES] if method.get("uses_attributes") and _has_support(entry) else []),
        *property_of(method),
        *([READS_FILES] if tried else []),
        *([] if protected else [UNPROTECTED]),
    ]
    return replace(
        found,
        subject=subject,
        pretrained_on="+".join(seen),
        contamination=judge(seen, subject).level,
        properties=" ".join(properties),
        audit_reason=reasons[0] if reasons else "",
        files_tried=tried,
    )


def _has_pool(entry: Entry) -> bool:
    """Whether the episodes have unlabelled images, or a number of them that varies."""
    return "unlabelled" in entry.first.manifest["episodes"]


def _has_support(entry: Entry) -> bool:
    """Whether episodes have support images; without any, all methods know classes otherwise."""
    return entry.facts.get("shot") != 0


def _behaviour(audits: Sequence[Mapping[str, Any]], claim: str) -> Standing:
    """The setting and what it rests on. A method that claims to be transductive is so."""
    if not audits:
        return Standing(setting=claim, evidence="claim")
    gravest = max(audits, key=lambda audit: GRAVITY.index(_setting_found(audit)))
    setting, evidence = _setting_found(gravest), "audit"
    if claim == TRANSDUCTIVE and setting != TRANSDUCTIVE:
        setting, evidence = claim, "claim"
    elif setting == TRANSDUCTIVE != claim:
        evidence = REFUTED
    return Standing(
        setting=setting,
        evidence=evidence,
        accuracy_together=gravest.get("accuracy_together"),
        accuracy_one_at_a_time=gravest.get("accuracy_one_at_a_time"),
    )


def _setting_found(audit: Mapping[str, Any]) -> str:
    """The setting that an audit found; empty if it was not made."""
    if "undecided" in audit and audit.get("batch_norms_on_queries"):
        return TRANSDUCTIVE
    if audit.get("undecided"):
        return UNDECIDED
    inductive = audit.get("inductive")
    return "" if inductive is None else INDUCTIVE if inductive else TRANSDUCTIVE


def _was_tried(audit: Mapping[str, Any]) -> bool:
    """Whether an audit was asked for and could not be made."""
    return bool(audit.get("reason")) and not str(audit["reason"]).startswith("not asked for")


def _protection(manifests: Iterable[Mapping[str, Any]]) -> tuple[int, bool]:
    """How many protected files were tried, and whether every run was protected.

    A run that is older than protection counts as protected.
    """
    found = [manifest.get("protection") or {} for manifest in manifests]
    files = {str(path) for one in found for path in one.get("files_tried") or ()}
    return len(files), all(one.get("protected", True) for one in found)


def stated(group: str) -> Standing:
    """The standing that a table of figures states by the name of a group."""
    setting, *words = (group.lower() or "unknown").split(", ")
    contamination: str = "none"
    properties: list[str] = []
    for word in words:
        if (level := word.removesuffix(" seen")) in LEVELS and level != word:
            contamination = level
        elif kind_of(word) in APART:
            properties.append(word)
        else:
            setting = f"{setting}, {word}"
    return Standing(setting=setting, contamination=contamination, properties=" ".join(properties))


def worst(standings: Sequence[Standing]) -> Standing:
    """How a method stands over several test sources: in every respect as on the worst of them."""
    if not standings:
        return Standing()
    behaviour = max(
        standings, key=lambda one: (_gravity(one.setting), EVIDENCE.index(one.evidence))
    )
    seen = max(standings, key=lambda one: LEVELS.index(one.contamination))
    properties = dict.fromkeys(word for one in standings for word in one.properties.split())
    return replace(
        behaviour,
        subject=seen.subject,
        pretrained_on=seen.pretrained_on,
        contamination=seen.contamination,
        properties=" ".join(properties),
        audit_reason=next((one.audit_reason for one in standings if one.audit_reason), ""),
        files_tried=max(one.files_tried for one in standings),
    )


def _gravity(setting: str) -> int:
    return GRAVITY.index(setting) if setting in GRAVITY else 0


def groups(standings: Mapping[str, Standing]) -> dict[str, list[str]]:
    """The names in each group that is ranked together, the cleanest group first.

    Unprotected methods come last, before them contaminated ones; among those of equal cleanness
    inductive ones come first, then transductive, then undecided ones.
    """
    found: dict[str, list[str]] = {}
    for name, one in sorted(standings.items(), key=lambda item: _order(item[1])):
        found.setdefault(one.group, []).append(name)
    return found


def _order(one: Standing) -> tuple[bool, bool, int, str]:
    setting = SETTINGS.index(one.setting) if one.setting in SETTINGS else 0
    return one.unprotected, one.contamination != "none", setting, one.group
