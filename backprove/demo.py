"""What `make demo` runs: the main job on real data, each step a command of the command line.

Explains one weight of a network that reads handwritten digits, verifies the network's
gradients, trains it on the bundled images, and writes the derivation as a page.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

NETWORK = "mlp:64-32-10,tanh,cross_entropy"
WEIGHT = "w1[3,20]"
FOLDER = Path("demo")

STEPS = (
    (
        "One weight of a network that reads handwritten digits: explained, each step verified",
        ["explain", NETWORK, WEIGHT, "--style", "chain", "--verify"],
    ),
    (
        "The gradients of the whole network, verified by an oracle that knows no rule",
        ["verify", NETWORK],
    ),
    (
        "The network, trained on the 1,797 bundled images",
        ["train", NETWORK, "--data", "digits", "-o", f"{FOLDER}/digits.npz",
         "--plot", f"{FOLDER}/loss.png"],
    ),
    (
        "The derivation as a page of its own",
        ["explain", NETWORK, WEIGHT, "-o", f"{FOLDER}/derivation.html"],
    ),
)  # fmt: skip


def main() -> int:
    """Run the steps one after the other; the first that fails ends the demo."""
    FOLDER.mkdir(exist_ok=True)
    for number, (title, arguments) in enumerate(STEPS, 1):
        print(f"\n{number}. {title}\n   $ backprove {shlex.join(arguments)}\n", flush=True)
        code = subprocess.run([sys.executable, "-m", "backprove", *arguments]).returncode
        if code:
            return code
    print(f"\nThe derivation as a page: {(FOLDER / 'derivation.html').resolve()}")
    print(f"The trained network: {(FOLDER / 'digits.npz').resolve()}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # the command under way has said what it saved
        sys.exit(130)
