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
    listener = _Listener(text.split())
    for place in range(len(listener.words)):
        listener.hear(place)
    return listener.reading()


@dataclass
class _Mention:
    """One thing that a prompt names, with the number and the colours said before it."""

    thing: str
    word: str
    count: int
    colours: list[str]


class _Listener:
    """Takes a prompt's words one after the other; numbers and colours wait for the thing that they belong to."""

    def __init__(self, spoken: list[str]) -> None:
        self.spoken = spoken
        self.words = [_known(w) for w in spoken]
        self.found: list[_Mention] = []
        self.traits: set[str] = set()
        self.unknown: list[str] = []
        self.colours: list[str] = []
        self.cloth: list[str] = []
        self.number = 0

    def hear(self, place: int) -> None:
        """Take the word at a place."""
        word = self.words[place]
        following = self.words[place + 1] if place + 1 < len(self.words) else ""
        if self._is_colour(place):
            self._colour(word, following)
        elif word in THINGS or word in WARES:
            self._thing(word, following, self.words[place + 1 :])
        elif word in NUMBERS or word.isdigit():
            self.number = min(int(word) if word.isdigit() else NUMBERS[word], 12)
        elif word in TRAITS:
            self.traits.add(word)
            if word == "striped" and self.colours:
                self.cloth, self.colours = [*self.cloth, *self.colours], []
        elif word not in _FILLER:
            self.unknown.append(word)

    def _is_colour(self, place: int) -> bool:
        """`oranges` and `3 orange` are fruit."""
        word = self.words[place]
        fruit = self.spoken[place] == "oranges" or (word == "orange" and self.number > 1)
        return word in COLOUR_WORDS and not fruit

    def _colour(self, word: str, following: str) -> None:
        if word == "orange" and not (following in THINGS or following in COLOUR_WORDS or following == "and"):
            self.found.append(_Mention(word, word, self.number, []))
        else:
            self.colours.append(word)

    def _thing(self, word: str, following: str, rest: list[str]) -> None:
        thing = THINGS.get(word, word)
        if word in STUFF and _next_thing(rest):
            return
        if thing == "crate" and following in THINGS and following != "crate":
            return
        self.found.append(_Mention(thing, word, self.number, self.colours))
        self.colours, self.number = [], 0

    def reading(self) -> Reading:
        """What all of it means."""
        things = [f for f in self.found if f.thing not in WARES and f.thing != "canopy"]
        main = next((f for f in things if f.thing == "stall"), things[0] if things else None)
        counts: dict[str, int] = {}
        dyes: dict[str, list[str]] = {"cloth": self.cloth} if self.cloth else {}
        for item in self.found:
            if item is not main and item.thing != "canopy":
                usual = 3 if item.thing == "crate" else 1
                counts[item.thing] = max(counts.get(item.thing, 0), item.count or usual)
            if item.colours:
                dyed = DYED.get(item.thing, "wood" if item.thing not in WARES else item.thing)
                dyes.setdefault(dyed, []).extend(item.colours)
        if self.colours:
            dyes.setdefault(DYED.get(main.thing, "wood") if main else "wood", []).extend(self.colours)
        traits = frozenset(self.traits)
        if main is None:
            noun = self.unknown[-1] if self.unknown else ""
            return Reading("", noun, 1, counts, dyes, traits, self.unknown)
        return Reading(main.thing, main.word, max(main.count, 1), counts, dyes, traits, self.unknown)


def forbidden(negative: str) -> set[str]:
    """The things and wares that a negative prompt names."""
    words = [_known(w) for w in re.findall(r"[a-z]+", negative.lower())]
    return {THINGS.get(w, w) for w in words if w in THINGS or w in WARES}
