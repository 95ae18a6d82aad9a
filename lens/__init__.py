"""The embedded search system under test: real code search over real code, with no service to start."""
