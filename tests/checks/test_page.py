# SPDX-License-Identifier: Apache-2.0
"""The report's page in a real browser: one view at a time, painted or plain, and nothing loaded from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trimesh

from pipeline.checks import inspect
from pipeline.checks.words import measured_name

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

#: what a visitor does, written into the document's title
VISIT = """<script>
(function () {
  var said = [], turn = document.getElementById("turn"), paint = document.getElementById("paint");
  function shown() {
    var on = document.querySelectorAll(".frame.on");
    said.push(on.length + ":" + (on[0].classList.contains("painted") ? "painted" : "plain") + ":" + on[0].alt
      + ":" + (on[0].naturalWidth > 0));
  }
  addEventListener("load", function () {
    shown();
    turn.value = 5; turn.dispatchEvent(new Event("input")); shown();
    paint.checked = false; paint.dispatchEvent(new Event("change")); shown();
    var images = document.querySelectorAll("article img"), whole = 0;
    for (var i = 0; i < images.length; i++) whole += images[i].naturalWidth > 0 ? 1 : 0;
    said.push(whole + " of " + images.length);
    said.push(document.documentElement.scrollWidth <= innerWidth ? "fits" : "too wide");
    document.title = said.join("|");
  });
})();
</script></body>"""


@pytest.mark.long
@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_visit(asset: Any, ball: trimesh.Trimesh, tmp_path: Path, width: int) -> None:
    asset.mesh(ball.vertices, ball.faces[5:])
    out = tmp_path / "report.html"
    report = inspect(asset.stage, html=out)
    assert "holes" in report.findings[0].rule
    text = out.read_text(encoding="utf-8")
    visited = tmp_path / "visit.html"
    visited.write_text(text.replace("</body>", VISIT), encoding="utf-8")
    ran = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--virtual-time-budget=4000", f"--window-size={width},900", "--dump-dom", visited.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"<title>(.*?)</title>", ran.stdout, re.DOTALL)
    assert found, ran.stderr[-500:]
    first, turned, plain, pictures, fits = found.group(1).split("|")
    assert first == "1:painted:view 2 with findings:true"
    assert turned == "1:painted:view 6 with findings:true"
    assert plain == "1:plain:view 6:true"
    done, of = pictures.split(" of ")
    assert done == of
    assert int(of) >= 1
    assert fits == "fits"


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
