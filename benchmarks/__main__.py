"""`python -m benchmarks [NAME...]`: run the measurements named, or all. Each is a module here with
a `main()`."""

import sys
from importlib import import_module

from benchmarks.harness import benchmark_names

known = benchmark_names()
wanted = [name for name in sys.argv[1:] if not name.startswith("-")] or known
for name in wanted:
    if name not in known:
        sys.exit(f"There is no measurement called '{name}'. Known: {', '.join(known)}.")
    import_module(f"benchmarks.{name}").main()
