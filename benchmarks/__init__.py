"""Speed and memory, measured against a floor or a peer in the same run.

`python -m benchmarks [NAME...]` prints and keeps the figures.
"""

import os

# Where bytecode is not stored, every process would compile the modules it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
