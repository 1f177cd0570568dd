# SPDX-License-Identifier: Apache-2.0
"""USD's own validators as rules `usd.<Name>`: all run once, each rule tells what its own found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Severity

#: our own rules are validators too; they are not asked twice
OURS = "pipeline."
#: findings of one validator that are told one by one
MOST = 20
_ADVICE = "See the validator's documentation in USD; usdchecker finds the same."


class UsdValidator(Rule):
    """One name among USD's validators (two libraries may share it)."""

    severity: Severity = "error"  # type: ignore[misc]
    unit = "errors"
    advice = _ADVICE
    minutes = 10

    def __init__(self, name: str, members: tuple[str, ...], doc: str) -> None:
        self.id = f"usd.{name}"  # type: ignore[misc]
        self.title = _title(name)  # type: ignore[misc]
        self.doc = doc
        self.members = members

    def run(self, context: Context) -> Iterator[Finding]:
        import dataclasses

        found = [e for e in _errors(context) if e[0] in self.members]
        setting = context.brief.job.rules.get(self.id)
        told = setting is not None and setting.severity is not None
        for _, severity, message, prim in found[:MOST]:
            finding = self.found(context, message, prim, len(found))
            yield finding if told else dataclasses.replace(finding, severity=severity)


def _title(name: str) -> str:
    """`missing reference` of `MissingReferenceValidator`."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+", re.sub("(Validator|Checker)$", "", name))
    return "USD: " + " ".join(w if w.isupper() and len(w) > 1 else w.lower() for w in words)


def _errors(context: Context) -> list[tuple[str, Severity, str, str]]:
    result: list[tuple[str, Severity, str, str]] = context.keep("usd", lambda: _validate(context))
    return result


def _validate(context: Context) -> list[tuple[str, Severity, str, str]]:
    """(validator, severity, message, prim) of everything that USD finds on the stage."""
    from pxr import Tf, UsdValidation

    if context.subject.stage is None or not context.subject.native:
        return []
    result: list[tuple[str, Severity, str, str]] = []
    names = [n for members, _ in _by_name().values() for n in members]
    try:
        errors = _asked(context, names)
    except Tf.ErrorException:  # a broken layer: one validator after the other, to know which it breaks
        errors = []
        for name in names:
            try:
                errors += _asked(context, [name])
            except Tf.ErrorException as broken:
                said = " ".join(str(broken).split())
                found = re.search(r"in file \S+ : '(.*?)'(?: Error in|$)", said)
                told = f"cannot look at this stage: {(found.group(1) if found else said)[:200]}"
                result.append((name, "error", told, context.subject.prim))
    for error in errors:
        kind = error.GetType()
        severity: Severity = (
            "error"
            if kind == UsdValidation.ValidationErrorType.Error
            else "warning"
            if kind == UsdValidation.ValidationErrorType.Warn
            else "info"
        )
        prims = [_prim(s) for s in error.GetSites()]
        prim = next((p for p in prims if p), "")
        validator = str(error.GetIdentifier()).rpartition(".")[0]
        result.append((validator, severity, _message(error), prim))
    return result


def _message(error: Any) -> str:
    """What a validator says; a broken layer may have names that are no text."""
    try:
        return " ".join(error.GetMessage().split())
    except UnicodeDecodeError:
        return "something whose name is no text"


def _asked(context: Context, names: list[str]) -> list[Any]:
    """What validators find, on the stage or beneath the prim asked for.

    Raises
    ------
    Tf.ErrorException
        One of them meets something broken.
    """
    from pxr import Usd, UsdUtils, UsdValidation

    validators = UsdValidation.ValidationRegistry().GetOrLoadValidatorsByName(names)
    validation = UsdValidation.ValidationContext(validators)
    stage = context.subject.stage
    # what they warn of besides on standard error is told as findings
    warned = UsdUtils.CoalescingDiagnosticDelegate()
    try:
        if not context.subject.asked:
            return list(validation.Validate(stage))
        # the validators of prims, on those beneath the one asked for
        root = stage.GetPrimAtPath(context.subject.prim)
        beneath = Usd.PrimRange(root, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
        return list(validation.Validate(list(beneath)))
    finally:
        warned.TakeUncoalescedDiagnostics()


def _prim(site: Any) -> str:
    try:
        if site.IsPrim():
            return str(site.GetPrim().GetPath())
        if site.IsProperty():
            return str(site.GetProperty().GetPrim().GetPath())
    except UnicodeDecodeError:
        pass  # a name of a broken layer that is no text
    return ""


@cache
def _by_name() -> dict[str, tuple[tuple[str, ...], str]]:
    """Short name -> full names, and what it looks for."""
    from pxr import UsdValidation

    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for data in sorted(UsdValidation.ValidationRegistry().GetAllValidatorMetadata(), key=lambda d: str(d.name)):
        library, _, short = str(data.name).rpartition(":")
        if library.lower().startswith(OURS) or data.isSuite:
            continue
        members, doc = found.get(short, ((), ""))
        found[short] = ((*members, str(data.name)), doc or str(data.doc or "").strip())
    return found


def usd_rules() -> list[Rule]:
    """One rule for each validator of the USD libraries that are installed."""
    return [UsdValidator(name, members, doc) for name, (members, doc) in sorted(_by_name().items())]
