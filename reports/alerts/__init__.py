"""Who must be told what: alerts by the team's rules."""
