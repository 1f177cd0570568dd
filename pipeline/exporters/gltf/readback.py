# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from pipeline.exporters.seam import Reading
def read_back(path: Path) -> Reading:
    return Reading("none")
