"""Pages of the course: the plain form of functions that the package has in a fast form alone.

two_level.py   the head of flashlm_np/model/heads/two_level.py, without workers and buffers
sampled.py     the same of flashlm_np/model/heads/sampled.py

Students write these functions. Tests hold them equal to the heads.
"""
