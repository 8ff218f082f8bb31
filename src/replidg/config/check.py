"""Checks of a whole configuration, each with one clear error before any job starts."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyarrow import parquet
from pydantic import BaseModel, ValidationError

from replidg.config.inputs import EmbeddedDataset, OpenClipModel, TimmModel, TrainedModel
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
        config = Config.model_validate(content)
    except ValidationError as error:
        problems = [_explain(detail, content) for detail in error.errors()]
        raise ConfigError(_message(problems)) from None
    problems = [*_references(config), *_datasets(config), *_models(config), *_overrides(config)]
    problems += _uses(config)
    if problems:
        raise ConfigError(_message(problems))
    return config


def fine_tuning(config: Config, dataset: str) -> FineTuning:
    """Return the alignment paper's training protocol for `dataset`, overrides applied."""
    override = config.alignment.training_overrides.get(dataset, {})
    return FineTuning.model_validate(_merge(config.alignment.training.model_dump(), override))


def _merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `override` laid over it, table by table, as Snakemake merges overlays."""
    nested = {
        key: _merge(base[key], value)
        for key, value in override.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | override | nested


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest valid name, or all of them when none is near."""
    known = sorted(known)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {match[0]!r}?" if match else f"known: {', '.join(known) or 'none'}"


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
        ("alignment.score", [paper.score], paper.scores),
        ("alignment.training.preprocessing", [paper.training.preprocessing], config.preprocessing),
        ("data_root", config.data_root, config.datasets),
    ]
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


def _datasets(config: Config) -> list[str]:
    """Domains that are missing, and folders that are not there."""
    problems = []
    for name, dataset in config.datasets.items():
        if len(dataset.domains) < 2:
            problems.append(f"datasets.{name}.domains: leave-one-domain-out needs at least two")
        if isinstance(dataset, EmbeddedDataset):
            problems += _pictures(name, dataset)
            inner = dataset.pretraining.domains if dataset.pretraining else []
            problems += [
                f"datasets.{name}: domain {domain!r} is not in the tree; "
                f"{nearest(domain, dataset.tree)}"
                for domain in [*dataset.domains, *inner]
                if domain not in dataset.tree
            ]
        elif name in config.alignment.datasets:
            problems += _folder(name, dataset.domains, config.data_root.get(name))
    return problems


def _pictures(name: str, dataset: EmbeddedDataset) -> list[str]:
    """Domains and classes that the embedded table does not have; two columns of it are read."""
    path = Path(__file__).parents[1] / "data" / "embedded" / "pictures.parquet"
    table = parquet.read_table(path, columns=["domain", "class_name"])
    held_out = dataset.pretraining.held_out_classes if dataset.pretraining else []
    wanted = [("tree", dataset.tree, "domain")]
    wanted.append(("pretraining.held_out_classes", held_out, "class_name"))
    return [
        f"datasets.{name}.{key}: there are no pictures of {value!r}; {nearest(value, known)}"
        for key, values, column in wanted
        for known in [set(table[column].to_pylist())]
        for value in values
        if value not in known
    ]


def _folder(name: str, domains: list[str], root: str | None) -> list[str]:
    if root is None:
        return [f"datasets.{name} is a folder that you have: set data_root.{name} to its path"]
    if not Path(root).is_dir():
        return [f"data_root.{name}: there is no folder {root}"]
    present = [path.name for path in Path(root).iterdir() if path.is_dir()]
    return [
        f"data_root.{name}: domain {domain!r} has no folder in {root}; {nearest(domain, present)}"
        for domain in domains
        if domain not in present
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
        if protocol.preprocessing not in config.preprocessing:
            hint = nearest(protocol.preprocessing, config.preprocessing)
            problems.append(
                f"{where}.preprocessing: {protocol.preprocessing!r} is not defined; {hint}"
            )
    return problems


def _uses(config: Config) -> list[str]:
    """Models that lack what the methods and scores need of them."""
    paper, problems = config.alignment, []
    model = config.models.get(paper.model)
    used = [config.methods[name] for name in paper.methods if name in config.methods]
    if any(method.objective == "miro" for method in used) and model and not model.feature_layers:
        problems.append(
            f"models.{paper.model}.feature_layers is empty; MIRO needs the layers it ties "
            "to their pretrained values"
        )
    if isinstance(model, TimmModel):
        problems.append(
            f"alignment.model: {paper.model!r} is a vision-only model; AlignmentScore needs a CLIP"
        )
    return problems
