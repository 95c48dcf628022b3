"""The commands of this package; each verb lives in the module that does it.

    python -m axolotl_configs preflight axolotl_configs/cpu_smoke.yaml

Exit codes: 0 clean, 1 crashed, 2 bad input, 100 judged and found wanting, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from axolotl_configs.errors import ConfigError

VERBS = {
    "build": ("build", "write the config files from presets.yaml (`make configs`)"),
    "preflight": ("preflight", "judge a config and its dataset before money is spent (`make preflight`)"),
    "resolve": ("resolve", "show the config that Axolotl would really run"),
    "tiny-model": ("toy", "make the toy model of the CPU smoke"),
    "lengths": ("lengths", "count the tokens of every row with the model's own tokenizer"),
    "download": ("prepare", "fetch a config's model from the hub"),
    "train": ("train", "train an adapter (`make train`)"),
    "rehearse": ("rehearse", "measure memory and speed of a config on this machine (`make rehearse`)"),
    "doctor": ("doctor", "see whether this machine can train (`make doctor`)"),
    "migrate": ("migrate", "turn an old config into the right one, and say what changed and why"),
    "look": ("look", "ask a trained adapter some thirty first turns"),
    "validate": ("upstream", "ask the real Axolotl about configs (trainer's environment)"),
    "vendor-schema": ("vendor", "write down the keys of the installed Axolotl (trainer's environment)"),
}
"""Each verb: the module with its `add_arguments(parser)` and `main(args) -> int`, and what it does."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; a user's mistake is one message on stderr and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m axolotl_configs", description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    asked = arguments[0] if arguments else None
    for verb, (module, summary) in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if verb == asked:  # only the module that is needed is imported: --help answers at once
            chosen = importlib.import_module(f"axolotl_configs.{module}")
            chosen.add_arguments(sub)
    args = parser.parse_args(arguments)
    try:
        return chosen.main(args)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `… | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
