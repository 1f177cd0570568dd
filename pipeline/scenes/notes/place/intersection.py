# SPDX-License-Identifier: Apache-2.0
"""Does it stand in something? How deep it and its neighbours are in each other, and how much of them.

Bounds first: only neighbours whose boxes overlap are looked at. Depth is the largest distance from a place of one
surface that lies inside the other to that other's surface. The shared volume is exact where both are closed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.inside import winding
from pipeline.mesh.nearest import Surface, samples
from pipeline.mesh.rays import Rays
from pipeline.scenes.notes.place.grounding import gaps
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View

#: places of each surface that are looked at
PLACES = 6000
#: triangles up to which the shared volume is computed
VOLUME = 200_000
#: odd directions, so that rays seldom run along edges; a place is inside when most agree
_AWAY = np.array([[0.8017, 0.3511, 0.4836], [-0.5077, 0.6341, 0.5832], [0.2113, -0.4721, -0.8558]])


class Intersection(Measure):
    """Deeper in a neighbour than contact allows."""

    kind = "intersection"
    title = "crossing its neighbours"
    limit = 0.01  # allowed contact: things that lean on or lie in each other touch
    unit = "metres"
    advice = "Move it or the neighbour apart, or make the contact a part of the set."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        limit = situation.setting(self).limit
        pieces, box = situation.pieces, situation.box
        rows = pieces.others_near(box.low + limit, box.high - limit)
        if not len(rows):
            return
        points, faces = situation.mesh
        ground = self._ground(situation, limit)
        for number in np.unique(pieces.owner[rows]):
            if number == ground:
                continue  # being sunk into what it stands on is a remark of its own
            mine = rows[pieces.owner[rows] == number]
            other_points, other_faces, _ = pieces.mesh(mine)
            depth, middle = _depth(points, faces, other_points, other_faces)
            if depth <= limit:
                continue
            volume = _volume(points, faces, other_points, other_faces)
            shared = f", {volume * 1000:.3g} litres shared" if volume else ""
            path = pieces.owners[number]
            yield self.note(
                situation,
                f"stands {depth * 100:.1f} cm deep in {path}",
                against=path.rpartition("/")[2],
                measured=f"{depth:.3f} m deep{shared} near ({middle[0]:.2f}, {middle[1]:.2f}, {middle[2]:.2f}) m",
                expected=f"at most {limit:.3f} m of contact",
                value=depth,
                place=(float(middle[0]), float(middle[1]), float(middle[2])),
            )

    @staticmethod
    def _ground(situation: Situation, limit: float) -> int:
        """The model that most of its feet are sunk into; -1 for none."""
        gap, owner = gaps(situation)
        sunk = owner[gap < -limit]
        return int(np.bincount(sunk).argmax()) if 2 * len(sunk) > len(gap) > 0 else -1


def _depth(points: NDArray, faces: NDArray, others: NDArray, other_faces: NDArray) -> tuple[float, NDArray]:
    """How deep two surfaces are in each other, metres, and the place of the deepest."""
    best, where = 0.0, np.zeros(3)
    one, two = (points, faces), (others, other_faces)
    for (mine, my_faces), (goal, goal_faces) in ((one, two), (two, one)):
        used = mine[np.unique(my_faces)]
        spread, _, _ = samples(mine, my_faces, PLACES, seed=5)
        places = np.concatenate([used[:: max(1, len(used) // PLACES)], spread])
        low, high = goal[goal_faces].min((0, 1)), goal[goal_faces].max((0, 1))
        places = places[((places > low) & (places < high)).all(1)]
        if not len(places):
            continue
        inside = places[_inside(places, goal, goal_faces)]
        if not len(inside):
            continue
        distance = Surface(goal, goal_faces, spread=50_000).nearest(inside).distance
        at = int(distance.argmax())
        if distance[at] > best:
            best, where = float(distance[at]), inside[at]
    return best, where


def _inside(places: NDArray, points: NDArray, faces: NDArray) -> NDArray[np.bool_]:
    rays = Rays(points, faces)
    step = 1e-5 * float(np.ptp(points, axis=0).max())
    votes = np.stack([winding(rays, places, away, step) > 0 for away in _AWAY])
    return np.asarray(votes.sum(0) >= 2)


def _volume(points: NDArray, faces: NDArray, others: NDArray, other_faces: NDArray) -> float:
    """Cubic metres that two closed surfaces share; 0 where one is open or too large."""
    if len(faces) + len(other_faces) > VOLUME:
        return 0.0
    from manifold3d import Error, Manifold, Mesh

    solids = []
    for p, f in ((points, faces), (others, other_faces)):
        mesh = Mesh(np.asarray(p, np.float32), np.asarray(f, np.uint32))
        mesh.merge()
        solid = Manifold(mesh)
        if solid.status() != Error.NoError:
            return 0.0
        solids.append(solid)
    return float((solids[0] ^ solids[1]).volume())
