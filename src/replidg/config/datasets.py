"""Checks of the configured data sets, and what the registry fills in."""

from __future__ import annotations

from pathlib import Path

from pyarrow import parquet

from replidg.config.inputs import Dataset, EmbeddedDataset, FolderDataset, RegisteredDataset
from replidg.config.names import nearest
from replidg.config.schema import Config
from replidg.data import registry


def filled(config: Config) -> Config:
    """Return the configuration with the registry's domains where a data set names none."""
    datasets = {name: _with_domains(name, data) for name, data in config.datasets.items()}
    return config.model_copy(update={"datasets": datasets})


def _with_domains(name: str, dataset: Dataset) -> Dataset:
    if not isinstance(dataset, RegisteredDataset) or dataset.domains:
        return dataset
    page = dataset.registry or name
    if page not in registry.names():
        return dataset  # `problems` says so
    return dataset.model_copy(update={"domains": registry.load(page).domains})


def problems(config: Config) -> list[str]:
    """Return what is wrong with the data sets, one line each."""
    found = []
    for name, dataset in config.datasets.items():
        # A registered set may have one domain (Cityscapes has); a typo in its name leaves none.
        several = name in config.alignment.datasets and dataset.domains
        if len(dataset.domains) < 2 and (several or not isinstance(dataset, RegisteredDataset)):
            found.append(f"datasets.{name}.domains: leave-one-domain-out needs at least two")
        if isinstance(dataset, RegisteredDataset):
            found += _registered(name, dataset, config)
        elif name in config.data_mirrors:
            found.append(f"data_mirrors.{name}: {dataset.source!r} data sets have no archives")
        if isinstance(dataset, EmbeddedDataset):
            found += _pictures(name, dataset)
        elif isinstance(dataset, FolderDataset) and name in config.alignment.datasets:
            found += _folder(name, dataset.domains, config.data_root.get(name))
    return found


def _registered(name: str, dataset: RegisteredDataset, config: Config) -> list[str]:
    page = dataset.registry or name
    if page not in registry.names():
        key = f"datasets.{name}" + (".registry" if dataset.registry else "")
        hint = nearest(page, registry.names())
        return [
            f"{key}: the registry has no data set {page!r}; {hint}. A folder of your own that it "
            "does not know is 'source: folder'"
        ]
    known = registry.load(page).domains
    found = [
        f"datasets.{name}.domains: {page} has no domain {domain!r}; {nearest(domain, known)}"
        for domain in dataset.domains
        if domain not in known
    ]
    for key, given in (("data_root", config.data_root), ("data_mirrors", config.data_mirrors)):
        if dataset.source == "standin" and name in given:
            found.append(
                f"{key}.{name} is given, but datasets.{name}.source is 'standin': add "
                "--configfile config/full.yaml before your file, or set it to 'official'"
            )
    return found


def _pictures(name: str, dataset: EmbeddedDataset) -> list[str]:
    """Domains and classes that the embedded table does not have; two columns of it are read."""
    path = Path(__file__).parents[1] / "data" / "embedded" / "pictures.parquet"
    table = parquet.read_table(path, columns=["domain", "class_name"])
    held_out = dataset.pretraining.held_out_classes if dataset.pretraining else []
    wanted = [("tree", dataset.tree, "domain")]
    wanted.append(("pretraining.held_out_classes", held_out, "class_name"))
    unknown = [
        f"datasets.{name}.{key}: there are no pictures of {value!r}; {nearest(value, known)}"
        for key, values, column in wanted
        for known in [set(table[column].to_pylist())]
        for value in values
        if value not in known
    ]
    inner = dataset.pretraining.domains if dataset.pretraining else []
    return unknown + [
        f"datasets.{name}: domain {domain!r} is not in the tree; {nearest(domain, dataset.tree)}"
        for domain in [*dataset.domains, *inner]
        if domain not in dataset.tree
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
