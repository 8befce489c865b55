"""The seed files, mutators and bombs of this folder are plain modules that benchmarks use too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
