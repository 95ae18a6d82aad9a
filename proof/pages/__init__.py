"""What was simulated, as pages: promises, tables and plots from the numbers alone."""
