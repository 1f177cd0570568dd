# SPDX-License-Identifier: Apache-2.0
"""Review: decisions on exact versions. `pipeline.review(...)` is `decide(...)`."""

from __future__ import annotations

from pipeline.callables import make_callable
from pipeline.review.decisions import Decision, DecisionRow, approved_version, decide, decisions

__all__ = ["Decision", "DecisionRow", "approved_version", "decide", "decisions"]

make_callable(__name__, "decide")
