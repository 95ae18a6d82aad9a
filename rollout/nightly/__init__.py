"""The four jobs of a night: performance, refresh, regenerate, whiskers."""
