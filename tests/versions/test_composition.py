# SPDX-License-Identifier: Apache-2.0
"""Each feature of composition survives commit, checkpoint, whole edit, export and merge: the scene is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pxr import Sdf, Usd

from pipeline.project import Project
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.fold import folded
from pipeline.versions.views import view_of_version

#: files that the features bring in, beside the work layer
ASSETS = {
    "asset.usda": """
(
    defaultPrim = "Asset"
    timeCodesPerSecond = 24
)
def Xform "Asset" (kind = "component")
{
    double a = 1
    double t = 0
    double t.timeSamples = {
        0: 0,
        10: 10,
    }
    def Scope "geo"
    {
        int n = 3
        asset tex = @./wood.txt@
    }
}
""",
    "other.usda": """
(
    defaultPrim = "Asset"
)
def Xform "Asset"
{
    double b = 2
}
""",
    "clip.001.usda": """
def "Model"
{
    double x.timeSamples = {
        1: 10,
    }
}
""",
    "clip.002.usda": """
def "Model"
{
    double x.timeSamples = {
        2: 20,
    }
}
""",
    "manifest.usda": """
def "Model"
{
    double x
}
""",
    "under.usda": """
over "World"
{
    def "FromBelow"
    {
        double d.timeSamples = {
            0: 0,
            10: 10,
        }
    }
}
""",
}

CLIPS = """
        clips = {
            dictionary default = {
                asset manifestAssetPath = @./manifest.usda@
                string primPath = "/Model"
                string templateAssetPath = "./clip.###.usda"
                double templateStartTime = 1
                double templateEndTime = 2
                double templateStride = 1
            }
        }
"""

#: name: (first commit, second commit), bodies of /World
FEATURES = {
    "variants": (
        """
    def "a" (
        variants = {
            string look = "red"
        }
        prepend variantSets = "look"
    )
    {
        variantSet "look" = {
            "red" {
                int n = 1
                def "only_red"
                {
                    int deep = 1
                }
            }
            "blue" (
                references = @./asset.usda@
            ) {
                int n = 2
            }
        }
    }
""",
        """
    over "a" (
        prepend variantSets = "size"
    )
    {
        variantSet "look" = {
            "red" {
                over "only_red"
                {
                    int deep = 7
                }
            }
            "green" {
                int n = 3
            }
        }
        variantSet "size" = {
            "big" {
                double s = 2
            }
        }
    }
""",
    ),
    "references with offsets": (
        """
    def "a" (
        prepend references = @./asset.usda@ (offset = 5; scale = 2)
    )
    {
    }
""",
        """
    over "a" (
        append references = @./other.usda@
    )
    {
        double a = 5
    }
""",
    ),
    "payloads": (
        """
    def "a" (
        payload = @./asset.usda@
    )
    {
    }
""",
        """
    over "a"
    {
        over "geo"
        {
            int n = 9
        }
    }
""",
    ),
    "internal references, inherits, specializes": (
        """
    class "_kind"
    {
        int n = 1
        int m = 1
    }
    def "source"
    {
        int s = 4
    }
    def "a" (
        inherits = </World/_kind>
        prepend references = </World/source>
    )
    {
    }
""",
        """
    over "_kind"
    {
        int n = 2
    }
    over "a" (
        prepend specializes = </World/source>
    )
    {
        int m = 3
    }
""",
    ),
    "token list operations": (
        """
    def "a" (
        prepend apiSchemas = ["MaterialBindingAPI", "CollectionAPI:x"]
    )
    {
    }
""",
        """
    over "a" (
        delete apiSchemas = ["CollectionAPI:x"]
        append apiSchemas = ["CollectionAPI:y"]
    )
    {
    }
""",
    ),
    "time samples replaced": (
        """
    def "a"
    {
        double x = 1
        double x.timeSamples = {
            0: 0,
            12: 12,
        }
    }
""",
        """
    over "a"
    {
        double x.timeSamples = {
            5: 50,
        }
    }
""",
    ),
    "default over time samples": (
        """
    def "a"
    {
        double x.timeSamples = {
            0: 0,
            12: 12,
        }
    }
""",
        """
    over "a"
    {
        double x = 7
    }
""",
    ),
    "blocks": (
        """
    def "a"
    {
        double x = 1
        double y.timeSamples = {
            0: 1,
            5: 2,
        }
    }
""",
        """
    over "a"
    {
        double x = None
        double y.timeSamples = {
            0: 1,
            2: None,
        }
    }
""",
    ),
    "an animation block": (
        """
    def "a"
    {
        double x = 3
        double x.timeSamples = {
            0: 1,
            5: 2,
        }
    }
""",
        """
    over "a"
    {
        double x = AnimationBlock
    }
""",
    ),
    "splines": (
        """
    def "a"
    {
        double x.timeSamples = {
            0: 1,
        }
        double y.spline = {
            bezier,
            1: 2; post held,
        }
    }
""",
        """
    over "a"
    {
        double x.spline = {
            bezier,
            1: 5; post held,
        }
        double y = 4
    }
""",
    ),
    "value clips": (
        f"""
    def "a" (
{CLIPS}
    )
    {{
        double x
        double z = 1
    }}
""",
        """
    over "a"
    {
        double z = 2
    }
""",
    ),
    "a default over value clips": (
        f"""
    def "a" (
{CLIPS}
    )
    {{
        double x
    }}
""",
        """
    over "a"
    {
        double x = 99
    }
""",
    ),
    "value clips over a default": (
        """
    def "a"
    {
        double x = 99
    }
""",
        f"""
    over "a" (
{CLIPS}
    )
    {{
    }}
""",
    ),
    "relationships and connections": (
        """
    def "a"
    {
        rel r = [</World/b>, </World/c>]
        double x
        prepend double x.connect = </World/b.out>
    }
    def "b"
    {
        double out = 1
    }
    def "c"
    {
        double out = 2
    }
""",
        """
    over "a"
    {
        delete rel r = </World/b>
        append double x.connect = </World/c.out>
    }
""",
    ),
    "custom data, comments and documentation": (
        """
    def "a" (
        "said first"
        customData = {
            int kept = 1
            dictionary deep = {
                int old = 1
                int both = 1
            }
        }
        doc = "old"
        assetInfo = {
            string name = "a"
        }
    )
    {
        int x = 1 (
            "about x"
            customData = {
                int q = 1
            }
        )
    }
""",
        """
    over "a" (
        "said later"
        customData = {
            dictionary deep = {
                int both = 2
                int new = 2
            }
        }
        assetInfo = {
            string version = "2"
        }
    )
    {
        int x = 2
    }
""",
    ),
    "instances": (
        """
    def "proto"
    {
        def "mesh"
        {
            int n = 1
        }
    }
    def "a" (
        instanceable = true
        references = </World/proto>
    )
    {
    }
    def "b" (
        instanceable = true
        references = </World/proto>
    )
    {
    }
""",
        """
    over "proto"
    {
        over "mesh"
        {
            int n = 2
        }
    }
    over "b" (
        instanceable = false
    )
    {
        over "mesh"
        {
            int n = 3
        }
    }
""",
    ),
    "path expressions": (
        """
    def "a"
    {
        pathExpression e = "/World/b"
    }
""",
        """
    over "a"
    {
        pathExpression e = "%_ /World/c"
    }
""",
    ),
    "activation, kind, hidden, type": (
        """
    def "a" (
        kind = "component"
    )
    {
        def "child"
        {
        }
    }
    def "b"
    {
    }
""",
        """
    over "a" (
        active = false
        hidden = true
        kind = "subcomponent"
    )
    {
    }
    def Xform "b"
    {
        uniform token[] xformOpOrder = ["xformOp:translate"]
        double3 xformOp:translate = (1, 2, 3)
    }
""",
    ),
    "order of children and properties": (
        """
    def "a"
    {
        int p = 1
        int q = 1
        def "x"
        {
        }
        def "y"
        {
        }
    }
""",
        """
    over "a"
    {
        reorder properties = ["q", "p"]
        reorder nameChildren = ["y", "x"]
        def "z"
        {
        }
    }
""",
    ),
    "an attribute of another type": (
        """
    def "a"
    {
        int x = 1 (
            doc = "kept"
        )
    }
""",
        """
    over "a"
    {
        double x = 2.5
    }
""",
    ),
    "numbers at their limits": (
        """
    def "a"
    {
        double nan = nan
        float[] arr = [inf, -inf, nan, 0.1]
        double small = 5e-324
        int64 big = 9223372036854775807
        string quote = '''it's "quoted"
on two lines'''
    }
""",
        """
    over "a"
    {
        float[] arr = [-inf, nan, 0.1, inf]
        half3 h = (0.1, 65504, -0)
    }
""",
    ),
}


def write_work(project: Project, body: str, *, header: str = "") -> None:
    """Put opinions on /World into the work layer, with the assets beside it."""
    folder = project.work_path.parent
    with project.edit() as stage:
        for name, text in ASSETS.items():
            (folder / name).write_text(f"#usda 1.0\n{text}")
        (folder / "wood.txt").write_text("a texture")
        layer = stage.GetEditTarget().GetLayer()
        extra = Sdf.Layer.CreateAnonymous(".usda")
        extra.ImportFromString(f'#usda 1.0\n{header}\nover "World"\n{{\n{body}\n}}\n')
        assert not layer.rootPrims
        Sdf.CopySpec(extra, "/World", layer, "/World")
        if header:
            layer.relocates = extra.relocates
            layer.subLayerPaths = list(extra.subLayerPaths)


@pytest.fixture
def checked(project: Project, scene_of: Callable[[Usd.Stage], dict[str, Any]]) -> Callable[..., None]:
    """Function: commit two bodies and compare the scene before and after each step of a version's life."""

    def check(first: str, second: str, header: str = "", foldable: bool = True) -> None:
        write_work(project, first)
        seen = scene_of(project.open_stage())
        project.commit("first")
        assert scene_of(project.open_stage("main")) == seen, "first commit"
        write_work(project, second, header=header)
        seen = scene_of(project.open_stage())
        version = project.commit("second")
        assert project.open_stage(version.id).GetCompositionErrors() == []
        assert scene_of(project.open_stage(version.id)) == seen, "commit"
        view = view_of_version(project.store, version.id)
        if foldable:
            flat = project.root / "objects" / "00" / "folded.usdc"
            flat.parent.mkdir(exist_ok=True)
            folded(view.layers).Export(str(flat))
            assert scene_of(Usd.Stage.Open(str(flat))) == seen, "checkpoint"
            flat.unlink()
        for i in range(10):
            with project.edit() as stage:
                stage.GetPrimAtPath("/World/Set").SetCustomDataByKey("turn", i)
            version = project.commit(str(i))
        late = scene_of(project.open_stage(version.id))
        assert _without_set(late) == _without_set(seen), "ten commits later"
        out = project.export_history("main", project.root.parent / "out")
        assert _without_set(scene_of(Usd.Stage.Open(str(out)))) == _without_set(seen), "export"
        assert project.verify().problems == []

    return check


def _without_set(scene: dict[str, Any]) -> dict[str, Any]:
    return {path: _without_set(said) if "{" in path else said for path, said in scene.items() if path != "/World/Set"}


@pytest.mark.parametrize("name", [n for n in FEATURES if n != "value clips over a default"])
def test_feature_survives(name: str, checked: Callable[..., None]) -> None:
    checked(*FEATURES[name])


@pytest.mark.parametrize("name", FEATURES)
def test_feature_survives_merge_and_revert(
    name: str, project: Project, scene_of: Callable[[Usd.Stage], dict[str, Any]]
) -> None:
    first, second = FEATURES[name]
    write_work(project, first)
    base = project.commit("first").id
    plain = scene_of(project.open_stage(base))
    project.branch("side")
    with project.edit() as stage:
        stage.GetPrimAtPath("/World/Set").SetCustomDataByKey("here", 1)
    project.commit("elsewhere")
    project.switch("side")
    write_work(project, second)
    side = project.commit("second").id
    seen = scene_of(project.open_stage(side))
    project.switch("main")
    assert project.merge("side").conflicts == []
    merged = project.open_stage("main")
    assert merged.GetCompositionErrors() == []
    assert _without_set(scene_of(merged)) == _without_set(seen)
    assert merged.GetPrimAtPath("/World/Set").GetCustomDataByKey("here") == 1
    assert project.revert(side).conflicts == []
    assert _without_set(scene_of(project.open_stage("main"))) == _without_set(plain)


def test_clips_over_values_stay_layers(checked: Callable[..., None], layer_of: Callable[[str], Sdf.Layer]) -> None:
    """In one layer the default would hide the clips, so the two layers are never made one."""
    weak, strong = (layer_of(f'over "World"\n{{\n{body}\n}}') for body in FEATURES["value clips over a default"])
    with pytest.raises(NotOneLayer):
        folded([strong, weak])
    checked(*FEATURES["value clips over a default"], foldable=False)


def test_a_reference_taken_away(project: Project) -> None:
    write_work(project, 'def "a" (prepend references = [@./asset.usda@, @./other.usda@])\n{\n}')
    project.commit("two references")
    with project.edit() as stage:
        prim = stage.GetPrimAtPath("/World/a")
        query = Usd.PrimCompositionQuery.GetDirectReferences(prim)
        second = query.GetCompositionArcs()[1].GetTargetLayer()
        prim.GetReferences().RemoveReference(Sdf.Reference(project.anchor(second.realPath)))
    version = project.commit("one reference")
    attributes = {a.GetName() for a in _held(project, version.id).GetPrimAtPath("/World/a").GetAttributes()}
    assert "a" in attributes
    assert "b" not in attributes


_STAGES: list[Usd.Stage] = []


def _held(project: Project, ref: str) -> Usd.Stage:
    """A stage that stays open: prims do not keep theirs."""
    _STAGES[:] = [project.open_stage(ref)]
    return _STAGES[0]


def test_relocates(checked: Callable[..., None]) -> None:
    checked(
        'def "a" (references = @./asset.usda@)\n{\n}',
        "",
        header="(\n    relocates = {\n        </World/a/geo>: </World/a/moved>\n    }\n)",
    )


def test_sublayers_of_a_work_layer(checked: Callable[..., None]) -> None:
    checked(
        'def "a"\n{\n}',
        'over "FromBelow"\n{\n    int n = 1\n}',
        header="(\n    subLayers = [\n        @./under.usda@ (offset = 3; scale = 2)\n    ]\n)",
        foldable=False,
    )


def test_assets_are_kept_when_their_files_change(project: Project) -> None:
    write_work(project, 'def "a" (references = @./asset.usda@)\n{\n}')
    version = project.commit("with a reference")
    folder: Path = project.work_path.parent
    for name in (*ASSETS, "wood.txt"):
        (folder / name).unlink()
    stage = project.open_stage(version.id)
    tex = stage.GetAttributeAtPath("/World/a/geo.tex").Get()
    assert stage.GetAttributeAtPath("/World/a.a").Get() == 1
    assert Path(tex.resolvedPath).read_text() == "a texture"
