"""The statistics of the gate: e-processes, intervals and calibration errors; numpy alone."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
