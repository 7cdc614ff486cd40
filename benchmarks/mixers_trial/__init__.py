"""The parts of benchmarks/mixers.py: contenders, plan, tasks with known answers, report.

contenders.py  the mixers with equal parameters, each at several rates of its matrices
plan.py        the choice of the rates, with equally many trials for each mixer; the runs
sees.py        the influence of each earlier token; mentions.py: the nats of late mentions
recall.py      training on tasks with a known answer, and the accuracy against the distance
costs.py       what a mixer remembers, and the time of a token, after N tokens
report.py      the tables; pictures.py: what each sees, and how far each recalls
"""
