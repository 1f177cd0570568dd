# SPDX-License-Identifier: Apache-2.0
"""Our rules among USD's validators, for usdchecker-style tools and usdview.

With this folder on `PXR_PLUGINPATH_NAME`, or after `register()`, USD's validation registry lists each rule as
`pipeline.checks.usd_plugin:<Name>` (`geometry.holes` is `…:GeometryHoles`) with the keyword `SevenGates`. They are
stage validators: they judge the default prim, or the one that the environment variable `GATES_PRIM` names, for the job
named by `GATES_JOB`. Rules of a studio are listed as well from when the first of them is loaded.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from functools import cache
from pathlib import Path
from typing import Any

from pxr import Plug, Sdf, Tf, Usd, UsdValidation

from pipeline.checks.protocol import Rule
from pipeline.checks.registry import OURS, built_in, load_rules
from pipeline.checks.report import Report
from pipeline.checks.usd_plugin.fixes import fixers_of

__all__ = ["plug_info", "register", "validator_name"]

#: a Python plug-in of USD is called like its module
PREFIX = "pipeline.checks.usd_plugin"
KEYWORD = "SevenGates"
#: the error of a rule that broke
NOT_RUN = "not_run"
_lock = threading.RLock()


def validator_name(rule_id: str) -> str:
    """`geometry.non-manifold-edges` -> `GeometryNonManifoldEdges`."""
    return "".join(word.capitalize() for word in rule_id.replace("-", ".").split("."))


def plug_info() -> str:
    """The text of plugInfo.json beside this file."""
    validators: dict[str, Any] = {"keywords": [KEYWORD]}
    for rule in built_in():
        validators[validator_name(rule.id)] = {"doc": f"{rule.id}: {rule.title}", "keywords": [rule.id]}
    info = {
        "Plugins": [
            {
                "Name": PREFIX,
                "Type": "python",
                "Root": ".",
                "Info": {"Validators": validators},
            }
        ]
    }
    return json.dumps(info, indent=1) + "\n"


class _Latest:
    """The last report of a stage, until the stage changes."""

    def __init__(self) -> None:
        self.stage: Any = None
        self.report: Report | None = None
        self.listener: Any = None

    def of(self, stage: Usd.Stage) -> Report:
        """The report, made anew where the stage is another or has changed."""
        from pipeline.checks.engine import inspect

        with _lock:
            if self.report is None or self.stage is None or self.stage() is not stage:
                prim = os.environ.get("GATES_PRIM") or None
                self.report = inspect(stage, job=os.environ.get("GATES_JOB"), rules=_ids(), prim=prim)
                self.stage = weakref.ref(stage)
                self.listener = Tf.Notice.Register(Usd.Notice.StageContentsChanged, self.changed, stage)
            return self.report

    def changed(self, *_: Any) -> None:
        """Forget what was found."""
        self.report = None


_latest = _Latest()


@cache
def _studio() -> tuple[type[Rule], ...]:
    """Rules of entry points and of the studio's folder that do not replace ours; what does not load is no validator."""
    known = load_rules()
    return tuple(type(r) for i, r in known.rules.items() if known.origins[i] not in OURS and i not in known.replaced)


def _ids() -> list[str]:
    return [rule.id for rule in (*built_in(), *_studio())]


def _validator(rule: type[Rule]) -> Any:
    kinds = {
        "error": UsdValidation.ValidationErrorType.Error,
        "warning": UsdValidation.ValidationErrorType.Warn,
        "info": UsdValidation.ValidationErrorType.Info,
    }

    def validate(stage: Usd.Stage, _: Any) -> list[Any]:
        place = [UsdValidation.ValidationErrorSite(stage, Sdf.Path.absoluteRootPath)]
        try:
            report = _latest.of(stage)
        except Exception as error:  # noqa: BLE001  an exception would end the other validators as well
            return [UsdValidation.ValidationError(NOT_RUN, kinds["error"], place, f"{rule.id} could not run: {error}")]
        broken = [
            UsdValidation.ValidationError(NOT_RUN, kinds["error"], place, f"{rule.id} could not run: {e.message}")
            for e in report.errors
            if e.rule == rule.id
        ]
        return broken + [
            UsdValidation.ValidationError(
                rule.id.partition(".")[2].replace("-", "_"),
                kinds[f.severity],
                [UsdValidation.ValidationErrorSite(stage, Sdf.Path(f.prim or "/"))],
                f.message,
            )
            for f in report.findings
            if f.rule == rule.id
        ]

    return validate


def register() -> None:
    """Make USD know our validators; importing this module has done it."""


def _register_all() -> None:
    """Give USD a function for each rule, by the names that plugInfo.json declares.

    A validation registry that was made before this plug-in was found knows none of them: it is told here.
    """
    Plug.Registry().RegisterPlugins(str(Path(__file__).parent))
    registry = UsdValidation.ValidationRegistry()
    known = {str(data.name) for data in registry.GetAllValidatorMetadata()}
    for rule in (*built_in(), *_studio()):
        name = f"{PREFIX}:{validator_name(rule.id)}"
        if name in known:
            registry.RegisterPluginStageValidator(name, _validator(rule), fixers_of(rule))
        else:
            said = UsdValidation.ValidatorMetadata(
                name=name, doc=f"{rule.id}: {rule.title}", keywords=[KEYWORD, rule.id]
            )
            registry.RegisterStageValidator(said, _validator(rule), fixers_of(rule))


_register_all()
