"""The operators of bench/operations.ts in PyTorch on one NVIDIA GPU: the native counterparts of `npm run bench -- operators`.

    python3 bench/peers/cuda.py --rows 50000000 --json cuda.json

Columns have the same types and the same distributions. Each way is timed by CUDA events around one run, host included where it waits for the device
itself (as boolean selection and unique do); the median of the runs after a warm-up counts. Results stay on the device.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

try:
    import torch
except ImportError as error:
    sys.exit(f"no native counterparts: {error}")

KEYS = 1_000_000
WARM_UP = 3


def milliseconds(way: Callable[[], object], runs: int) -> float:
    """The median time of a run."""
    for _ in range(WARM_UP):
        way()
    times = []
    for _ in range(runs):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        way()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def ways(rows: int) -> list[tuple[str, str, Callable[[], object]]]:
    """Every operator with the name of a way to do it; an operator may have several."""
    torch.manual_seed(1)
    device = torch.device("cuda")
    keys = max(1, min(KEYS, rows // 8))
    x = torch.rand(rows, dtype=torch.float64, device=device)
    y = torch.rand(rows, dtype=torch.float64, device=device)
    i32 = torch.randint(-(2**31), 2**31, (rows,), dtype=torch.int32, device=device)
    i64 = torch.randint(-(2**63), 2**63 - 1, (rows,), dtype=torch.int64, device=device)
    key = torch.randint(keys, (rows,), dtype=torch.int64, device=device)
    at = torch.randint(rows, (rows,), dtype=torch.int32, device=device)
    dimension = torch.arange(keys, dtype=torch.int64, device=device)
    weight = torch.rand(keys, dtype=torch.float64, device=device)
    ones = torch.ones(rows, dtype=torch.float64, device=device)
    half = torch.full((), 0.5, dtype=torch.float64, device=device)

    def elementwise() -> torch.Tensor:
        return x * y + x - y * half

    def sort_with_payload(by: torch.Tensor) -> tuple[torch.Tensor, ...]:
        order = torch.sort(by, stable=True)
        return order.values, x.index_select(0, order.indices), y.index_select(0, order.indices)

    def sums_and_means(groups: int, of_row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        def added(values: torch.Tensor) -> torch.Tensor:
            return torch.zeros(groups, dtype=torch.float64, device=device).index_add_(0, of_row, values)

        return added(x), added(y) / added(ones)

    def group_by_unique() -> tuple[torch.Tensor, ...]:
        distinct, of_row = torch.unique(key, return_inverse=True)
        return distinct, *sums_and_means(distinct.numel(), of_row)

    def join_by_search() -> torch.Tensor:
        return (x * weight.index_select(0, torch.searchsorted(dimension, key))).sum()

    return [
        ("filter", "boolean mask", lambda: x[y < half]),
        ("map", "elementwise, a kernel each", elementwise),
        ("map", "torch.compile", torch.compile(elementwise, dynamic=False)),
        ("sum", "sum", lambda: x.sum()),
        ("cumulative sum", "cumsum", lambda: x.cumsum(0)),
        ("gather", "index_select", lambda: x.index_select(0, at)),
        ("sort i32", "sort, index_select", lambda: sort_with_payload(i32)),
        ("sort i64", "sort, index_select", lambda: sort_with_payload(i64)),
        ("group-by", "unique, index_add", group_by_unique),
        ("group-by", "index_add of dense keys", lambda: sums_and_means(keys, key)),
        ("join", "searchsorted, index_select", join_by_search),
        ("join", "index_select of dense keys", lambda: (x * weight.index_select(0, key)).sum()),
        ("n_unique", "unique", lambda: torch.unique(key).numel()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=50_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no native counterparts: PyTorch finds no CUDA device")

    gpu, library = torch.cuda.get_device_name(), f"PyTorch {torch.__version__}"
    print(f"{library} on {gpu}, {options.rows:,} rows")
    measured = []
    for operator, way, run in ways(options.rows):
        try:
            ms = milliseconds(run, options.runs)
        except Exception as error:  # a way that this machine cannot go leaves the others
            print(f"{operator:>16} {way:>28}  {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            continue
        measured.append({"operator": operator, "way": way, "ms": ms})
        print(f"{operator:>16} {way:>28} {ms:10.3f} ms", flush=True)
    if options.json is not None:
        results = {"gpu": gpu, "library": library, "rows": options.rows, "operators": measured}
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
