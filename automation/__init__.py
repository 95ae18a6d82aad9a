"""WHEN things run and who is told: schedule, tick, alerts."""
