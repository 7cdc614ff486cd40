"""The parts of benchmarks/heads.py: the heads, their plan, their own speed, the report."""
