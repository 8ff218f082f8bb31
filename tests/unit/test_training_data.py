"""Fine-tuning: who trains, validates and is tested on what, and the batches of the steps."""

import numpy as np
import pandas as pd
import pytest
import torch
from training_runs import DOMAINS, PROTOCOL, SPEC, STEPS, shares_of

from replidg.config.methods import Augmentation
from replidg.data.errors import DatasetError
from replidg.training.data import AugmentedImages, Steps, share_out, training_batches

pytestmark = pytest.mark.usefixtures("restored")


# --- who trains, validates and is tested on what ---------------------------------------------


def test_own_splits_are_used(index):
    splits = np.resize(["train", "train", "val", "test"], len(index))
    parts = share_out(index.assign(split=splits), DOMAINS, "photo", PROTOCOL, 0, "all")
    assert [set(rows["domain"]) for rows in parts.train] == [{"art"}, {"sketch"}]
    assert all(set(rows["split"]) == {"train"} for rows in parts.train)
    assert all(set(rows["split"]) == {"val"} for rows in parts.validation)
    assert len(parts.target) == 18 and set(parts.target["domain"]) == {"photo"}
    tested = share_out(index.assign(split=splits), DOMAINS, "photo", PROTOCOL, 0, "test").target
    assert set(tested["split"]) == {"test"}


def test_hold_out_is_disjoint_complete_and_seeded(index):
    parts = shares_of(index, seed=5)
    for domain, kept, held in zip(["art", "photo"], parts.train, parts.validation, strict=True):
        own = set(index.loc[index["domain"] == domain, "image_id"])
        assert set(kept["image_id"]) | set(held["image_id"]) == own
        assert not set(kept["image_id"]) & set(held["image_id"])
        assert len(held) == 6  # 18 * 0.34 = 6.12
    again, other = shares_of(index, seed=5), shares_of(index, seed=6)
    ids = lambda shares: [rows["image_id"].tolist() for rows in shares.validation]  # noqa: E731
    assert ids(parts) == ids(again)
    assert ids(parts) != ids(other)
    # A domain's hold-out does not depend on which other domain is the target.
    elsewhere = share_out(index, DOMAINS, "photo", PROTOCOL, 5, "all")
    assert ids(elsewhere)[0] == ids(parts)[0]


def test_validation_images_cap(index):
    protocol = PROTOCOL.model_copy(update={"validation_images": 2})
    capped = share_out(index, DOMAINS, "sketch", protocol, 3, "all")
    whole = shares_of(index)
    for few, many in zip(capped.validation, whole.validation, strict=True):
        assert len(few) == 2 and set(few["image_id"]) < set(many["image_id"])
    # The rest is not given back to training.
    for one, other in zip(capped.train, whole.train, strict=True):
        assert one["image_id"].tolist() == other["image_id"].tolist()


def test_a_source_domain_without_training_images_is_an_error(index):
    with pytest.raises(DatasetError, match="'art'"):
        share_out(index.assign(split="val"), DOMAINS, "photo", PROTOCOL, 0, "all")
    none_held = PROTOCOL.model_copy(update={"validation_share": 0.0})
    with pytest.raises(DatasetError, match="no validation image"):
        share_out(index, DOMAINS, "photo", none_held, 0, "all")


# --- batches -----------------------------------------------------------------------------------


def test_steps_resume_in_the_middle():
    whole = list(Steps([5, 70], 4, seed=9, start=0, stop=12))
    assert list(Steps([5, 70], 4, seed=9, start=7, stop=12)) == whole[7:]
    assert len(Steps([5, 70], 4, seed=9, start=7, stop=12)) == 5
    for batch in whole:
        rows = [row for row, _ in batch]
        assert all(0 <= row < 5 for row in rows[:4]) and all(5 <= row < 75 for row in rows[4:])
    assert whole[0] != whole[1]
    assert whole != list(Steps([5, 70], 4, seed=10, start=0, stop=12))
    assert {row for batch in whole for row, _ in batch[:4]} == set(range(5))


def test_batches_carry_their_own_labels_and_domains(index):
    still = PROTOCOL.model_copy(
        update={"augmentation": Augmentation(crop_scale=(1, 1), flip=0, jitter=0, grayscale=0)}
    )
    shares = shares_of(index)
    rows = pd.concat(shares.train).reset_index(drop=True)
    steps = Steps([12, 12], 2, 3, 0, STEPS)
    for batch, items in zip(training_batches(shares, SPEC, still, 3, 0), steps, strict=True):
        assert batch.pixels.dtype == torch.uint8 and batch.pixels.shape == (4, 3, 16, 16)
        assert batch.domains.tolist() == [0, 0, 1, 1]
        assert batch.labels.tolist() == rows["label"].iloc[[row for row, _ in items]].tolist()
        for place, domain, label in zip(batch.pixels, batch.domains, batch.labels, strict=True):
            # The brightest channel is the class, as written (crops of other shapes keep it).
            assert place.float().mean((1, 2)).argmax() == label, domain


def test_augmentation_depends_on_its_seed_alone(index):
    images = AugmentedImages(index["path"].tolist(), SPEC, Augmentation())
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = images[3, 11]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(images[3, 11], one)
    assert not torch.equal(images[3, 12], one)


# --- the upper bound and selection by the target -----------------------------------------------


def ids(parts) -> list[set[str]]:
    return [set(rows["image_id"]) for rows in parts]


def test_the_upper_bound_trains_on_all_domains_and_is_tested_on_the_targets_hold_out(index):
    parts = shares_of(index, method="oracle")
    assert [set(rows["domain"]) for rows in parts.train] == [{"art"}, {"photo"}, {"sketch"}]
    assert [len(rows) for rows in parts.train] == [12, 12, 12]
    assert ids([parts.target]) == ids(parts.validation[2:])
    assert not ids([parts.target])[0] & set.union(*ids(parts.train))
    # The sources are divided as ever, and for every target alike.
    usual = shares_of(index)
    assert ids(parts.train)[:2] == ids(usual.train)
    other = share_out(index, DOMAINS, "art", PROTOCOL, 3, "all", "all")
    assert ids(other.train) == ids(parts.train) and ids([other.target]) == ids(parts.validation[:1])
    assert parts.target_validation is None


def test_the_upper_bound_is_tested_on_the_whole_hold_out_also_if_validation_is_capped(index):
    protocol = PROTOCOL.model_copy(update={"validation_images": 2})
    parts = share_out(index, DOMAINS, "sketch", protocol, 3, "all", "all")
    assert [len(rows) for rows in parts.validation] == [2, 2, 2]
    assert len(parts.target) == 6


@pytest.mark.parametrize(("images", "wanted"), [("all", {"val", "test"}), ("test", {"test"})])
def test_the_upper_bound_with_own_splits(images, wanted, index):
    split = index.assign(split=np.resize(["train", "train", "val", "test"], len(index)))
    parts = share_out(split, DOMAINS, "photo", PROTOCOL, 0, images, "all")
    assert all(set(rows["split"]) == {"train"} for rows in parts.train)
    assert set(parts.target["split"]) == wanted and set(parts.target["domain"]) == {"photo"}


def test_selection_by_the_target_sets_its_hold_out_aside(index):
    protocol = PROTOCOL.model_copy(update={"selection": "target"})
    parts, usual = shares_of(index, protocol=protocol), shares_of(index)
    assert ids(parts.train) == ids(usual.train) and ids(parts.validation) == ids(usual.validation)
    held, tested = ids([parts.target_validation, parts.target])
    assert len(held) == 6 and len(tested) == 12 and held | tested == ids([usual.target])[0]
    # It is the hold-out that the domain would have as a source.
    assert held == ids(shares_of(index, method="oracle").validation[2:])[0]
    capped = protocol.model_copy(update={"validation_images": 2})
    few = shares_of(index, protocol=capped)
    assert len(few.target_validation) == 2 and ids([few.target]) == [tested]
    assert usual.target_validation is None and len(usual.target) == 18


def test_selection_by_the_target_needs_a_hold_out_of_it(index):
    split = np.where(index["domain"] == "sketch", "train", np.resize(["train", "val"], len(index)))
    protocol = PROTOCOL.model_copy(update={"selection": "target"})
    with pytest.raises(DatasetError, match="'sketch' has no validation image"):
        share_out(index.assign(split=split), DOMAINS, "sketch", protocol, 0, "all")
