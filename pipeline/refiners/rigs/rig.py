# SPDX-License-Identifier: Apache-2.0
"""A skeleton with everything that follows it: the skins that it moves and the clips that move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdSkel, Vt

from pipeline.errors import RefineError
from pipeline.refiners.core import Subject
from pipeline.refiners.rigs.frames import Doubles, local, upright, world
from pipeline.refiners.rigs.skins import SkinRows
from pipeline.refiners.rigs.tracks import Track, targets

__all__ = ["Rig"]


@dataclass
class Rig:
    """Everything in memory; `write` authors what differs from the stage.

    Attributes
    ----------
    skeleton
        The prim.
    joints
        Paths, parents first.
    bind : (j, 4, 4)
        In skeleton space, row vectors.
    rest : (j, 4, 4)
        Against the parent joint.
    skins, tracks
        Who follows.
    """

    subject: Subject
    skeleton: UsdSkel.Skeleton
    joints: list[str]
    bind: Doubles
    rest: Doubles
    skins: list[SkinRows]
    tracks: list[Track]
    bound: bool = True
    rested: bool = True
    changed: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, subject: Subject, skeleton: UsdSkel.Skeleton, skins: list[SkinRows], only: bool) -> Rig:
        """A skeleton with sound order, names and transforms; what had to be mended is counted in the details.

        Parameters
        ----------
        skins
            Of the meshes that it moves.
        only
            It is the asset's only one, so that clips which nobody names are its own.

        Raises
        ------
        RefineError
            There are no joints, or transforms that mean nothing.
        """
        path = str(skeleton.GetPath())
        joints = [str(j) for j in skeleton.GetJointsAttr().Get() or ()]
        if not joints:
            raise RefineError("the skeleton has no joints", prim=path, remedy="rig it again")
        bind = _matrices(skeleton.GetBindTransformsAttr(), len(joints))
        rest = _matrices(skeleton.GetRestTransformsAttr(), len(joints))
        if bind is None and rest is None:
            raise RefineError(
                "the skeleton has neither bind nor rest transforms for its joints", prim=path, remedy="rig it again"
            )
        rig = cls(subject, skeleton, joints, np.eye(4)[None], np.eye(4)[None], skins, [])
        rig._sort(bind, rest)
        rig.tracks = _tracks(subject, skeleton, rig.joints, only)
        rig._distinct()
        mended = sum(t.mended for t in rig.tracks)
        if mended:
            subject.count("keys_mended", mended)
        return rig

    @property
    def parents(self) -> NDArray[np.int64]:
        """(j,) number of each joint's parent, the nearest that there is; -1 for roots."""
        return _parents(self.joints)

    def _sort(self, bind: Doubles | None, rest: Doubles | None) -> None:
        parents = _parents(self.joints)
        order = np.arange(len(self.joints))
        if (parents >= order).any():
            depth = np.array([_depth(parents, j) for j in range(len(parents))])
            order = np.argsort(depth, kind="stable")
            self.joints = [self.joints[j] for j in order]
            place = np.argsort(order)
            for skin in self.skins:
                skin.renumber(place)
            self.changed |= {"joints", "bind", "rest"}
            self.subject.count("joints_reordered", int((order != np.arange(len(order))).sum()))
            parents = _parents(self.joints)
        bind, rest = (None if m is None else m[order] for m in (bind, rest))
        self.bound, self.rested = bind is not None, rest is not None
        self.bind = world(rest, parents) if bind is None else bind  # type: ignore[arg-type]
        self.rest = local(self.bind, parents) if rest is None else rest
        if not (self.bound and self.rested):
            self.changed.add("rest" if self.bound else "bind")
            self.subject.count("rest_transforms_set" if self.bound else "bind_transforms_set", len(self.joints))

    def _distinct(self) -> None:
        """No path twice."""
        seen: dict[str, int] = {}
        names = []
        for joint in self.joints:
            seen[joint] = seen.get(joint, 0) + 1
            names.append(joint if seen[joint] == 1 else f"{joint}_{seen[joint]}")
        if names != self.joints:
            self.subject.count("joints_renamed", sum(a != b for a, b in zip(names, self.joints, strict=True)))
            self.joints = names
            self.changed.add("joints")

    def rename(self, leaves: Sequence[str]) -> dict[str, str]:
        """Give every joint a new last name; returns old path to new path of those that differ."""
        parents = self.parents
        paths: list[str] = []
        for joint, leaf in enumerate(leaves):
            paths.append(f"{paths[parents[joint]]}/{leaf}" if parents[joint] >= 0 else leaf)
        names = {a: b for a, b in zip(self.joints, paths, strict=True) if a != b}
        if names:
            for track in self.tracks:
                track.renamed(names)
            for skin in self.skins:
                skin.renamed(names)
            self.joints = paths
            self.changed.add("joints")
        return names

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop joints without children that stay; their weights go to the nearest joint above that stays."""
        parents = self.parents
        heir = np.arange(len(kept))
        for joint in range(len(kept)):  # parents come first
            if not kept[joint]:
                heir[joint] = heir[parents[joint]]
        place = np.cumsum(kept) - 1
        for skin in self.skins:
            skin.renumber(place[heir])
        self.joints = [j for j, stays in zip(self.joints, kept, strict=True) if stays]
        self.bind, self.rest = self.bind[kept], self.rest[kept]
        self.changed |= {"joints", "bind", "rest"}

    def rebind(self, bind: Doubles) -> None:
        """Give joints other frames and let the rest pose and all clips follow: nothing that is seen changes."""
        frames = bind @ np.linalg.inv(self.bind)
        if np.allclose(frames, np.eye(4), atol=1e-6):
            return
        parents = self.parents
        for track in self.tracks:
            track.reframe(frames, parents, self.joints)
            for why in track.lost:
                raise RefineError(why, prim=str(track.prim.GetPath()), remedy="bake the clip without such scales")
        self.rest = local(frames @ world(self.rest, parents), parents)
        self.bind = bind
        self.changed |= {"bind", "rest"}

    def straighten(self) -> int:
        """Take scale, shear and mirror out of the joints' frames; returns how many had any."""
        sound = upright(self.bind)
        off = np.abs(sound[:, :3, :3] - self.bind[:, :3, :3]).max(axis=(1, 2)) > 1e-4
        if off.any():
            self.rebind(np.where(off[:, None, None], sound, self.bind))
        return int(off.sum())

    def settle(self, rest: Doubles) -> bool:
        """Set the rest pose, (j, 4, 4) against the parents; clips that leave joints at rest key them as they were."""
        if np.allclose(rest, self.rest, atol=1e-6):
            return False
        moved = np.flatnonzero(~np.isclose(rest, self.rest, atol=1e-6).all(axis=(1, 2)))
        before = {self.joints[j]: self.rest[j] for j in moved.tolist()}
        for track in self.tracks:
            track.hold(before, before)
        self.rest = rest
        self.changed.add("rest")
        return True

    def write(self) -> None:
        """Author what changed."""
        skeleton = self.skeleton
        for skin in self.skins:
            skin.write(self.subject)
        for track in self.tracks:
            if track.changed:
                track.write()
                self.subject.changed = True
        if not self.changed:
            return
        self.subject.changed = True
        if "joints" in self.changed:
            skeleton.CreateJointsAttr().Set(Vt.TokenArray(self.joints))
            skeleton.CreateJointNamesAttr().Set(Vt.TokenArray([j.rsplit("/", 1)[-1] for j in self.joints]))
        if "bind" in self.changed:
            skeleton.CreateBindTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(np.ascontiguousarray(self.bind)))
        if "rest" in self.changed:
            skeleton.CreateRestTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(np.ascontiguousarray(self.rest)))

    def up(self) -> Doubles:
        """(3,) the stage's upward direction in skeleton space."""
        placed = UsdGeom.XformCache().GetLocalToWorldTransform(self.skeleton.GetPrim())
        axis = np.eye(3)[self.subject.up]
        found = axis @ np.linalg.inv(np.array(placed, np.float64)[:3, :3])
        return np.asarray(found / np.linalg.norm(found))


def _matrices(attribute: Usd.Attribute, count: int) -> Doubles | None:
    value = attribute.Get()
    if value is None or len(value) != count:
        return None
    found = np.array(value, np.float64).reshape(-1, 4, 4)
    if not np.isfinite(found).all() or (np.abs(np.linalg.det(found)) < 1e-18).any():
        return None
    return found


def _parents(joints: Sequence[str]) -> NDArray[np.int64]:
    """By text, since names like `arm.L` are no USD paths."""
    number = {joint: i for i, joint in reversed(list(enumerate(joints)))}
    result = np.full(len(joints), -1, np.int64)
    for i, joint in enumerate(joints):
        above = joint.rpartition("/")[0]
        while above and above not in number:
            above = above.rpartition("/")[0]
        if above:
            result[i] = number[above]
    return result


def _depth(parents: NDArray[np.integer], joint: int) -> int:
    count = 0
    while parents[joint] >= 0:
        joint, count = int(parents[joint]), count + 1
    return count


def _tracks(subject: Subject, skeleton: UsdSkel.Skeleton, joints: Sequence[str], only: bool) -> list[Track]:
    """The clips that move a skeleton: those bound to it, and unbound ones that know its joints."""
    source = targets(skeleton.GetPrim())
    others = {
        targets(p) for p in subject.prims() if p.IsA(UsdSkel.Skeleton) and p.GetPath() != skeleton.GetPath()
    }  # fmt: skip
    found = []
    for prim in subject.prims():
        if not prim.IsA(UsdSkel.Animation) or prim.IsInstanceProxy():
            continue
        path = prim.GetPath()
        if path != source and (path in others or not (only or set(joints) & _joints(prim))):
            continue
        track = Track.read(UsdSkel.Animation(prim))
        if track is None:
            subject.skip(str(path), "its translations, rotations and scales do not fit its joints")
            continue
        if path in others:
            raise RefineError(
                "two skeletons play this clip", prim=str(path), remedy="give each skeleton a clip of its own"
            )
        found.append(track)
    return found


def _joints(prim: Usd.Prim) -> set[str]:
    return {str(j) for j in UsdSkel.Animation(prim).GetJointsAttr().Get() or ()}
