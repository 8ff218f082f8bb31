"""Zero-shot evaluation of the CLIPs that were trained on mixes."""

from __future__ import annotations

import dataclasses

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from forgotten_parts import RUN, suite
from safetensors.torch import save_file

from replidg.training import clip_evaluation, clip_mixes, subset_nets
from replidg.training.suites import suite_of


class Fixed:
    """A model that scores by a table, one row an image in their order."""

    def __init__(self, table):
        self.table, self.place = torch.tensor(table), 0
        self.spec = subset_nets.InputSpec(8, "crop", "bilinear", (0.5,) * 3, (0.5,) * 3)

    def scorer(self, suite, templates):
        self.place = 0

        def score(pixels):
            self.place += len(pixels)
            return self.table[self.place - len(pixels) : self.place]

        return score


def test_accuracies_with_masks_and_accepted_labels(tmp_path):
    # Best classes: 0, 2 (accepted), 1 (wrong; of the clean classes 2), 1 (then 0), 0, 2.
    best = [[3, 2, 1], [0, 1, 2], [0, 3, 2], [2, 3, 1], [3, 2, 1], [0, 1, 2]]
    found = clip_evaluation.evaluate({"1": Fixed(np.float32(best))}, suite(tmp_path), [], 4, 0)
    table = clip_evaluation.scores(found).set_index("version")
    assert table.loc["standard", ["n", "correct"]].tolist() == [6, 3]
    assert table.loc["clean", ["n", "correct"]].tolist() == [4, 4]
    assert table.loc["clean", "top1"] == 100.0
    assert found["pred_clean"].tolist() == [0, 2, 2, 0, 0, 2]


def test_what_a_killed_evaluation_has_done_is_kept(tmp_path):
    own, weights = suite(tmp_path), tmp_path / "weights"
    weights.write_bytes(b"1")
    table = np.float32([[1, 0, 0]] * 6)
    made = []

    def make():
        made.append(1)
        return clip_evaluation.evaluate({"1": Fixed(table)}, own, [], 4, 0)

    def once(key):
        return clip_evaluation.evaluate_once({"1": weights}, [key], tmp_path / "parts", make)

    first, again = once(own.key()), once(own.key())
    assert len(made) == 1
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, make())
    weights.write_bytes(b"2")
    once(own.key())
    kept = own.kept.copy()
    kept[0] = False
    once(dataclasses.replace(own, kept=kept).key())
    assert len(made) == 4


def test_predict_allows_no_masked_class():
    scores = torch.tensor([[1.0, 5.0, 3.0], [1.0, 5.0, 3.0]])
    allowed = torch.tensor([[True, False, True], [False, False, False]])
    assert clip_evaluation.predict(scores, allowed).tolist() == [2, -1]


def test_domains_are_scored_apart(tmp_path):
    table = np.float32([[1, 0, 0]] * 6)
    found = clip_evaluation.evaluate(
        {"1": Fixed(table)}, suite(tmp_path, ("real", "sketch")), [], 4, 0
    )
    made = clip_evaluation.scores(found).set_index(["domain", "version"])
    assert made.loc[("real", "standard"), ["n", "correct"]].tolist() == [3, 1]
    assert made.loc[("sketch", "standard"), ["n", "correct"]].tolist() == [3, 1]


def test_a_suite_is_read_with_and_without_clean_sets(tmp_path):
    data = tmp_path / "index.parquet"
    rows = suite(tmp_path, ("real", "sketch")).rows.assign(image_id=[str(n) for n in range(6)])
    rows.to_parquet(data)
    (tmp_path / "classes.json").write_text('["cat", "dog", "cow"]')
    sets = {"domain_net/real": ["domain_net", "real"], "imagenet_a": ["imagenet_a", "all"]}
    plain = suite_of("domain_net", sets, data, None, None)
    assert plain.rows["image_id"].tolist() == ["0", "2", "4"] and not plain.kept.any()
    assert plain.classes == {("domain_net", "real"): {"standard": [0, 1, 2], "clean": []}}
    table = np.float32([[1, 0, 0]] * 3)
    made = clip_evaluation.scores(clip_evaluation.evaluate({"1": Fixed(table)}, plain, [], 4, 0))
    assert made[["version", "n", "correct"]].to_numpy().tolist() == [["standard", 3, 1]]
    kept = rows[["image_id"]].assign(kept=[True, True, False, True, True, True])
    kept.to_parquet(tmp_path / "clean.parquet")
    (tmp_path / "known.json").write_text('{"domain_net/real": {"standard": [0, 1], "clean": [0]}}')
    clean = suite_of("domain_net", sets, data, tmp_path / "clean.parquet", tmp_path / "known.json")
    assert clean.kept.tolist() == [True, False, True]
    assert clean.classes[("domain_net", "real")]["clean"] == [0]
    kept.iloc[:3].to_parquet(tmp_path / "clean.parquet")
    with pytest.raises(ValueError, match="rows do not match"):
        suite_of("domain_net", sets, data, tmp_path / "clean.parquet", tmp_path / "known.json")


def test_class_texts_are_normalised_means_of_normalised_templates(tmp_path):
    clip_mixes.write_architecture(RUN, tmp_path)
    torch.manual_seed(0)
    clip = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    save_file({k: v.contiguous().clone() for k, v in clip.state_dict().items()},
              tmp_path / "weights.safetensors")  # fmt: skip
    checkpoint = clip_evaluation.Checkpoint(tmp_path, tmp_path / "weights.safetensors")
    found = checkpoint.texts(["a_cat", "dog"], ["a {}.", "two {}s"])
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(["a a cat.", "two a cats"])
    with torch.inference_mode():
        each = clip.encode_text(tokens)
    mean = (each / each.norm(dim=1, keepdim=True)).mean(0)
    torch.testing.assert_close(found[0], mean / mean.norm())


def test_openai_templates():
    templates = clip_evaluation.templates_of("openai")
    assert len(templates) == 80 and templates[0] == "a bad photo of a {}."
    assert clip_evaluation.templates_of(["a {}"]) == ["a {}"]
