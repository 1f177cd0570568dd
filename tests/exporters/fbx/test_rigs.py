# SPDX-License-Identifier: Apache-2.0
"""Skeletons, skins, blend shapes, animation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.exporters.fbx import FbxOptions
from pipeline.exporters.fbx.document import KTIME

Stage = Callable[..., Path]

RIG = """def SkelRoot "World"
{{
  matrix4d xformOp:transform = {place}
  uniform token[] xformOpOrder = ["xformOp:transform"]
  def Skeleton "Skel" (prepend apiSchemas = ["SkelBindingAPI"])
  {{
    uniform token[] joints = ["root", "root/tip"]
    uniform matrix4d[] bindTransforms = [
      ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1)), ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,100,0,1))]
    uniform matrix4d[] restTransforms = [
      ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1)), ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,100,0,1))]
    rel skel:animationSource = </World/Skel/Anim>
    def SkelAnimation "Anim"
    {{
      uniform token[] joints = ["root", "root/tip"]
      float3[] translations = [(0,0,0), (0,100,0)]
      half3[] scales = [(1,1,1), (1,1,1)]
      quatf[] rotations.timeSamples = {{
        10: [(1,0,0,0), (1,0,0,0)], 30: [(1,0,0,0), (0.70710678,0,0,0.70710678)] }}
      uniform token[] blendShapes = ["smile"]
      float[] blendShapeWeights.timeSamples = {{ 10: [0], 30: [1] }}
    }}
  }}
  def Mesh "Body" (prepend apiSchemas = ["SkelBindingAPI"])
  {{
    point3f[] points = [(0,0,0), (10,0,0), (10,200,0), (0,200,0)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0,1,2,3]
    uniform token subdivisionScheme = "none"
    rel skel:skeleton = </World/Skel>
    int[] primvars:skel:jointIndices = [0,1,1, 0,1,1, 0,1,1, 0,1,1] (
      interpolation = "vertex"
      elementSize = 3)
    float[] primvars:skel:jointWeights = [1,0,0, 1,0,0, 0.25,0.5,0.25, 0,0.5,0.5] (
      interpolation = "vertex"
      elementSize = 3)
    uniform token[] skel:blendShapes = ["smile"]
    rel skel:blendShapeTargets = </World/Body/smile>
    def BlendShape "smile"
    {{
      vector3f[] offsets = [(0,0,50)]
      int[] pointIndices = [2]
      vector3f[] inbetweens:half = [(0,0,40)] (weight = 0.5)
    }}
  }}
}}
"""
METRES = "((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1))"
SMALL = "((0.01,0,0,0),(0,0.01,0,0),(0,0,0.01,0),(5,0,0,1))"
CLIP = "  startTimeCode = 10\n  endTimeCode = 30\n  timeCodesPerSecond = 20\n"


def test_bones_stand_at_the_root_without_scale(stage: Stage, export: Callable) -> None:
    made = export(stage(RIG.format(place=SMALL), more=CLIP))
    models = made.models()
    assert set(models) == {"root", "tip", "Body"}  # no null above the bones, none at their ends
    assert [made.parent(models[n]) for n in ("root", "tip", "Body")] == ["", "root", ""]
    assert models["root"].subclass == models["tip"].subclass == "LimbNode"
    for model in models.values():
        assert np.allclose(model.vector("Lcl Scaling", (1, 1, 1)), 1)
    assert models["root"].vector("Lcl Translation", (0, 0, 0)) == pytest.approx([5, 0, 0])
    assert models["tip"].vector("Lcl Translation", (0, 0, 0)) == pytest.approx([0, 1, 0])


def test_clusters_and_pose_bind_what_the_stage_binds(stage: Stage, export: Callable) -> None:
    made = export(stage(RIG.format(place=SMALL), more=CLIP), FbxOptions(unit="cm"))
    document = made.document
    clusters = {o.name: o.record for o in document.of_kind("Deformer") if o.subclass == "Cluster"}
    assert document.array(clusters["root"], "Indexes", int).tolist() == [0, 1, 2]
    assert document.array(clusters["root"], "Weights", float) == pytest.approx([1, 1, 0.25])
    assert document.array(clusters["tip"], "Indexes", int).tolist() == [2, 3]
    assert document.array(clusters["tip"], "Weights", float) == pytest.approx([0.75, 1.0])  # one joint named twice
    link = document.array(clusters["tip"], "TransformLink", float).reshape(4, 4)
    assert link[3, :3] == pytest.approx([500, 100, 0])
    transform = document.array(clusters["tip"], "Transform", float).reshape(4, 4)
    assert np.allclose(transform @ link, np.eye(4), atol=1e-6)  # the mesh is at the root, in the world
    geometry = next(o for o in document.of_kind("Geometry") if o.subclass == "Mesh")
    points = document.rows(geometry.record, "Vertices", 3)
    assert points[2] == pytest.approx([510, 200, 0], abs=1e-3)
    pose = document.of_kind("Pose")[0].record
    assert {n.value("Node") for n in pose.all("PoseNode")} == {o.id for o in document.of_kind("Model")}


def test_in_betweens_are_shapes_with_their_weights(stage: Stage, export: Callable) -> None:
    made = export(stage(RIG.format(place=METRES), more=CLIP))
    channel = next(o for o in made.document.of_kind("Deformer") if o.subclass == "BlendShapeChannel")
    assert made.document.array(channel.record, "FullWeights", float).tolist() == [50, 100]
    shapes = made.document.children(channel, "Geometry", "Shape")
    assert [made.document.rows(s.record, "Vertices", 3)[0].tolist() for s in shapes] == [[0, 0, 40], [0, 0, 50]]
    assert [made.document.array(s.record, "Indexes", int).tolist() for s in shapes] == [[2], [2]]


def test_the_clip_keeps_the_stages_time(stage: Stage, export: Callable) -> None:
    made = export(stage(RIG.format(place=METRES), more=CLIP))
    stack = made.document.of_kind("AnimationStack")[0]
    assert stack.properties["LocalStart"] == [KTIME // 2]  # 10 at 20 a second
    assert stack.properties["LocalStop"] == [KTIME + KTIME // 2]
    assert made.document.settings.number("TimeMode", 0) == 14
    assert made.document.settings.number("CustomFrameRate", 0) == 20
    tip = made.models()["tip"]
    node = next(x.object for x in made.document.into[tip.id] if x.property == "Lcl Rotation")
    curve = next(x.object for x in made.document.into[node.id] if x.property == "d|Z")
    times = made.document.array(curve.record, "KeyTime", np.int64)
    values = made.document.array(curve.record, "KeyValueFloat", float)
    assert (times[0], times[-1]) == (KTIME // 2, KTIME + KTIME // 2)
    assert (values[0], values[-1]) == pytest.approx((0, 90), abs=1e-3)
    assert len(made.document.into[node.id]) == 3  # readers want all three axes or none


def test_several_roots_get_one_bone_above_them(stage: Stage, export: Callable) -> None:
    body = RIG.format(place=METRES).replace('"root/tip"', '"other"')
    made = export(stage(body, more=CLIP))
    models = made.models()
    assert [made.parent(models[n]) for n in ("Skel", "root", "other")] == ["", "Skel", "Skel"]


def test_a_flat_bind_transform_is_refused_by_name(stage: Stage, export: Callable) -> None:
    from pipeline.errors import ExportError

    body = RIG.format(place=METRES).replace(
        "((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,100,0,1))]", "((1,0,0,0),(0,0,0,0),(0,0,1,0),(0,100,0,1))]", 1
    )
    with pytest.raises(ExportError, match="root/tip") as caught:
        export(stage(body, more=CLIP))
    assert caught.value.prim == "/World/Skel"


def test_a_mirror_goes_into_the_bones(stage: Stage, export: Callable) -> None:
    mirrored = "((-0.01,0,0,0),(0,0.01,0,0),(0,0,0.01,0),(5,0,0,1))"
    made = export(stage(RIG.format(place=mirrored), more=CLIP))
    for model in made.models().values():
        assert np.allclose(model.vector("Lcl Scaling", (1, 1, 1)), 1)
    clusters = [o.record for o in made.document.of_kind("Deformer") if o.subclass == "Cluster"]
    for record in clusters:
        link = made.document.array(record, "TransformLink", float).reshape(4, 4)
        assert np.linalg.det(link[:3, :3]) == pytest.approx(1)
    geometry = next(o for o in made.document.of_kind("Geometry") if o.subclass == "Mesh").record
    assert made.document.rows(geometry, "Vertices", 3)[2] == pytest.approx([4.9, 2, 0], abs=1e-4)
    indices = made.document.array(geometry, "PolygonVertexIndex", int)
    assert indices.tolist() == [3, 2, 1, ~0]  # the mirrored face still looks towards +Z


def test_visibility_is_a_curve_that_holds(stage: Stage, export: Callable) -> None:
    path = stage(
        """def Cube "World"
{
  token visibility.timeSamples = { 0: "inherited", 12: "invisible", 36: "inherited" }
}
""",
        more="  startTimeCode = 0\n  endTimeCode = 48\n",
    )
    made = export(path, follow=True)
    (curve,) = made.document.of_kind("AnimationCurve")
    assert made.document.array(curve.record, "KeyValueFloat", float).tolist() == [1.0, 0.0, 1.0]
    seconds = made.document.array(curve.record, "KeyTime", int) / 46_186_158_000
    assert seconds.tolist() == [0.0, 0.5, 1.5]
    assert made.document.array(curve.record, "KeyAttrFlags", int)[0] & 0x0E == 0x02  # constant
    (node,) = made.document.of_kind("AnimationCurveNode")
    assert [(x.object.name, x.property) for x in made.document.out[node.id] if x.object.kind == "Model"] == [
        ("World", "Visibility")
    ]


def test_lights_of_one_name_and_what_hangs_beneath_a_camera(stage: Stage, export: Callable) -> None:
    path = stage(
        """def Xform "World"
{
  def Xform "A" { def SphereLight "Lamp" { } }
  def Xform "B" { def SphereLight "Lamp" { } }
  def Camera "Cam" {
    double3 xformOp:translate = (1, 2, 3)
    uniform token[] xformOpOrder = ["xformOp:translate"]
    float focalLength = -3
    def Cube "Rig" {
      double3 xformOp:translate = (0, 5, 0)
      uniform token[] xformOpOrder = ["xformOp:translate"] }
  }
}
""",
        up="Z",
    )
    made = export(path)
    models = made.models()
    assert {"Lamp", "Lamp_2"} <= set(models)
    # Z up to Y up: (x, y, z) becomes (x, z, -y); what hangs beneath the camera does not turn with it
    assert models["Rig"].vector("Lcl Translation", (0, 0, 0)).tolist() == pytest.approx([0, 0, -5])
    assert models["Rig"].vector("Lcl Rotation", (0, 0, 0)).tolist() == pytest.approx([0, 0, 0])
