"""What the VLTSeg paper's part of a configuration provides of what artefacts need."""

from __future__ import annotations

from replidg.config import vltseg_arms, vltseg_facts
from replidg.config.schema import Config

#: Parts of the configuration that are studies of their own.
PARTS = (
    "freezing",
    "loss_weights",
    "prompt_sets",
    "perturbations",
    "panels",
    "tsne",
    "submissions",
)
#: Studies that an arm belongs to by its `studies`.
BY_ARM = ("t1", "t2", "t3", "decoders", "language", "multi_source", "augmentation")


def provided(config: Config) -> set[str]:
    """Return `vltseg` and `vltseg:<study>` for each study that has runs."""
    paper = config.vltseg
    if paper is None or not vltseg_arms.runs(config):
        return set()
    arms = vltseg_arms.arms(config)
    found = {"vltseg", *(f"vltseg:{part}" for part in PARTS if getattr(paper, part))}
    shown = paper.panels.images if paper.panels else ()
    found |= {f"vltseg:panels:{vltseg_facts.page(config, name)}" for name in shown}
    for run in vltseg_arms.runs(config):
        tested = vltseg_arms.tested(config, run.source)
        if "acdc" in (vltseg_facts.page(config, name) for name in tested):
            found.add("vltseg:conditions")
        kind = paper.sources[run.source].kind
        for study in set(arms[run.arm].studies) & set(BY_ARM):
            # Tables 1 and 2 are about synthetic sources, Table 3 about real ones.
            if (study in ("t1", "t2") and kind != "synthetic") or (
                study == "t3" and kind != "real"
            ):
                continue
            if study == "multi_source" and len(paper.sources[run.source].datasets) < 2:
                continue
            found.add(f"vltseg:{study}")
    return found
