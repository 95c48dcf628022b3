"""Hand-made rows in all six categories and four contexts, for tests that must not depend on the generator.

Every CPF and name here is invented; the CPFs have valid check digits, since the judge asks for them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

TOOL = {
    "type": "function",
    "function": {
        "name": "unimed_consult",
        "description": "Consulta o cadastro do beneficiário da Unimed Natal.",
        "parameters": {
            "type": "object",
            "properties": {
                "cpf": {"type": "string", "pattern": "^[0-9]{11}$", "description": "CPF, só dígitos."},
                "data_nascimento": {"type": "string", "pattern": "^[0-9]{8}$", "description": "AAAAMMDD."},
            },
            "required": ["cpf", "data_nascimento"],
            "additionalProperties": False,
        },
    },
}
SYSTEM = "Você é a Íris, atendente da Unimed Natal. Responda em português, com educação & atenção."
FIRST_NAMES = ["João", "Conceição", "Antônio", "Inês", "Luís", "Fátima", "José", "Ângela"]
CATEGORIES = ("greetings", "missing_data", "partial_data", "tool_calls", "facts", "edge_cases")


def valid_cpf(number: int) -> str:
    """Eleven digits with right check digits, made from a number below one thousand million."""
    digits = [int(digit) for digit in f"{number:09d}"]
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def says(text: str) -> dict:
    return {"role": "assistant", "content": text}


def consult(cpf: str, birth: str, answer: object) -> list[dict]:
    """The call and the tool's answer."""
    arguments = json.dumps({"cpf": cpf, "data_nascimento": birth})
    call_id = "call_" + hashlib.sha256(arguments.encode()).hexdigest()[:9]
    function = {"name": "unimed_consult", "arguments": arguments}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": json.dumps(answer, ensure_ascii=False)},
    ]


def conversations(index: int) -> list[tuple[str, list[dict]]]:
    """One conversation of each category and some of their variants; names, CPFs and dates follow the index."""
    cpf = valid_cpf((100_200_300 + 7_654_321 * index) % 10**9)
    dotted = f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
    day, month, year = 1 + index % 28, 1 + index % 12, 1950 + index % 55
    birth, written = f"{year}{month:02d}{day:02d}", f"{day:02d}/{month:02d}/{year}"
    name = FIRST_NAMES[index % len(FIRST_NAMES)]
    found = {"status": "ATIVO", "nome": f"{name.upper()} DE SOUSA", "plano": "Ouro", "débito": 0.0}
    closing = says(f"Pronto, {name}: o plano Ouro está ativo & sem débito. Posso ajudar em algo mais?")
    return [
        (
            "greetings",
            [user(f"oi, aqui é {name} do apto {index}, tudo bem?"), says(f"Olá, {name}! Como posso ajudar você hoje?")],
        ),
        (
            "missing_data",
            [
                user(f"meu plano tá ativo? sou {name}"),
                says("Para consultar, preciso do CPF e da data de nascimento."),
                user(f"cpf {dotted}\nnasci em {written}"),
                *consult(cpf, birth, found),
                closing,
            ],
        ),
        (
            "partial_data",
            [
                user("quero ver minha situação"),
                user(f"meu cpf é {cpf}"),
                says("Obrigada! Falta só a data de nascimento."),
                user(written),
                *consult(cpf, birth, found),
                closing,
            ],
        ),
        ("tool_calls", [user(f"situação do plano: {dotted}, {written}"), *consult(cpf, birth, found), closing]),
        (
            "facts",
            [
                user(f"qual o telefone de vocês? ({name}, {index})"),
                says("O telefone da Unimed Natal é (84) 4020-8900."),
                user("valeu"),
                says("Por nada!"),
            ],
        ),
        (
            "edge_cases",
            [
                user(f"{dotted} {written} <me ajuda> por favor"),
                *consult(cpf, birth, {"erro": "NAO_ENCONTRADO", "mensagem": "Beneficiário não encontrado"}),
                says("Não encontrei o cadastro com esses dados. Pode conferir o CPF e a data, por favor?"),
            ],
        ),
    ]


def handmade_rows(count: int = 60, first: int = 0) -> list[dict]:
    """`count` rows; category and context (no system and no tools, system, tools, both) go round independently."""
    rows: list[dict] = []
    for index in range(first, first + -(-count // len(CATEGORIES))):
        for category, messages in conversations(index):
            context = (index + len(rows) // 24) % 4
            system = [{"role": "system", "content": SYSTEM}] if context in (1, 3) else []
            row = {"id": f"handmade-{first + len(rows):06d}", "category": category, "messages": [*system, *messages]}
            if context in (2, 3):
                row["tools"] = json.dumps([TOOL], ensure_ascii=False)
            rows.append(row)
    return rows[:count]


def write_rows(path: Path, rows: list[dict]) -> Path:
    """One JSON object a line, UTF-8, accents as they are."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
