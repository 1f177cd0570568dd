# SPDX-License-Identifier: Apache-2.0
"""Pictures in a fraction of a second with nothing but the core dependencies: Embree rays, numpy shading."""
