"""What was measured: schemas, measures, parts and digests of the evidence files."""
