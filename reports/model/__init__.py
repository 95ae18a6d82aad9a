"""What is told of a release, once, whoever renders it."""
