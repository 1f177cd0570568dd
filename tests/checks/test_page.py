# SPDX-License-Identifier: Apache-2.0
"""The report's page in a real browser: it turns, shows where findings are and loads nothing."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from pipeline.checks import inspect
from pipeline.checks.png import png, stencil
from pipeline.checks.words import measured_name

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

#: what a visitor does, told in the document's title; it comes as a file of its own, as no other script may run inside
VISIT = """
<iframe id="page" style="width:%dpx;height:900px" src="%s"></iframe>
<script>
addEventListener("load", function () { setTimeout(function () {
  var w = document.getElementById("page").contentWindow, d = w.document, said = {};
  w.addEventListener("error", function (e) { said.error = String(e.message); });
  function $(s) { return d.querySelector(s); }
  function shown() { return $(".frame.on").dataset.name; }
  function layers() { return [].filter.call(d.querySelectorAll(".frame.on .layer"), function (i) {
    return w.getComputedStyle(i).display !== "none"; }).length; }
  function drag(from, to) { ["pointerdown", "pointermove", "pointerup"].forEach(function (kind, i) {
    $("#stage").dispatchEvent(new w.PointerEvent(kind, { clientX: i ? to : from, pointerId: 1, bubbles: true })); }); }
  w.Element.prototype.setPointerCapture = function () {};
  if ($("#play").getAttribute("aria-pressed") === "true") $("#play").click();
  $("#turn").value = 6; $("#turn").dispatchEvent(new w.Event("input")); said.slid = shown();
  $("#stage").dispatchEvent(new w.KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  said.keyed = $("#turn").value;
  drag(100, 100 - $("#stage").clientWidth / 24 * 3); said.dragged = $("#turn").value;
  var box = $("#stage").getBoundingClientRect();
  d.querySelectorAll(".which").forEach(function (b) { if (b.checked) b.click(); }); said.none = layers();
  $("#all").click(); said.all = layers();
  said.cards = [].map.call(d.querySelectorAll(".show"), function (b) {
    b.click();
    var marked = $("article.current") === b.closest("article");
    return [shown(), layers(), b.querySelectorAll(".thumb img").length, marked]; });
  said.said = $("#said").textContent;
  said.broken = [].filter.call(d.images, function (i) { return i.naturalWidth === 0; }).length;
  said.wide = d.documentElement.scrollWidth - w.innerWidth;
  said.loaded = w.performance.getEntriesByType("resource").filter(function (e) {
    return e.name.indexOf("data:"); }).length;
  said.hacked = typeof w.hacked;
  document.title = JSON.stringify(said);
}, 600); });
</script>"""

#: names and words that would be code if they got in
EVIL = '</script><script>hacked=1</script><img src=x onerror="hacked=1">\'"${title} &lt;\u202egnp'


def visit(page: Path, folder: Path, width: int) -> dict[str, Any]:
    host = folder / "visit.html"
    host.write_text(VISIT % (width, page.as_uri()), encoding="utf-8")
    ran = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--disable-site-isolation-trials", f"--user-data-dir={folder / 'profile'}", "--force-prefers-reduced-motion",
         "--virtual-time-budget=4000", f"--window-size={max(width + 40, 500)},1000", "--dump-dom", host.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"<title>(.*?)</title>", ran.stdout, re.DOTALL)
    assert found, ran.stderr[-500:]
    result: dict[str, Any] = json.loads(found.group(1))
    return result


@pytest.mark.long
@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1440, 390])
def test_a_visit(asset: Any, ball: trimesh.Trimesh, sheet: Any, tmp_path: Path, width: int) -> None:
    asset.mesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > -0.3])
    points, faces, uv = sheet(4, 4, 1, 1)
    asset.mesh(points, faces, "flag", uv=uv * [-1, 1] + [1, 0], move=(0, 2, 0))  # mirrored
    out = tmp_path / "report.html"
    report = inspect(asset.stage, rules=["geometry.holes", "geometry.hollow-back", "uv.flipped"], html=out)
    assert {f.rule for f in report.findings} == {"geometry.holes", "geometry.hollow-back", "uv.flipped"}
    said = visit(out, tmp_path, width)
    assert "error" not in said
    assert said["slid"] == "seen from the right"  # the sixth of 24 views is a quarter turn
    assert (said["keyed"], said["dragged"]) == ("7", "10")
    assert (said["none"], said["all"]) == (0, 3)
    cards = {re.sub(" .*", "", name): (layers, thumb, current) for name, layers, thumb, current in said["cards"]}
    assert all(state == (1, 2, True) for state in cards.values()), said["cards"]
    hollow = said["cards"][0][0]
    assert "back" in hollow  # the open side is cut off towards -Z
    assert any(name.startswith("UV layout flag") for name, *_ in said["cards"])
    assert said["said"].endswith(".")
    assert (said["broken"], said["loaded"], said["hacked"]) == (0, 0, "undefined")
    assert said["wide"] <= 0


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_no_name_gets_in_as_code(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.checks.pictures.SIDE", 64)
    monkeypatch.setattr("pipeline.checks.pictures.AROUND", 4)
    from pipeline.checks.geometry.holes import Holes

    for text in ("title", "advice", "regenerate", "fixer"):
        monkeypatch.setattr(Holes, text, EVIL)
    asset.mesh(ball.vertices, ball.faces[5:])
    file = tmp_path / "a<script>hacked=1<`script> ${job}.usda"
    asset.stage.Export(str(file))
    found = Holes.found
    monkeypatch.setattr(Holes, "found", lambda self, context, message, *a, **k: found(self, context, EVIL, *a, **k))
    out = tmp_path / "page.html"
    report = inspect(file, rules=["geometry.holes"], html=out)
    assert report.findings[0].message == EVIL
    text = out.read_text(encoding="utf-8")
    page = _Tags()
    page.feed(text)
    names = [tag for tag, _ in page.tags]
    assert (names.count("script"), names.count("style"), names.count("title")) == (1, 1, 1)
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on") or a == "style"]
    assert all(a["src"].startswith("data:image/png;base64,") for tag, a in page.tags if tag == "img")
    assert "\u202e" not in text
    assert not {"link", "iframe", "object", "base", "form"} & set(names)


def test_only_its_own_script_and_style_may_run(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashlib import sha256

    monkeypatch.setattr("pipeline.checks.pictures.SIDE", 64)
    monkeypatch.setattr("pipeline.checks.pictures.AROUND", 4)
    asset.mesh(ball.vertices, ball.faces[5:])
    inspect(asset.stage, rules=["geometry.holes"], html=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


def test_pictures_as_another_reader_sees_them() -> None:
    from PIL import Image

    rng = np.random.default_rng(3)
    for channels, mode in ((1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")):
        pixels = rng.integers(0, 256, (5, 7, channels), dtype=np.uint8)
        opened = Image.open(BytesIO(png(pixels)))
        assert opened.mode == mode
        assert np.array_equal(np.asarray(opened).reshape(5, 7, channels), pixels)
    codes = rng.integers(0, 3, (4, 9), dtype=np.uint8)
    opened = np.asarray(Image.open(BytesIO(stencil(codes, "#12a0ff"))).convert("RGBA"))
    assert (opened[..., :3][codes > 0] == (0x12, 0xA0, 0xFF)).all()
    assert np.array_equal(opened[..., 3], np.array([0, 189, 87])[codes])  # 0.74 and 0.34 of 255


@pytest.mark.parametrize(
    ("measured", "limit", "unit", "told"),
    [
        (0.00777, 0.001, "share of faces", "0.777 % of faces, limit 0.1 %"),
        (2, 0, "bodies", "2 bodies, limit 0"),
        (1, 0, "vertices", "1 vertex, limit 0"),
        (1, None, "files", "1 file"),
        (1_310_720, 20000, "triangles", "1,310,720 triangles, limit 20000"),
        (24.81, 3, "ratio", "24.8 ratio, limit 3"),
        (None, 3, "ratio", ""),
    ],
)
def test_measures_in_words(measured: float | None, limit: float | None, unit: str, told: str) -> None:
    assert measured_name(measured, limit, unit) == told


def test_without_rays_there_is_a_page_without_a_turntable(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.mesh.rays.PATIENCE", 0.0)
    monkeypatch.setattr("pipeline.mesh.rays.DEAR", 0.0)
    asset.mesh(ball.vertices, ball.faces[1:])
    out = tmp_path / "report.html"
    report = inspect(asset.stage, rules=["geometry"], html=out)
    assert "geometry.hollow-back" in {e.rule for e in report.errors}
    assert "geometry.holes" in {f.rule for f in report.findings}
    text = out.read_text(encoding="utf-8")
    assert "every ray meets the boxes of most of them" in text
    assert "data:image/png" not in text
