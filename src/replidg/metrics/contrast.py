"""Which images zero-shot and a fine-tuned method get right: Tables 5 and 6 of arXiv 2412.02856."""

from __future__ import annotations

import pandas as pd

from replidg.metrics.accuracy import SETTINGS

#: The parts that the two tables count.
TABLES = {"IP": "table5", "OOP": "table6"}


def two_by_two(zero_shot: pd.DataFrame, method: pd.DataFrame) -> pd.DataFrame:
    """Count images by whether zero-shot and whether a method classifies them rightly.

    Args:
        zero_shot: predictions of one or more data sets: `dataset`, `image_id`, `correct`.
        method: a method's predictions: these columns, `method`, `seed` and `part`.

    Returns:
        Rows with `artefact` (`table5`: IP, `table6`: OOP), `dataset`, `method`, `seed`, `setting`
        (`IP/zs_correct/dg_incorrect` and so on), `value` (images). All four combinations are there,
        also those without an image.

    Raises:
        ValueError: zero-shot lacks an image.
    """
    known = zero_shot[["dataset", "image_id", "correct"]].rename(columns={"correct": "zs"})
    both = method.merge(known, on=["dataset", "image_id"], how="left", validate="many_to_one")
    if both["zs"].isna().any():
        lost = both.loc[both["zs"].isna(), "image_id"].iloc[0]
        raise ValueError(f"zero-shot has no prediction of {lost}")
    rows = []
    for (dataset, name, seed), run in both.groupby(["dataset", "method", "seed"], sort=True):
        for part, artefact in TABLES.items():
            own = run[run["part"].isin(SETTINGS[part])]
            zero, right = own["zs"].astype(bool), own["correct"].astype(bool)
            for before in (False, True):
                for after in (False, True):
                    rows.append(
                        {
                            "artefact": artefact, "dataset": dataset, "method": name, "seed": seed,
                            "setting": f"{part}/zs_{_word(before)}/dg_{_word(after)}",
                            "value": int(((zero == before) & (right == after)).sum()),
                        }
                    )  # fmt: skip
    columns = ["artefact", "dataset", "method", "seed", "setting", "value"]
    return pd.DataFrame(rows, columns=columns)


def _word(right: bool) -> str:
    return "correct" if right else "incorrect"
