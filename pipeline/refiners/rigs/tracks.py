# SPDX-License-Identifier: Apache-2.0
"""Clips of joints in memory, so that they follow when a skeleton's joints are renamed or get other frames."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdSkel, Vt
from scipy.spatial.transform import Rotation

from pipeline.refiners.rigs.frames import Doubles

__all__ = ["Track", "quaternions"]

#: degrees that a joint turns at most between two keys where its path is rewritten
_STEP = 5.0
_KINDS = ("translations", "rotations", "scales")


@dataclass
class Track:
    """One UsdSkelAnimation: joints by name, values by time; the time None is the default.

    Attributes
    ----------
    prim
        The animation.
    joints
        Its joints, in its own order.
    values
        `translations` (n, 3), `rotations` (n, 4) as x y z w, `scales` (n, 3), each by time.
    changed
        Whether it has to be written.
    mended
        Keys that held no numbers, and are left out, or quaternions of no unit length.
    """

    prim: UsdSkel.Animation
    joints: list[str]
    values: dict[str, dict[float | None, Doubles]]
    changed: bool = False
    mended: int = 0
    lost: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, prim: UsdSkel.Animation) -> Track | None:
        """The clip; None where its arrays do not fit its joints."""
        joints = [str(j) for j in prim.GetJointsAttr().Get() or ()]
        values: dict[str, dict[float | None, Doubles]] = {}
        mended = 0
        for kind in _KINDS:
            attribute = _attribute(prim, kind)
            times: list[float | None] = list(attribute.GetTimeSamples())
            default = attribute.Get()
            if default is not None and len(default) and attribute.GetResolveInfo().HasAuthoredValue() and not times:
                times = [None]
            width = 4 if kind == "rotations" else 3
            values[kind] = {}
            for time in times:
                found = np.array(attribute.Get(Usd.TimeCode.Default() if time is None else time), np.float64)
                if found.shape != (len(joints), width):
                    return None
                if np.isfinite(found).all():
                    values[kind][time] = found
                else:
                    mended += 1  # the keys around it say what is played there
        if not joints or not all(values.values()):
            return None
        for time, rows in values["rotations"].items():
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            if (np.abs(length - 1) > 0.01).any():
                unit = np.where(length > 1e-6, rows / np.maximum(length, 1e-6), [0.0, 0.0, 0.0, 1.0])
                values["rotations"][time] = unit
                mended += 1
        return cls(prim, joints, values, mended > 0, mended)

    def renamed(self, names: dict[str, str]) -> None:
        """Joints by their new names."""
        new = [names.get(j, j) for j in self.joints]
        if new != self.joints:
            self.joints, self.changed = new, True

    def hold(self, joints: Iterable[str], rest: dict[str, Doubles]) -> None:
        """Key the joints that the clip leaves at rest, with the (4, 4) transforms that they rest in."""
        more = [j for j in joints if j not in self.joints]
        if not more:
            return
        place = np.stack([rest[j] for j in more])
        size = np.linalg.norm(place[:, :3, :3], axis=2)
        size[np.linalg.det(place[:, :3, :3]) < 0] *= -1
        turn = quaternions(place[:, :3, :3] / size[:, :, None])
        for kind, rows in (("translations", place[:, 3, :3]), ("rotations", turn), ("scales", size)):
            self.values[kind] = {t: np.concatenate([v, rows]) for t, v in self.values[kind].items()}
        self.joints = [*self.joints, *more]
        self.changed = True

    def reframe(self, frames: Doubles, parents: NDArray[np.integer], joints: list[str]) -> None:
        """Play the same with joints whose frames were changed.

        A joint's frame `B` became `F B`. Its transform against its parent `L` becomes `F L inv(Fp)`, with `Fp` the
        change of the parent's, so that `inv(B) P`, which is all that a skin sees, stays.

        Parameters
        ----------
        frames : (j, 4, 4)
            `F` of each joint of the skeleton: rotation, one scale, translation.
        parents : (j,)
            Of the skeleton.
        joints
            Names of the skeleton's joints.
        """
        number = {joint: i for i, joint in enumerate(joints)}
        mine = np.array([number.get(j, -1) for j in self.joints])
        known = np.flatnonzero(mine >= 0)
        if not len(known):
            return
        own = frames[mine[known]]
        above = np.where(
            (parents[mine[known]] >= 0)[:, None, None], frames[np.maximum(parents[mine[known]], 0)], np.eye(4)
        )
        if np.allclose(own, np.eye(4), atol=1e-9) and np.allclose(above, np.eye(4), atol=1e-9):
            return
        self.changed = True
        grow, turn = _split(own[:, :3, :3])
        grow_above, turn_above = _split(above[:, :3, :3])
        back = np.linalg.inv(above)
        offset = own[:, 3, :3]
        before = {kind: dict(rows) for kind, rows in self.values.items()}
        times = sorted(before["translations"], key=_order)
        moved = bool(np.abs(offset).max() > 1e-12)
        if moved:
            times = self._finer(known)
        for time in times:
            step = self._at("translations", time)[known]
            if moved:
                step = step + np.einsum("ni,nij->nj", offset, self._linear(time, known))
            row = self._at("translations", time).copy()
            row[known] = np.einsum("ni,nij->nj", step, back[:, :3, :3]) + back[:, 3, :3]
            before["translations"][time] = row
        if moved:
            before["translations"] = {t: before["translations"][t] for t in times}
        for time, old in self.values["rotations"].items():
            row = old.copy()
            row[known] = quaternions(turn @ _matrices(old[known]) @ np.swapaxes(turn_above, 1, 2))
            before["rotations"][time] = row
        for time, old in self.values["scales"].items():
            row = old.copy()
            even = np.ptp(old[known], axis=1) <= 1e-6
            row[known] = np.where(even[:, None], old[known], np.einsum("nki,ni->nk", np.abs(turn), old[known]))
            row[known] *= (grow / grow_above)[:, None]
            if not even.all() and np.abs(np.abs(turn[~even]).max(axis=2) - 1).max() > 1e-6:
                self.lost.append("joints that are scaled along one axis cannot be turned without shearing")
            before["scales"][time] = row
        self.values = before
        _continuous(self.values["rotations"])

    def _linear(self, time: float | None, rows: NDArray[np.integer]) -> Doubles:
        scale = self._at("scales", time)[rows]
        return np.asarray(scale[:, :, None] * _matrices(self._at("rotations", time)[rows]))

    def _at(self, kind: str, time: float | None) -> Doubles:
        rows = self.values[kind]
        if time in rows:
            return rows[time]
        if len(rows) == 1:
            return next(iter(rows.values()))
        # between keys as USD plays it
        keyed = np.array(sorted(t for t in rows if t is not None))
        if time is None or not keyed[0] < time < keyed[-1]:
            return rows[float(keyed[0] if time is None or time <= keyed[0] else keyed[-1])]
        after = int(np.searchsorted(keyed, time))
        start, end = float(keyed[after - 1]), float(keyed[after])
        share = (time - start) / (end - start)
        return _between(rows[start], rows[end], share, round_about=kind == "rotations")

    def _finer(self, joints: NDArray[np.integer]) -> list[float | None]:
        """Times at which a path that swings with the rotation is straight enough between keys."""
        keyed = sorted({t for rows in self.values.values() for t in rows if t is not None})
        if len(keyed) < 2:
            return list(keyed) or [None]
        times: list[float | None] = []
        for start, end in itertools.pairwise(keyed):
            first, last = (self._at("rotations", t)[joints] for t in (start, end))
            cosine = np.abs((first * last).sum(axis=1)).clip(0, 1)
            pieces = max(1, int(np.ceil(np.degrees(2 * np.arccos(cosine.min())) / _STEP)))
            times += [start + (end - start) * i / pieces for i in range(pieces)]
        return [*times, keyed[-1]]

    def write(self) -> None:
        """Author what changed."""
        self.prim.GetJointsAttr().Set(Vt.TokenArray(self.joints))
        for kind, rows in self.values.items():
            attribute = _attribute(self.prim, kind)
            array, dtype = {
                "translations": (Vt.Vec3fArray, np.float32),
                "rotations": (Vt.QuatfArray, np.float32),
                "scales": (Vt.Vec3hArray, np.float16),
            }[kind]
            if any(t not in rows for t in attribute.GetTimeSamples()):
                attribute.Block()  # keys of weaker layers that were left out must not come back
            for time, row in rows.items():
                value = array.FromNumpy(np.ascontiguousarray(row, dtype))
                if time is None:
                    attribute.Set(value)
                else:
                    attribute.Set(value, time)


def quaternions(turns: Doubles) -> Doubles:
    """(n, 4) x y z w of (n, 3, 3) rotations of row vectors."""
    return np.asarray(Rotation.from_matrix(np.swapaxes(turns, 1, 2)).as_quat(), np.float64)


def _between(first: Doubles, last: Doubles, share: float, *, round_about: bool) -> Doubles:
    """Between two keys: along a line, or along the shorter arc."""
    if not round_about:
        return (1 - share) * first + share * last
    cosine = (first * last).sum(axis=1, keepdims=True)
    last = np.where(cosine < 0, -last, last)
    angle = np.arccos(np.abs(cosine).clip(0, 1))
    sine = np.sin(angle)
    near = sine < 1e-7
    a = np.where(near, 1 - share, np.sin((1 - share) * angle) / np.where(near, 1, sine))
    b = np.where(near, share, np.sin(share * angle) / np.where(near, 1, sine))
    mixed = a * first + b * last
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))


def _matrices(quaternion: Doubles) -> Doubles:
    length = np.linalg.norm(quaternion, axis=1, keepdims=True)
    whole = np.where(length > 1e-12, quaternion, [0.0, 0.0, 0.0, 1.0])
    return np.asarray(np.swapaxes(Rotation.from_quat(whole).as_matrix(), 1, 2))


def _split(linear: Doubles) -> tuple[Doubles, Doubles]:
    """Scale (n,), negative where mirrored, and rotation (n, 3, 3)."""
    determinant = np.linalg.det(linear)
    size = np.sign(determinant) * np.cbrt(np.abs(determinant))
    u, _, v = np.linalg.svd(linear / size[:, None, None])
    return size, np.asarray(u @ v)


def _continuous(rows: dict[float | None, Doubles]) -> None:
    """Quaternions that do not change sign from key to key."""
    before: Doubles | None = None
    for time in sorted(rows, key=_order):
        if before is not None:
            rows[time] = np.where((rows[time] * before).sum(axis=1, keepdims=True) < 0, -rows[time], rows[time])
        before = rows[time]


def _order(time: float | None) -> float:
    return -np.inf if time is None else time


def _attribute(prim: UsdSkel.Animation, kind: str) -> Usd.Attribute:
    if kind == "translations":
        return prim.GetTranslationsAttr()
    return prim.GetRotationsAttr() if kind == "rotations" else prim.GetScalesAttr()


def targets(prim: Usd.Prim) -> Sdf.Path | None:
    """The animation that a prim is bound to, its own or inherited."""
    found = UsdSkel.BindingAPI(prim).GetInheritedAnimationSource()
    return found.GetPath() if found else None
