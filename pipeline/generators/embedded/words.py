# SPDX-License-Identifier: Apache-2.0
"""Reading a prompt: which things are meant, how many, in which colours, and which traits they have.

No language model: a small lexicon, and the order of the words. What it does not know is reported, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.generators.embedded.palette import COLOUR_WORDS
from pipeline.generators.embedded.props.goods import WARES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: words for the things the kit can build
THINGS: dict[str, str] = {
    "stall": "stall", "booth": "stall", "kiosk": "stall", "stand": "stall", "marketstall": "stall",
    "crate": "crate", "box": "crate", "chest": "crate", "barrel": "barrel", "cask": "barrel", "keg": "barrel",
    "basket": "basket", "tray": "crate",
    "table": "table", "desk": "table", "counter": "table", "chair": "chair", "stool": "stool", "bench": "bench",
    "shelf": "shelf", "shelves": "shelf", "bookcase": "shelf", "rack": "shelf",
    "lamp": "lamp", "lantern": "lamp", "streetlamp": "lamppost", "lamppost": "lamppost", "sign": "sign",
    "signpost": "signpost", "signboard": "sign", "fence": "fence", "railing": "fence", "gate": "fence",
    "pillar": "pillar", "column": "pillar", "post": "pillar", "rock": "rock", "boulder": "rock", "stone": "rock",
    "tree": "tree", "oak": "tree", "pine": "pine", "fir": "pine", "bush": "bush", "shrub": "bush",
    "pot": "pot", "vase": "pot", "jar": "pot", "jug": "pot", "urn": "pot",
    "canopy": "canopy", "awning": "canopy", "roof": "canopy", "tent": "canopy", "cloth": "canopy",
    "tarp": "canopy", "fabric": "canopy",
}  # fmt: skip
#: which use of a colour each thing's adjectives dye
DYED: dict[str, str] = {
    "canopy": "cloth", "sign": "paint", "signpost": "paint", "rock": "stone", "pillar": "stone", "tree": "leaf",
    "pine": "leaf", "bush": "leaf", "pot": "clay", "lamp": "metal", "lamppost": "metal", "stall": "cloth",
}  # fmt: skip
#: things that are also what other things are made of: before another thing they only say of what
STUFF = frozenset({"oak", "pine", "fir", "stone", "rock", "cloth", "fabric"})
#: two words that mean one thing
JOINED = {"street lamp": "streetlamp", "street light": "streetlamp", "lamp post": "lamppost", "sign post": "signpost",
          "sign board": "signboard", "book case": "bookcase", "tree trunk": "tree"}  # fmt: skip
TRAITS = _words(
    """striped plain old worn weathered rustic medieval fantasy modern clean sleek new chunky stylised
    stylized cartoon
    gable awning tall low wide narrow round mossy broken rickety sturdy rough smooth open closed"""
)
NUMBERS = {
    "a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "pair": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "several": 3, "few": 3, "some": 3, "many": 5,
}  # fmt: skip
_FILLER = _words(
    """the of and or with in on at for to by from made full small large big little tiny huge asset
    prop game ready low poly 3d model style market wooden wood metal iron steel stone clay glass fruit
    fruits vegetable vegetables goods wares
    hanging standing street front back left right side under over near view scene its it is has very stylised
    stylized hand painted handpainted detailed beautiful cute simple realistic render unreal engine unity godot
    that which this these those into level quality high budget triangles texture textures pbr concept sketch
    colour color colours colors coloured colored dark light warm bright pale without no not edge edges scalloped
    frame beams planks boards player camera distance readable town village city square shop
    seller vendor day night"""
)


@dataclass(frozen=True)
class Reading:
    """What a prompt says.

    Attributes
    ----------
    thing
        The main thing in the kit's own word; empty where the prompt names none it knows.
    noun
        The prompt's word for it.
    counts
        Other things and wares by the kit's word, with how many.
    dyes
        Colour words by use, in order; two for `cloth` make its stripes.
    unknown
        Words that steered nothing.
    """

    thing: str
    noun: str
    number: int
    counts: dict[str, int] = field(default_factory=dict)
    dyes: dict[str, list[str]] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    unknown: list[str] = field(default_factory=list)


def _known(word: str) -> str:
    """A word reduced to one the lexicon has: plural endings dropped."""
    forms = [word]
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s"):
        forms.append(word[:-1])
    for form in forms:
        if form in THINGS or form in WARES:
            return form
    return word


def _next_thing(words: list[str]) -> bool:
    """Whether a thing follows with nothing but adjectives before it."""
    for word in words:
        if word in THINGS:
            return True
        if (
            word not in TRAITS
            and word not in COLOUR_WORDS
            and word not in ("wooden", "wood", "market", "small", "large")
        ):
            return False
    return False


def read(prompt: str) -> Reading:
    """Read a prompt; the first known thing that is no ware and no part of another is the main thing."""
    text = " ".join(re.findall(r"[a-z0-9]+", prompt.lower()))
    for two, one in JOINED.items():
        text = text.replace(two, one)
    raw = text.split()
    words = [_known(w) for w in raw]
    found: list[tuple[str, str, int, list[str]]] = []
    traits: set[str] = set()
    unknown: list[str] = []
    colours: list[str] = []
    cloth: list[str] = []
    number = 0
    for i, word in enumerate(words):
        if word in COLOUR_WORDS and raw[i] != "oranges" and not (word == "orange" and number > 1):
            following = words[i + 1] if i + 1 < len(words) else ""
            colour = following in THINGS or following in COLOUR_WORDS or following == "and"
            if word == "orange" and not colour:
                found.append((word, word, number, []))
                continue
            colours.append(word)
        elif word in THINGS or word in WARES:
            thing = THINGS.get(word, word)
            following = words[i + 1] if i + 1 < len(words) else ""
            if word in STUFF and _next_thing(words[i + 1 :]):
                continue
            if thing == "crate" and following in THINGS and following != "crate":
                continue
            found.append((thing, word, number, colours))
            colours, number = [], 0
        elif word in NUMBERS or word.isdigit():
            number = int(word) if word.isdigit() else NUMBERS[word]
            number = min(number, 12)
        elif word in TRAITS:
            traits.add(word)
            if word == "striped" and colours:
                cloth, colours = [*cloth, *colours], []
        elif word not in _FILLER:
            unknown.append(word)
    things = [f for f in found if f[0] not in WARES and f[0] != "canopy"]
    main = next((f for f in things if f[0] == "stall"), things[0] if things else None)
    counts: dict[str, int] = {}
    dyes: dict[str, list[str]] = {"cloth": cloth} if cloth else {}
    for item in found:
        thing, _, count, dye = item
        if item is not main and thing != "canopy":
            counts[thing] = max(counts.get(thing, 0), count or (3 if thing in ("crate",) else 1))
        if dye:
            dyes.setdefault(DYED.get(thing, "wood" if thing not in WARES else thing), []).extend(dye)
    if colours:
        dyes.setdefault(DYED.get(main[0], "wood") if main else "wood", []).extend(colours)
    if main is None:
        noun = unknown[-1] if unknown else ""
        return Reading("", noun, 1, counts, dyes, frozenset(traits), unknown)
    return Reading(main[0], main[1], max(main[2], 1), counts, dyes, frozenset(traits), unknown)


def forbidden(negative: str) -> set[str]:
    """The things and wares that a negative prompt names."""
    words = [_known(w) for w in re.findall(r"[a-z]+", negative.lower())]
    return {THINGS.get(w, w) for w in words if w in THINGS or w in WARES}
