"""The test sets of arXiv 2410.08258, in its order: which suite each belongs to."""

from __future__ import annotations

from typing import Literal, NamedTuple

Domain = Literal["natural", "rendition", "ambiguous"]
DOMAINS: tuple[Domain, ...] = ("natural", "rendition", "ambiguous")
#: What published tables call the web pictures that the paper starts from.
WEB = "laion_200m"
#: The folder of their results.
CORPUS = "corpus"


class TestSet(NamedTuple):
    """A test set.

    Attributes:
        dataset: key of `datasets`.
        domain: of that data set, or `all`.
        suite: what its images are meant to be.
        title: printed name.
    """

    dataset: str
    domain: str
    suite: Literal["natural", "rendition"]
    title: str
    __test__ = False  # no test, whatever pytest makes of its name


def _sets() -> dict[str, TestSet]:
    found = {
        "imagenet_val": TestSet("imagenet_val", "all", "natural", "ImageNet-Val"),
        "imagenet_v2": TestSet("imagenet_v2", "all", "natural", "ImageNet-V2"),
        "imagenet_a": TestSet("imagenet_a", "all", "natural", "ImageNet-A"),
        "objectnet": TestSet("objectnet", "all", "natural", "ObjectNet"),
        "domain_net/real": TestSet("domain_net", "real", "natural", "DomainNet-Real"),
        "imagenet_r": TestSet("imagenet_r", "all", "rendition", "ImageNet-R"),
        "imagenet_sketch": TestSet("imagenet_sketch", "all", "rendition", "ImageNet-Sketch"),
    }
    for name in ("clipart", "infograph", "painting", "quickdraw", "sketch"):
        title = f"DomainNet-{name.capitalize()}"
        found[f"domain_net/{name}"] = TestSet("domain_net", name, "rendition", title)
    return found


TEST_SETS: dict[str, TestSet] = _sets()
NATURAL = [name for name, each in TEST_SETS.items() if each.suite == "natural"]
RENDITION = [name for name, each in TEST_SETS.items() if each.suite == "rendition"]


def split_name(name: str) -> tuple[str, str]:
    """Return data set and domain of a test set, as tidy rows name them."""
    return TEST_SETS[name].dataset, TEST_SETS[name].domain


def datasets_of(names: list[str]) -> list[str]:
    """Return the data sets that test sets are made of, each once, in their order."""
    return list(dict.fromkeys(TEST_SETS[name].dataset for name in names))
