"""Overrides of a method: for a data set, of the protocol, and what is wrong with them."""

import pytest
from pydantic import ValidationError

from replidg.config.methods import FineTuning, Method
from replidg.methods.registry import OBJECTIVES, OPTIMIZERS, make_averaging

CLIPOOD = {
    "objective": "clipood",
    "averaging": "beta",
    "prompts": "clipood",
    "lr": 5e-6,
    "training": {"steps": 5000, "batch_per_domain": 12, "augmentation": {"flip": 0.0}},
    "datasets": {"domain_net": {"lr": 1e-5, "training": {"steps": 10000}}},
}


def test_a_data_set_overrides_the_method_and_the_method_the_protocol():
    method = Method.model_validate(CLIPOOD)
    protocol = FineTuning(evaluate_every=500, batch_per_domain=32, augmentation={"jitter": 0.1})
    usual = method.for_dataset("PACS")
    assert usual.lr == 5e-6 and usual.datasets == {}
    own = usual.fine_tuning(protocol)
    assert (own.steps, own.batch_per_domain, own.evaluate_every) == (5000, 12, 500)
    assert (own.augmentation.flip, own.augmentation.jitter) == (0.0, 0.1)
    other = method.for_dataset("domain_net")
    assert other.lr == 1e-5
    assert other.fine_tuning(protocol).steps == 10000
    assert other.fine_tuning(protocol).batch_per_domain == 12


def test_without_overrides_nothing_changes():
    method, protocol = Method(objective="erm"), FineTuning(steps=7)
    assert method.for_dataset("PACS") == method
    assert method.fine_tuning(protocol) == protocol


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": None}, "clipood needs texts of the classes: set `prompts`"),
        ({"training": {"step": 5}}, r"training\.step: Extra inputs"),
        ({"training": {"steps": 0}}, r"training\.steps: .*greater than 0"),
        ({"datasets": {"PACS": {"rate": 1}}}, r"datasets\.PACS\.rate: Extra inputs"),
        ({"datasets": {"PACS": {"lr": -1}}}, r"datasets\.PACS\.lr: .*greater than 0"),
        ({"datasets": {"PACS": {"datasets": {}}}}, r"datasets\.PACS: unknown key 'datasets'"),
        ({"datasets": {"PACS": {"training": {"flip": 1}}}}, r"datasets\.PACS.*training\.flip"),
    ],
)
def test_what_is_wrong_is_told(change, message):
    with pytest.raises(ValidationError, match=message):
        Method.model_validate(CLIPOOD | change)


def test_every_name_of_the_configuration_has_its_class():
    named = set(Method.model_fields["objective"].annotation.__args__)
    assert named == {*OBJECTIVES, "zero_shot"}
    assert set(Method.model_fields["optimizer"].annotation.__args__) == set(OPTIMIZERS)
    kinds = {
        name: make_averaging(Method(objective="erm", averaging=name), 10)
        for name in Method.model_fields["averaging"].annotation.__args__
    }
    assert kinds.pop("none") is None
    assert all(kinds.values()) and len({type(kind) for kind in kinds.values()}) == 3


def test_defaults_are_those_of_the_code_that_made_the_published_numbers():
    method = Method(objective="erm")
    assert (method.linear_steps, method.swad_ratio) == (500, 0.3)
    assert (method.mpa_burn_in, method.mpa_terms) == (600, "segments")
    assert (method.coral_gamma, method.sagm_alpha, method.sagm_rho) == (1.0, 0.001, 0.05)
    assert (method.vl2v_lambda, method.clipood_margin) == (0.5, 0.3)
    assert (method.beta_concentration, method.logit_scale) == (0.5, 100.0)
    protocol = FineTuning()
    assert (protocol.selection, protocol.validation_augmentation) == ("training_domain", False)
