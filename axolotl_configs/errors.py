"""The one error that the commands of this package show instead of a traceback.

Its message says the place (`file:line`), what is wrong, and on a second line how to mend it.
"""

from __future__ import annotations


class ConfigError(Exception):
    """A file or an argument of the user's is wrong; the command ends with exit code 2."""
