# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML page: verdict, turntable, each finding with a picture of where it is."""

from __future__ import annotations

import base64
import os
import tempfile
from collections import Counter
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.pictures import AROUND, Stage
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.threads import mapped
from pipeline.checks.words import count, measured_name, sentence, size_name
from pipeline.mesh.distinct import distinct

#: findings that get a picture of their own
MOST_PICTURES = 24
#: findings of one rule that are told one by one
MOST_EACH = 8


def write_page(report: Report, context: Context, out: Path) -> None:
    """Write the page; what was there is replaced only by a whole one.

    Parameters
    ----------
    report
        What was found.
    context
        The inspection it came from: the pictures are drawn from its geometry.
    out
        The HTML file.
    """
    text = page(report, context)
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.stem}.", suffix=".html", dir=out.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)


def page(report: Report, context: Context) -> str:
    """The page's text. It loads nothing: pictures are inside, and there are no scripts from elsewhere."""
    stage = Stage(context.body) if len(context.body.faces) else None
    marked = [stage.faces(report.marks(i)) if stage else np.zeros(0, np.int64) for i in range(len(report.findings))]
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(Path(report.path).name),
        path=escape(report.path),
        verdict=report.verdict,
        job=escape(report.job),
        reason=escape(report.reason),
        next_action=escape(report.next_step.action),
        next_how=escape(sentence(report.next_step.how)),
        facts=_facts(report),
        turntable=_turntable(stage, report, marked) if stage else "<p>There is nothing to draw.</p>",
        findings="\n".join(_findings(stage, report, marked)) or "<p class='none'>No findings.</p>",
        failures=_failures(report),
        rules=_rules(report),
        seconds=f"{report.seconds:.1f}",
    )


def _turntable(stage: Stage, report: Report, marked: list[NDArray[np.int64]]) -> str:
    layers = []
    for severity in ("info", "warning", "error"):
        own = [m for f, m in zip(report.findings, marked, strict=True) if f.severity == severity and len(m)]
        if own:
            layers.append((distinct(np.concatenate(own)), severity))
    pictures = mapped(lambda i: (stage.painted(i, layers), stage.plain(i)), range(AROUND))
    frames = "".join(
        f'<img class="frame painted" alt="view {i + 1} with findings" src="{_source(painted)}">'
        f'<img class="frame plain" alt="view {i + 1}" src="{_source(plain)}">'
        for i, (painted, plain) in enumerate(pictures)
    )
    return (
        f'<div class="turntable" id="turntable" data-count="{AROUND}">{frames}</div>'
        '<div class="controls"><label>turn <input type="range" id="turn" min="0" '
        f'max="{AROUND - 1}" value="1"></label>'
        '<label><input type="checkbox" id="paint" checked> findings</label></div>' + _legend(layers)
    )


def _legend(layers: list[tuple[NDArray[np.int64], str]]) -> str:
    """What the colours mean, those that are there."""
    marks = "".join(f'<span class="{severity}"><i></i>{severity}</span>' for _, severity in reversed(layers))
    return f'<p class="legend">{marks}<span>pale: behind or inside</span></p>' if marks else ""


def _findings(stage: Stage | None, report: Report, marked: list[NDArray[np.int64]]) -> list[str]:
    pictures = 0
    result = []
    told: Counter[str] = Counter()
    for finding, faces in zip(report.findings, marked, strict=True):
        told[finding.rule] += 1
        if told[finding.rule] > MOST_EACH:
            continue
        picture = ""
        if stage and len(faces) and pictures < MOST_PICTURES:
            pictures += 1
            source = _source(stage.painted(stage.best(faces), [(faces, finding.severity)]))
            picture = f'<img alt="where {escape(finding.rule)} is" src="{source}">'
        result.append(_finding(finding, picture))
    return result + [
        f"<p class='none'>{escape(rule)}: {count(many - MOST_EACH, 'more finding')}, listed by --json</p>"
        for rule, many in told.items()
        if many > MOST_EACH
    ]


def _finding(finding: FindingReport, picture: str) -> str:
    mend = f'<span class="fixer">gates refine … {escape(finding.fixer)}</span>' if finding.fixer else ""
    told = measured_name(finding.measured, finding.limit, finding.unit)
    measured = f'<span class="measured">{escape(told)}</span>' if told else ""
    return (
        f'<article class="{finding.severity}"><div class="text"><h3><span class="badge">{finding.severity}</span> '
        f"{escape(finding.rule)}</h3><p>{escape(finding.message)}</p><p class='where'>{escape(finding.prim)} "
        f"{measured}</p><p class='advice'>{escape(finding.advice)}</p>{mend}</div>{picture}</article>"
    )


def _facts(report: Report) -> str:
    stats = report.stats
    pairs = [
        ("triangles", f"{stats.triangles:,}"),
        ("vertices", f"{stats.vertices:,}"),
        ("meshes", f"{stats.meshes:,}"),
        ("shells", f"{stats.shells:,}"),
        ("materials", f"{stats.materials:,}"),
        ("textures", f"{stats.textures:,}"),
        ("size", size_name(stats.size_m) if stats.size_m else "none"),
        ("clean-up", f"about {report.minutes:.0f} min"),
    ]
    return "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)


def _failures(report: Report) -> str:
    if not report.errors:
        return ""
    rows = "".join(f"<li><b>{escape(e.rule)}</b>: {escape(e.message)}</li>" for e in report.errors)
    return f"<section><h2>Rules that could not run</h2><ul>{rows}</ul></section>"


def _rules(report: Report) -> str:
    return (
        f"<details><summary>{count(len(report.passed), 'rule')} passed, "
        f"{len(report.skipped)} not asked for by this job</summary><p>{escape(', '.join(report.passed))}</p>"
        f"<p>Not asked for: {escape(', '.join(report.skipped) or 'none')}</p></details>"
    )


def _source(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
