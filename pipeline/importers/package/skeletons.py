# SPDX-License-Identifier: Apache-2.0
"""Skins, blend shapes and their clips as UsdSkel.

A skinned mesh lies directly beneath the SkelRoot without a transform: its points are in the space in which
the joints are bound, as glTF and FBX have it. The first clip is bound, the others lie beside it.
"""

from __future__ import annotations

import numpy as np
from pxr import Gf, Sdf, Vt

from pipeline.importers.package import prims, sampling, xforms
from pipeline.importers.package.geometry import Space
from pipeline.importers.package.naming import Names
from pipeline.importers.package.prims import T
from pipeline.importers.scene import Floats, Ints, Mesh, Scene, Skin

GEO = "/Asset/geo"


class Rigs:
    """All skeletons of a scene: meshes are added while they are written, the skeletons at the end."""

    def __init__(self, scene: Scene, space: Space) -> None:
        self.scene, self.space = scene, space
        self.names = Names()
        used = {n.skin for n in scene.nodes if n.skin >= 0 and n.mesh >= 0}
        self.skins = {s: _Joints(scene, scene.skins[s]) for s in sorted(used) if scene.skins[s].joints}
        morphing = any(scene.meshes[m].targets for n in scene.nodes for m in [n.mesh, *n.meshes] if m >= 0)
        self.needed = bool(self.skins) or morphing
        self.joint_nodes = {j for joints in self.skins.values() for j in joints.order}
        self.joints = len(self.joint_nodes)
        self._skinned: list[tuple[str, int]] = []
        self._morphed: list[tuple[str, int, Mesh, list[str]]] = []

    def add_mesh(self, prim: Sdf.PrimSpec, node: int, mesh: Mesh) -> None:
        """Weights and blend shapes of a mesh prim that hangs on `node`."""
        skin = self.scene.nodes[node].skin
        if skin in self.skins and mesh.joints is not None and mesh.weights is not None:
            self._weights(prim, self.skins[skin], mesh.joints, mesh.weights)
            self._skinned.append((str(prim.path), skin))
        if mesh.targets:
            self._targets(prim, node, mesh)

    def posed(self, points: Floats, node: int, mesh: Mesh, world: Floats) -> Floats:
        """Where the skin carries a mesh's points (n, 3) at rest; `world` are the nodes' matrices."""
        skin = self.scene.nodes[node].skin
        if skin not in self.skins or mesh.joints is None or mesh.weights is None:
            return points
        own = self.scene.skins[skin]
        carry = self.space.matrices(own.inverse_binds) @ world[own.joints]
        total = mesh.weights.sum(axis=1, keepdims=True)
        out = np.zeros((len(points), 3))
        for k in range(mesh.joints.shape[1]):
            m = carry[np.clip(mesh.joints[:, k], 0, len(carry) - 1)]
            share = mesh.weights[:, k : k + 1] / np.where(total > 0, total, 1)
            out += share * (np.einsum("ni,nij->nj", points, m[:, :3, :3]) + m[:, 3, :3])
        return np.where(total > 0, out, points)

    def _weights(self, prim: Sdf.PrimSpec, joints: _Joints, indices: Ints, weights: Floats) -> None:
        prims.apply_api(prim, "SkelBindingAPI")
        wide = indices.shape[1]
        clipped = np.clip(indices, 0, len(joints.rank) - 1)
        for name, kind, value in (
            ("primvars:skel:jointIndices", T.IntArray, prims.ints(joints.rank[clipped])),
            ("primvars:skel:jointWeights", T.FloatArray, prims.floats(weights)),
        ):
            prims.attribute(prim, name, kind, value, interpolation="vertex", elementSize=wide)
        prims.attribute(prim, "primvars:skel:geomBindTransform", T.Matrix4d, Gf.Matrix4d(1))

    def _targets(self, prim: Sdf.PrimSpec, node: int, mesh: Mesh) -> None:
        prims.apply_api(prim, "SkelBindingAPI")
        names, used = Names(), []
        for child in prim.nameChildren.keys():  # noqa: SIM118 - a view of specs, not a dict
            names.take(child, "subset")
        targets = Sdf.RelationshipSpec(prim, "skel:blendShapeTargets", custom=False, variability=Sdf.VariabilityUniform)
        for target in mesh.targets:
            name = names.take(target.name, "shape")
            shape = prims.define(prim.layer, f"{prim.path}/{name}", "BlendShape")
            moved = np.asarray(target.offsets, np.float64)
            touched = np.flatnonzero(np.abs(moved).max(axis=1) > 0) if len(moved) else np.zeros(0, int)
            prims.attribute(shape, "pointIndices", T.IntArray, prims.ints(touched), uniform=True)
            offsets = prims.vec3(self.space.points(moved[touched]))
            prims.attribute(shape, "offsets", T.Vector3fArray, offsets, uniform=True)
            if target.normal_offsets is not None:
                turned = prims.vec3(self.space.directions(target.normal_offsets[touched]))
                prims.attribute(shape, "normalOffsets", T.Vector3fArray, turned, uniform=True)
            targets.targetPathList.Append(f"{prim.path}/{name}")
            used.append(name)
        prims.attribute(prim, "skel:blendShapes", T.TokenArray, Vt.TokenArray(used), uniform=True)
        self._morphed.append((str(prim.path), node, mesh, used))

    def write(self, layer: Sdf.Layer) -> None:
        """The Skeletons and SkelAnimations, and the bindings to them."""
        root = layer.GetPrimAtPath(GEO)
        for child in root.nameChildren.keys():  # noqa: SIM118
            self.names.take(child, "part")
        world = xforms.world_matrices(self.scene, self.space) if self.needed else np.zeros((0, 4, 4))
        for number, joints in self.skins.items():
            path = f"{GEO}/{self.names.take(joints.skin.name, 'skeleton')}"
            self._skeleton(layer, path, joints, world)
            mine = [p for p, s in self._skinned if s == number]
            morphs = [m for m in self._morphed if m[0] in mine]
            self._animate(layer, path, joints, morphs)
            for mesh in mine:
                prims.relate(layer.GetPrimAtPath(mesh), "skel:skeleton", path)
        skinned = {p for p, _ in self._skinned}
        for morph in self._morphed:
            if morph[0] not in skinned:
                path = f"{GEO}/{self.names.take(morph[0].rpartition('/')[2] + '_shapes', 'shapes')}"
                self._skeleton(layer, path, None, world)
                self._animate(layer, path, None, [morph])
                prims.relate(layer.GetPrimAtPath(morph[0]), "skel:skeleton", path)

    def _skeleton(self, layer: Sdf.Layer, path: str, joints: _Joints | None, world: Floats) -> None:
        prim = prims.define(layer, path, "Skeleton")
        prims.apply_api(prim, "SkelBindingAPI")
        names = joints.paths if joints else []
        bind: Floats = np.zeros((0, 4, 4))
        rest: Floats = np.zeros((0, 4, 4))
        if joints:
            bind = self.space.matrices(_inverse(joints.skin.inverse_binds)[joints.unrank])
            rest = np.array([world[j] if p < 0 else world[j] @ _inverse(world[p])
                             for j, p in zip(joints.order, joints.parents, strict=True)])  # fmt: skip
        prims.attribute(prim, "joints", T.TokenArray, Vt.TokenArray(names), uniform=True)
        for name, value in (("bindTransforms", bind), ("restTransforms", rest)):
            matrices = Vt.Matrix4dArray.FromNumpy(np.ascontiguousarray(value))
            prims.attribute(prim, name, T.Matrix4dArray, matrices, uniform=True)

    def _animate(
        self, layer: Sdf.Layer, path: str, joints: _Joints | None, morphs: list[tuple[str, int, Mesh, list[str]]]
    ) -> None:
        names, bound = Names(), False
        nodes = {m[1] for m in morphs}
        for clip in self.scene.clips:
            moves = sampling.of_joints(self.scene, self.space, clip, joints.chains() if joints else [])
            shapes = sampling.of_weights(clip, nodes)
            if moves is None and not shapes:
                continue
            animation = f"{path}/{names.take(clip.name, 'clip')}"
            prim = prims.define(layer, animation, "SkelAnimation")
            if moves is not None and joints is not None:
                prims.attribute(prim, "joints", T.TokenArray, Vt.TokenArray(joints.paths), uniform=True)
                _joint_keys(prim, *moves)
            if morphs:
                self._weight_keys(prim, morphs, shapes)
            if not bound:
                prims.relate(layer.GetPrimAtPath(path), "skel:animationSource", animation)
                bound = True
        if not bound and any(self._rest_weights(m).any() for m in morphs):
            animation = f"{path}/{names.take('rest', 'rest')}"
            self._weight_keys(prims.define(layer, animation, "SkelAnimation"), morphs, {})
            prims.relate(layer.GetPrimAtPath(path), "skel:animationSource", animation)

    def _rest_weights(self, morph: tuple[str, int, Mesh, list[str]]) -> Floats:
        count = len(morph[3])
        given = list(self.scene.nodes[morph[1]].weights)[:count]
        return np.array(given + [0.0] * (count - len(given)))

    def _weight_keys(
        self,
        prim: Sdf.PrimSpec,
        morphs: list[tuple[str, int, Mesh, list[str]]],
        keys: dict[int, tuple[Floats, Floats]],
    ) -> None:
        names = list(dict.fromkeys(name for m in morphs for name in m[3]))
        prims.attribute(prim, "blendShapes", T.TokenArray, Vt.TokenArray(names), uniform=True)
        rest = np.zeros(len(names))
        for m in morphs:
            rest[[names.index(n) for n in m[3]]] = self._rest_weights(m)
        spec = prims.attribute(prim, "blendShapeWeights", T.FloatArray, prims.floats(rest))
        times = np.unique(np.concatenate([t for t, _ in keys.values()])) if keys else np.zeros(0)
        table = np.repeat(rest[None], len(times), axis=0)
        for m in morphs:
            if m[1] in keys:
                at, values = keys[m[1]]
                for k, name in enumerate(m[3][: values.shape[1]]):
                    table[:, names.index(name)] = np.interp(times, at, values[:, k])
        for time, row in zip(times, table, strict=True):
            spec.layer.SetTimeSample(spec.path, float(time) * xforms.TIME_CODES_PER_SECOND, prims.floats(row))


def _joint_keys(prim: Sdf.PrimSpec, times: Floats, t: Floats, r: Floats, s: Floats) -> None:
    xyzw_rows = np.ascontiguousarray(r, np.float32)  # the memory order of Gf.Quatf is x, y, z, w
    arrays = (
        ("translations", T.Float3Array, [prims.vec3(row) for row in t]),
        ("rotations", T.QuatfArray, [Vt.QuatfArray.FromNumpy(row) for row in xyzw_rows]),
        ("scales", T.Half3Array, [Vt.Vec3hArray.FromNumpy(row) for row in np.ascontiguousarray(s, np.float16)]),
    )
    for name, kind, rows in arrays:
        still = all(row == rows[0] for row in rows[1:])
        spec = prims.attribute(prim, name, kind, rows[0])
        if still and len(rows) > 1 and name == "scales":
            continue
        for time, row in zip(times, rows, strict=True):
            spec.layer.SetTimeSample(spec.path, float(time) * xforms.TIME_CODES_PER_SECOND, row)


class _Joints:
    """The joints of one skin, parents first, with their USD paths."""

    def __init__(self, scene: Scene, skin: Skin) -> None:
        self.scene, self.skin = scene, skin
        within = set(skin.joints)
        self.order = [i for i in xforms.parents_first(scene.nodes) if i in within]
        place = {node: i for i, node in enumerate(self.order)}
        #: rank[number in the skin] = number in USD's order, and the way back
        self.rank = np.array([place.get(j, 0) for j in skin.joints], np.int64)
        first = {j: k for k, j in reversed(list(enumerate(skin.joints)))}
        self.unrank = np.array([first[j] for j in self.order], np.int64)
        self.parents = [self._above(j, within) for j in self.order]
        siblings: dict[int, Names] = {}
        paths: dict[int, str] = {}
        for j, p in zip(self.order, self.parents, strict=True):
            name = siblings.setdefault(p, Names()).take(scene.nodes[j].name, "joint")
            paths[j] = f"{paths[p]}/{name}" if p >= 0 else name
        self.paths = list(paths.values())

    def _above(self, joint: int, within: set[int]) -> int:
        at = self.scene.nodes[joint].parent
        while at >= 0 and at not in within:
            at = self.scene.nodes[at].parent
        return at

    def chains(self) -> list[list[int]]:
        """For each joint the nodes from it up to, without, the joint above."""
        out = []
        for joint, parent in zip(self.order, self.parents, strict=True):
            chain, at = [], joint
            while at not in (parent, -1):
                chain.append(at)
                at = self.scene.nodes[at].parent
            out.append(chain)
        return out


def _inverse(m: Floats) -> Floats:
    try:
        return np.linalg.inv(np.asarray(m, np.float64))
    except np.linalg.LinAlgError:
        return np.linalg.pinv(np.asarray(m, np.float64))
