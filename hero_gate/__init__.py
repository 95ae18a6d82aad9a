"""The door of the tool. Where it is installed, the rooms lie in a house beside it, and are found from here on."""

import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent / "house"  # a checkout has none: it is the house
if HOUSE.is_dir() and str(HOUSE) not in sys.path:
    sys.path.insert(0, str(HOUSE))
