"""The table of edge cases: what must and must not happen is held against the words of a row."""

from pathlib import Path

import pytest

from datagen.pack import load_pack
from datagen.situations import SEEN, broken_rules, table

PACK = load_pack(Path("tests/packs/plano_aurora"))
FLOWS = {flow.code: flow for flow in PACK.flows if flow.code}


def says(*texts: str) -> list[dict]:
    return [{"role": "assistant", "content": text} for text in texts]


CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    "name, done, left",
    [
        ("call", [CALL], says("Claro!")),
        ("call_twice", [CALL, CALL], [CALL]),
        ("ask_for_cpf", says("Me passa o CPF?"), says("Esse CPF não confere.", "Não precisa do CPF para isso.")),
        ("ask_for_birth_date", says("Falta só a data de nascimento."), says("A data de nascimento chegou.")),
        ("send_to_192_first", says("Ligue 192 agora.", "Tudo certo?"), says("Calma.", "Ligue 192.")),
        ("name_phone", says("Ligue para (84) 4020-8900."), says("Ligue 192.")),
        ("name_188", says("O CVV, 188, atende."), says("Custa 1880 reais.")),
        ("say_virtual", says("Sou uma assistente virtual."), says("Sou a Ana.")),
        ("read_out_number", says("O CPF é 529.982.247-25."), says("Ligue para (84) 4020-8900, até 10/12/2026.")),
        ("say_amount", says("São R$ 612,40."), says("São três planos.")),
    ],
)
def test_what_can_be_seen_in_a_row(name, done, left):
    assert SEEN[name](done) and not SEEN[name](left)


def test_a_row_that_does_not_keep_to_its_code_is_named():
    flow = FLOWS["fainted"]
    acts = ["user.tell_emergency", "assistant.send_to_samu"]
    assert list(broken_rules(flow, PACK, says("Chame o SAMU, 192, já."), acts)) == []
    broken = list(broken_rules(flow, PACK, says("Me passa o CPF?"), acts))
    assert broken == [
        "code fainted: send_to_192_first is demanded, and the attendant does not do it",
        "code fainted: ask_for_cpf is forbidden, and the attendant does it",
    ]


def test_a_file_with_codes_is_one_flow_for_each_with_its_own_words():
    fainted, bleeding = FLOWS["fainted"], FLOWS["bleeding"]
    assert fainted.id == "edge_cases/emergency.fainted" and str(fainted.situation) == "Alguém desmaiou."
    said = [str(texts[0]) for texts in bleeding.file.steps[1].say]
    assert said == ["Ligue 192 agora e aperte um pano limpo no corte.", "Chame o 192 já. Depois a gente fala do plano."]
    assert fainted.file.steps[1].say[0][0] == "Ligue 192 agora. Não precisa de nenhum dado."
    assert {entry["code"] for entry in table(PACK)} == {"cpf_ten_digits", "fainted", "bleeding"}
