"""Texts as people have them: files and folders, their encodings, and their documents."""
