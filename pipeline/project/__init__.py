# SPDX-License-Identifier: Apache-2.0
"""A project: create, open, edit, and everything the version store does for it."""

from __future__ import annotations

from pipeline.project.project import Project

__all__ = ["Project"]
