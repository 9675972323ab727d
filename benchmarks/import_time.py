"""`import cotrain` takes less than 1.5 times as long as `import torch`.

Each import is a new process: python benchmarks/import_time.py
"""

import subprocess
import sys
from functools import partial

from common import interleaved, summary, write_results

N = 11
LIMIT = 1.5


def import_in_new_process(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def main() -> None:
    cases = {name: partial(import_in_new_process, name) for name in ("torch", "cotrain")}
    seconds = summary(interleaved(cases, n=N), baseline="torch")
    path = write_results("import_time", {"limit": LIMIT, "seconds": seconds})
    for name, row in seconds.items():
        print(f"import {name:8} {row['median']:.2f} s  x{row['ratio']:.2f}  (median of {N})")
    verdict = "below" if seconds["cotrain"]["ratio"] < LIMIT else "ABOVE"
    print(f"{verdict} the limit of x{LIMIT}; written to {path}")


if __name__ == "__main__":
    main()
