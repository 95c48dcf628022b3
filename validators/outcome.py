"""What a tool's result amounts to, in whatever shape it comes: something was found, nothing, or an error.

Used by claims and behaviour; no command of its own.
"""

from __future__ import annotations

import re
from typing import Any

from validators.evidence import leaves
from validators.tokens import fold

SUCCESS_KEYS = ("sucesso", "success", "ok")
ERROR_KEYS = ("codigo", "code", "erro", "error", "error_code", "mensagem_erro")
EMPTY_KEYS = frozenset({*SUCCESS_KEYS, *ERROR_KEYS, "status_code", "http_status", "mensagem", "message"})
NEUTRAL = re.compile(
    r"nao[ _]?(?:foi )?(?:encontrad|localizad|confere|corresponde|bate)|not[ _]?found|inexistente|diverg|mismatch|"
    r"nao[ _]encontrad|data[ _]nao"
)


def outcome(result: Any) -> str:
    """`found`, `empty` or `error`."""
    if not isinstance(result, dict):
        return "found" if result else "empty"
    for key in SUCCESS_KEYS:
        if result.get(key) is False:
            return "error"
    status = result.get("status_code") or result.get("http_status")
    if isinstance(status, int) and status >= 400:
        return "error"
    if any(result.get(key) for key in ERROR_KEYS) and len(result) <= 5:
        return "error"
    rest = [value for key, value in result.items() if key not in EMPTY_KEYS]
    return "found" if any(leaf not in (None, "") for leaf in leaves(rest)) else "empty"


def nobody_found(result: Any) -> bool:
    """Whether the result says that these data belong to nobody, or not to one person: told in one neutral sentence."""
    return outcome(result) == "error" and any(
        isinstance(leaf, str) and NEUTRAL.search(fold(leaf)[0]) for leaf in leaves(result)
    )
