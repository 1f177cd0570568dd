# SPDX-License-Identifier: Apache-2.0
"""How the three reference pictures of this example were made; run it to make them again.

- `sketch.png`: a line-and-wash drawing, projected from a few polygons and drawn here.
- `cloth.png`, `wood.png`: path-traced with Mitsuba (`pip install 'sevengates[render]'`) from a draped sheet and a
  wall of planks whose colours are painted here.

All three are this project's own work, under its licence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio

HERE = Path(__file__).parent
RED, CREAM = np.array([0.66, 0.13, 0.09]), np.array([0.86, 0.79, 0.62])  # sRGB


def save(name: str, pixels: np.ndarray) -> None:
    """Write (h, w, 3) values in 0-1 as an 8-bit PNG."""
    image = oiio.ImageBuf(np.ascontiguousarray(np.clip(pixels, 0, 1), np.float32))
    image.set_write_format(oiio.UINT8)
    image.write(str(HERE / name))


def noise(shape: tuple[int, int], cells: tuple[float, float], seed: int, octaves: int = 4) -> np.ndarray:
    """Smooth value noise in 0-1."""
    from scipy.ndimage import zoom

    rng = np.random.default_rng(seed)
    total, weight = np.zeros(shape), 0.0
    for octave in range(octaves):
        size = [max(2, int(c * 2**octave)) for c in cells]
        grid = rng.random((size[0] + 1, size[1] + 1))
        layer = zoom(
            grid, (shape[0] / grid.shape[0], shape[1] / grid.shape[1]), order=3, mode="reflect", grid_mode=True
        )
        total += layer[: shape[0], : shape[1]] * 0.5**octave
        weight += 0.5**octave
    return np.clip(total / weight, 0, 1)


# ---------------------------------------------------------------- the sketch


def stall_polygons() -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Polygons of the sketch as (points (n, 3) in metres, wash colour, outlined), back to front by hand."""
    wood, dark, red, cream = np.array([0.62, 0.46, 0.30]), np.array([0.45, 0.32, 0.21]), RED, CREAM
    parts: list[tuple[np.ndarray, np.ndarray, bool]] = []

    def box(low: tuple[float, float, float], high: tuple[float, float, float], wash: np.ndarray) -> None:
        (x0, y0, z0), (x1, y1, z1) = low, high
        faces = [
            [(x1, y0, z1), (x1, y0, z0), (x1, y1, z0), (x1, y1, z1)],
            [(x0, y1, z1), (x1, y1, z1), (x1, y1, z0), (x0, y1, z0)],
            [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
        ]
        parts.extend((np.array(f, float), wash * shade, True) for f, shade in zip(faces, (0.75, 1.1, 1.0), strict=True))

    for x in (-1.06, 0.96):
        box((x, 0, -0.78), (x + 0.1, 2.42, -0.68), dark)
    box((-1.0, 1.2, -0.76), (1.0, 1.26, -0.5), wood)  # shelf
    for i in range(4):  # the counter's planks
        box((-1.08, 0.1 + 0.2 * i, 0.58), (1.08, 0.28 + 0.2 * i, 0.64), wood * (0.92 + 0.05 * (i % 2)))
    box((-1.16, 0.9, 0.1), (1.16, 0.97, 0.72), wood)
    for x, colour in ((-0.75, (0.75, 0.25, 0.15)), (-0.15, (0.85, 0.65, 0.2)), (0.45, (0.5, 0.6, 0.25))):
        box((x, 0.97, 0.2), (x + 0.46, 1.12, 0.6), wood * 0.85)
        box((x + 0.05, 1.12, 0.25), (x + 0.41, 1.2, 0.55), np.array(colour))
    for x in (-1.06, 0.96):
        box((x, 0, 0.66), (x + 0.1, 2.1, 0.76), wood)
    stripes = 8
    edges = np.linspace(-1.2, 1.2, stripes + 1)
    for i in range(stripes):
        a, b = edges[i], edges[i + 1]
        wash = red if i % 2 == 0 else cream
        parts.append((np.array([(a, 2.05, 0.9), (b, 2.05, 0.9), (b, 2.58, -0.9), (a, 2.58, -0.9)]), wash, True))
        t = np.linspace(np.pi, 2 * np.pi, 9)
        rim = np.column_stack([(a + b) / 2 + (b - a) / 2 * np.cos(t), 1.9 + 0.1 * np.sin(t), np.full(9, 0.9)])
        skirt = np.vstack([[(a, 2.05, 0.9)], rim, [(b, 2.05, 0.9)]])
        parts.append((skirt, wash * 0.93, True))
    return parts


def sketch(size: int = 900) -> np.ndarray:
    """Line and wash on paper, seen from the front, a little from the right and from above."""
    yaw, pitch = np.radians(-28), np.radians(9)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    rng = np.random.default_rng(3)
    paper = 0.965 + 0.02 * (noise((size, size), (90, 90), 1) - 0.5)
    picture = np.dstack([paper, paper * 0.99, paper * 0.955])
    grain = noise((size, size), (40, 40), 2)
    yy, xx = np.mgrid[0:size, 0:size] + 0.5

    def flat(points: np.ndarray) -> np.ndarray:
        p = points @ turn.T @ tilt.T
        return np.column_stack([size / 2 + p[:, 0] * size * 0.31, size * 0.9 - p[:, 1] * size * 0.31])

    for points, wash, outlined in stall_polygons():
        p = flat(points)
        low, high = np.floor(p.min(0)).astype(int) - 3, np.ceil(p.max(0)).astype(int) + 4
        window = np.s_[max(low[1], 0) : min(high[1], size), max(low[0], 0) : min(high[0], size)]
        x, y = xx[window], yy[window]
        inside = np.zeros(x.shape, bool)
        line = np.full(x.shape, np.inf)
        for a, b in zip(p, np.roll(p, -1, axis=0), strict=True):
            crosses = (a[1] > y) != (b[1] > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= crosses & (x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0])
            wobble = a + rng.normal(0, 0.8, 2), b + rng.normal(0, 0.8, 2)
            way = wobble[1] - wobble[0]
            along = np.clip(
                ((x - wobble[0][0]) * way[0] + (y - wobble[0][1]) * way[1]) / (way @ way + 1e-9), -0.03, 1.03
            )
            line = np.minimum(line, np.hypot(x - wobble[0][0] - along * way[0], y - wobble[0][1] - along * way[1]))
        wet = (1.0 - 0.10 * grain[window])[..., None] * inside[..., None]
        picture[window] = picture[window] * (1 - wet) + wash * wet
        if outlined:
            ink = np.clip(1.6 - line, 0, 1)[..., None] * (0.65 + 0.35 * grain[window][..., None])
            picture[window] = picture[window] * (1 - ink) + np.array([0.16, 0.13, 0.12]) * ink
    return picture


# ---------------------------------------------------------------- the photographs


def photograph(mesh: dict[str, object], albedo: np.ndarray, name: str, aim: dict[str, object]) -> None:
    """Path-trace one textured mesh on a dark ground."""
    import mitsuba as mi

    mi.set_variant("scalar_rgb")
    texture = mi.Bitmap(np.ascontiguousarray(np.clip(albedo, 0, 1) ** 2.2, np.float32))
    made = mi.Mesh("m", len(mesh["points"]), len(mesh["faces"]), has_vertex_texcoords=True)  # type: ignore[arg-type]
    params = mi.traverse(made)
    params["vertex_positions"] = np.ravel(mesh["points"]).astype(np.float32)
    params["vertex_texcoords"] = np.ravel(mesh["uvs"]).astype(np.float32)
    params["faces"] = np.ravel(mesh["faces"]).astype(np.uint32)
    params.update()
    path = HERE / ".mesh.ply"
    made.write_ply(str(path))
    look = mi.ScalarTransform4f().look_at
    scene = mi.load_dict(
        {
            "type": "scene",
            "integrator": {"type": "path", "max_depth": 6},
            "sensor": {
                "type": "perspective", "fov": aim["fov"],
                "to_world": look(origin=aim["eye"], target=aim["target"], up=[0, 1, 0]),
                "film": {"type": "hdrfilm", "width": 768, "height": 512, "rfilter": {"type": "box"}},
                "sampler": {"type": "multijitter", "sample_count": 100},
            },
            "key": {"type": "rectangle", "to_world": look(origin=[-4.5, 2.6, 1.6], target=[0, 0.5, 0], up=[0, 1, 0]),
                    "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [46, 42, 36]}}},
            "sky": {"type": "constant", "radiance": {"type": "rgb", "value": [0.42, 0.47, 0.55]}},
            "it": {"type": "ply", "filename": str(path),
                   "bsdf": {"type": "twosided", "bsdf": {"type": "roughplastic", "alpha": 0.45, "nonlinear": True,
                            "diffuse_reflectance": {"type": "bitmap", "bitmap": texture, "raw": True}}}},
        }
    )  # fmt: skip
    linear = np.array(mi.render(scene))[..., :3]
    path.unlink()
    save(name, np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.clip(linear, 1e-6, 1) ** (1 / 2.4) - 0.055))


def grid(u: int, v: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid's parameters (n, 2), triangles and UVs."""
    s, t = np.meshgrid(np.linspace(0, 1, u), np.linspace(0, 1, v))
    number = np.arange(u * v).reshape(v, u)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uvs = np.column_stack([s.ravel(), t.ravel()])
    return uvs, faces, uvs


def cloth() -> None:
    """A striped sheet hanging in folds."""
    p, faces, uvs = grid(400, 200)
    s, t = p[:, 0], p[:, 1]
    fold = 0.10 * np.sin(22 * s + 1.5 * np.sin(5 * s)) * (1.15 - 0.6 * t) + 0.03 * np.sin(47 * s + 3 * t)
    points = np.column_stack([(s - 0.5) * 2.6, (t - 0.5) * 1.8 + 0.5, fold])
    height, width = 512, 1024
    stripe = (np.floor(np.arange(width) / width * 12) % 2)[None, :, None]
    weave = 1 + 0.05 * (noise((height, width), (200, 400), 5, 2) - 0.5)[..., None]
    fade = 1 - 0.12 * noise((height, width), (4, 6), 6)[..., None]
    albedo = (RED * (1 - stripe) + CREAM * stripe) * weave * fade
    photograph(
        {"points": points, "faces": faces, "uvs": uvs},
        albedo[::-1],
        "cloth.png",
        {"fov": 38, "eye": [0.5, 0.75, 3.0], "target": [0, 0.5, 0]},
    )


def wood() -> None:
    """A wall of weathered planks."""
    points, faces, uvs = [], [], []
    planks = 7
    for i in range(planks):
        p, f, uv = grid(60, 24)
        s, t = p[:, 0], p[:, 1]
        edge = np.minimum(np.minimum(t, 1 - t) / 0.06, 1)
        x, y = (s - 0.5) * 3.2, (i + t) * 0.24 - 0.35
        depth = 0.05 * np.sqrt(edge) + 0.012 * np.sin(9 * s + 2 * i) + 0.012 * ((i * 37) % 5 - 2) / 2
        faces.append(f + sum(len(q) for q in points))
        points.append(np.column_stack([x, y, depth]))
        uvs.append(np.column_stack([uv[:, 0], (i + uv[:, 1]) / planks]))
    height, width = 1024, 1024
    row = (np.arange(height) / height * planks).astype(int)
    tone = np.random.default_rng(8).uniform(0.82, 1.12, planks)[row][:, None, None]
    fibre = noise((height, width), (150, 5), 9, 3)[..., None]
    streak = noise((height, width), (40, 3), 10, 3)[..., None]
    albedo = np.array([0.55, 0.39, 0.25]) * tone * (0.45 + 0.75 * fibre) * (0.7 + 0.5 * streak)
    photograph(
        {"points": np.concatenate(points), "faces": np.concatenate(faces), "uvs": np.concatenate(uvs)},
        albedo[::-1],
        "wood.png",
        {"fov": 36, "eye": [0.6, 0.7, 2.6], "target": [0, 0.45, 0]},
    )


if __name__ == "__main__":
    save("sketch.png", sketch())
    cloth()
    wood()
