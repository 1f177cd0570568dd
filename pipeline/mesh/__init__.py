# SPDX-License-Identifier: Apache-2.0
"""Triangle meshes as arrays: measured here, changed in `pipeline.refiners`; no USD.

`Topology` is where to begin: it welds, and computes edges, shells, borders and fans when first asked for.
"""

from __future__ import annotations

from pipeline.mesh.company import Company
from pipeline.mesh.edges import Edges, edges
from pipeline.mesh.shells import Shells, components, shells
from pipeline.mesh.topology import Topology
from pipeline.mesh.weld import Weld, weld

__all__ = ["Company", "Edges", "Shells", "Topology", "Weld", "components", "edges", "shells", "weld"]
