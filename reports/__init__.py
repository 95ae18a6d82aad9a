"""What people and machines read of a release: attestation, tables, plots, page, summary, Allure, terminal."""
