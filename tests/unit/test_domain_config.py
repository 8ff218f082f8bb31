"""The section `forgotten` of a configuration: what is refused, and what it provides."""

from pathlib import Path

import pytest
import yaml

from replidg import artefacts
from replidg.config import ConfigError, load
from replidg.config.forgotten import DomainClassifier, Pruned, WebCorpus
from replidg.config.forgotten_sets import NATURAL, RENDITION, TEST_SETS, datasets_of, split_name
from replidg.config.merge import merge
from replidg.config.provides import provided

ROOT = Path(__file__).parents[2]


def config(changes=None, *overlays):
    """Return the demo's configuration with changes in `forgotten`."""
    content = {}
    for path in (ROOT / "config.yaml", *overlays):
        content = merge(content, yaml.safe_load(path.read_text()))
    return merge(content, {"forgotten": changes or {}})


def test_the_papers_suites():
    """Five natural and seven rendition sets (Fig 2); what they are made of."""
    assert (len(NATURAL), len(RENDITION), len(TEST_SETS)) == (5, 7, 12)
    assert NATURAL[-1] == "domain_net/real" and "domain_net/infograph" in RENDITION
    assert split_name("imagenet_a") == ("imagenet_a", "all")
    assert datasets_of(["domain_net/real", "objectnet", "domain_net/sketch"]) == [
        "domain_net", "objectnet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_sets": ["imagenet_b"]}, "forgotten.test_sets: 'imagenet_b' is not defined; did"),
        ({"train_set": "imagenet"}, "forgotten.train_set: 'imagenet' is not defined"),
        ({"domains": {"model": "lite0"}}, "'lite0' is a vision-only model"),
        ({"domains": {"model": "x"}}, "forgotten.domains.model: 'x' is not defined"),
        ({"domains": {"natural": "ftt"}}, "forgotten.domains.natural: 'ftt' is not defined; did"),
        ({"domains": {"candidates": ["x"]}}, "forgotten.domains.candidates: none of them"),
        ({"corpus": {"dataset": "laion"}}, "forgotten.corpus.dataset: 'laion' is not defined"),
        ({"train_set": None}, "`near` is measured against `train_set`"),
        ({"corpus": {"pruned": {"a": {"near": ["x"]}}}}, "forgotten.corpus.pruned.a.near: 'x' is"),
        ({"domains": {"labels": {"sheets": ["a.csv"]}}}, "not both"),
        ({"corpus": {"source": "folder"}}, "`folder` is needed for source: folder"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ConfigError) as told:
        load(config(changes))
    assert message in str(told.value)


def test_a_data_set_that_is_missing_or_another_is_told():
    content = config()
    del content["datasets"]["objectnet"]
    with pytest.raises(ConfigError, match=r"datasets\.objectnet is missing"):
        load(content)
    content = config()
    content["datasets"]["imagenet_a"] = {"source": "standin", "registry": "imagenet_v2"}
    with pytest.raises(ConfigError, match="must be the registry's imagenet_a"):
        load(content)
    content = config()
    content["datasets"]["domain_net"]["domains"] = ["real", "clipart"]
    with pytest.raises(ConfigError, match=r"datasets\.domain_net\.domains has no 'sketch'"):
        load(content)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "dr"},
        {"kind": "csd"},
        {"kind": "ce", "against": "natural"},
        {"kind": "csd", "against": "natural", "balanced": True},
    ],
)
def test_classifiers_that_do_not_exist(wrong):
    with pytest.raises(ValueError, match="kind"):
        DomainClassifier.model_validate(wrong)


def test_lists_and_similarity_exclude_each_other():
    with pytest.raises(ValueError, match="either `near`"):
        Pruned(near=["imagenet_a"], files=["x"])
    with pytest.raises(ValueError, match="either `near`"):
        Pruned()
    assert WebCorpus(source="folder", folder="/x").jobs == 1


def test_a_configuration_may_leave_the_paper_out():
    content = config()
    content["forgotten"] = None
    found = load(content)
    assert found.forgotten is None
    assert not any(need.startswith("forgotten") for need in provided(found))
    table = next(each for each in artefacts.of("forgotten") if each.name == "table4")
    assert artefacts.missing(table, provided(found))[0] == "the key forgotten"


def test_without_labels_its_artefacts_say_what_is_missing():
    full = load(config(None, ROOT / "config" / "full.yaml"))
    table = next(each for each in artefacts.of("forgotten") if each.name == "table4")
    assert artefacts.missing(table, provided(full)) == [
        "labelled pictures: forgotten.domains.labels"
    ]
    own = config({"domains": {"labels": {"files": ["l.csv"]}}}, ROOT / "config" / "full.yaml")
    assert artefacts.available(table, provided(load(own)))


def test_the_full_scale_is_the_papers():
    """Section 2 of the notes: FT and DR as published, all eleven rows of Tables 5 and 6."""
    paper = load(config(None, ROOT / "config" / "full.yaml")).forgotten
    ft, dr = paper.domains.ft, paper.domains.dr
    assert (ft.epochs, ft.batch_size, ft.lr, ft.weight_decay) == (50, 256, [0.1], 5e-4)
    assert (ft.schedule, ft.step_epochs, ft.gamma, ft.optimizer) == ("step", 20, 0.1, "sgd")
    assert (dr.epochs, dr.batch_size, dr.weight_decay, dr.clip_norm) == (8, 64, 0.1, 1.0)
    assert (max(dr.lr), min(dr.lr), dr.warmup_epochs) == (2e-4, 1e-6, 1)
    assert not ft.frozen_layers and not dr.frozen_layers
    published = {"csd_n", "csd_r", "ce", "ft", "ft_n", "ft_r", "dr_n", "dr_r"}
    published |= {f"{name}_balanced" for name in ("ft", "ft_n", "ft_r", "dr_n", "dr_r")}
    assert set(paper.domains.classifiers) == published
    assert paper.corpus.deduplication.similarity == 0.876
    assert (paper.domains.density_ratio, paper.domains.precision) == (0.2, 0.98)
