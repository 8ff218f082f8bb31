"""The environment's files agree: one set of pins, one list of names, and no machine in them."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
LOCKS = ["requirements.lock", "requirements-test.lock"]

_spec = importlib.util.spec_from_file_location("make_locks", ENVS / "make_locks.py")
make_locks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_locks)

# Declared only to steer pip away from one version; the lock leaves it out (envs/overrides.txt).
NOT_OURS = {"imaug"}


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement):
    return normalise(re.match(r"[A-Za-z0-9._-]+", requirement)[0])


def read_requirements(name):
    lines = (line.split("#")[0].strip() for line in (ENVS / name).read_text().splitlines())
    return [line for line in lines if line]


def specifiers(requirements):
    return {
        name_of(line): re.sub(r"^[A-Za-z0-9._-]+(\[[^]]*\])?", "", line).strip()
        for line in requirements
    }


def read_project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked_names(lock):
    return {normalise(name) for name, _, _ in make_locks.read_pins(ENVS / lock)}


def test_project_and_requirements_say_the_same():
    declared = specifiers(read_project()["project"]["dependencies"])
    assert {key: value for key, value in declared.items() if key not in NOT_OURS} == specifiers(
        read_requirements("requirements.in")
    )
    extra = read_project()["project"]["optional-dependencies"]["test"]
    assert specifiers(extra) == specifiers(read_requirements("requirements-test.in"))


def test_uv_reads_the_same_overrides_from_both_places():
    ours = read_project()["tool"]["uv"]["override-dependencies"]
    assert [line.replace("'", '"') for line in ours] == read_requirements("overrides.txt")


def test_the_wheel_names_every_licence_in_it():
    reuse = tomllib.loads((ROOT / "REUSE.toml").read_text())
    texts = {path.stem for path in (ROOT / "LICENSES").iterdir()}
    named = set(read_project()["project"]["license"].split(" AND "))
    packed = " AND ".join(
        block["SPDX-License-Identifier"]
        for block in reuse["annotations"]
        if str(block["path"]).startswith(("**", "src/"))
    )
    assert named == set(packed.split(" AND "))
    assert named <= texts


@pytest.mark.parametrize("stem", ["requirements", "requirements-test"])
def test_every_requirement_is_locked(stem):
    wanted = {name_of(line) for line in read_requirements(f"{stem}.in")}
    assert wanted <= locked_names(f"{stem}.lock")


def test_dropped_packages_are_not_locked():
    dropped = {name_of(line) for line in read_requirements("overrides.txt")}
    assert not dropped & locked_names("requirements.lock")


def test_locks_share_no_package():
    everywhere = {
        normalise(name)
        for name, _, marker in make_locks.read_pins(ENVS / LOCKS[0])
        if marker is None
    }
    assert not everywhere & locked_names(LOCKS[1])


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock):
    text = (ENVS / lock).read_text()
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(make_locks.read_pins(ENVS / lock)) > 5
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_locked_versions_meet_the_bounds():
    from packaging.markers import Marker
    from packaging.specifiers import SpecifierSet

    bounds = specifiers(read_requirements("requirements.in"))
    bounds |= specifiers(read_requirements("requirements-test.in"))
    for lock in LOCKS:
        for name, version, marker in make_locks.read_pins(ENVS / lock):
            assert marker is None or Marker(marker)
            assert version in SpecifierSet(bounds.get(normalise(name), "")), name


def test_the_build_backend_is_locked_for_every_platform():
    """The launcher installs the project without build isolation, so setuptools must be there."""
    pins = {name: marker for name, _, marker in make_locks.read_pins(ENVS / "requirements.lock")}
    assert pins["setuptools"] is None


def test_conda_environment_has_the_locks_pins():
    text = (ENVS / "environment.yaml").read_text()
    assert text == make_locks.format_yaml(make_locks.read_pins(ENVS / "requirements.lock"))
    *_, last = yaml.safe_load(text)["dependencies"]
    assert len(last["pip"]) == len(make_locks.read_pins(ENVS / "requirements.lock")) + 1


FILES = [path for path in sorted(ENVS.iterdir()) if path.is_file()]


@pytest.mark.parametrize("path", [*FILES, ROOT / "pyproject.toml"], ids=lambda path: path.name)
def test_no_host_and_no_machine_path(path):
    text = path.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    assert not re.search(r"(^|\s)/(home|root|work|tmp|Users)/", text)


@pytest.mark.parametrize("recipe", ["Dockerfile", "replidg.def"])
def test_containers_install_from_the_lock(recipe):
    text = (ENVS / recipe).read_text()
    assert "--no-deps --require-hashes -r" in text
    assert "requirements.lock" in text


def test_drop_entries_keeps_the_others():
    first = "a==1 \\\n    --hash=sha256:x\n    # via b\n"
    second = "b==2 ; python_version > '3' \\\n    --hash=sha256:y\n"
    lock = "# top\n" + first + second
    assert make_locks.drop_entries(lock, {"b"}) == "# top\n" + first
    assert make_locks.drop_entries(lock, {"a"}) == "# top\n" + second
