# /// script
# requires-python = ">=3.11"
# dependencies = ["safetensors", "torch>=2.6"]
# ///
"""Average two sets of low-rank weights that were trained from one start.

    uv run --script scripts/training/average.py FIRST SECOND OUTPUT  (three .safetensors)

What one has learnt by heart the other often has not, so that their average errs less than either on
texts that are new to both (Wortsman et al. 2022). The ranks add up: no update is rounded away.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def average(first: dict[str, Tensor], second: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights whose updates are the mean of both updates, in half precision."""
    found = {}
    for name, one in first.items():
        other = second[name]
        if name.endswith(".down"):
            joined = torch.cat([one, other])
        elif name.endswith(".up"):
            joined = torch.cat([one, other], dim=1).float() / 2
        else:
            joined = (one.float() + other.float()) / 2
        found[name] = joined.half().contiguous()
    return found


def main() -> None:
    """Average and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("first", "second", "output"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    save_file(average(load_file(options.first), load_file(options.second)), options.output)


if __name__ == "__main__":
    main()
