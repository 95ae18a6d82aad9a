"""How often is the gate wrong? Simulated releases, peers' rules on the same streams, seeded faults."""
