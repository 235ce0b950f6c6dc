"""Who may be ranked with whom: by what methods do, on the audit's evidence, and have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchbench.datasets.integrity.contamination import LEVELS, judge
from benchbench.results.entries import Entry

SETTINGS = ("inductive", "transductive")
REFUTED = "audit against its claim"
EVIDENCE = ("", "audit", "claim", REFUTED)
"""What a setting rests on; empty for one that a table of published figures states."""


@dataclass(frozen=True)
class Standing:
    """What decides with whom a method is ranked; its fields are columns of a leaderboard.

    subject: the data set that was tested; pretrained_on: what the weights have seen, joined by +;
    contamination: one of `contamination.LEVELS`; evidence: one of `EVIDENCE`; properties: what else
    the audit found, joined by spaces. The accuracies are those of the audit.
    """

    subject: str = ""
    pretrained_on: str = ""
    contamination: str = "none"
    setting: str = "inductive"
    evidence: str = ""
    properties: str = ""
    accuracy_together: float | None = None
    accuracy_one_at_a_time: float | None = None

    @property
    def group(self) -> str:
        """Methods of one group are ranked together, and with no others."""
        clean = self.contamination == "none"
        return self.setting if clean else f"{self.setting}, {self.contamination} seen"


def standing(entry: Entry) -> Standing:
    """How an entry stands; one seed that the audit found transductive makes it so."""
    method, subject = entry.first.manifest["method"], entry.first.subject
    seen = method.get("pretrained_on") or []
    claim = SETTINGS[bool(method.get("transductive"))]
    stands = Standing(subject, "+".join(seen), judge(seen, subject).level, claim, "claim")
    audits = [result.manifest.get("audit") or {} for result in entry.results]
    audits = [audit for audit in audits if audit.get("inductive") is not None]
    if not audits:
        return stands
    gravest = min(audits, key=lambda audit: bool(audit["inductive"]))
    setting = SETTINGS[not gravest["inductive"]]
    found = ("order_dependent", "stateful", "stochastic")
    return replace(
        stands,
        setting=setting,
        evidence=REFUTED if setting > claim else "audit",
        properties=" ".join(
            name.replace("_", "-") for name in found if any(audit.get(name) for audit in audits)
        ),
        accuracy_together=gravest.get("accuracy_together"),
        accuracy_one_at_a_time=gravest.get("accuracy_one_at_a_time"),
    )


def stated(group: str) -> Standing:
    """The standing that a table of figures states by the name of a group."""
    group = group.lower() or "unknown"
    setting, _, seen = group.partition(", ")
    if (level := seen.removesuffix(" seen")) in LEVELS:
        return Standing(setting=setting, contamination=level)
    return Standing(setting=group)


def worst(standings: Sequence[Standing]) -> Standing:
    """How a method stands over several test sources: in every respect as on the worst of them."""
    if not standings:
        return Standing()
    behaviour = max(
        standings, key=lambda one: (one.setting == SETTINGS[1], EVIDENCE.index(one.evidence))
    )
    seen = max(standings, key=lambda one: LEVELS.index(one.contamination))
    properties = dict.fromkeys(word for one in standings for word in one.properties.split())
    return replace(
        behaviour,
        subject=seen.subject,
        pretrained_on=seen.pretrained_on,
        contamination=seen.contamination,
        properties=" ".join(properties),
    )


def groups(standings: Mapping[str, Standing]) -> dict[str, list[str]]:
    """The names in each group that is ranked together: contaminated and transductive ones last."""
    found: dict[str, list[str]] = {}
    for name, one in sorted(standings.items(), key=lambda item: _order(item[1])):
        found.setdefault(one.group, []).append(name)
    return found


def _order(one: Standing) -> tuple[bool, bool, str]:
    return one.contamination != "none", one.setting == SETTINGS[1], one.group
