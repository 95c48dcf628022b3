"""Damages of a row's shape: roles, order, texts, tools. See damage.py."""

from __future__ import annotations

import json
import unicodedata
from random import Random

from validators.damage import Damage, Row, callers, turns


def no_id(row: Row, random: Random) -> Row:
    """The id was lost."""
    del row["id"]
    return row


def no_category(row: Row, random: Random) -> Row:
    """The category was lost."""
    del row["category"]
    return row


def unknown_role(row: Row, random: Random) -> Row:
    """A role of another template, which Qwen's drops without a word."""
    message = random.choice(row["messages"])
    message["role"] = {"tool": "function", "system": "developer", "user": "human", "assistant": "gpt"}[message["role"]]
    return row


def stray_key(row: Row, random: Random) -> Row:
    """A key that belongs to another role."""
    random.choice(turns(row, "user"))["tool_call_id"] = "call_1"
    return row


def key_too_many(row: Row, random: Random) -> Row:
    """A key that no reader knows."""
    random.choice(row["messages"])["name"] = "cliente"
    return row


def nested_beside(row: Row, random: Random) -> Row:
    """Provenance left in the row, nested."""
    row["meta"] = {"seed": 7}
    return row


def no_messages(row: Row, random: Random) -> Row:
    """The messages under another name."""
    row["conversation"] = json.dumps(row.pop("messages"))
    return row


def system_in_the_middle(row: Row, random: Random) -> Row | None:
    """A reminder put between the turns."""
    places = [place for place, message in enumerate(row["messages"]) if message["role"] == "user" and place > 1]
    if not places:
        return None
    row["messages"].insert(random.choice(places), {"role": "system", "content": "Responda em português."})
    return row


def first_turn_lost(row: Row, random: Random) -> Row | None:
    """The user's first message was cut off."""
    messages = row["messages"]
    place = next(place for place, message in enumerate(messages) if message["role"] == "user")
    if messages[place + 1]["role"] == "user":
        return None
    del messages[place]
    return row


def last_turn_lost(row: Row, random: Random) -> Row:
    """The assistant's last words were cut off."""
    row["messages"].pop()
    return row


def answer_in_two(row: Row, random: Random) -> Row | None:
    """One answer split into two messages."""
    for place, message in enumerate(row["messages"]):
        if message["role"] == "assistant" and message["content"] and ". " in message["content"]:
            first, _, rest = message["content"].partition(". ")
            message["content"] = f"{first}."
            row["messages"].insert(place + 1, {"role": "assistant", "content": rest})
            return row
    return None


def result_unspoken(row: Row, random: Random) -> Row | None:
    """After the result the user goes on, and nobody told what came back."""
    messages = row["messages"]
    for place in callers(row):
        if place + 3 < len(messages) and messages[place + 3]["role"] == "user":
            del messages[place + 2]
            return row
    return None


def no_words(row: Row, random: Random) -> Row:
    """An empty text: nothing to learn, and it is skipped in silence."""
    random.choice(turns(row, "assistant"))["content"] = ""
    return row


def only_blanks(row: Row, random: Random) -> Row:
    """A text of blanks."""
    random.choice(turns(row, "user"))["content"] = " \n "
    return row


def null_words(row: Row, random: Random) -> Row:
    """Null without a call: the template refuses it in the middle of a run."""
    random.choice(turns(row, "assistant"))["content"] = None
    return row


def content_in_parts(row: Row, random: Random) -> Row:
    """Content as OpenAI's list of parts."""
    message = random.choice(turns(row, "user"))
    message["content"] = [{"type": "text", "text": message["content"]}]
    return row


def blank_at_the_edge(row: Row, random: Random) -> Row:
    """A blank at the edge, which shifts the trained span."""
    message = random.choice(turns(row, "assistant"))
    message["content"] = random.choice([" {}", "{} ", "{}\n"]).format(message["content"].replace("{", "{{"))
    return row


def decomposed(row: Row, random: Random) -> Row | None:
    """Accents as characters of their own, as another system writes them."""
    for message in turns(row, "assistant") + turns(row, "user"):
        other = unicodedata.normalize("NFD", message["content"])
        if other != message["content"]:
            message["content"] = other
            return row
    return None


def _inside(row: Row, random: Random, char: str) -> Row:
    message = random.choice(turns(row, random.choice(["user", "assistant"])))
    place = max(len(message["content"]) // 2, 1)
    message["content"] = f"{message['content'][:place]}{char}{message['content'][place:]}"
    return row


def control_character(row: Row, random: Random) -> Row | None:
    """A control character out of a terminal."""
    row = _inside(row, random, random.choice("\x07\x1b\x00"))
    return row


def zero_width(row: Row, random: Random) -> Row:
    """A zero-width blank out of a web page."""
    return _inside(row, random, "\u200b")


def no_break_blank(row: Row, random: Random) -> Row | None:
    """A no-break blank for a plain one."""
    for message in turns(row, "assistant"):
        if " " in message["content"]:
            message["content"] = message["content"].replace(" ", "\u00a0", 1)
            return row
    return None


def tools_as_list(row: Row, random: Random) -> Row | None:
    """`tools` as a list, which `datasets` fills with nulls."""
    if "tools" not in row:
        return None
    row["tools"] = json.loads(row["tools"])
    return row


def tools_without_functions(row: Row, random: Random) -> Row:
    """`tools` with nothing in it."""
    row["tools"] = "[]"
    return row


def tools_broken(row: Row, random: Random) -> Row | None:
    """A type in the tool's schema misspelt."""
    if "tools" not in row or '"type": "string"' not in row["tools"]:
        return None
    row["tools"] = row["tools"].replace('"type": "string"', '"type": "strig"', 1)
    return row


DAMAGES = (
    Damage("no id", ("row.id",), no_id),
    Damage("no category", ("row.category",), no_category),
    Damage("no messages", ("row.schema",), no_messages),
    Damage("unknown role", ("message.role_unknown",), unknown_role),
    Damage("key of another role", ("message.stray_key",), stray_key),
    Damage("key too many", ("row.schema",), key_too_many),
    Damage("nested beside messages", ("row.schema",), nested_beside),
    Damage("system in the middle", ("order.system",), system_in_the_middle),
    Damage("first turn lost", ("order.first_turn",), first_turn_lost),
    Damage("last turn lost", ("order.last_turn",), last_turn_lost),
    Damage("answer in two messages", ("order.two_answers",), answer_in_two),
    Damage("result not told", ("order.result_unspoken",), result_unspoken),
    Damage("empty text", ("text.empty",), no_words),
    Damage("text of blanks", ("text.empty",), only_blanks),
    Damage("null without a call", ("text.null",), null_words),
    Damage("content in parts", ("text.not_string",), content_in_parts),
    Damage("blank at the edge", ("text.edges",), blank_at_the_edge),
    Damage("accents decomposed", ("text.nfc",), decomposed),
    Damage("control character", ("text.control",), control_character),
    Damage("zero-width blank", ("text.invisible",), zero_width),
    Damage("no-break blank", ("text.invisible",), no_break_blank),
    Damage("tools as a list", ("row.tools",), tools_as_list),
    Damage("tools empty", ("row.tools",), tools_without_functions),
    Damage("tools with a broken schema", ("row.tools",), tools_broken),
)
