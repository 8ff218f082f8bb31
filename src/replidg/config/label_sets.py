"""Label sets of hybrid domain generalisation (arXiv 2404.09011): which source has which classes.

A split gives every source domain a set of the known classes; the target has all of them, and
unknown ones besides. Its hybridness is the mean pairwise overlap

    H = mean over i < j of |C_i and C_j| / |union of all C_k|.

The paper's formula was not available; this one gives exactly the values that the authors' code
names for its label sets (the mean Jaccard index does not). 0: no class in two sources; 1: the same
classes in all.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

#: The benchmark's own label sets, for the source domains in the order of the list of domains
#: without the target: data set -> name of the split -> (H, class ids).
PAPER_SPLITS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "PACS": {
        "H0": ("0", ("0,1", "2,3", "4,5")),
        "H1_6": ("1/6", ("0,1,3", "0,2,4", "1,2,5")),
        "H1_3": ("1/3", ("0-3", "0,1,4,5", "2-5")),
        "H1": ("1", ("0-5", "0-5", "0-5")),
    },
    "office_home": {
        "H0": ("0", ("0-17", "18-35", "36-53")),
        "H1_6": ("1/6", ("0-14,21-31", "0-8,15-20,32-42", "0-2,9-20,43-53")),
        "H1_3": ("1/3", ("0-35", "18-53", "0-17,36-53")),
        "H1": ("1", ("0-53", "0-53", "0-53")),
    },
    "domain_net": {
        "H0": ("0", ("0-53", "54-107", "108-161", "162-215", "216-269")),
        "H1_10": ("1/10", ("0-107", "54-161", "108-215", "162-269", "216-269,0-53")),
        "H1_5": ("1/5", ("0-134", "45-179", "90-224", "135-269", "180-269,0-44")),
        "H1": ("1", ("0-269",) * 5),
    },
}
#: How many classes of each are known.
PAPER_KNOWN = {"PACS": 6, "office_home": 54, "domain_net": 270}


def parse_ids(text: str) -> frozenset[int]:
    """Return the class ids of a list such as "0-2,5".

    Raises:
        ValueError: the text is no such list, or names an id twice.
    """
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"{text!r} is no list of class ids such as '0-2,5'")
        found += range(int(first), int(last or first) + 1)
    if not found or len(set(found)) != len(found):
        raise ValueError(f"{text!r} names no class, or one twice")
    return frozenset(found)


def hybridness(sets: list[frozenset[int]]) -> Fraction:
    """Return H of the label sets of two or more source domains, exactly.

    Raises:
        ValueError: there are fewer than two sets.
    """
    if len(sets) < 2:
        raise ValueError("hybridness compares the label sets of two or more source domains")
    union = frozenset().union(*sets)
    overlaps = [Fraction(len(a & b), len(union)) for a, b in combinations(sets, 2)]
    return sum(overlaps, Fraction()) / len(overlaps)
