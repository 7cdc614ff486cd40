"""Findings: each looks at the evidence, and says in a sentence what it sees, or nothing."""
