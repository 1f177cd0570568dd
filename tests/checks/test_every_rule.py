# SPDX-License-Identifier: Apache-2.0
"""Every rule that ships has a good asset, a bad one, and two at the border; what is measured follows from a formula."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.checks import inspect
from pipeline.checks.registry import built_in
from tests.checks.cases import CASES


def test_no_rule_is_without_its_cases() -> None:
    assert sorted(CASES) == sorted(rule.id for rule in built_in())
    for rule, case in CASES.items():
        assert case.good != case.bad, rule


@pytest.mark.parametrize("rule", sorted(CASES))
def test_good_borderline_and_bad(rule: str, asset: Any, job: Any) -> None:
    case = CASES[rule]
    for place, told in (("good", False), ("below", False), ("above", True), ("bad", True)):
        value = getattr(case, place)
        for prim in ("/Asset/geo", "/Asset/mtl"):  # one stage serves all four
            for child in asset.stage.GetPrimAtPath(prim).GetChildren():
                asset.stage.RemovePrim(child.GetPath())
        variants = asset.stage.GetDefaultPrim().GetVariantSets()
        for name in variants.GetNames():
            for variant in variants.GetVariantSet(name).GetVariantNames():
                asset.stage.GetRootLayer().GetPrimAtPath("/Asset").variantSets[name].RemoveVariant(
                    asset.stage.GetRootLayer().GetPrimAtPath("/Asset").variantSets[name].variants[variant]
                )
        file = case.build(asset, value)
        pictures = [str(asset.folder / name) for name in ("bar.png", "front.png") if (asset.folder / name).exists()]
        brief = job(references={"shape": pictures}, views=dict.fromkeys(pictures, "front"), **case.brief(value))
        report = inspect(file or asset.stage, job=brief, rules=[rule])
        assert not report.errors, (place, report.errors)
        assert rule not in report.skipped, place
        assert bool(report.findings) is told, (place, value, report.findings)
        if told and case.measures is not None:
            expected = case.measures(value)
            assert report.findings[0].measured == pytest.approx(expected, rel=case.within), (place, value)
