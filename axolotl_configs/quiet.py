"""Silence for the libraries that chat while they load: a user of our commands reads our lines, not theirs."""

from __future__ import annotations

import logging
import os
import warnings


def quiet() -> None:
    """Call it before torch or transformers is imported; errors still come through."""
    os.environ.update(
        AXOLOTL_DO_NOT_TRACK="1",
        DO_NOT_TRACK="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TRANSFORMERS_VERBOSITY="error",
        TOKENIZERS_PARALLELISM="false",
    )
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
