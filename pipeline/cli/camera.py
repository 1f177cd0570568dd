# SPDX-License-Identifier: Apache-2.0
"""Gate 5: a camera by what it is for, still or moving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.options import FRAMES, POINT, number
from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import scene_option, told

_SPEC = ("kind", "lens", "sensor", "aspect", "distance", "azimuth", "pitch", "fill", "fstop", "focus")
_NAMES = {"lens": "lens_mm", "sensor": "sensor_mm", "distance": "distance_m", "focus": "focus_m"}


@click.command(name="camera")
@click.argument("name")
@click.option("--subject", required=True, metavar="ASSET", help="The asset or prim it looks at.")
@click.option(
    "--kind",
    type=click.Choice(["player", "hero", "product", "turntable", "top"]),
    default="player",
    show_default=True,
    help="What for.",
)
@click.option("--lens", type=number(1), default=35.0, show_default=True, help="Focal length in mm.")
@click.option("--sensor", type=number(1), default=36.0, show_default=True, help="Sensor width in mm.")
@click.option("--aspect", type=number(0.1), default=16 / 9, help="Width by height of the picture.")
@click.option("--distance", type=number(0.01), help="Metres to the subject; default: fits it.")
@click.option("--azimuth", type=number(), help="Degrees from the subject's front.")
@click.option("--pitch", type=number(-89, 89), help="Degrees above the subject's middle.")
@click.option("--fill", type=number(0.01, 1), default=0.7, show_default=True, help="Share of the picture it fills.")
@click.option("--fstop", type=number(0), default=0.0, show_default=True, help="Depth of field; 0 keeps all sharp.")
@click.option("--focus", type=number(0.01), help="Metres to what is sharp; default: the subject's surface.")
@click.option(
    "--move",
    type=click.Choice(["orbit", "turntable", "dolly", "crane", "track"]),
    help="A move that has a name, over the frames.",
)
@click.option("--amount", type=number(), help="With --move: degrees of an orbit, metres of the others.")
@click.option("--along", "points", type=POINT, multiple=True, help="A point of a path; give two or more.")
@click.option("--curve", metavar="PRIM", help="Go along this BasisCurves prim.")
@click.option("--keys", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Keyframes, a JSON file.")
@click.option("--ahead", is_flag=True, help="Look along the path, not at the subject.")
@click.option("--ease", is_flag=True, help="Begin and end slowly.")
@click.option("--frames", type=FRAMES, help="First and last time code; default: the stage's.")
@scene_option
@json_option
@click.pass_obj
def command(session: Session, /, name: str, subject: str, scene: str | None, as_json: bool, **options: Any) -> None:
    """Author a camera below /World/Cameras: by intent, or moving along a path, between keyframes, by a named move.

    A file of keyframes is a list like [{"time": 1001, "eye": [4, 1.7, 4]}, …], in metres, Y up, with "target" and
    "lens_mm" where they matter.

    Example: gates camera player --subject market_stall --kind player --distance 6
    """
    from pipeline.gates.filming import add_camera, move_camera
    from pipeline.scenes import CameraSpec

    spec = CameraSpec(**{_NAMES.get(key, key): options[key] for key in _SPEC})
    motion = _motion(options)
    project = session.project()
    if motion is None:
        result = add_camera(project, name, subject, spec, scene=scene)
    else:
        result = move_camera(project, name, subject, spec, motion, scene=scene)
    text = f"{result.prim} looks at {subject}"
    if result.frames:
        text += f" from {result.frames[0]:g} to {result.frames[1]:g}, {result.path_m:.2f} m"
    if result.depth_of_field:
        depth = result.depth_of_field
        end = "on" if depth.far_m is None else f"to {depth.far_m:.2f} m"
        text += f"; sharp from {depth.near_m:.2f} m {end}"
    show(result, as_json, told(text, result.overruled))


def _motion(options: dict[str, Any]) -> Any:
    """What the options say about moving; None where it stands still."""
    import json

    from pydantic import ValidationError

    from pipeline.errors import UsageError
    from pipeline.scenes.motion import MotionSpec

    path = bool(options["points"] or options["curve"])
    ways = [bool(options["move"]), path, bool(options["keys"])]
    if sum(ways) > 1:
        raise click.UsageError("one of --move, --along or --curve, and --keys")
    if not any(ways):
        if options["frames"] and options["kind"] != "turntable":
            raise click.UsageError("--frames needs --move, --along, --curve or --keys")
        return MotionSpec(move="turntable", frames=options["frames"]) if options["kind"] == "turntable" else None
    given: dict[str, Any] = {
        "move": options["move"] or ("path" if path else "keys"),
        "amount": options["amount"],
        "points": list(options["points"]),
        "curve": options["curve"] or "",
        "ease": options["ease"],
        "look": "ahead" if options["ahead"] else "subject",
        "frames": options["frames"],
    }
    try:
        if options["keys"]:
            given["keys"] = json.loads(options["keys"].read_text(encoding="utf-8"))
        return MotionSpec(**given)
    except (ValueError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"msg": str(error), "loc": ()}
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"this camera cannot move so: {where} {first['msg']}".replace("  ", " "),
            path=options["keys"],
            remedy='keyframes are a list like [{"time": 1001, "eye": [4, 1.7, 4]}, …]; a path needs two points',
        ) from error
