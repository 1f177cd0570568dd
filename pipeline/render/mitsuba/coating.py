# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface's clearcoat for Mitsuba: GGX of a dielectric of ior 1.5 over any surface.

`principled` has Disney's coat, whose masking takes four fifths of it away at grazing angles and which knows
roughness only up to 0.3. What the coat reflects is taken from the base.
"""

from __future__ import annotations

from typing import Any

_registered: set[str] = set()


def register(mi: Any) -> str:
    """The plug-in's name in the current variant; variants without compiled code would call Python for every sample."""
    variant = mi.variant()
    if variant not in _registered:
        mi.register_bsdf("gates_coated", _coated(mi))
        _registered.add(variant)
    return "gates_coated"


def _coated(mi: Any) -> Any:
    import drjit as dr

    def schlick(cosine: Any) -> Any:
        x = dr.clip(1 - cosine, 0, 1)
        return 0.04 + 0.96 * x * dr.square(dr.square(x))

    class Coated(mi.BSDF):  # type: ignore[misc]
        """A base beneath a coat."""

        def __init__(self, props: Any) -> None:
            mi.BSDF.__init__(self, props)
            self.base = props["base"]
            self.weight = props.get_texture("weight", 1.0)
            self.alpha = props.get_texture("alpha", 0.01)
            side = mi.BSDFFlags.FrontSide
            inner = [self.base.flags(i) for i in range(self.base.component_count())]
            self.m_components = [*inner, mi.BSDFFlags.GlossyReflection | side | mi.BSDFFlags.SpatiallyVarying]
            self.m_flags = self.m_components[-1]
            for flags in inner:
                self.m_flags = self.m_flags | flags

        def traverse(self, cb: Any) -> None:
            cb.put("base", self.base, mi.ParamFlags.Differentiable)
            cb.put("weight", self.weight, mi.ParamFlags.Differentiable)
            cb.put("alpha", self.alpha, mi.ParamFlags.Differentiable)

        def _lobe(self, si: Any, active: Any) -> Any:
            alpha = dr.maximum(self.alpha.eval_1(si, active), 1e-3)
            return mi.MicrofacetDistribution(mi.MicrofacetType.GGX, alpha)

        def _share(self, si: Any, active: Any) -> tuple[Any, Any]:
            """What the coat reflects towards the viewer, and how often it is chosen."""
            reflected = self.weight.eval_1(si, active) * schlick(dr.abs(mi.Frame3f.cos_theta(si.wi)))
            return reflected, dr.clip(0.1 + reflected, 0.1, 0.9)

        def sample(self, ctx: Any, si: Any, sample1: Any, sample2: Any, active: Any) -> Any:
            _, chance = self._share(si, active)
            own = sample1 < chance
            rest = dr.clip((sample1 - chance) / (1 - chance), 0, 0.99999994)
            bs, _ = self.base.sample(ctx, si, rest, sample2, active & ~own)
            half, _ = self._lobe(si, active).sample(si.wi, sample2)
            bs.wo = dr.select(own, mi.reflect(si.wi, half), bs.wo)
            bs.eta = dr.select(own, 1.0, bs.eta)
            kind = mi.UInt32(+self.m_components[-1])
            bs.sampled_type = dr.select(own, kind, bs.sampled_type)
            value, bs.pdf = self.eval_pdf(ctx, si, bs.wo, active)
            sound = active & (bs.pdf > 0)
            return bs, dr.select(sound, value / bs.pdf, 0)

        def eval(self, ctx: Any, si: Any, wo: Any, active: Any) -> Any:
            return self.eval_pdf(ctx, si, wo, active)[0]

        def pdf(self, ctx: Any, si: Any, wo: Any, active: Any) -> Any:
            return self.eval_pdf(ctx, si, wo, active)[1]

        def eval_pdf(self, ctx: Any, si: Any, wo: Any, active: Any) -> tuple[Any, Any]:
            below, chosen = self.base.eval_pdf(ctx, si, wo, active)
            reflected, chance = self._share(si, active)
            cos_in, cos_out = mi.Frame3f.cos_theta(si.wi), mi.Frame3f.cos_theta(wo)
            upper = active & (cos_in > 0) & (cos_out > 0)
            lobe = self._lobe(si, active)
            half = dr.normalize(si.wi + wo)
            spread = lobe.eval(half) * lobe.G(si.wi, wo, half) / (4 * cos_in)
            strength = self.weight.eval_1(si, active) * schlick(dr.dot(si.wi, half))
            value = below * (1 - reflected) + dr.select(upper, strength * spread, 0)
            own = dr.select(upper, lobe.pdf(si.wi, half) / (4 * dr.dot(wo, half)), 0)
            return value, chosen * (1 - chance) + own * chance

        def eval_diffuse_reflectance(self, si: Any, active: Any) -> Any:
            return self.base.eval_diffuse_reflectance(si, active)

        def to_string(self) -> str:
            return "Coated[]"

    return Coated
