"""The checks of a canary: one object in one file each, made of a few forms."""
