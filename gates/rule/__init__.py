"""How evidence becomes a verdict, and verdicts a decision."""
