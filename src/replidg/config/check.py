"""Checks of a whole configuration, each with one clear error before any job starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from replidg.config import (
    compute_check,
    datasets,
    forgotten_check,
    robust_ft_check,
    scipd_check,
    similarity_check,
    vltseg_check,
)
from replidg.config.inputs import Model, OpenClipModel, TimmModel, TrainedModel
from replidg.config.merge import merge
from replidg.config.methods import TEXT_OBJECTIVES
from replidg.config.names import nearest
from replidg.config.schema import Config, FineTuning

#: Keys of a training protocol that change how long it takes and not what comes out.
BUDGET_ONLY = {"checkpoint_every_s", "workers"}


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the key and the remedy."""


def load(content: dict[str, Any]) -> Config:
    """Return the typed configuration.

    Args:
        content: the merged configuration as Snakemake holds it.

    Raises:
        ConfigError: a key is unknown, a value is wrong, or a name refers to nothing. All
            problems are listed, one a line.
    """
    try:
        config = datasets.filled(Config.model_validate(content))
    except ValidationError as error:
        problems = [_explain(detail, content) for detail in error.errors()]
        raise ConfigError(_message(problems)) from None
    problems = [*_references(config), *datasets.problems(config), *_models(config)]
    problems += [*_overrides(config), *_uses(config), *similarity_check.problems(config)]
    problems += scipd_check.problems(config) if not problems else []
    problems += robust_ft_check.problems(config) + forgotten_check.problems(config)
    problems += vltseg_check.problems(config)
    problems += compute_check.problems(config, run_protocol) if not problems else []
    if problems:
        raise ConfigError(_message(problems))
    return config


def fine_tuning(config: Config, dataset: str) -> FineTuning:
    """Return the alignment paper's training protocol for `dataset`, overrides applied."""
    override = config.alignment.training_overrides.get(dataset, {})
    return FineTuning.model_validate(merge(config.alignment.training.model_dump(), override))


def run_protocol(config: Config, model: str, dataset: str, method: str) -> FineTuning:
    """Return the protocol of one training: that of the data set, the method and the backbone."""
    protocol = fine_tuning(config, dataset)
    protocol = config.methods[method].for_dataset(dataset).fine_tuning(protocol)
    other = config.alignment.backbones.get(model)
    override = other.training if other else {}
    return FineTuning.model_validate(merge(protocol.model_dump(), override))


def _message(problems: list[str]) -> str:
    return "the configuration has errors:\n" + "\n".join(f"  - {line}" for line in problems)


def _explain(detail: Any, content: Any) -> str:
    """Turn one pydantic error into a line with the key's path and a remedy."""
    # Discriminated unions add the tag ("embedded") to the location; it is no key.
    keys, node = [], content
    for key in detail["loc"]:
        if isinstance(node, dict) and key not in node and key != detail["loc"][-1]:
            continue
        keys.append(str(key))
        node = node[key] if isinstance(node, dict | list) and _has(node, key) else None
    path = ".".join(keys)
    if detail["type"] == "extra_forbidden":
        return f"unknown key {path!r}; {nearest(keys[-1], _siblings(keys[:-1], content))}"
    if detail["type"] == "missing":
        return f"missing key {path!r}"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(detail["input"], dict) else f" (got {detail['input']!r})"
    return f"{path}: {message}{shown}"


def _has(node: Any, key: Any) -> bool:
    return key in node if isinstance(node, dict) else isinstance(key, int) and key < len(node)


def _siblings(path: list[str], content: Any) -> set[str]:
    """Return the valid keys beside an unknown one, by walking the models along `path`."""
    models: list[type[BaseModel]] = [Config]
    for key in path:
        content = content.get(key, {}) if isinstance(content, dict) else {}
        models = [
            inner
            for model in models
            for inner in (
                _models_in(model.model_fields[key].annotation)
                if key in model.model_fields
                else [model]  # a free key of a table, e.g. a data set's name
            )
        ]
    if isinstance(content, dict) and "source" in content:
        models = [m for m in models if _source_of(m) in (None, content["source"])]
    return {name for model in models for name in model.model_fields}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [model for part in inner for model in _models_in(part)]


def _source_of(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("source")
    return field.annotation.__args__[0] if field else None  # type: ignore[union-attr]


def _references(config: Config) -> list[str]:
    """Names that must exist elsewhere in the configuration."""
    paper = config.alignment
    wanted: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("alignment.datasets", paper.datasets, config.datasets),
        ("alignment.training_overrides", paper.training_overrides, config.datasets),
        ("alignment.model", [paper.model], config.models),
        ("alignment.methods", paper.methods, config.methods),
        ("alignment.figure_method", [paper.figure_method], paper.methods),
        ("alignment.contrast_method", filter(None, [paper.contrast_method]), paper.methods),
        ("alignment.score", [paper.score], paper.scores),
        ("alignment.training.preprocessing", [paper.training.preprocessing], config.preprocessing),
        ("data_root", config.data_root, config.datasets),
        ("data_mirrors", config.data_mirrors, config.datasets),
        ("image_store.training", config.image_store.training, config.datasets),
        ("image_store.evaluation", config.image_store.evaluation, config.datasets),
        ("image_store.embedding", config.image_store.embedding, config.datasets),
        ("image_store.embedding", config.image_store.embedding.values(), config.image_stores),
    ]
    wanted.append(("alignment.backbones", paper.backbones, config.models))
    trained = {*paper.datasets, *(d for other in paper.backbones.values() for d in other.datasets)}
    for name in trained & set(config.datasets) if paper.targets else ():
        # One of them is enough: each data set has domains of its own.
        if not set(paper.targets) & set(config.datasets[name].domains):
            wanted.append(("alignment.targets", paper.targets, config.datasets[name].domains))
    for name, other in paper.backbones.items():
        wanted.append((f"alignment.backbones.{name}.methods", other.methods, config.methods))
        wanted.append((f"alignment.backbones.{name}.datasets", other.datasets, config.datasets))
    for use, of_inputs in (("training", False), ("evaluation", True)):
        fit = [n for n, s in config.image_stores.items() if (s.kind == "input") == of_inputs]
        wanted.append((f"image_store.{use}", getattr(config.image_store, use).values(), fit))
    for name, method in config.methods.items():
        prompts = [method.prompts] if method.prompts else []
        wanted.append((f"methods.{name}.prompts", prompts, config.prompts))
        wanted.append((f"methods.{name}.datasets", method.datasets, config.datasets))
    for name, variant in {**paper.scores, "zero_shot": paper.zero_shot}.items():
        where = "alignment.zero_shot" if name == "zero_shot" else f"alignment.scores.{name}"
        wanted.append((f"{where}.preprocessing", [variant.preprocessing], config.preprocessing))
        wanted.append((f"{where}.prompts", [variant.prompts], config.prompts))
    for name, model in config.models.items():
        if isinstance(model, TrainedModel):
            key = f"models.{name}.training.dataset"
            wanted.append((key, [model.training.dataset], config.datasets))
    return [
        f"{key}: {name!r} is not defined; {nearest(name, known)}"
        for key, names, known in wanted
        for name in names
        if name not in known
    ]


def _models(config: Config) -> list[str]:
    """Architectures that open_clip does not have. Its own list is read without importing it."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        return ["open_clip_torch is not installed; run ./replidg once, or pip install ."]
    known = {path.stem for path in (Path(spec.origin).parent / "model_configs").glob("*.json")}
    known |= {f"{name}-quickgelu" for name in known}
    return [
        f"models.{key}.name: open_clip has no architecture {model.name!r}; "
        f"{nearest(model.name, known)}"
        for key, model in config.models.items()
        if isinstance(model, OpenClipModel) and ":" not in model.name and model.name not in known
    ]


def _overrides(config: Config) -> list[str]:
    problems = []
    for dataset, override in config.alignment.training_overrides.items():
        where = f"alignment.training_overrides.{dataset}"
        try:
            protocol = fine_tuning(config, dataset)
        except ValidationError as error:
            content: dict[str, Any] = {"alignment": {"training": override}}
            told = [
                _explain({**e, "loc": ("alignment", "training", *e["loc"])}, content)
                for e in error.errors()
            ]
            problems += [line.replace("alignment.training", where) for line in told]
            continue
        problems += _preprocessing(f"{where}.preprocessing", protocol, config)
    for name, dataset in ((n, d) for n in config.methods for d in config.methods[n].datasets):
        where, method = f"methods.{name}.datasets.{dataset}", config.methods[name]
        protocol = method.for_dataset(dataset).fine_tuning(config.alignment.training)
        problems += _preprocessing(f"{where}.training.preprocessing", protocol, config)
        prompts = method.for_dataset(dataset).prompts
        if prompts and prompts not in config.prompts and prompts != method.prompts:
            hint = nearest(prompts, config.prompts)
            problems.append(f"{where}.prompts: {prompts!r} is not defined; {hint}")
    base = config.alignment.training.model_dump()
    for name, other in config.alignment.backbones.items():
        where = f"alignment.backbones.{name}.training"
        try:
            protocol = FineTuning.model_validate(merge(base, other.training))
        except ValidationError as error:
            told = (".".join(map(str, e["loc"])) + f": {e['msg']}" for e in error.errors())
            problems += [f"{where}.{line}" for line in told]
            continue
        problems += _preprocessing(f"{where}.preprocessing", protocol, config)
    for name, method in config.methods.items():
        protocol = method.fine_tuning(config.alignment.training)
        problems += _preprocessing(f"methods.{name}.training.preprocessing", protocol, config)
    return problems


def _preprocessing(where: str, protocol: FineTuning, config: Config) -> list[str]:
    name = protocol.preprocessing
    # One that the shared protocol has is reported there.
    if name in config.preprocessing or name == config.alignment.training.preprocessing:
        return []
    return [f"{where}: {name!r} is not defined; {nearest(name, config.preprocessing)}"]


#: timm towers that have no attention: what their names begin with.
CONVOLUTIONAL = ("efficientnet", "mobilenet", "resnet", "convnext", "regnet")


def _uses(config: Config) -> list[str]:
    """Models that lack what the methods and scores need of them."""
    paper, problems = config.alignment, []
    uses = {paper.model: paper.methods}
    uses |= {name: other.methods for name, other in paper.backbones.items()}
    for name, methods in uses.items():
        model = config.models.get(name)
        objectives = {config.methods[m].objective for m in methods if m in config.methods}
        if model is None:
            continue
        if "miro" in objectives and not model.feature_layers:
            problems.append(
                f"models.{name}.feature_layers is empty; MIRO needs the layers it ties to their "
                "pretrained values"
            )
        if "attn_tune" in objectives and _tower(model).startswith(CONVOLUTIONAL):
            problems.append(
                f"models.{name} has no attention; attn_tune trains nothing but attention: leave it "
                "out of its methods"
            )
        if isinstance(model, TimmModel) and objectives & set(TEXT_OBJECTIVES):
            needing = sorted(objectives & set(TEXT_OBJECTIVES))
            problems.append(f"models.{name} has no text tower; {needing} train with class texts")
    if isinstance(config.models.get(paper.model), TimmModel):
        problems.append(
            f"alignment.model: {paper.model!r} is a vision-only model; AlignmentScore needs a CLIP"
        )
    return problems


def _tower(model: Model) -> str:
    """Return the name of a model's image tower, as far as the configuration tells it."""
    if isinstance(model, TrainedModel):
        vision = model.architecture.get("model_cfg", {}).get("vision_cfg", {})
        return str(vision.get("timm_model_name", ""))
    return model.name.lower()
