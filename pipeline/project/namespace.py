# SPDX-License-Identifier: Apache-2.0
"""Deleting and moving prims of a whole work layer."""

from __future__ import annotations

from collections.abc import Iterable

from pxr import Sdf, Usd

from pipeline.errors import ProjectError

__all__ = ["move", "remove"]


def remove(stage: Usd.Stage, paths: Iterable[str]) -> None:
    """Delete prims and properties from the stage's edit target.

    Raises
    ------
    ProjectError
        Nothing there defines one of them.
    """
    layer = stage.GetEditTarget().GetLayer()
    for text in paths:
        path = Sdf.Path(text)
        if path.IsPrimPath() and layer.GetPrimAtPath(path):
            edit = Sdf.BatchNamespaceEdit()
            edit.Add(path, Sdf.Path.emptyPath)
            layer.Apply(edit)
        elif path.IsPrimPropertyPath() and layer.GetPropertyAtPath(path):
            layer.GetPrimAtPath(path.GetPrimPath()).RemoveProperty(layer.GetPropertyAtPath(path))
        else:
            raise ProjectError(
                "nothing on this branch defines it",
                prim=text,
                remedy="check the path; what a reference brings in can be deactivated, not deleted",
            )


def move(stage: Usd.Stage, old: str, new: str) -> None:
    """Move a prim, with all paths that point to it.

    Raises
    ------
    ProjectError
        USD will not, and why.
    """
    editor = Usd.NamespaceEditor(stage)
    if not Sdf.Path.IsValidPathString(new) or not stage.GetPrimAtPath(old):
        raise ProjectError(f"cannot move {old} to {new}", prim=old, remedy="check both paths")
    editor.MovePrimAtPath(old, new)
    reason = editor.CanApplyEdits()
    if not reason:
        raise ProjectError(
            f"cannot move {old} to {new}: {reason.GetMessages() if hasattr(reason, 'GetMessages') else reason}",
            prim=old,
            remedy="choose a free name beneath a prim of this branch",
        )
    editor.ApplyEdits()
