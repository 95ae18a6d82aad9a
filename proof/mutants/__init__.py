"""The gate mutation score: seeded faults, each with the check that must catch it."""
