"""The paper's prompts, and those that a tokenizer cannot tell apart."""

import open_clip
import pytest

from replidg.data.class_prompts import listed, prompts_of, same_tokens
from replidg.data.errors import DatasetError


def test_the_list_is_the_papers():
    fmow, iwildcam = listed("fmow"), listed("iwildcam")
    assert (len(fmow), len(iwildcam)) == (62, 182)
    assert fmow[0] == "a centered satellite photo of airport"
    assert fmow[40] == "a centered satellite photo of race_track"
    assert all("_" not in prompt for label, prompt in enumerate(fmow) if label != 40)
    assert all(prompt.startswith("this is a photo of ") for prompt in iwildcam)
    with pytest.raises(DatasetError, match="camelyon17"):
        listed("camelyon17")


def test_the_labels_of_fmow_are_those_of_wilds():
    from wilds.datasets.fmow_dataset import categories

    names = [prompt.removeprefix("a centered satellite photo of ") for prompt in listed("fmow")]
    assert [name.replace(" ", "_") for name in names] == list(categories)


def test_four_pairs_have_the_same_tokens():
    tokenize = open_clip.get_tokenizer("ViT-B-32")
    pairs = [[3, 148], [19, 174], [82, 178], [153, 181]]
    assert sorted(same_tokens(listed("iwildcam"), tokenize)) == pairs
    assert same_tokens(listed("fmow"), tokenize) == []


def test_classes_that_are_not_the_listed_ones_need_the_template():
    with pytest.raises(DatasetError, match="prompts: template"):
        prompts_of("iwildcam", "listed", ["empty", "bird"])
    spoken = prompts_of("iwildcam", "template", ["empty", "land_vehicle"])
    assert spoken == ["this is a photo of empty", "this is a photo of land vehicle"]
    assert prompts_of("fmow", "listed", ["x"] * 62) == listed("fmow")
