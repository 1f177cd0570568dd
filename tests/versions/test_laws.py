# SPDX-License-Identifier: Apache-2.0
"""Laws of diff and merge, on random layers."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pxr import Sdf, Vt

from pipeline.versions.diff import changes_between, compare
from pipeline.versions.fields import NotOneLayer, combine, read_fields, same, spec_at
from pipeline.versions.fold import copy_of, folded, overlay, paths_of
from pipeline.versions.merge import merge_views
from pipeline.versions.patch import apply, delta_for
from pipeline.versions.views import StackView

COMMON = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from(["a", "b", "c", "d"])
numbers = st.integers(-3, 3)
keys = st.sampled_from(["k", "l", "m"])
dictionaries = st.dictionaries(
    keys, st.one_of(numbers, st.dictionaries(keys, numbers, min_size=1, max_size=2)), min_size=1, max_size=3
)
samples = st.dictionaries(st.sampled_from([0.0, 1.0, 2.5]), st.floats(-2, 2), min_size=1, max_size=3)
arrays = st.lists(st.floats(allow_nan=True, width=32), max_size=4)
targets = st.lists(st.sampled_from(["/a", "/b", "/c", "/a/b"]), unique=True, max_size=3)

#: one edit: what kind, where, with what
edits = st.one_of(
    st.tuples(st.just("prim"), names, st.sampled_from(["", "Xform", "Scope"])),
    st.tuples(st.just("child"), names, names),
    st.tuples(st.just("int"), names, numbers),
    st.tuples(st.just("samples"), names, samples),
    st.tuples(st.just("array"), names, arrays),
    st.tuples(st.just("custom"), names, dictionaries),
    st.tuples(st.just("comment"), names, st.sampled_from(["x", "y"])),
    st.tuples(st.just("references"), names, targets),
    st.tuples(st.just("targets"), names, targets),
    st.tuples(st.just("variant"), names, st.tuples(names, numbers)),
    st.tuples(st.just("kind"), names, st.sampled_from(["component", "group"])),
)
removals = st.one_of(
    st.tuples(st.just("-prim"), names), st.tuples(st.just("-int"), names), st.tuples(st.just("-custom"), names)
)
programs = st.lists(edits, max_size=8)
rewrites = st.lists(st.one_of(edits, removals), max_size=8)


def run(layer: Sdf.Layer, program: list[tuple[Any, ...]]) -> Sdf.Layer:
    """Make the edits, on a layer that then stands alone."""
    for step in program:
        kind, name, *rest = step
        path = Sdf.Path(f"/{name}")
        prim = layer.GetPrimAtPath(path)
        if kind.startswith("-"):
            remove(layer, prim, kind)
            continue
        if not prim:
            prim = Sdf.PrimSpec(layer, name, Sdf.SpecifierDef)
        write(layer, prim, kind, rest[0])
    return layer


def remove(layer: Sdf.Layer, prim: Sdf.PrimSpec | None, kind: str) -> None:
    if not prim:
        return
    if kind == "-prim":
        del layer.rootPrims[prim.name]
    elif kind == "-int" and "i" in prim.properties:
        prim.RemoveProperty(prim.properties["i"])
    elif kind == "-custom":
        prim.ClearInfo("customData")


def write(layer: Sdf.Layer, prim: Sdf.PrimSpec, kind: str, value: Any) -> None:
    if kind == "prim" and value:
        prim.typeName = value
    elif kind == "child":
        Sdf.CreatePrimInLayer(layer, prim.path.AppendChild(value)).specifier = Sdf.SpecifierDef
    elif kind == "int":
        attribute(prim, "i", Sdf.ValueTypeNames.Int).default = value
    elif kind == "samples":
        spec = attribute(prim, "s", Sdf.ValueTypeNames.Double)
        for time, sample in value.items():
            layer.SetTimeSample(spec.path, time, sample)
    elif kind == "array":
        attribute(prim, "f", Sdf.ValueTypeNames.FloatArray).default = Vt.FloatArray(value)
    elif kind == "custom":
        prim.SetInfo("customData", value)
    elif kind == "comment":
        prim.comment = value
    elif kind == "kind":
        prim.SetInfo("kind", value)
    elif kind == "references":
        prim.SetInfo("references", Sdf.ReferenceListOp.Create([Sdf.Reference("", path) for path in value]))
    elif kind == "targets":
        spec = prim.properties["r"] if "r" in prim.properties else Sdf.RelationshipSpec(prim, "r")
        spec.targetPathList.ClearEdits()
        spec.targetPathList.prependedItems = [Sdf.Path(path) for path in value]
    elif kind == "variant":
        variant, number = value
        chosen = prim.variantSets["v"] if "v" in prim.variantSets else Sdf.VariantSetSpec(prim, "v")
        found = chosen.variants[variant] if variant in chosen.variants else Sdf.VariantSpec(chosen, variant)
        attribute(found.primSpec, "i", Sdf.ValueTypeNames.Int).default = number


def attribute(prim: Sdf.PrimSpec, name: str, kind: Any) -> Sdf.AttributeSpec:
    return prim.properties[name] if name in prim.properties else Sdf.AttributeSpec(prim, name, kind)


def new(program: list[tuple[Any, ...]]) -> Sdf.Layer:
    return run(Sdf.Layer.CreateAnonymous(".usda"), program)


def changed(layer: Sdf.Layer, program: list[tuple[Any, ...]]) -> Sdf.Layer:
    return run(copy_of(layer, ".usda"), program)


def view(*layers: Sdf.Layer) -> StackView:
    return StackView(layers, tuple(layer.identifier for layer in layers))


def content(layer: Sdf.Layer) -> dict[str, Any]:
    """All fields by path, with the order of children."""
    found: dict[str, Any] = {}
    for path in paths_of(layer):
        spec = spec_at(layer, path)
        order = tuple(spec.nameChildren.keys()) if hasattr(spec, "nameChildren") else ()
        found[str(path)] = (read_fields(spec), order)
    return found


def agree(a: Sdf.Layer, b: Sdf.Layer, *, order: bool = True) -> bool:
    x, y = content(a), content(b)
    return x.keys() == y.keys() and all(same(x[p][0], y[p][0]) and (not order or x[p][1] == y[p][1]) for p in x)


@COMMON
@given(programs, rewrites)
def test_apply_diff_of_a_and_b_to_a_gives_b(first: list[Any], second: list[Any]) -> None:
    a = new(first)
    b = changed(a, second)
    result = copy_of(a, ".usda")
    apply(changes_between(view(a), view(b)), result)
    assert agree(result, b), f"{result.ExportToString()}\n--- instead of\n{b.ExportToString()}"


@COMMON
@given(programs, programs)
def test_any_two_layers_have_a_diff_that_applies(first: list[Any], second: list[Any]) -> None:
    a, b = new(first), new(second)
    result = copy_of(a, ".usda")
    apply(changes_between(view(a), view(b)), result)
    assert agree(result, b)


@COMMON
@given(programs)
def test_nothing_differs_from_itself(program: list[Any]) -> None:
    a = new(program)
    assert not compare(view(a), view(copy_of(a, ".usda")))


@COMMON
@given(programs, rewrites)
def test_a_delta_says_the_same_or_says_that_it_cannot(first: list[Any], second: list[Any]) -> None:
    a = new(first)
    b = changed(a, second)
    try:
        delta = delta_for(changes_between(view(a), view(b)), view(a))
    except NotOneLayer:
        assert second, "only a removal or a reordering needs a whole layer"
        return
    overlay(delta, result := copy_of(a, ".usda"))
    assert agree(result, b, order=False)


@COMMON
@given(programs, programs, programs)
def test_folding_is_associative(first: list[Any], second: list[Any], third: list[Any]) -> None:
    a, b, c = new(first), new(second), new(third)
    left = folded([folded([a, b]), c])
    right = folded([a, folded([b, c])])
    assert agree(left, right, order=False)


@COMMON
@given(programs, programs)
def test_a_stack_says_what_its_fold_says(first: list[Any], second: list[Any]) -> None:
    a, b = new(first), new(second)
    assert changes_between(view(a, b), view(folded([a, b]))) == []


@COMMON
@given(programs, rewrites)
def test_merge_with_an_unchanged_side_is_the_other_side(first: list[Any], second: list[Any]) -> None:
    base = new(first)
    other = changed(base, second)
    taken = merge_views(view(base), view(base), view(other))
    assert not taken.conflicts
    apply(taken.changes, result := copy_of(base, ".usda"))
    assert agree(result, other)
    kept = merge_views(view(base), view(other), view(base))
    assert not kept.conflicts
    assert not kept.changes


@COMMON
@given(programs, rewrites)
def test_the_same_change_on_both_sides_is_taken_once(first: list[Any], second: list[Any]) -> None:
    base = new(first)
    ours, theirs = changed(base, second), changed(base, second)
    merged = merge_views(view(base), view(ours), view(theirs))
    assert not merged.conflicts
    assert not merged.changes


def only(program: list[Any], names_of: str) -> list[Any]:
    """The edits moved to prims of their own."""
    return [(kind, f"{names_of}_{name}", *rest) for kind, name, *rest in program]


@COMMON
@given(programs, programs, programs, programs)
def test_disjoint_merges_commute_and_associate(
    common: list[Any], one: list[Any], two: list[Any], three: list[Any]
) -> None:
    base = new(only(common, "x") + only(common, "y") + only(common, "z"))
    sides = [changed(base, only(program, name)) for program, name in ((one, "x"), (two, "y"), (three, "z"))]

    def merge(a: Sdf.Layer, b: Sdf.Layer) -> Sdf.Layer:
        merged = merge_views(view(base), view(a), view(b))
        assert not merged.conflicts
        apply(merged.changes, result := copy_of(a, ".usda"))
        return result

    x, y, z = sides
    assert agree(merge(x, y), merge(y, x), order=False)
    assert agree(merge(merge(x, y), z), merge(x, merge(y, z)), order=False)


@COMMON
@given(programs, rewrites, rewrites)
def test_conflicts_settled_for_one_side_leave_none(first: list[Any], mine: list[Any], yours: list[Any]) -> None:
    from pipeline.versions.settling import for_side

    base = new(first)
    ours, theirs = changed(base, mine), changed(base, yours)
    for side in ("ours", "theirs"):
        merged = merge_views(view(base), view(ours), view(theirs), settle=for_side(side))  # type: ignore[arg-type]
        assert merged.conflicts == []
        apply(merged.changes, copy_of(ours, ".usda"))


@given(st.dictionaries(keys, numbers), st.dictionaries(keys, numbers), st.dictionaries(keys, numbers))
def test_combining_fields_is_associative(a: dict[str, int], b: dict[str, int], c: dict[str, int]) -> None:
    x, y, z = ({"customData": one} for one in (a, b, c))
    assert combine("prim", combine("prim", x, y), z) == combine("prim", x, combine("prim", y, z))


def test_something_new_stands_where_the_other_side_put_it() -> None:
    """Taken away and made again behind a new sibling: what both had is in order, the newcomer is first."""
    base = new([("prim", "b", "")])
    other = changed(base, [("prim", "a", ""), ("-prim", "b"), ("prim", "b", "")])
    taken = merge_views(view(base), view(base), view(other))
    apply(taken.changes, result := copy_of(base, ".usda"))
    assert [prim.name for prim in result.rootPrims] == ["a", "b"]
