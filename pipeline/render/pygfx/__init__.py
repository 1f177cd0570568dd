# SPDX-License-Identifier: Apache-2.0
"""Pictures and the viewport's scene by pygfx on a Vulkan driver, in hardware or in software."""
