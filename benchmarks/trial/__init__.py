"""Comparisons of configurations at equal time: what heads.py and recipe.py share.

command.py     the options of the commands, and how they stop
contender.py   a configuration to compare, and the base that it changes
laboratory.py  the data, the initial tables, and the way to judge a model
timing.py      seconds per step, measured in turn
equal_time.py  the steps that a contender takes in so many seconds
training.py    a run: trained to a step, judged on the way, continued after a stop
plan.py        the order of the runs, which several processes share
results.py     the file of measurements
curves.py      losses over steps and seconds; plots.py draws them, tables.py writes tables
"""
