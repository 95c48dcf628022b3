"""The proof, small: every kind of damage is found on some rows; the catalogue covers the codes; the documents agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from validators.check import Settings, check_files
from validators.damage import catalogue
from validators.finding import CODES
from validators.knowledge import read_pack
from validators.profiles import PROFILES, selection, table
from validators.prove import alarms, prove, read_struck

ROOT = Path(__file__).resolve().parent.parent
HAND = ROOT / "tests" / "cases" / "written_by_hand.jsonl"
KNOWLEDGE = read_pack(ROOT / "templates" / "unimed_natal")
# Whole files have these, or a line of sixteen mebibytes; a convention is no damage; see test_validators_rows.py.
NO_DAMAGE = {"file.convention", "line.too_long", "template.refused"} | {
    code for code in CODES if code.startswith(("corpus.min_", "corpus.unb", "corpus.con", "corpus.check"))
}


def test_the_catalogue_covers_the_codes() -> None:
    kinds = catalogue()
    assert len(kinds) >= 60 and len({kind.name for kind in kinds}) == len(kinds)
    wanted = {code for kind in kinds for code in kind.codes}
    assert wanted <= set(CODES)
    assert set(CODES) - wanted <= NO_DAMAGE, sorted(set(CODES) - wanted - NO_DAMAGE)
    assert all((kind.profile in PROFILES and kind.apply.__doc__) or "<lambda>" for kind in kinds)


def test_every_damage_is_found(dataset_dir: Path) -> None:
    files = [
        str(dataset_dir / f"{name}.jsonl")
        for name in ("train", "eval", "test")
        if (dataset_dir / f"{name}.jsonl").stat().st_size
    ]
    proofs = list(prove(files, KNOWLEDGE, 5, list(catalogue())))
    assert [(proof.kind, proof.missed) for proof in proofs if proof.found < proof.damaged] == []
    assert sum(proof.damaged for proof in proofs) > 4 * len(proofs)


def test_false_alarms_on_rows_written_by_hand() -> None:
    found = alarms([str(HAND)], _told())
    assert found.rows + found.struck >= 300
    assert found.rows_with_errors <= 0.01 * found.rows, found.codes
    assert all(reason for reason in read_struck(str(HAND)).values())


def _told():
    from validators.prove import _beside

    return _beside(str(HAND))


def test_the_hand_written_rows_are_not_touched() -> None:
    """Their bytes as delivered, before the judge had ever seen them."""
    import hashlib

    assert (
        hashlib.sha256(HAND.read_bytes()).hexdigest()
        == "a1c397b042316b4f263e47dbb0d4848449cef0f993681f77f8bb6f5b427150d6"
    )


def test_the_readme_tells_what_prove_prints() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    kinds, rows = len(catalogue()), len(HAND.read_text(encoding="utf-8").splitlines())
    found = alarms([str(HAND)], _told())
    assert f"spoils each in one of {kinds} ways" in text
    assert f"{kinds * 200:,} of {kinds * 200:,}, in {kinds} kinds; " in text
    told = f"| false alarms, rows written by hand ({found.rows}; "
    assert told in text and found.rows == rows - found.struck
    assert (
        f"| {found.rows_with_errors} row ({found.rows_with_errors / found.rows:.1%}), {found.warnings} warnings |"
        in text
    )


def test_the_judges_chat_template_is_the_trainers() -> None:
    """A copy, so that `validators/` can be taken alone; byte for byte."""
    name = "qwen2.5_chat_template.j2"
    assert (ROOT / "validators" / name).read_bytes() == (ROOT / "axolotl_configs" / name).read_bytes()


def test_the_documents_name_every_code() -> None:
    text = (ROOT / "validators" / "README.md").read_text(encoding="utf-8")
    assert text.split("<!-- python -m validators codes -->\n")[1].split("\n<!-- end -->")[0] == table()


def test_the_workflow_for_strangers_is_yaml() -> None:
    text = (ROOT / "validators" / "README.md").read_text(encoding="utf-8")
    block = text.split("## In your CI\n\n```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block)["jobs"]["judge"]["steps"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["check-conversations"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_knows_every_code(profile: str) -> None:
    levels = selection(profile).as_dict()
    assert set(levels) == set(CODES) and set(levels.values()) <= {"error", "warning", "off"}


def test_select_ignore_and_baseline(tmp_path: Path) -> None:
    from validators.finding import UsageError, read_baseline, write_baseline

    path = tmp_path / "rows.jsonl"
    row = {
        "id": "a",
        "category": "facts",
        "messages": [{"role": "user", "content": " oi"}, {"role": "assistant", "content": None}],
    }
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")

    def codes(**options) -> list[str]:
        return sorted(found.code for found in check_files([path], settings=Settings(**options)).findings)

    assert codes() == ["text.edges", "text.null"]
    assert codes(levels=selection(select=["text.null"])) == ["text.null"]
    assert codes(levels=selection(ignore=["text"])) == []
    known = tmp_path / "known.json"
    write_baseline(str(known), check_files([path]).findings[:1])
    assert len(codes(baseline=read_baseline(str(known)))) == 1
    with pytest.raises(UsageError, match="no code begins like this"):
        selection(select=["nothing"])


def test_two_judges_of_the_schema_agree() -> None:
    """jsonschema-rs on the hot path, jsonschema as the reference: the same verdict on every row of every table."""
    from jsonschema import Draft202012Validator

    from validators.structure import SCHEMA_FILE, _validator

    slow = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    rows = [json.loads(line) for line in HAND.read_text(encoding="utf-8").splitlines()]
    for table_file in sorted((ROOT / "tests" / "cases").glob("*.json")):
        for case in json.loads(table_file.read_text(encoding="utf-8")):
            rows += [case["row"]] if isinstance(case, dict) and "row" in case else []
    assert len(rows) > 500
    for row in rows:
        assert slow.is_valid(row) == _validator().is_valid(row)
        fast = {problem.message for problem in _validator().iter_errors(row)}
        assert bool(fast) == bool(list(slow.iter_errors(row)))
