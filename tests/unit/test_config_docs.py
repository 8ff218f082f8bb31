"""The generated description of the configuration, and the models it comes from."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "document_config.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("document_config", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_in_step(tool):
    """Fails after a change of the schema: run `python tools/document_config.py`."""
    assert tool.outdated() == []


def test_a_missing_and_a_changed_file_are_out_of_date(tool, tmp_path):
    assert set(tool.outdated(tmp_path)) == {tool.SCHEMA, tool.README}
    for path, text in tool.documents().items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert tool.outdated(tmp_path) == []
    (tmp_path / tool.README).write_text("older", encoding="utf-8")
    assert tool.outdated(tmp_path) == [tool.README]


def test_check_says_what_to_do(tmp_path):
    """A copy of the tool elsewhere finds neither file beside it."""
    copy = tmp_path / "tools" / TOOL.name
    copy.parent.mkdir()
    copy.write_text(TOOL.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, str(copy), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "config/README.md is out of date; run" in done.stderr
    assert not (tmp_path / "config").exists()


def test_every_key_has_a_description(tool):
    missing = [
        f"{model.__name__}.{name}"
        for model in tool.models()
        for name, field in model.model_fields.items()
        if not (field.description or "").strip()
    ]
    assert missing == []


def test_every_table_says_what_it_is(tool):
    assert [model.__name__ for model in tool.models() if not model.__doc__] == []


def test_every_link_leads_to_a_section(tool):
    text = tool.render_readme()
    headings = {name.lower() for name in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_table_rows_have_four_cells(tool):
    rows = [line for line in tool.render_readme().splitlines() if re.match(r"\| \**`", line)]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in rows)


def test_words_of_types_and_defaults(tool):
    text = tool.render_readme()
    assert "| `train` | number, ≥ 0, ≤ 1 | `0.6` |" in text
    assert "| **`seeds`** |" not in text and "| `seeds` | list of integer, not empty |" in text
    assert "`datasets.<name>.splits`" in text


def test_schema_accepts_the_demo_and_refuses_an_unknown_key(tool):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(tool.render_schema())
    demo = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(demo, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(demo | {"speed": 1}, schema)
