# SPDX-License-Identifier: Apache-2.0
"""A `Scene` becomes a package: `payload.usdc` with /Asset, its scopes `geo` and `mtl`, and `textures/`."""

from __future__ import annotations

from pipeline.importers.package.write import write_package

__all__ = ["write_package"]
