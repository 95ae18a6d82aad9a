"""Simulated releases: worlds and recorded answers, heroes that climb by the gate's own rule, how their canaries end."""
