"""The parts of benchmarks/fuzz.py: mutations, subjects (what is read), and the trial of one."""
