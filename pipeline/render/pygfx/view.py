# SPDX-License-Identifier: Apache-2.0
"""Our camera as pygfx's: the same frame and window, whatever the shape of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pygfx

from pipeline.render.camera import Camera


class WindowCamera(pygfx.Camera):  # type: ignore[misc]
    """A camera with any window, also off its axis."""

    def __init__(self, camera: Camera) -> None:
        super().__init__()
        self._seen = camera
        self.local.matrix = np.asarray(camera.matrix, np.float64).T

    def _update_projection_matrix(self) -> Any:
        camera = self._seen.for_aspect(self._view_size[0] / self._view_size[1])
        left, right, bottom, top = camera.window
        near, far = camera.near, min(camera.far, camera.near * 1e5)
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = 2 / (right - left), 2 / (top - bottom)
        shift = (right + left) / (right - left), (top + bottom) / (top - bottom)
        if camera.orthographic:
            matrix[:2, 3] = -shift[0], -shift[1]
            # depth runs from 0 to 1
            matrix[2, 2:] = -1 / (far - near), -near / (far - near)
            matrix[3, 3] = 1
        else:
            matrix[:2, 2] = shift
            matrix[2, 2:] = -far / (far - near), -far * near / (far - near)
            matrix[3, 2] = -1
        return matrix
