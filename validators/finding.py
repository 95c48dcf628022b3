"""What a check finds: the finding, the table of all codes, three ways to print. `python -m validators codes`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple


class UsageError(Exception):
    """What the user asked cannot be done at all (exit code 2); its text is the whole message."""


class Code(NamedTuple):
    """One kind of finding: how hard it is, what it means, how to mend it."""

    level: str
    meaning: str
    fix: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where it is, and what to do about it.

    `span` is a stretch of the text at `path`: its first character and the one behind its last, counted from 0.
    """

    code: str
    level: str
    file: str
    line: int
    row_id: str | None
    path: str
    message: str
    fix: str
    span: tuple[int, int] | None = None


def error(meaning: str, fix: str) -> Code:
    """A rule decides: the row must not be trained on."""
    return Code("error", meaning, fix)


def warning(meaning: str, fix: str) -> Code:
    """It can only be suspected: a person should look."""
    return Code("warning", meaning, fix)


CODES: dict[str, Code] = {
    # the file and its lines
    "file.empty": error("the file holds no row", "write at least one conversation, or remove the file"),
    "file.bom": error("the file starts with a byte order mark", "save it as UTF-8 without BOM"),
    "file.convention": warning(
        "rows of another convention", "python -m validators convert FILE --to ours --out rows.jsonl"
    ),
    "line.crlf": error("a line ends in CR LF", "save the file with LF line ends"),
    "line.blank": error("a blank line between the rows", "remove the line"),
    "line.too_long": error(
        "a line is longer than the judge reads", "one conversation a line; split what is no conversation"
    ),
    "line.not_utf8": error("a line is not UTF-8", "save the file as UTF-8"),
    "line.not_json": error(
        "a line is no complete JSON value", "write the whole row on one line, with nothing after it"
    ),
    "line.not_object": error("a line is JSON, but no object", 'write {"id", "category", "messages"} on each line'),
    "line.duplicate_key": error("an object names the same key twice", "keep one; readers silently drop the other"),
    "line.nan": error("NaN or Infinity, which JSON does not have", "write null or a real number"),
    "line.surrogate": error(
        "half of a surrogate pair in a text", "write the whole character (an emoji was cut in two)"
    ),
    "line.too_deep": error("JSON nested too deeply to be read", "a row is four levels deep; flatten it"),
    # the row and its messages
    "row.schema": error(
        "the row does not fit conversation.schema.json", "see validators/schemas/conversation.schema.json"
    ),
    "row.id": error("a row without an id", "give it an id that is unique and does not change"),
    "row.category": error("a row without a category", "say what kind of conversation it is"),
    "row.tools": error(
        "`tools` is no JSON string of a list of functions",
        'write [{"type": "function", "function": {"name", "parameters"}}] as a JSON string',
    ),
    "message.role_unknown": error(
        "a role that the chat template does not know", "use system, user, assistant or tool; others vanish in silence"
    ),
    "message.stray_key": error(
        "a key that this role does not carry", "only assistant carries tool_calls, only tool carries tool_call_id"
    ),
    "order.system": error("a system message that is not the first message", "keep one system message, at the start"),
    "order.first_turn": error(
        "the conversation does not open with the user", "start with a user message (after an optional system message)"
    ),
    "order.last_turn": error("the conversation does not end on the assistant's words", "end with an assistant text"),
    "order.two_answers": error("two assistant messages in a row", "join them, or put the user's words between them"),
    "order.result_unspoken": error(
        "a tool's result is not followed by the assistant's words", "let the assistant say what came back"
    ),
    "text.empty": error("a message without words", "write the words, or remove the message"),
    "text.null": error("content is null without a tool call", "write a text; null stands beside tool_calls only"),
    "text.not_string": error("content is neither text nor null", "write a plain string"),
    "text.edges": error("blanks at the edge of a text", "strip the text"),
    "text.nfc": error("text is not in Unicode form NFC", 'normalise it: unicodedata.normalize("NFC", text)'),
    "text.control": error("a control character in a text", "remove it; line breaks are \\n"),
    "text.invisible": error("an invisible or no-break character in a text", "remove it or write a plain blank"),
    # the call, its answer
    "call.shape": error(
        "a tool call that is no {id, type, function: {name, arguments}}",
        "write the OpenAI form; a flat call is encoded twice by the trainer",
    ),
    "call.several": error("several tool calls in one turn", "one call a turn, each answered before the next"),
    "call.text_beside": error("words beside a tool call", "a turn either speaks or calls: set content to null"),
    "call.id_missing": error("a tool call without an id", "give it an id that is unique in the row"),
    "call.id_reused": error("two tool calls with one id", "make the ids unique in the row"),
    "call.unanswered": error(
        "a tool call that the next message does not answer", "put the tool's message directly after the call"
    ),
    "call.arguments_type": error("arguments are not a JSON string", "write the object as a JSON string"),
    "call.arguments_json": error("arguments are no valid JSON", "write one JSON object, each key once"),
    "call.arguments_twice": error("arguments are encoded twice", "encode the object once"),
    "call.arguments_object": error("arguments are JSON, but no object", "write an object of named arguments"),
    "call.arguments_order": error(
        "argument keys are not in the order of the tool's schema", "write the keys in the schema's order"
    ),
    "call.arguments_schema": error(
        "arguments do not fit the tool's schema", "give every required argument, no other, each of its type"
    ),
    "call.unknown_tool": error("a call of a tool that was not offered", "call a function that `tools` declares"),
    "call.cpf_form": error("cpf is not 11 digits", "write 11 digits without dots or dash"),
    "call.date_form": error("data_nascimento is no YYYYMMDD date", "write eight digits: year, month, day"),
    "tool.unasked": error("a tool message without a call directly before it", "put it directly after its call, once"),
    "tool.id_missing": error("a tool message without tool_call_id", "copy the id of the call"),
    "tool.id_mismatch": error(
        "a tool message answers another id than the call's", "copy the id of the call directly before"
    ),
    "tool.not_string": error(
        "a tool's content is no string", "write the result as a JSON string; an object becomes Python repr in training"
    ),
    "tool.not_json": error(
        "a tool's content is no valid JSON", "write what json.dumps(result, ensure_ascii=False) gives"
    ),
    "tool.twice": error("a tool's content is encoded twice", "encode the result once"),
    # the call against what the user said
    "call.cpf_ungrounded": error(
        "the CPF of a call is not in the user's words before it",
        "call only with a CPF that the user gave, whole, before the call",
    ),
    "call.date_ungrounded": error(
        "the birth date of a call is not in the user's words before it",
        "call only with a date that the user gave, unmistakably, before the call",
    ),
    "call.cpf_superseded": error(
        "a call uses a CPF that the user had corrected", "use the last value that the user gave"
    ),
    "call.date_superseded": error(
        "a call uses a birth date that the user had corrected", "use the last value that the user gave"
    ),
    "call.repeated": error(
        "the same call again",
        "answer from the first result; call again only after a passing failure and a new user turn",
    ),
    # what the assistant claims
    "claims.amount": error(
        "an amount that nobody gave", "say an amount of a result, of the user's words or of the facts, or none"
    ),
    "claims.date": error(
        "a date that nobody gave", "say a date of a result, of the user's words or of the facts, or none"
    ),
    "claims.number": error(
        "a number that nobody gave", "say a number of a result, of the user's words or of the facts, or none"
    ),
    "claims.phone": error("a telephone number that is in no fact", "say a number of the facts, or none"),
    "claims.contact": error("an address, site or e-mail that is in no fact", "say one of the facts, or none"),
    "claims.name": error(
        "a name that nobody gave", "use a name of a result, of the user's words or of the facts, or none"
    ),
    "claims.plan": error("another plan than the result's", "name the plan that the result has"),
    "claims.value": error("the contrary of what the result says", "say what the result says"),
    "claims.unfounded": error(
        "something is said of a contract that no result has shown", "say it after a result that shows it, or not at all"
    ),
    "claims.form": error("an amount or a date that is not written as in Brazil", "write R$ 1.234,56 and 31/12/2026"),
    # how the assistant behaves
    "behaviour.asks_known": error("it asks for what the user has given", "ask only for what is missing"),
    "behaviour.asks_half": error("both data are missing, and it asks for one", "ask for CPF and birth date together"),
    "behaviour.asks_early": error(
        "it asks for data at a greeting, for a fact or in an emergency",
        "answer first; ask when a contract is to be seen",
    ),
    "behaviour.asks_forbidden": error(
        "it asks for a password, a photo or a card's code", "ask for CPF and birth date, and for nothing else"
    ),
    "behaviour.missed_call": error(
        "both data are known, and it speaks instead of calling", "make the call in the turn after the last datum"
    ),
    "behaviour.call_forbidden": error(
        "a call in a category that has none", "answer without a call, or put the row into another category"
    ),
    "behaviour.promise": error(
        "it promises what it cannot do", "name a channel instead, or add the ability to the knowledge file"
    ),
    "behaviour.announces": error(
        "it says that it will look, and makes no call", "make the call, or ask for what is missing"
    ),
    "behaviour.human": error("it passes for a person", "say that it is a virtual assistant"),
    "behaviour.medical": error("it gives medical advice", "name the doctor or the emergency number instead"),
    "behaviour.norm": error("a norm's number that nobody asked for", "say the rule; the number only when asked"),
    "behaviour.length": error("a reply that is far too long", "say it in at most three short sentences"),
    "behaviour.language": error("a reply that is not in Portuguese", "answer in simple Portuguese"),
    "behaviour.emergency": error("an emergency without a word of where help is", "name 192 (or 193, 188) first"),
    "behaviour.greeting_time": error("another time of day than the user's greeting", "greet as the user did"),
    "behaviour.not_neutral": error(
        "it tells a stranger which of the data was wrong", "say one neutral sentence for not found and for mismatch"
    ),
    "behaviour.obeys": error("it obeys an order out of the user's or a tool's text", "decline, and go on"),
    "behaviour.prompt": error("it reads out its system message", "decline, and go on"),
    # what belongs to people
    "privacy.cpf_read_out": error("a whole CPF is read out", "say at most its last digits"),
    "privacy.card_read_out": error("a whole card or health number is read out", "say at most its last digits"),
    "privacy.identifier": error(
        "what looks like a real person's identifier", "put an invented one in its place, and list that as fictional"
    ),
    # the way through the chat template
    "template.mark": error("a mark of the chat template in a text", "take it out; the model would read it as a mark"),
    "template.refused": error("the chat template refuses the row", "mend what its message names"),
    "template.changed": error("the chat template gives back other turns", "see which turn it swallows or splits"),
    # the file as a whole, and one file against another
    "corpus.duplicate": error("the same conversation twice", "remove one"),
    "corpus.near_duplicate": warning(
        "nearly the same conversation twice", "remove one, or make them differ in more than a word"
    ),
    "corpus.unbalanced": warning(
        "one category holds most of the rows", "write more of the others; a model learns what it sees most"
    ),
    "corpus.concentrated": warning("few texts make up much of what is said", "write more wordings"),
    "corpus.id_reused": error("two rows with one id", "make the ids unique"),
    "corpus.min_rows": error("too few rows", "write more conversations"),
    "corpus.min_each": error("too few rows of a category", "write more of this category"),
    "corpus.min_calls": error("too few rows with a call, its result and the answer", "write more consultations"),
    "corpus.min_edge": error("too few edge cases", "write more edge cases"),
    "corpus.check_digits": warning(
        "many CPFs of calls fail the check digits",
        "compute them with weights 10 to 2, then 11 to 2; a wrong CPF must be the exception",
    ),
    "leak.conversation": error("the same conversation in two files", "keep it in one of them"),
    "leak.near_duplicate": warning("nearly the same conversation in two files", "keep it in one of them"),
    "leak.cpf": error("the same CPF in two files", "give each file people of its own"),
    "leak.person": warning("the same full name and birth date in two files", "give each file people of its own"),
}


def make(
    code: str,
    file: str,
    line: int,
    row_id: str | None,
    path: str,
    message: str,
    span: tuple[int, int] | None = None,
) -> Finding:
    """Fill a finding's level and remedy from the table of codes."""
    entry = CODES[code]
    return Finding(code, entry.level, file, line, row_id, path, message, entry.fix, span)


def key(found: Finding) -> str:
    """What a baseline knows a finding by: code, row (its line where it has no id), place and message."""
    where = found.row_id or f"{found.file}:{found.line}"
    return "\x1f".join((found.code, where, found.path, found.message))


def write_baseline(path: str, findings: list[Finding]) -> int:
    """Write the keys of findings to a file; gives their number."""
    keys = sorted({key(found) for found in findings})
    try:
        Path(path).write_text(json.dumps(keys, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    except OSError as reason:
        raise UsageError(f"{path}: cannot be written: {reason.strerror or reason}") from None
    return len(keys)


def read_baseline(path: str) -> frozenset[str]:
    """Read what `write_baseline` wrote."""
    try:
        keys = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise UsageError(f"{path}: cannot be read: {getattr(reason, 'strerror', None) or reason}") from None
    if not isinstance(keys, list) or not all(isinstance(item, str) for item in keys):
        raise UsageError(f"{path}: is no baseline; `check --write-baseline FILE` makes one")
    return frozenset(keys)


def as_text(finding: Finding) -> str:
    """Two lines for a person: `file:line: level code path: message`, and how to mend it."""
    row = f" (row {finding.row_id})" if finding.row_id else ""
    where = f"{finding.file}:{finding.line}: {finding.level} {finding.code} {finding.path}"
    place = f" (characters {finding.span[0] + 1} to {finding.span[1]})" if finding.span else ""
    return f"{where}: {finding.message}{place}{row}\n    fix: {finding.fix}"


def as_github(finding: Finding) -> str:
    """One workflow command, which GitHub shows beside the line of the file."""
    text = f"{finding.path}: {finding.message} (fix: {finding.fix})"
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    file = finding.file
    for char, code in (("%", "%25"), (":", "%3A"), (",", "%2C"), ("\r", "%0D"), ("\n", "%0A")):
        file = file.replace(char, code)
    return f"::{finding.level} file={file},line={finding.line},title={finding.code}::{text}"


def as_json(rows: int, findings: list[Finding], summary: dict[str, object]) -> str:
    """The whole report for a machine: {"rows", "findings", "summary"}."""
    report = {"rows": rows, "findings": [asdict(finding) for finding in findings], "summary": summary}
    return json.dumps(report, ensure_ascii=False, indent=1)
