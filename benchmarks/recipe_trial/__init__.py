"""The parts of benchmarks/recipe.py: its lines, ideas that are no options, differences, report.

base.py          the configuration that the lines change
lines.py         each change of it that is tried alone
ideas.py         changes that the library has no option for; only winners become options
capped_head.py   the exact head with a bias for each word, and with a soft cap
differences.py   a line against the base, paired by seed and by token
report.py        the table, and a plot of it
"""
