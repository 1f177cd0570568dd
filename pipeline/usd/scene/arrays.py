# SPDX-License-Identifier: Apache-2.0
"""The dtypes of the scene's arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Doubles", "Floats", "Interpolation", "Ints"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

#: one value; one a face; one a point; one a corner
Interpolation = Literal["constant", "uniform", "vertex", "faceVarying"]
