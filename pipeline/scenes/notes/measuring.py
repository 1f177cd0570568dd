# SPDX-License-Identifier: Apache-2.0
"""All measures of a situation, one after the other; one that breaks is told and costs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import GatesError
from pipeline.progress import track
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.registry import Registry, load_measures
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """What came of it.

    Attributes
    ----------
    failures
        kind -> why it could not be measured.
    views
        By camera path, with the pictures that were drawn.
    """

    notes: list[Note]
    failures: dict[str, str]
    views: dict[str, View]


def measure(
    situation: Situation,
    kinds: list[str] | None = None,
    registry: Registry | None = None,
    pixels: int | None = None,
) -> Measured:
    """Every note of some kinds (default: of all), through every camera of the situation.

    Parameters
    ----------
    pixels
        Along the longer side of the pictures that are drawn and measured.

    Raises
    ------
    UsageError
        There is no such kind or camera.
    StageError
        The asset shows nothing.
    """
    registry = registry or load_measures()
    situation.box  # noqa: B018  an asset that shows nothing is no failure of one measure
    views = {path: View(situation, path, *([pixels] if pixels else [])) for path in situation.cameras}
    notes: list[Note] = []
    failures = dict(registry.failures)
    for each in track(registry.chosen(kinds), "measures the scene"):
        if situation.settings.get(each.kind, {}).get("severity") == "off":
            continue
        for view in views.values() if each.through_camera else [None]:
            try:
                notes += _run(each, situation, view)
            except GatesError as error:
                failures[each.kind] = error.message
            except Exception as error:  # noqa: BLE001  a studio's measure may fail in any way
                failures[each.kind] = f"{type(error).__name__}: {error}"
    return Measured(notes, failures, views)


def _run(each: Measure, situation: Situation, view: View | None) -> list[Note]:
    return list(each.run(situation, view))
