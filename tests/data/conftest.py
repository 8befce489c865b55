"""Media tests make their files with the factory of the reliability tests."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "reliability"), str(Path(__file__).parent)]
