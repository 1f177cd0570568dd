# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML page: verdict, what to do, and a turntable with the findings painted on it."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from pipeline.checks.cleanup import time_name
from pipeline.checks.context import Context
from pipeline.checks.frames import Frame, Group, frames_of, groups_of
from pipeline.checks.report import FindingReport, Report
from pipeline.checks.words import count, measured_name, sentence, size_name

#: findings of one rule that are told one by one
MOST_EACH = 8
#: findings that are painted when the page opens
FIRST = 3
_KINDS = {"uv": "UV layout", "texture": "Texture"}


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
    """The page's text. It loads nothing: pictures are inside, and only its own script may run."""
    groups = groups_of(report)
    frames = frames_of(groups, context)
    style = _own("page.css") + _colours(groups)
    script = _own("page.js")
    path = Path(report.path)
    return Template(_own("page.html")).substitute(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        title=_text(path.name or report.path),
        path=_text(f"{report.path}{f'  {report.prim}' if report.asked else ''}"),
        verdict=report.verdict,
        job=_text(report.job),
        reason=_text(report.reason),
        next_action=_text(report.next_step.action),
        next_how=_text(sentence(report.next_step.how)),
        commands=_commands(report),
        estimate=_estimate(report),
        facts=_facts(report),
        look=_look(frames, groups) if frames else '<p class="none">There is nothing to draw.</p>',
        many=_many(report),
        findings="\n".join(_card(i, g, report.many(g.rule)) for i, g in enumerate(groups))
        or '<p class="none">Nothing was found.</p>',
        costs=_costs(report),
        failures=_failures(report),
        rules=_rules(report),
        seconds=f"{report.seconds:.1f}",
    )


def _own(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    """Text that is nothing but text; what cannot be shown, or would turn the reading direction, is left out."""
    shown = "".join(c for c in text if (c.isprintable() or c == "\n") and c not in "\u202a\u202b\u202c\u202d\u202e")
    return escape(shown, quote=True)


def _colours(groups: Sequence[Group]) -> str:
    rows = [f".c{i}{{--own:{g.colour}}}.off{i} .g{i}{{display:none}}" for i, g in enumerate(groups)]
    return "\n".join(rows)


def _look(frames: Sequence[Frame], groups: Sequence[Group]) -> str:
    turn = sum(f.kind == "model" for f in frames)
    others = [(i, f) for i, f in enumerate(frames) if f.kind != "model"]
    first = groups[0].frame if groups and 0 <= groups[0].frame < turn else min(1, turn - 1)
    drawn = "".join(_frame(i, f, groups, i == max(first, 0)) for i, f in enumerate(frames))
    tabs = ""
    if others:
        buttons = [f'<button type="button" class="tab" data-frame="{max(first, 0)}" aria-pressed="true">Model</button>']
        buttons = buttons if turn else []
        buttons += [
            f'<button type="button" class="tab" data-frame="{i}" aria-pressed="false">{_KINDS[f.kind]}: '
            f"{_text(f.name)}</button>"
            for i, f in others
        ]
        tabs = f'<div class="tabs" role="group" aria-label="What is shown">{"".join(buttons)}</div>'
    controls = (
        '<div class="controls"><button type="button" id="play" aria-pressed="false">Turn</button>'
        '<label for="turn">View</label>'
        f'<input type="range" id="turn" min="0" max="{max(turn - 1, 0)}" value="{max(first, 0)}"></div>'
        if turn
        else ""
    )
    hidden = "".join(f" off{i}" for i, g in enumerate(groups) if g.drawn and i not in _shown(groups))
    return (
        f'{tabs}<div class="stage{hidden}" id="stage" data-turn="{turn}" tabindex="0" role="group" '
        'aria-label="Turntable: drag it, or turn it with the arrow keys">'
        f"{drawn}</div>{controls}{_legend(groups)}"
        '<p id="said" class="said" role="status"></p>'
    )


def _frame(number: int, frame: Frame, groups: Sequence[Group], on: bool) -> str:
    what = f"seen from the {frame.name}" if frame.kind == "model" else f"{_KINDS[frame.kind]} {frame.name}"
    shown = ", ".join(groups[i].findings[0].title or groups[i].rule for i, _ in frame.layers)
    alt = f"{what}{f'; painted: {shown}' if shown else ''}"
    layers = "".join(f'<img class="layer g{i}" alt="" src="{_source(png)}">' for i, png in frame.layers)
    return (
        f'<div class="frame {frame.kind}{" on" if on else ""}" data-name="{_text(what)}">'
        f'<img class="base" alt="{_text(sentence(alt))}" src="{_source(frame.base)}">{layers}</div>'
    )


def _legend(groups: Sequence[Group]) -> str:
    """Which colour is which finding, each to be switched on and off."""
    first = _shown(groups)
    rows = "".join(
        f'<li class="c{i}"><label><input type="checkbox" class="which" data-group="{i}"'
        f'{" checked" if i in first else ""}><i class="swatch"></i>'
        f"{_text(sentence(g.findings[0].title or g.rule))}</label></li>"
        for i, g in enumerate(groups)
        if g.drawn
    )
    if not rows:
        return '<p class="legend-note">No finding has a place that could be painted.</p>'
    return (
        f'<fieldset class="legend"><legend>Painted</legend><ul>{rows}</ul>'
        '<p class="legend-note"><button type="button" id="all">Show all</button> Pale: behind or inside.</p></fieldset>'
    )


def _shown(groups: Sequence[Group]) -> set[int]:
    """The findings that are painted at first: all at once would be a muddle."""
    return set([i for i, g in enumerate(groups) if g.drawn][:FIRST])


def _card(number: int, group: Group, many: int) -> str:
    first = group.findings[0]
    title = sentence(first.title or first.rule)
    head = (
        f'<h3 id="f{number}"><span class="badge {first.severity}">{first.severity}</span> {_text(title)} '
        f"<code>{_text(first.rule)}</code></h3>"
    )
    told = "".join(_finding(f) for f in group.findings[:MOST_EACH])
    if many > MOST_EACH:
        lists = "all" if many == len(group.findings) else f"{len(group.findings)}, --prim PATH those beneath a prim"
        told += f'<li class="none">and {count(many - MOST_EACH, "more place")}: --json lists {lists}</li>'
    mend = f'<p class="fixer">A safe fixer mends this: <code>{_text(first.fixer)}</code></p>' if first.fixer else ""
    show = ""
    if group.drawn:
        show = (
            f'<button type="button" class="show" data-group="{number}" data-frame="{group.frame}" '
            f'aria-label="Show where: {_text(title)}"><span class="thumb"></span><span>Show where</span></button>'
        )
    return (
        f'<article class="c{number} {first.severity}" aria-labelledby="f{number}"><div class="text">{head}'
        f'<ul class="told">{told}</ul><p class="advice">{_text(first.advice)}</p>{mend}</div>{show}</article>'
    )


def _finding(finding: FindingReport) -> str:
    told = measured_name(finding.measured, finding.limit, finding.unit)
    measured = f' <span class="measured">{_text(told)}</span>' if told else ""
    prim = f"<code>{_text(finding.prim)}</code>" if finding.prim else ""
    return f'<li>{_text(sentence(finding.message))}<div class="where">{prim}{measured}</div></li>'


def _commands(report: Report) -> str:
    if not report.next_step.commands:
        return ""
    lines = "\n".join(_text(c) for c in report.next_step.commands)
    return (
        f'<div class="commands"><pre><code id="type">{lines}</code></pre>'
        '<button type="button" id="copy">Copy</button></div>'
    )


def _estimate(report: Report) -> str:
    if report.verdict == "pass":
        return ""
    done = report.cleanup
    pairs = [("by hand", time_name(done.hand_minutes)), ("by machine", time_name(done.machine_minutes))]
    if done.optional_minutes >= 1:
        pairs.append(("what may stay", time_name(done.optional_minutes)))
    if done.regenerate_minutes is not None:
        pairs.append(("a new one", time_name(done.regenerate_minutes)))
    return f'<dl class="estimate">{_pairs(pairs)}</dl>'


def _facts(report: Report) -> str:
    stats = report.stats
    return _pairs(
        [
            ("triangles", f"{stats.triangles:,}"),
            ("vertices", f"{stats.vertices:,}"),
            ("meshes", f"{stats.meshes:,}"),
            ("shells", f"{stats.shells:,}"),
            ("materials", f"{stats.materials:,}"),
            ("textures", f"{stats.textures:,}"),
            ("size", size_name(stats.size_m) if stats.size_m else "none"),
        ]
    )


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in pairs)


def _many(report: Report) -> str:
    unlisted = {f.rule: (f.severity, report.unlisted[f.rule]) for f in report.findings if f.rule in report.unlisted}
    listed = [(f.severity, 1) for f in report.findings]
    by = [
        (s, sum(n for severity, n in [*listed, *unlisted.values()] if severity == s))
        for s in ("error", "warning", "info")
    ]
    told = [count(n, s, {"error": "errors", "warning": "warnings", "info": "notes"}[s]) for s, n in by if n]
    return ", ".join(told) or "none"


def _costs(report: Report) -> str:
    """The estimate rule by rule, and what it is based on."""
    if not report.cleanup.items:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_text(sentence(i.title or i.rule))}</th><td>{i.findings}</td>'
        f"<td>{i.hand_minutes:g} min</td><td>{'yes' if i.needed else 'may stay'}</td></tr>"
        for i in report.cleanup.items
    )
    return (
        "<details><summary>What the estimate is based on</summary>"
        f"<p>{_text(report.cleanup.basis)}</p>"
        '<div class="wide" tabindex="0" role="region" aria-label="Estimate by rule">'
        '<table><thead><tr><th scope="col">finding</th><th scope="col">places</th><th scope="col">by hand</th>'
        f'<th scope="col">needed</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _failures(report: Report) -> str:
    if not report.errors:
        return ""
    rows = "".join(
        f"<li><code>{_text(e.rule)}</code>: {_text(e.message)} {_text(e.source)}</li>" for e in report.errors
    )
    return f'<section aria-labelledby="broken"><h2 id="broken">Rules that could not run</h2><ul>{rows}</ul></section>'


def _rules(report: Report) -> str:
    passed, skipped = (_text(", ".join(ids) or "none") for ids in (report.passed, report.skipped))
    return (
        f"<details><summary>{count(len(report.passed), 'rule')} passed, "
        f"{len(report.skipped)} not asked for by this job</summary>"
        f"<p>Passed: {passed}</p><p>Not asked for: {skipped}</p></details>"
    )


def _source(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
