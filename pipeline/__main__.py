# SPDX-License-Identifier: Apache-2.0
"""`python -m pipeline` is `gates`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from pipeline.cli import gates

    gates()


if __name__ == "__main__":
    main()
