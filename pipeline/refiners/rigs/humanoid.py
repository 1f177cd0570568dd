# SPDX-License-Identifier: Apache-2.0
"""Which joint of a character is which bone of a human, read from names of any tool and from the hierarchy.

Bones have the names of VRM's and Unity's humanoids: `hips`, `leftUpperArm`. Names are cut into words first, so
`mixamorig:LeftForeArm`, `Bip01 L Forearm`, `CC_Base_L_Forearm`, `J_Bip_L_LowerArm` and `lowerarm_l` are the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bones", "mirrored", "spine", "twist", "words"]

_SIDES = {"left": "left", "l": "left", "lft": "left", "lt": "left", "right": "right", "r": "right", "rgt": "right",
          "rt": "right"}  # fmt: skip
#: words that tools put in front of every name and that say nothing of the bone
_NOISE = {"mixamorig", "bip", "bip01", "bip001", "biped", "armature", "cc", "base", "j", "sec", "valvebiped", "def",
          "org", "mch", "rig", "jnt", "joint", "bone", "sk", "skel", "character", "bn", "c", "center", "b"}  # fmt: skip
#: joints that help another one, or end a chain
_ASIDE = {"twist", "roll", "ik", "fk", "pole", "target", "end", "nub", "tip", "helper", "share", "ctrl", "control",
          "corrective", "metacarpal", "socket", "attach", "weapon", "adj", "dummy", "phys", "pin", "props"}  # fmt: skip
_COMPOUNDS = re.compile(
    r"(upper|lower|fore|up|low)(arm|leg|chest)|(toe)(base)|(shoulder|collar)(blade|bone)|(thigh|calf|spine|neck)(twist)"
)
_FINGERS = {"thumb": "Thumb", "index": "Index", "middle": "Middle", "mid": "Middle", "ring": "Ring", "pinky": "Little",
            "little": "Little", "pinkie": "Little"}  # fmt: skip
_DIGITS = {"Thumb": ("Metacarpal", "Proximal", "Distal")}
_TORSO = ("spine", "chest", "upperChest")


def words(name: str) -> list[str]:
    """A joint's name as lower-case words and numbers: `mixamorig:LeftForeArm` is mixamorig, left, fore, arm."""
    spaced = re.sub(r"([a-z])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    spaced = re.sub(r"([A-Za-z])(\d)|(\d)([A-Za-z])", r"\1\3 \2\4", spaced)
    found = re.findall(r"[a-z]+|\d+", spaced.lower())
    result: list[str] = []
    for word in found:
        result += [w for w in _COMPOUNDS.sub(lambda m: " ".join(g for g in m.groups() if g), word).split() if w]
    return result


def _said(name: str) -> tuple[str, list[str]]:
    """Side (`left`, `right` or none) and the words that are left."""
    bare = [w for w in words(name.rsplit("/", 1)[-1]) if w not in _NOISE]
    # a lone l or r at either end is a side, so is the word anywhere
    side = next((_SIDES[w] for w in bare if w in ("left", "right")), "")
    if not side:
        side = next((_SIDES[w] for w in (*bare[:1], *bare[-1:], *bare) if w in _SIDES), "")
    return side, [w for w in bare if w not in _SIDES]


def _limb(side: str, said: list[str]) -> str:
    """The bone that a sided name means by itself, without `left` or `right`; empty where it means none."""
    own = set(said)
    if own & _ASIDE and not ("metacarpal" in own and "thumb" in own):
        return ""
    if not side or own & set(_FINGERS):
        return ""
    arm, leg = "arm" in own, "leg" in own
    for bone, meant in (
        ("LowerArm", (arm and bool(own & {"fore", "lower", "low"})) or bool(own & {"elbow", "forearm"})),
        ("UpperArm", arm),
        ("Hand", bool(own & {"hand", "wrist"})),
        ("LowerLeg", (leg and bool(own & {"lower", "low"})) or bool(own & {"calf", "shin", "knee", "crus"})),
        ("UpperLeg", (leg and bool(own & {"up", "upper"})) or bool(own & {"thigh", "femur", "hip"})),
        ("LowerLeg", leg),
        ("Toes", bool(own & {"toe", "toes", "ball"})),
        ("Foot", bool(own & {"foot", "ankle"})),
        ("Shoulder", bool(own & {"shoulder", "clavicle", "collar"})),
        ("Eye", bool(own & {"eye", "eyeball"}) and not own & {"lid", "brow", "lash"}),
    ):
        if meant:
            return bone
    return ""


def bones(joints: Sequence[str], parents: Sequence[int] | NDArray[np.integer]) -> dict[str, int]:
    """Bone to number of the joint, of those that are recognised.

    Parameters
    ----------
    joints
        Paths or names; only the last element counts.
    parents
        Number of each joint's parent, -1 for roots; parents may come in any order.
    """
    above = [int(p) for p in parents]
    depth = [_depth(above, j) for j in range(len(joints))]
    order = sorted(range(len(joints)), key=lambda j: (depth[j], j))
    said = [_said(str(j)) for j in joints]
    found: dict[str, int] = {}
    for joint in order:  # the one nearest to the root is it
        side, own = said[joint]
        bone = _limb(side, own)
        if bone:
            found.setdefault(side + bone, joint)
    for side in ("left", "right"):
        # SMPL says collar, shoulder, elbow; Rigify says ankle and toe, SMPL ankle and foot
        if side + "UpperArm" not in found and side + "Shoulder" in found:
            below = [j for j in order if above[j] == found[side + "Shoulder"] and "shoulder" in said[j][1]]
            if below:
                found[side + "UpperArm"] = below[0]
            elif any(above[j] == found[side + "Shoulder"] for j in [found.get(side + "LowerArm", -1)] if j >= 0):
                found[side + "UpperArm"] = found.pop(side + "Shoulder")
        if side + "Toes" not in found and side + "Foot" in found and "ankle" in said[found[side + "Foot"]][1]:
            below = [j for j in order if above[j] == found[side + "Foot"] and "foot" in said[j][1]]
            if below:
                found[side + "Toes"] = below[0]
    found.update(_torso(above, order, said, found))
    for side in ("left", "right"):
        found.update(_fingers(side, above, order, said, found))
    return found


def _depth(above: list[int], joint: int) -> int:
    count = 0
    while above[joint] >= 0 and count < len(above):
        joint, count = above[joint], count + 1
    return count


def _line(above: list[int], joint: int) -> list[int]:
    """The joint and all above it, the root last."""
    found = [joint]
    while above[found[-1]] >= 0 and len(found) <= len(above):
        found.append(above[found[-1]])
    return found


def _torso(
    above: list[int], order: list[int], said: list[tuple[str, list[str]]], limbs: dict[str, int]
) -> dict[str, int]:
    """Hips, spine, neck, head, jaw: hips is where both legs meet the spine."""
    found: dict[str, int] = {}
    # Character Creator's neck is a twist joint
    plain = [j for j in order if not said[j][0] and ("neck" in said[j][1] or not set(said[j][1]) & _ASIDE)]

    def first(*names: str) -> int | None:
        return next((j for j in plain if set(said[j][1]) & set(names)), None)

    legs = [limbs[s + "UpperLeg"] for s in ("left", "right") if s + "UpperLeg" in limbs]
    hips = first("hips", "pelvis", "hip")
    if len(legs) == 2:
        shared = [j for j in _line(above, legs[0])[1:] if j in _line(above, legs[1])[1:]]
        # what both legs hang from, unless the name says a joint above it (a pelvis beside the spine, beneath the hips)
        if shared and (hips is None or hips not in shared):
            hips = shared[0]
    if hips is not None:
        found["hips"] = hips
    head, neck = first("head"), first("neck")
    if head is not None:
        found["head"] = head
    if neck is not None:
        found["neck"] = neck
    jaw = first("jaw", "mandible")
    if jaw is not None:
        found["jaw"] = jaw
    return found | dict(zip(_TORSO, _spread(_spine(above, said, {**limbs, **found})), strict=False))


def _spine(above: list[int], said: list[tuple[str, list[str]]], found: dict[str, int]) -> list[int]:
    """The joints between hips and neck."""
    tops = [found[b] for b in ("neck", "head", "leftShoulder", "rightShoulder", "leftUpperArm") if b in found]
    if not tops or "hips" not in found:
        return []
    line = _line(above, tops[0])[1:][::-1]
    chain = line[line.index(found["hips"]) + 1 :] if found["hips"] in line else []
    trunk = {"spine", "chest", "waist", "torso", "abdomen", "back", "stomach", "body"}
    return [j for j in chain if not said[j][0] and trunk & set(said[j][1])]


def spine(joints: Sequence[str], parents: Sequence[int] | NDArray[np.integer], found: dict[str, int]) -> list[int]:
    """All joints between hips and neck, the lowest first; `found` is what `bones` gave."""
    return _spine([int(p) for p in parents], [_said(str(j)) for j in joints], found)


def twist(joint: str) -> str:
    """The limb that a twist joint helps, `leftUpperArm`; empty for any other joint."""
    side, own = _said(joint)
    if not {"twist", "roll"} & set(own):
        return ""
    limb = _limb(side, [w for w in own if w not in ("twist", "roll")])
    return side + limb if limb else ""


def _spread(chain: list[int]) -> list[int]:
    """Three of a longer spine: the first, the middle one, the last."""
    return chain if len(chain) <= 3 else [chain[0], chain[len(chain) // 2], chain[-1]]


def _fingers(
    side: str, above: list[int], order: list[int], said: list[tuple[str, list[str]]], limbs: dict[str, int]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for finger in dict.fromkeys(_FINGERS.values()):
        mine = [
            j for j in order
            if said[j][0] == side and any(_FINGERS.get(w) == finger for w in said[j][1]) and "toe" not in said[j][1]
            and not (set(said[j][1]) & _ASIDE - ({"metacarpal"} if finger == "Thumb" else set()))
        ]  # fmt: skip
        for bone, joint in zip(_DIGITS.get(finger, ("Proximal", "Intermediate", "Distal")), mine, strict=False):
            found[f"{side}{finger}{bone}"] = joint
    return found


def mirrored(joints: Sequence[str]) -> NDArray[np.int32]:
    """(j,) the joint on the other side by name, itself where there is none."""
    key: list[tuple[tuple[str, tuple[str, ...]], ...]] = []
    for joint in joints:
        steps: list[tuple[str, tuple[str, ...]]] = []
        for step in str(joint).split("/"):
            side, _ = _said(step)
            # a side word is taken out where it stands, so that what is left must agree
            steps.append((side, tuple(w for w in words(step) if _SIDES.get(w) != side or not side)))
        key.append(tuple(steps))
    number = {k: i for i, k in enumerate(key)}
    swap = {"left": "right", "right": "left", "": ""}
    result = np.arange(len(key), dtype=np.int32)
    for i, own in enumerate(key):
        result[i] = number.get(tuple((swap[s], w) for s, w in own), i)
    return result
