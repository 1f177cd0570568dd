# SPDX-License-Identifier: Apache-2.0
"""What a format reader hands over: an outside file as plain arrays, before it becomes a package.

Every reader is a module with one function::

    def read(source: Source) -> Scene

It runs inside the sandbox worker, says what it cannot carry over with `scene.lose(...)`, raises
`ImportRefused` where the file is broken, and neither welds, drops, sorts nor repairs geometry: inspection
must see the file's own defects. Units and axes stay the file's own; `Scene.metres_per_unit` and
`Scene.basis` say what they are and the author of the package (`package.py`) converts.

Conventions, chosen to be USD's: matrices are float64, row vectors (`p' = p @ M`, translation in the last
row); the origin of texture coordinates is the lower left; winding is counter-clockwise seen from outside;
quaternions are (x, y, z, w); colours are linear Rec.709 unless a texture says otherwise; times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ImportRefused
from pipeline.sandbox.paths import resolve_inside

Array = NDArray[np.generic]
Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Axis = Literal["X", "Y", "Z"]
Interpolation = Literal["constant", "uniform", "vertex", "faceVarying"]
Alpha = Literal["opaque", "mask", "blend"]
Wrap = Literal["repeat", "mirror", "clamp", "black"]
Slot = Literal[
    "diffuseColor", "emissiveColor", "metallic", "roughness", "normal", "occlusion", "opacity",
    "specularColor", "clearcoat", "clearcoatRoughness", "displacement",
]  # fmt: skip


@dataclass(slots=True)
class Loss:
    """Something the file holds and the package does not."""

    where: str
    what: str
    why: str


@dataclass(slots=True)
class Primvar:
    """Values on a mesh: `values` (k, c), `indices` into them or None, and where they sit."""

    values: Floats
    interpolation: Interpolation
    indices: Ints | None = None
    name: str = ""


@dataclass(slots=True)
class MorphTarget:
    """A blend shape: offsets (n, 3) from the mesh's points, and from its normals where given."""

    name: str
    offsets: Floats
    normal_offsets: Floats | None = None


@dataclass(slots=True)
class Mesh:
    """Polygons as the file has them.

    `points` (n, 3); `counts` (f,) vertices of each face; `indices` (sum of counts,) into points;
    `face_material` (f,) or one int, an index into `Scene.materials`, -1 for none; `uvs` in the file's
    order (they become st, st1 …); `color` linear rgb (k, 3), `opacity` (k, 1); `joints` and `weights` (n, j) with
    joint numbers counted within the skin; `smoothing` "none" is a polygon mesh, others USD's subdivision schemes.
    """

    name: str
    points: Floats
    counts: Ints
    indices: Ints
    normals: Primvar | None = None
    uvs: list[Primvar] = field(default_factory=list)
    color: Primvar | None = None
    opacity: Primvar | None = None
    face_material: Ints | int = -1
    double_sided: bool = False
    left_handed: bool = False
    joints: Ints | None = None
    weights: Floats | None = None
    targets: list[MorphTarget] = field(default_factory=list)
    smoothing: Literal["none", "catmullClark", "loop", "bilinear"] = "none"
    extra: dict[str, Primvar] = field(default_factory=dict)


@dataclass(slots=True)
class Node:
    """A transform with a name; `mesh` and `skin` are indices, `meshes` further ones under the same node.

    Either `matrix`, or `translation`, `rotation` (x, y, z, w) and `scale`; what is None is identity. Channels of a
    clip can only move a node that has no `matrix`.
    """

    name: str
    parent: int = -1
    matrix: Floats | None = None
    translation: Floats | None = None
    rotation: Floats | None = None
    scale: Floats | None = None
    mesh: int = -1
    meshes: list[int] = field(default_factory=list)
    skin: int = -1
    weights: list[float] = field(default_factory=list)
    visible: bool = True


@dataclass(slots=True)
class Image:
    """A picture: bytes that lie inside the file, or a path that `Source.sibling` gave."""

    name: str
    data: bytes | None = None
    path: Path | None = None


@dataclass(slots=True)
class Texture:
    """One use of a picture.

    `channels` "rgb", "r", "g", "b" or "a"; the sampled value is multiplied by `scale` and `bias` added
    (four numbers each); `transform` is UsdTransform2d's (translation, rotation in degrees, scale).
    """

    image: int
    channels: Literal["rgb", "r", "g", "b", "a"] = "rgb"
    uv: int = 0
    srgb: bool = False
    wrap_s: Wrap = "repeat"
    wrap_t: Wrap = "repeat"
    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    transform: tuple[tuple[float, float], float, tuple[float, float]] | None = None


@dataclass(slots=True)
class Material:
    """UsdPreviewSurface in its own words; a texture in a slot replaces the number.

    `vertex_color` takes the diffuse colour from the mesh's displayColor.
    """

    name: str
    diffuse: tuple[float, float, float] = (0.18, 0.18, 0.18)
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    metallic: float = 0.0
    roughness: float = 0.5
    opacity: float = 1.0
    alpha: Alpha = "opaque"
    alpha_cutoff: float = 0.5
    ior: float = 1.5
    clearcoat: float = 0.0
    clearcoat_roughness: float = 0.01
    specular: tuple[float, float, float] | None = None
    double_sided: bool = False
    vertex_color: bool = False
    textures: dict[Slot, Texture] = field(default_factory=dict)


@dataclass(slots=True)
class Skin:
    """Joints (indices of nodes) and the inverse of each one's bind matrix (j, 4, 4), row vectors."""

    name: str
    joints: list[int]
    inverse_binds: Floats


@dataclass(slots=True)
class Channel:
    """Keys of one property of one node: `times` (t,) seconds, `values` (t, 3), (t, 4) xyzw or (t, targets)."""

    node: int
    path: Literal["translation", "rotation", "scale", "weights"]
    times: Floats
    values: Floats
    step: bool = False


@dataclass(slots=True)
class Clip:
    """An animation with its channels."""

    name: str
    channels: list[Channel]


@dataclass(slots=True)
class Scene:
    """A whole file."""

    nodes: list[Node] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    skins: list[Skin] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    #: what one unit of the file is in metres, and whether the file says so
    metres_per_unit: float = 1.0
    units_stated: bool = False
    #: (3, 3) that takes a row vector of the file to right-handed Y-up, and whether the file says so
    basis: Floats = field(default_factory=lambda: np.eye(3))
    up_stated: bool = False
    generator: str = ""
    copyright: str = ""
    losses: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lose(self, where: str, what: str, why: str) -> None:
        """Report that `what` at `where` is not carried over."""
        self.losses.append(Loss(where, what, why))


def basis_of(up: Axis) -> Floats:
    """The rotation (3, 3) that takes a right-handed space with this up axis to Y-up, for row vectors.

    Z-up turns by -90 degrees about X: (x, y, z) to (x, z, -y). X-up turns by +90 degrees about Z.
    """
    if up == "Z":
        return np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    if up == "X":
        return np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    return np.eye(3)


@dataclass(frozen=True, slots=True)
class Source:
    """The file to read and the only folder it may name other files in (None: it may name none)."""

    path: Path
    folder: Path | None = None

    def sibling(self, name: str) -> Path:
        """The path of another file that this one names; raises `ImportRefused` if it lies elsewhere."""
        if self.folder is None:
            raise ImportRefused(f"names the file {name!r}, which did not come with it", path=self.path)
        return resolve_inside(name, self.path.parent, [self.folder])

    def picture(self, name: str) -> Path:
        """The path of a picture that this file names.

        Exporters often write the path it had on their own machine; where that leads elsewhere or to nothing, a
        file of the same name beside this one, or in its `textures`, `tex`, `maps` or `.fbm` folder, is it.
        """
        try:
            return self.sibling(name)
        except ImportRefused:
            last = name.replace("\\", "/").rpartition("/")[2]
            if self.folder is None or last in ("", ".", ".."):
                raise
            for place in ("", "textures/", "tex/", "maps/", f"{self.path.stem}.fbm/"):
                if (self.path.parent / place / last).is_file():
                    return self.sibling(f"{place}{last}")
            raise

    def refuse(self, message: str, remedy: str | None = None) -> ImportRefused:
        """The error to raise for a broken file."""
        return ImportRefused(message, path=self.path, remedy=remedy)
