"""The parts of benchmarks/heads.py: contenders, equal time, training, results and report."""
