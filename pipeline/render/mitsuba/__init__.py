# SPDX-License-Identifier: Apache-2.0
"""Path-traced pictures by Mitsuba 3, denoised by Open Image Denoise where `mitsuba-oidn` is installed."""
