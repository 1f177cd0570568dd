# SPDX-License-Identifier: Apache-2.0
"""What a stage says that nobody reads: prim types, applied schemas, attributes and motion, named prim by prim.

The other modules of this package read what is drawn, posed, lit and looked at. This one knows what they read and
names the rest, so that nothing of a stage is left out in silence. Records about an asset (authorship, previews,
labels, claims, our own prims) are no part of what is drawn and are not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pxr import Usd, UsdGeom, UsdLux, UsdShade

from pipeline.usd.scene.report import Report
from pipeline.usd.scene.variant_sets import is_level_set, variant_sets

__all__ = ["UV_TYPES", "Unread", "has_samples"]

_WHY = "no exporter has a place for it"
_GPRIM = {"doubleSided", "extent", "displayColor", "displayOpacity"}
_CURVES = {*_GPRIM, "points", "curveVertexCounts", "widths"}
_LIGHT = {
    "inputs:intensity", "inputs:exposure", "inputs:color", "inputs:enableColorTemperature", "inputs:colorTemperature",
    "inputs:normalize", "inputs:radius", "inputs:width", "inputs:height", "inputs:length", "inputs:angle",
    "inputs:texture:file", "inputs:shaping:cone:angle", "inputs:shaping:cone:softness", "treatAsPoint", "light:filters",
    "light:shaderId", "extent", "info:id", "geometry", "portals", "poleAxis", "guideRadius", "inputs:texture:format",
}  # fmt: skip
_LIGHTS = (
    "SphereLight", "RectLight", "DiskLight", "CylinderLight", "DistantLight", "DomeLight", "DomeLight_1",
    "GeometryLight", "PortalLight",
)  # fmt: skip
#: attributes that are read, by type of prim
_READ: dict[str, set[str]] = {
    "Xform": set(),
    "Scope": set(),
    "": set(),
    "Mesh": {
        *_GPRIM, "orientation", "points", "faceVertexCounts", "faceVertexIndices", "holeIndices", "subdivisionScheme",
        "interpolateBoundary", "faceVaryingLinearInterpolation", "triangleSubdivisionRule", "creaseIndices",
        "creaseLengths", "creaseSharpnesses", "cornerIndices", "cornerSharpnesses", "normals", "tangents",
    },
    "Camera": {
        "horizontalAperture", "verticalAperture", "focalLength", "clippingRange", "projection", "focusDistance",
        "fStop",
    },
    "PointInstancer": {
        "prototypes", "protoIndices", "positions", "orientations", "orientationsf", "scales", "ids", "invisibleIds",
        "extent",
    },
    "SkelRoot": {"extent"},
    "Skeleton": {"extent", "joints", "jointNames", "bindTransforms", "restTransforms"},
    "BasisCurves": {*_CURVES, "type", "basis", "wrap"},
    "NurbsCurves": {*_CURVES, "order", "knots", "ranges", "pointWeights"},
    "HermiteCurves": {*_CURVES, "tangents"},
    "NurbsPatch": {
        *_GPRIM, "points", "pointWeights", "uVertexCount", "uOrder", "uKnots", "uRange", "uForm", "vVertexCount",
        "vOrder", "vKnots", "vRange", "vForm", "orientation",
    },
    "TetMesh": {*_GPRIM, "points", "surfaceFaceVertexIndices", "tetVertexIndices", "orientation"},
    "Points": {*_GPRIM, "points", "widths", "ids"},
    "Cube": {*_GPRIM, "size"},
    "Sphere": {*_GPRIM, "radius"},
    "Plane": {*_GPRIM, "axis", "width", "length"},
    "Cylinder": {*_GPRIM, "axis", "height", "radius"},
    "Cone": {*_GPRIM, "axis", "height", "radius"},
    "Capsule": {*_GPRIM, "axis", "height", "radius"},
    "Cylinder_1": {*_GPRIM, "axis", "height", "radiusTop", "radiusBottom"},
    "Capsule_1": {*_GPRIM, "axis", "height", "radiusTop", "radiusBottom"},
    **dict.fromkeys(_LIGHTS, _LIGHT),
}  # fmt: skip
#: read of any prim, or about something else than what is drawn
_COMMON = (
    "purpose", "visibility", "proxyPrim", "xformOpOrder", "material:binding", "skel:", "collection:", "ui:", "gates:",
    "lod:", "semantics:", "authorship:", "previews:", "claims:", "accessibility:", "thumbnails:",
    "subsetFamily:", "extentsHint", "model:",
)  # fmt: skip
#: applied schemas that are read, or that are records about the asset
_SCHEMAS = (
    "MaterialBindingAPI", "SkelBindingAPI", "CollectionAPI", "ShapingAPI", "LightAPI", "MeshLightAPI", "VisibilityAPI",
    "XformCommonAPI", "AuthorshipAPI", "AssetPreviewsAPI", "LabelsAPI", "SemanticsLabelsAPI", "ClaimsAPI",
    "AccessibilityAPI", "LOD", "Gates", "NodeGraphNodeAPI", "NodeDefAPI", "ConnectableAPI", "PrimvarsAPI", "ShadowAPI",
    "ColorSpaceAPI", "ColorSpaceDefinitionAPI", "ClipsAPI", "ModelAPI", "Profiles", "ObjectHints", "SceneGraphPrimAPI",
    "GeomModelAPI",
)  # fmt: skip
_RECORDS = ("Gates", "Backdrop", "LOD")


class Unread:
    """Names what the prims of one reading say in vain.

    Parameters
    ----------
    moves
        The stage has samples over time; otherwise none are looked for.
    """

    def __init__(self, report: Report, *, moves: bool) -> None:
        self.report = report
        self.moves = moves

    def note(self, prim: Any, type_name: str, names: tuple[str, ...], *, drawn: bool) -> None:
        """Look at one prim; what is not drawn anyway need not say what else it is."""
        if type_name not in _READ and self._other_type(prim, type_name):
            return
        if not drawn:
            return
        rest, primvars, read = _sorted_names(type_name, names)
        for schema in prim.GetAppliedSchemas():
            if not schema.startswith(_SCHEMAS):
                self.report.reduce(prim.GetPath(), schema, _WHY)
        if primvars:
            self._primvars(prim, type_name, primvars)
        if rest:
            self._attributes(prim, rest)
        if self.moves:
            for name in (*read, *(f"primvars:{n}" for n in primvars)):
                attribute = prim.GetAttribute(name)
                if attribute and attribute.ValueMightBeTimeVarying():
                    self.report.reduce(prim.GetPath(), f"animated {name}", "as at the time that was read")
        mode = prim.GetAttribute("model:drawMode").Get() if "model:drawMode" in names else None
        if mode not in {None, "default", "inherited"}:
            self.report.reduce(prim.GetPath(), f"draw mode {mode}", "what it stands for is written")
        if type_name == "Mesh" and prim.HasAPI(UsdLux.LightAPI):
            self.report.reduce(prim.GetPath(), "mesh light", "it is drawn and does not shine")

    def subset(self, prim: Any) -> None:
        """A GeomSubset that is no part with a material."""
        subset = UsdGeom.Subset(prim)
        kind, family = subset.GetElementTypeAttr().Get(), subset.GetFamilyNameAttr().Get()
        if kind != "face":
            self.report.reduce(prim.GetPath(), f"subset of elements {kind}", "only faces become parts")
        elif family != "materialBind" and not prim.HasAPI(UsdShade.MaterialBindingAPI):
            self.report.reduce(prim.GetPath(), "subset", f"of family {family or 'none'}: only materials part a mesh")
        elif self.moves and subset.GetIndicesAttr().ValueMightBeTimeVarying():
            self.report.reduce(prim.GetPath(), "animated indices", "as at the time that was read")

    def material(self, prim: Any) -> None:
        """Inputs of a material's shaders that move."""
        if not self.moves:
            return
        for below in Usd.PrimRange(prim, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)):
            for name in below.GetAuthoredPropertyNames():
                attribute = below.GetAttribute(name) if name.startswith("inputs:") else None
                if attribute and attribute.ValueMightBeTimeVarying():
                    self.report.reduce(below.GetPath(), f"animated {name}", "as at the time that was read")

    def unloaded(self, stage: Any) -> None:
        """Payloads that were not loaded."""
        for path in sorted(set(stage.FindLoadable()) - set(stage.GetLoadSet())):
            self.report.reduce(path, "payload", "it is not loaded: what lies in it is not exported")

    def variants(
        self, stage: Any, root: str | None, given: Mapping[str, str], *, levels: bool, materials: bool
    ) -> None:
        """Variant sets of which only the selected variant is written, unless it was chosen for this reading.

        Parameters
        ----------
        levels, materials
            Sets of levels of detail, and those that only change materials, were read.
        """
        for path, name, names, selection in variant_sets(stage, root):
            if levels if is_level_set(name) else materials:
                continue
            others = [v for v in names if v != selection]
            if others and name not in given and f"{path}{{{name}}}" not in given:
                why = f"{selection or 'no variant'} is exported, not {', '.join(others[:8])}"
                self.report.reduce(path, f"variant set {name}", why)

    def _other_type(self, prim: Any, type_name: str) -> bool:
        """Name a prim of a type that nobody reads; False where its attributes still have to be looked at."""
        if type_name.startswith(_RECORDS) or prim.IsA(UsdGeom.Gprim) or prim.HasAPI(UsdLux.LightAPI):
            return type_name.startswith(_RECORDS)
        self.report.reduce(prim.GetPath(), type_name, _WHY)
        return True

    def _primvars(self, prim: Any, type_name: str, names: tuple[str, ...]) -> None:
        lost = []
        for name in names:
            attribute = prim.GetAttribute(f"primvars:{name}")
            if not attribute or not attribute.HasAuthoredValue():
                continue
            if type_name == "Mesh" and str(attribute.GetTypeName()) in UV_TYPES:
                continue
            # a constant one may be meant for what lies beneath
            if type_name in {"Xform", "Scope", "", "SkelRoot"} and str(attribute.GetTypeName()) in UV_TYPES:
                continue
            lost.append(name)
        if lost:
            self.report.reduce(prim.GetPath(), "primvars", f"{_WHY}: {', '.join(lost)}")

    def _attributes(self, prim: Any, names: tuple[str, ...]) -> None:
        definition = prim.GetPrimDefinition()
        lost = []
        for name in names:
            attribute = prim.GetAttribute(name)
            if not attribute or not attribute.HasAuthoredValue():
                continue
            fallback = definition.GetAttributeFallbackValue(name)
            if fallback is None or attribute.Get() != fallback or attribute.ValueMightBeTimeVarying():
                lost.append(name)
        if lost:
            self.report.reduce(prim.GetPath(), "attributes", f"{_WHY}: {', '.join(lost)}")


#: types of primvars that are UV sets
UV_TYPES = frozenset({
    "texCoord2f[]", "texCoord2d[]", "texCoord2h[]", "float2[]", "double2[]", "half2[]",
    "texCoord3f[]", "texCoord3d[]", "texCoord3h[]",
})  # fmt: skip
_DRAWN_PRIMVARS = frozenset({"displayColor", "displayOpacity", "normals", "tangents", "widths"})
#: what moves and is read as such elsewhere
_MOVING = frozenset({"points", "positions", "orientations", "orientationsf", "scales", "protoIndices", "invisibleIds"})


@lru_cache(maxsize=4096)
def _sorted_names(type_name: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Attributes that nobody reads, primvars that perhaps nobody reads, and what is read at one time only."""
    known = _READ.get(type_name, _LIGHT)
    rest, primvars, read = [], [], []
    for name in names:
        if name.startswith("primvars:"):
            own = name[9:]
            if own.endswith(":indices") or own.startswith("skel:"):
                continue
            if own not in _DRAWN_PRIMVARS:
                primvars.append(own)
            else:
                read.append(name)
        elif name in known:
            if not (name in _MOVING and type_name in {"Mesh", "PointInstancer"}) and name != "extent":
                read.append(name)
        elif not name.startswith(("xformOp:", *_COMMON)):
            rest.append(name)
    return tuple(rest), tuple(primvars), tuple(read)


def has_samples(stage: Any) -> bool:
    """Whether anything in a stage's layers is sampled over time, or comes from value clips."""
    for layer in stage.GetUsedLayers():
        if layer.ListAllTimeSamples():
            return True
    return any(prim.HasMetadata("clips") for prim in stage.Traverse())
