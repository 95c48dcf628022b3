"""Who judges: every check of a JSONL of conversations, usable alone. `python -m validators check FILE`."""
