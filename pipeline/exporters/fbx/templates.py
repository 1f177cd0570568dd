# SPDX-License-Identifier: Apache-2.0
"""Definitions: how many objects of each kind there are, and the defaults of their properties.

Autodesk's readers take a property that an object leaves out from the template of its kind.
"""

from __future__ import annotations

from collections import Counter

from .properties import color, enum, integer, ktime, number, p, properties, string, switch, vector
from .records import RecordWriter, f64, i32, i64, text

_NODE = [
    enum("QuaternionInterpolate", 0),
    vector("RotationOffset", (0, 0, 0)),
    vector("RotationPivot", (0, 0, 0)),
    vector("ScalingOffset", (0, 0, 0)),
    vector("ScalingPivot", (0, 0, 0)),
    switch("RotationActive", False),
    enum("RotationOrder", 0),
    vector("PreRotation", (0, 0, 0)),
    vector("PostRotation", (0, 0, 0)),
    enum("InheritType", 1),
    vector("GeometricTranslation", (0, 0, 0)),
    vector("GeometricRotation", (0, 0, 0)),
    vector("GeometricScaling", (1, 1, 1)),
    p("Lcl Translation", "Lcl Translation", "", "A", f64(0), f64(0), f64(0)),
    p("Lcl Rotation", "Lcl Rotation", "", "A", f64(0), f64(0), f64(0)),
    p("Lcl Scaling", "Lcl Scaling", "", "A", f64(1), f64(1), f64(1)),
    p("Visibility", "Visibility", "", "A", f64(1)),
    p("Visibility Inheritance", "Visibility Inheritance", "", "", i32(1)),
    integer("DefaultAttributeIndex", -1),
]

_PHONG = [
    string("ShadingModel", "Phong"),
    switch("MultiLayer", False),
    color("EmissiveColor", (0, 0, 0)),
    number("EmissiveFactor", 1.0),
    color("AmbientColor", (0, 0, 0)),
    number("AmbientFactor", 1.0),
    color("DiffuseColor", (0.8, 0.8, 0.8)),
    number("DiffuseFactor", 1.0),
    color("TransparentColor", (0, 0, 0)),
    number("TransparencyFactor", 0.0),
    number("Opacity", 1.0),
    vector("NormalMap", (0, 0, 0)),
    vector("Bump", (0, 0, 0)),
    number("BumpFactor", 1.0, animatable=False, kind="double"),
    color("SpecularColor", (0.2, 0.2, 0.2)),
    number("SpecularFactor", 1.0),
    number("Shininess", 20.0),
    number("ShininessExponent", 20.0),
    color("ReflectionColor", (0, 0, 0)),
    number("ReflectionFactor", 1.0),
]

_TEXTURE = [
    enum("TextureTypeUse", 0),
    number("Texture alpha", 1.0),
    enum("CurrentMappingType", 0),
    enum("WrapModeU", 0),
    enum("WrapModeV", 0),
    switch("UVSwap", False),
    switch("PremultiplyAlpha", True),
    vector("Translation", (0, 0, 0), animatable=True),
    vector("Rotation", (0, 0, 0), animatable=True),
    vector("Scaling", (1, 1, 1), animatable=True),
    vector("TextureRotationPivot", (0, 0, 0)),
    vector("TextureScalingPivot", (0, 0, 0)),
    enum("CurrentTextureBlendMode", 1),
    string("UVSet", "default"),
    switch("UseMaterial", False),
    switch("UseMipMap", False),
]

_STACK = [
    string("Description", ""),
    ktime("LocalStart", i64(0)),
    ktime("LocalStop", i64(0)),
    ktime("ReferenceStart", i64(0)),
    ktime("ReferenceStop", i64(0)),
]

_LAYER = [
    number("Weight", 100.0),
    switch("Mute", False),
    switch("Solo", False),
    switch("Lock", False),
    enum("BlendMode", 0),
    enum("RotationAccumulationMode", 0),
    enum("ScaleAccumulationMode", 0),
]

_MESH = [
    color("Color", (0.8, 0.8, 0.8), animatable=False),
    switch("Primary Visibility", True),
    switch("Casts Shadows", True),
    switch("Receive Shadows", True),
]

_TEMPLATES: dict[str, tuple[str, list[tuple[bytes, ...]]]] = {
    "Model": ("FbxNode", _NODE),
    "Geometry": ("FbxMesh", _MESH),
    "Material": ("FbxSurfacePhong", _PHONG),
    "Texture": ("FbxFileTexture", _TEXTURE),
    "Video": ("FbxVideo", [string("Path", ""), switch("ImageSequence", False)]),
    "AnimationStack": ("FbxAnimStack", _STACK),
    "AnimationLayer": ("FbxAnimLayer", _LAYER),
    "AnimationCurveNode": ("FbxAnimCurveNode", [p("d", "Compound")]),
}


def definitions(w: RecordWriter, counts: Counter[str]) -> None:
    """Write the Definitions record."""
    with w.nest(b"Definitions"):
        w.leaf(b"Version", i32(100))
        w.leaf(b"Count", i32(sum(counts.values()) + 1))
        with w.nest(b"ObjectType", text("GlobalSettings")):
            w.leaf(b"Count", i32(1))
        for kind, count in sorted(counts.items()):
            with w.nest(b"ObjectType", text(kind)):
                w.leaf(b"Count", i32(count))
                if kind in _TEMPLATES:
                    name, values = _TEMPLATES[kind]
                    with w.nest(b"PropertyTemplate", text(name)):
                        properties(w, values)
