"""Which function is replaced in this run? Loaded by `-p`, and by xdist into its workers too."""

import os

from proof.mutants.mutant import NAMED
from proof.mutants.table import BY_NAME

patch = BY_NAME[os.environ[NAMED]].patch
if patch is not None:
    patch.apply()
