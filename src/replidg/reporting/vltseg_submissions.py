"""Files for the test servers (T6 of arXiv 2312.02021) as a table.

The servers score them, not we: their labels are not public. The published scores stand beside.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from replidg.published import load
from replidg.reporting.artefact_files import Records
from replidg.reporting.style import label

CAPTION = (
    "Files for the test servers: what was written, whether it is as the server wants it, and the "
    "score that the server gave the paper's network (mIoU, %). A server's score of ours is not "
    "known before you upload the file."
)


def submissions(found: pd.DataFrame, names: Mapping[str, str]) -> Records:
    """Return the table.

    Args:
        found: rows of `check_submissions`: source, arm, dataset, images, expected, ids, tta, bytes,
            sha256, state, problems, server.
        names: arm -> printed name.
    """
    counts = zip(found["images"], found["expected"], strict=True)
    rows = load("vltseg").query("artefact == 't6' and method == 'vltseg'")
    scored = dict(zip(rows["dataset"], rows["value"], strict=True))
    table = pd.DataFrame(
        {
            "data set": found["dataset"].map(label),
            "source": found["source"].map(label),
            "network": found["arm"].map(names),
            "images": [f"{number} of {wanted}" for number, wanted in counts],
            "ids": found["ids"],
            "TTA": found["tta"].map({True: "yes", False: "no"}),
            "state": found["state"],
            "problems": found["problems"].fillna(""),
            "the paper's score": found["dataset"].map(scored).astype(float),
            "MB": found["bytes"] / 1e6,
            "sha256": found["sha256"].str[:12],
            "server": found["server"].fillna(""),
        }
    )  # fmt: skip
    return Records(table, CAPTION, 2)
