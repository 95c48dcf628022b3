"""One direction of imports: datagen may use validators, and nothing else crosses between the packages."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("datagen", "validators", "axolotl_configs")
FORBIDDEN = {
    "validators": {"datagen", "axolotl_configs"},
    "axolotl_configs": {"datagen", "validators"},
    "datagen": {"axolotl_configs"},
}


def imported(path: Path) -> set[str]:
    """The first names of all modules that a file imports, anywhere in it, also by importlib or __import__."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(path.relative_to(ROOT).parts[0] if node.level else (node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                names.add(node.args[0].value.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    if package == "validators":
        assert len(files) > 10
    crossing = {str(path.relative_to(ROOT)): sorted(imported(path) & FORBIDDEN[package]) for path in files}
    assert {path: names for path, names in crossing.items() if names} == {}


def test_templates_hold_no_python() -> None:
    assert list((ROOT / "templates").rglob("*.py")) == []


def test_the_judge_needs_the_light_environment_only() -> None:
    """Whoever takes `validators/` alone needs jsonschema-rs and orjson; the rest is brought in where it is used."""
    import sys

    allowed = {"validators", "jsonschema_rs", "orjson", *sys.stdlib_module_names}
    where_used = {
        "template.py": {"jinja2"},
        "lengths.py": {"tokenizers"},
        "knowledge.py": {"yaml"},
        "diversity.py": {"rensa"},
    }
    for path in sorted((ROOT / "validators").glob("*.py")):
        if path.name != "masks.py":  # runs in the trainer's environment
            assert imported(path) <= allowed | where_used.get(path.name, set()), path.name


def test_nothing_names_the_material_beside_the_repository() -> None:
    word = "shared" + "/"
    for package in (*PACKAGES, "templates"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and path.suffix in (".py", ".md", ".yaml", ".yml", ".json", ".j2", ".txt"):
                assert word not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)
