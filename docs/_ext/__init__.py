"""What makes the site of the repository: extensions of Sphinx, for this project alone."""
