# SPDX-License-Identifier: Apache-2.0
"""What services with several models are sent, model by model."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pipeline.generators import Picture, Request
from pipeline.generators.failures import BadRequest
from pipeline.generators.fal import Fal
from pipeline.generators.tencent import ACTIONS, Tencent


def test_tencents_rapid_jobs_get_what_they_know(picture: Path) -> None:
    rapid = {"tencent": {"model": "rapid"}}
    request = Request(asset="a", prompt="x" * 300, target_triangles=5000, options=rapid)
    provider = Tencent()
    assert provider.body(request, "text") == {"ResultFormat": "GLB", "EnablePBR": True, "Prompt": "x" * 200}
    notes = " ".join(provider.unhonoured(request))
    assert "target_triangles" in notes and "200 characters" in notes
    views = [Picture(path=picture, view="left"), Picture(path=picture, view="front")]
    many = Request(asset="a", images=views, options=rapid)
    assert base64.b64decode(provider.body(many, "multiview")["ImageBase64"]) == picture.read_bytes()
    assert any("one picture" in n for n in provider.unhonoured(many))
    assert ACTIONS["rapid"] == ("SubmitHunyuanTo3DRapidJob", "QueryHunyuanTo3DRapidJob")


def test_tencents_pro_jobs_keep_their_face_count() -> None:
    body = Tencent().body(Request(asset="a", prompt="a crate", target_triangles=100), "text")
    assert body["Model"] == "3.0" and body["FaceCount"] == 3000  # the smallest it takes


def test_fal_sends_a_model_only_what_its_table_says(tmp_path: Path, picture: Path) -> None:
    (tmp_path / "gates.toml").write_text('[providers.fal.fields."some/model"]\ntarget_triangles = "face_limit"\n')
    provider = Fal(project=tmp_path)
    request = Request(asset="a", prompt="a crate", target_triangles=900, options={"fal": {"model": "some/model"}})
    assert provider.body(request, 5, "text") == {"seed": 5, "prompt": "a crate", "face_limit": 900}
    other = request.model_copy(update={"options": {"fal": {"model": "another/model"}}})
    assert provider.body(other, 5, "text") == {"seed": 5, "prompt": "a crate"}
    assert any("target_triangles" in n for n in provider.unhonoured(other))


def test_fal_starts_retexture_and_remesh_from_the_model(tmp_path: Path, picture: Path) -> None:
    (tmp_path / "a.glb").write_bytes(b"glTF")
    request = Request(
        asset="a", task="retexture", source=tmp_path / "a.glb", images=[Picture(path=picture, role="style")]
    )
    body = Fal().body(request, 1, "retexture")
    assert body["model_url"].startswith("data:model/gltf-binary;base64,") and body["image_url"].startswith("data:image")
    assert Fal().model(request) == "fal-ai/trellis-2/retexture"
    with pytest.raises(BadRequest, match="starts from a model"):
        Fal().body(request.model_copy(update={"source": None}), 1, "retexture")
