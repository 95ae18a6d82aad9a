"""How evidence becomes a verdict and a decision. Pure, except plugin.py and hookspecs.py."""
