"""How it is trained: presets, the commented master, the generated configs, and what judges them before money is spent.

python -m axolotl_configs --help
"""
