"""The commands of `flashlm`, a room per kind.

Each command is two functions: `add_NAME(commands)` tells argparse its arguments, and `_NAME`
runs it. What takes long to import is imported where it is used.
"""
