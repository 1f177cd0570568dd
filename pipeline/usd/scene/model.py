# SPDX-License-Identifier: Apache-2.0
"""The flattened scene: what a composed stage says, as arrays.

Conventions, everywhere in this package:

* **Space.** Y up, right-handed, metres. Points, offsets, transforms, bind matrices, tracks, camera and light
  sizes were converted when they were read; no node carries a unit or axis conversion.
* **Matrices** are `(4, 4) float64` in USD's row-vector convention: `p' = p @ M`, translation in `M[3, :3]`,
  `world = local @ parent_world`. Their memory is what glTF calls column-major.
* **Quaternions** are `(x, y, z, w)`.
* **Time** is in seconds from the start of the clip.
* **Colours** are linear Rec. 709.
* **UVs** have their origin at the lower left, as in USD.
* Arrays may be read-only views into USD's own memory: copy before you change one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

Interpolation = Literal["constant", "uniform", "vertex", "faceVarying"]

__all__ = [
    "BlendShape",
    "Camera",
    "Clip",
    "Input",
    "InstanceGroup",
    "JointTrack",
    "Light",
    "Loss",
    "Material",
    "Mesh",
    "Node",
    "PointsTrack",
    "Primvar",
    "Prototype",
    "Scene",
    "Shape",
    "Skeleton",
    "Skin",
    "Slot",
    "Texture",
    "TextureTransform",
    "TransformTrack",
    "VariantMaterials",
    "WeightTrack",
]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that the stage says and the result does not hold.

    Attributes
    ----------
    prim
        The path of the prim that says it.
    what
        What is lost, in USD's words: `blend shape in-between`, `light filter`.
    why
        The reason, and what stands in its place.
    """

    prim: str
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Primvar:
    """Values over a mesh, indexed or not.

    Attributes
    ----------
    values
        `(m, k) float32`.
    indices
        `int32` into `values`, one for each element of the interpolation; None where the values are direct.
    interpolation
        `constant`: one value; `uniform`: one a face; `vertex`: one a point; `faceVarying`: one a corner. Faces
        and corners count as in `Mesh.face_counts`, after holes and broken faces were taken out.
    """

    name: str
    values: Floats
    indices: Ints | None
    interpolation: Interpolation

    def at_corners(self, mesh: Mesh) -> Ints:
        """The index into `values` at each corner of the mesh, `(corners,) int32`."""
        corners = len(mesh.face_vertices)
        if self.interpolation == "faceVarying":
            return np.arange(corners, dtype=np.int32) if self.indices is None else self.indices
        if self.interpolation == "vertex":
            own = mesh.face_vertices
        elif self.interpolation == "uniform":
            own = np.repeat(np.arange(len(mesh.face_counts), dtype=np.int32), mesh.face_counts)
        else:
            own = np.zeros(corners, np.int32)
        return own if self.indices is None else self.indices[own]

    def flat(self, mesh: Mesh) -> Floats:
        """The value at each corner, `(corners, k) float32`."""
        return self.values[self.at_corners(mesh)]


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a mesh's faces that may have a material of its own: a GeomSubset, or the faces in none."""

    name: str
    path: str


@dataclass(frozen=True, eq=False)
class Skin:
    """Which joints move which points.

    Attributes
    ----------
    joints
        `(n, k) int32` into the skeleton's joints; k is as authored and may be any number.
    weights
        `(n, k) float32`; each row sums to one, or to zero where nothing moves the point.
    bind
        `(4, 4)` the mesh's geomBindTransform: mesh space to skeleton space when bound.
    method
        `classicLinear` or `dualQuaternion`.
    rigid
        One set of influences moves the whole mesh.
    """

    joints: Ints
    weights: Floats
    bind: Doubles
    method: str = "classicLinear"
    rigid: bool = False


@dataclass(frozen=True, eq=False)
class Shape:
    """Sparse offsets from the mesh's points: `points[indices] += weight * offsets`.

    Attributes
    ----------
    weight
        The blend shape's weight at which these offsets count in full (1 for the shape itself).
    indices
        `(m,) int32` into the points; None where there is one offset a point.
    offsets, normal_offsets
        `(m, 3) float32`, metres.
    """

    weight: float
    indices: Ints | None
    offsets: Floats
    normal_offsets: Floats | None = None

    def dense(self, count: int) -> Floats:
        """The offsets of all points, `(count, 3) float32`."""
        result = np.zeros((count, 3), np.float32)
        if self.indices is None:
            result[: len(self.offsets)] = self.offsets[:count]
        else:
            result[self.indices] = self.offsets
        return result


@dataclass(frozen=True, eq=False)
class BlendShape:
    """A named shape with its in-betweens.

    Attributes
    ----------
    shapes
        By rising weight; in-betweens and the shape itself, whose weight is 1.
    """

    name: str
    path: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class PointsTrack:
    """Moving points: `times (k,) float64` seconds, `points (k, n, 3) float32` metres, linear in between."""

    times: Doubles
    points: Floats


@dataclass(frozen=True, eq=False)
class Mesh:
    """Polygons with what is on them.

    Holes, faces of fewer than three corners and faces that name points which are not there or not finite are
    out; left-handed faces were turned. `kind` is `lines` where `face_counts` are the lengths of polylines, and
    `points` where the points stand alone.

    Attributes
    ----------
    points
        `(n, 3) float32` metres, at the time that was read.
    face_counts
        `(f,) int32`.
    face_vertices
        `(corners,) int32` into `points`.
    uvs
        UV sets, the one that renderers take first in front (`st`).
    normals, tangents
        None where none were authored; `faceted` says what then counts. Unit length.
    color, opacity
        displayColor `(m, 3)` linear Rec. 709 and displayOpacity `(m, 1)`.
    slots, face_slots
        The parts that may have materials of their own; `(f,) int32` into `slots`, None where there is one part.
    edges
        `(e, 2) int32` points of the faces that have only two corners; None where there are none.
    faceted
        Without normals: polygons shade flat (subdivision scheme `none`), or smooth.
    """

    name: str
    path: str
    points: Floats
    face_counts: Ints
    face_vertices: Ints
    uvs: tuple[Primvar, ...] = ()
    normals: Primvar | None = None
    tangents: Primvar | None = None
    color: Primvar | None = None
    opacity: Primvar | None = None
    slots: tuple[Slot, ...] = ()
    face_slots: Ints | None = None
    double_sided: bool = False
    faceted: bool = True
    subdivision: str = "none"
    skin: Skin | None = None
    blend_shapes: tuple[BlendShape, ...] = ()
    track: PointsTrack | None = None
    edges: Ints | None = None
    kind: Literal["polygons", "lines", "points"] = "polygons"

    @cached_property
    def triangles(self) -> Ints:
        """The corners of each triangle, `(t, 3) int32`; `face_vertices[triangles]` are its points.

        Concave polygons keep their outline. The triangles stand in the order of the faces.
        """
        from pipeline.usd.scene.triangulate import triangulate

        if self.kind != "polygons":
            return np.zeros((0, 3), np.int32)
        return triangulate(self.points, self.face_counts, self.face_vertices)

    @property
    def triangle_count(self) -> int:
        """How many triangles the polygons make."""
        if self.kind != "polygons":
            return 0
        return len(self.face_vertices) - 2 * len(self.face_counts)

    @property
    def triangle_vertices(self) -> Ints:
        """The points of each triangle, `(t, 3) int32`."""
        return self.face_vertices[self.triangles]

    @cached_property
    def triangle_faces(self) -> Ints:
        """The face of each triangle, `(t,) int32`."""
        if self.kind != "polygons":
            return np.zeros(0, np.int32)
        return np.repeat(np.arange(len(self.face_counts), dtype=np.int32), self.face_counts - 2)

    @cached_property
    def smooth_normals(self) -> Floats:
        """Area-weighted normals of the points, `(n, 3) float32`, unit length."""
        from pipeline.usd.scene.normals import smooth_normals

        return smooth_normals(self.points, self.triangle_vertices)


@dataclass(frozen=True, slots=True)
class TextureTransform:
    """UsdTransform2d: `st' = rotate(st * scale, rotation) + translation`; rotation in degrees, anticlockwise."""

    scale: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    translation: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Texture:
    """A UsdUVTexture as one input reads it.

    Attributes
    ----------
    path
        Where the picture is: a file, or `archive.usdz[inner/path]`; empty where it does not resolve. Read it with
        `pipeline.usd.scene.read_texture`.
    asset
        The path as authored.
    channel
        `rgb`, `r`, `g`, `b`, `a`.
    uv_set
        The primvar that the coordinates come from.
    wrap_s, wrap_t
        `repeat`, `mirror`, `clamp`, `black`, `useMetadata`.
    scale, bias
        `value = texel * scale + bias`, RGBA.
    color_space
        `sRGB`, `raw` or `auto`.
    tiles
        UDIM: `((1001, path), …)` that exist.
    """

    path: str
    asset: str
    channel: str = "rgb"
    uv_set: str = "st"
    wrap_s: str = "useMetadata"
    wrap_t: str = "useMetadata"
    transform: TextureTransform | None = None
    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    fallback: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    color_space: str = "auto"
    tiles: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """What feeds one input of a surface: a constant, and a texture or primvar that counts instead of it."""

    value: tuple[float, ...]
    texture: Texture | None = None
    primvar: str = ""


#: UsdPreviewSurface's inputs and their fallbacks
PREVIEW_SURFACE: dict[str, tuple[float, ...]] = {
    "diffuseColor": (0.18, 0.18, 0.18),
    "emissiveColor": (0.0, 0.0, 0.0),
    "useSpecularWorkflow": (0.0,),
    "specularColor": (0.0, 0.0, 0.0),
    "metallic": (0.0,),
    "roughness": (0.5,),
    "clearcoat": (0.0,),
    "clearcoatRoughness": (0.01,),
    "opacity": (1.0,),
    "opacityThreshold": (0.0,),
    "ior": (1.5,),
    "normal": (0.0, 0.0, 1.0),
    "displacement": (0.0,),
    "occlusion": (1.0,),
}


@dataclass(frozen=True, eq=False)
class Material:
    """A UsdPreviewSurface, or what stands for another surface.

    Attributes
    ----------
    inputs
        Only what was authored; `get` fills in the fallbacks.
    opacity_mode
        `transparent` or `presence`.
    """

    name: str
    path: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    opacity_mode: str = "transparent"

    def get(self, name: str) -> Input:
        """The input of that name, authored or fallback."""
        found = self.inputs.get(name)
        return found if found is not None else Input(PREVIEW_SURFACE[name])

    def scalar(self, name: str) -> float:
        """The constant of a one-number input."""
        return self.get(name).value[0]

    def texture(self, name: str) -> Texture | None:
        """The texture of an input, where there is one."""
        found = self.inputs.get(name)
        return found.texture if found else None

    @property
    def textures(self) -> tuple[Texture, ...]:
        """All textures, in the order of the inputs."""
        return tuple(i.texture for i in self.inputs.values() if i.texture)


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints, parents first.

    Attributes
    ----------
    joints
        The joints' paths inside the skeleton: `Root/Hip/Leg`.
    names
        jointNames, or the last elements of the paths; unique.
    parents
        `(j,) int32`, -1 for a root.
    bind
        `(j, 4, 4)` bind pose in skeleton space.
    rest
        `(j, 4, 4)` rest pose, each joint in its parent's space.
    pose
        `(j, 4, 4)` the pose at the time that was read, each joint in its parent's space.
    """

    name: str
    path: str
    joints: tuple[str, ...]
    names: tuple[str, ...]
    parents: Ints
    bind: Doubles
    rest: Doubles
    pose: Doubles


@dataclass(frozen=True, eq=False)
class TransformTrack:
    """A moving local transform: `times (k,) float64`, `matrices (k, 4, 4) float64`.

    The samples are dense enough that moving straight (and turning by slerp) between them stays within 0.05 % of
    the stage's size.
    """

    times: Doubles
    matrices: Doubles


@dataclass(frozen=True, eq=False)
class JointTrack:
    """Moving joints, each in its parent's space: `times (k,)`, `(k, j, 3)`, `(k, j, 4)`, `(k, j, 3) float32`."""

    times: Doubles
    translations: Floats
    rotations: Floats
    scales: Floats


@dataclass(frozen=True, eq=False)
class WeightTrack:
    """Blend shape weights: `times (k,)`, `weights (k, shapes) float32` in the order of `Mesh.blend_shapes`."""

    times: Doubles
    weights: Floats


@dataclass(frozen=True, eq=False)
class Clip:
    """One take.

    Attributes
    ----------
    start, end
        Time codes of the stage; `seconds` is `(end - start) / time_codes_per_second`.
    transforms, weights
        By node number.
    joints
        By the number of the node that is the skeleton.
    """

    name: str
    start: float
    end: float
    time_codes_per_second: float
    transforms: Mapping[int, TransformTrack] = field(default_factory=dict)
    joints: Mapping[int, JointTrack] = field(default_factory=dict)
    weights: Mapping[int, WeightTrack] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return (self.end - self.start) / self.time_codes_per_second


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that looks along -Z of its node, Y up.

    Attributes
    ----------
    horizontal_aperture, vertical_aperture, focal_length
        Millimetres, as USD's tenths of a scene unit mean by convention.
    width, height
        Orthographic: metres of the picture.
    near, far, focus_distance
        Metres.
    """

    name: str
    path: str
    projection: Literal["perspective", "orthographic"]
    horizontal_aperture: float
    vertical_aperture: float
    focal_length: float
    width: float
    height: float
    near: float
    far: float
    focus_distance: float = 0.0
    f_stop: float = 0.0


@dataclass(frozen=True, slots=True)
class Light:
    """A UsdLux light that shines along -Z of its node.

    Attributes
    ----------
    kind
        `distant`, `sphere`, `rect`, `disk`, `cylinder`, `dome`, `geometry`, `portal`.
    color
        Linear, with the colour temperature in it where that is enabled.
    intensity
        intensity * 2 ** exposure, as authored (nits unless `normalize`).
    power
        What the whole light gives: lux for `distant` and `dome`, candela (radiance times the area that faces you)
        for the others, before `color`.
    cone_angle, cone_softness
        Degrees from the axis and 0-1; 90 where the light is not shaped.
    size
        Metres: (radius,), (width, height), (radius, length); or (angle in degrees,).
    texture
        Picture of a dome or rect light, empty for none.
    """

    name: str
    path: str
    kind: str
    color: tuple[float, float, float]
    intensity: float
    power: float
    cone_angle: float = 90.0
    cone_softness: float = 0.0
    size: tuple[float, ...] = ()
    normalize: bool = False
    treat_as_point: bool = False
    texture: str = ""


@dataclass(frozen=True, eq=False)
class InstanceGroup:
    """A PointInstancer: many copies of few prototypes. Invisible and inactive ones are out.

    Attributes
    ----------
    prototypes
        Numbers into `Scene.prototypes`.
    prototype
        `(n,) int32` into `prototypes`.
    translations, rotations, scales
        `(n, 3)`, `(n, 4)`, `(n, 3) float32` in the node's space; the prototype's root has its own transform beneath.
    ids
        `(n,) int64`.
    """

    path: str
    prototypes: tuple[int, ...]
    prototype: Ints
    translations: Floats
    rotations: Floats
    scales: Floats
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A prim in the hierarchy.

    Attributes
    ----------
    parent
        Number of the parent in the same list, -1 for a root. Parents stand before children.
    matrix
        `(4, 4)` local transform at the time that was read; None for the identity.
    mesh
        Number into `Scene.meshes`; instances of one mesh share it.
    materials
        For each slot of the mesh, the number of its material, or -1.
    skeleton
        The node is a skeleton: number into `Scene.skeletons`.
    skin_root
        The mesh is skinned by the skeleton that is this node, in the same list.
    weights
        `(shapes,)` blend shape weights at the time that was read.
    instance_of
        The path of the native prototype that the node is an instance of.
    lods
        Node numbers of the coarser levels of detail of this node, finest first; their own `lod` is 1, 2, …
    """

    name: str
    path: str
    parent: int = -1
    matrix: Doubles | None = None
    mesh: int | None = None
    materials: tuple[int, ...] = ()
    camera: int | None = None
    light: int | None = None
    instances: InstanceGroup | None = None
    skeleton: int | None = None
    skin_root: int | None = None
    weights: Floats | None = None
    instance_of: str = ""
    lod: int = 0
    lods: tuple[int, ...] = ()
    purpose: str = "default"


@dataclass(frozen=True, eq=False)
class Prototype:
    """The subtree that a PointInstancer repeats; node 0 is its root, with the root's own transform."""

    path: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class VariantMaterials:
    """One variant that only changes materials.

    Attributes
    ----------
    name
        The variant's name, with its set in front where two sets have one of the same name.
    materials
        By node number: the materials of the mesh's slots under this variant. Other nodes keep theirs.
    """

    name: str
    prim: str
    variant_set: str
    variant: str
    materials: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Scene:
    """A composed stage at one moment, with what moves.

    Attributes
    ----------
    source
        The root layer's identifier.
    meters_per_unit, up_axis
        The stage's own, before the scene was converted.
    """

    source: str
    name: str
    nodes: tuple[Node, ...]
    meshes: tuple[Mesh, ...]
    materials: tuple[Material, ...]
    prototypes: tuple[Prototype, ...] = ()
    skeletons: tuple[Skeleton, ...] = ()
    clips: tuple[Clip, ...] = ()
    cameras: tuple[Camera, ...] = ()
    lights: tuple[Light, ...] = ()
    variants: tuple[VariantMaterials, ...] = ()
    losses: tuple[Loss, ...] = ()
    meters_per_unit: float = 1.0
    up_axis: str = "Y"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def world_matrices(self) -> Doubles:
        """World transform of every node, `(nodes, 4, 4) float64`."""
        from pipeline.usd.scene.draws import world_matrices

        return world_matrices(self.nodes)
