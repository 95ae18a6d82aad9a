"""The statistics of the gate: e-processes, intervals and calibration errors; numpy alone."""
