"""How a hero climbs the traffic ladder, over replayed pairs."""
