"""What do people read of a release who were not there? Twelve documents, written from what was signed."""
