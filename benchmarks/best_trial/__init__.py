"""The trial of the preset `best`: its contenders, its minutes, and its report."""
