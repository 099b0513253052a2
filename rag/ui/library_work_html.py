"""The library page's work as HTML: what is being done and what came of it, the form for uploads, the doctor, the models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rag.checking import CheckReport
from rag.doctor import Finding
from rag.errors import YoujuError
from rag.ingest import Outcome, Row
from rag.reading import SUFFIXES
from rag.reasons import describe_reason
from rag.ui.backend import UiStatus
from rag.ui.jobs import Job
from rag.ui.markup import both, escape
from rag.ui.shelf import Added, KnownModel
from rag.ui.upload_desk import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES

_SHOWN: Final = 6
"""Jobs that are shown; those before them only while they run."""
_ROWS: Final = 100
"""Files that are listed of each outcome; the written report has them all."""
_LINES: Final = 50

_KINDS: Final = {"add": "lib_job_add", "remove": "lib_job_remove", "check": "lib_job_check", "fetch": "lib_job_fetch"}
_STATES: Final = {
    "waiting": "lib_state_waiting", "running": "lib_state_running", "done": "lib_state_done", "failed": "lib_state_failed",
    "cancelled": "lib_state_cancelled",
}  # fmt: skip
_STAGES: Final = {
    "read": "lib_stage_read", "compare": "lib_stage_compare", "embed": "lib_stage_embed", "check": "lib_stage_check",
}  # fmt: skip
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    "failed": "lib_out_failed", "skipped": "lib_out_skipped", "duplicate": "lib_out_duplicate", "added": "lib_out_added",
    "updated": "lib_out_updated", "moved": "lib_out_moved", "unchanged": "lib_out_unchanged",
}  # fmt: skip
"""What becomes of a file, that first for which something is to be done."""
_LEVELS: Final = {"ok": "lib_level_ok", "warn": "lib_level_warn", "bad": "lib_level_bad"}


def jobs_html(jobs: Sequence[Job], error: YoujuError | None = None) -> str:
    """What is being done and what came of it, the newest first; before it what could not be done just now."""
    shown = [job for at, job in enumerate(jobs) if at < _SHOWN or job.active]
    problem = error_html(error) if error else ""
    return f'<div class="yjl-jobs" aria-live="polite">{problem}{"".join(map(_job, shown))}</div>'


def _job(job: Job) -> str:
    about = {"fetch": escape(job.about, 80), "add": _count(job.about), "remove": _count(job.about)}.get(job.kind, "")
    state = "lib_state_cancelling" if job.cancelling else _STATES[job.state]
    head = (
        f'<p class="yjl-job-head"><b>{both(_KINDS[job.kind])}</b> {about} <span class="yjl-state">{both(state)}</span>'
    )
    if job.active:
        if not job.cancelling and (job.kind != "remove" or job.busy):
            head += _button("cancel", "lib_cancel", job=job.id)
        body = _progress(job)
    else:
        head += _button("forget", "lib_forget", job=job.id)
        body = _outcome(job)
    return f'<section class="yjl-job yjl-job-{job.state}">{head}</p>{body}</section>'


def _count(about: str) -> str:
    return both("lib_files", count=escape(about)) if about.isdecimal() and about != "0" else ""


def _progress(job: Job) -> str:
    if job.busy:
        return f'<p class="yj-quiet">{escape(job.busy, 200)}　{both("lib_waits")}</p>'
    if not job.total:
        return f'<label class="yjl-progress"><progress></progress><span>{both("lib_state_running")}</span></label>'
    if job.kind == "fetch":
        said = f"{job.done / 1e6:,.0f} / {job.total / 1e6:,.0f} MB"
    else:
        said = both(_STAGES.get(job.stage, "lib_stage_embed"), done=f"{int(job.done):,}", total=f"{job.total:,}")
    left = job.seconds_left
    said += f" · {both('lib_left', left=_clock(left))}" if left is not None else ""
    return (
        f'<label class="yjl-progress"><progress max="{job.total}" value="{job.done:.2f}"></progress>'
        f"<span>{said}</span></label>"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _outcome(job: Job) -> str:
    if job.error is not None:
        return error_html(job.error)
    if job.state == "cancelled":
        return f'<p class="yj-quiet">{both("lib_cancelled_fetch" if job.kind == "fetch" else "lib_cancelled")}</p>'
    match job.result:
        case Added():
            return _added(job.result, job.id)
        case CheckReport():
            return _checked(job.result)
        case int():
            return f"<p>{both('lib_removed', count=f'{job.result:,}')}</p>"
    return ""


def error_html(error: YoujuError) -> str:
    """What went wrong and what to do, in the words of the error."""
    hint = f'<br><span class="yj-quiet">{escape(error.hint, 400)}</span>' if error.hint else ""
    return f'<p class="yjl-error" role="alert">{escape(error.message, 600)}{hint}</p>'


# -- what came of an upload ------------------------------------------------------------------------------------------


def _added(added: Added, job_id: str) -> str:
    rows = added.rows
    counts = Counter(row.outcome for row in rows)
    near = sum(1 for row in rows if row.twin and row.outcome in ("added", "updated"))
    lines = [
        f"<li>{both(key)} <b>{counts[outcome]:,}</b></li>" for outcome, key in _OUTCOMES.items() if counts[outcome]
    ]
    lines += [f"<li>{both('lib_out_near')} <b>{near:,}</b></li>"] if near else []
    groups = "".join(
        _group(key, [row for row in rows if row.outcome == outcome], is_open=outcome == "failed")
        for outcome, key in _OUTCOMES.items()
        if counts[outcome]
    )
    told = both("lib_took", chunks=f"{added.report.chunks:,}", seconds=f"{added.report.seconds:.1f}")
    link = f'<a href="library/reports/{escape(job_id)}" target="_blank" rel="noopener">{both("lib_report")}</a>'
    return (
        f'<ul class="yjl-counts">{"".join(lines) or "<li>" + both("lib_nothing") + "</li>"}</ul>'
        f'<p class="yj-quiet">{told} {link}</p>{groups}'
    )


def _group(key: str, rows: Sequence[Row], *, is_open: bool) -> str:
    """The files of one outcome: what each is called, its article, and why or like which one."""
    lines = "".join(
        f'<tr><th scope="row">{escape(f"{row.path}#{row.member}" if row.member else row.path, 240)}</th>'
        f"<td>{escape(row.title, 120)}</td><td>{_why(row)}</td></tr>"
        for row in rows[:_ROWS]
    )
    if len(rows) > _ROWS:
        lines += f'<tr><td colspan="3">{both("lib_more_report", count=f"{len(rows) - _ROWS:,}")}</td></tr>'
    return (
        f"<details{' open' if is_open else ''}><summary>{both(key)} ({len(rows):,})</summary>"
        f'<table class="yjl-table yjl-small"><thead><tr><th scope="col">{both("lib_file")}</th>'
        f'<th scope="col">{both("lib_title")}</th><th scope="col">{both("lib_why")}</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></details>"
    )


def _why(row: Row) -> str:
    if row.twin:
        return both("lib_like", title=escape(row.twin, 120))
    if row.reason and not row.message:
        return escape(describe_reason(row.reason))
    what, _, hint = row.message.partition("\n→ ")
    return escape(what, 300) + (f'<br><span class="yj-quiet">{escape(hint, 200)}</span>' if hint else "")


def _checked(report: CheckReport) -> str:
    counts = {"articles": f"{report.articles:,}", "chunks": f"{report.chunks:,}"}
    body = f"<p>{both('lib_check_bad' if report.problems else 'lib_check_good', **counts)}</p>"
    lines = [*report.problems, *report.repaired]
    if lines:
        body += "<ul>" + "".join(f"<li>{escape(line, 400)}</li>" for line in lines[:_LINES]) + "</ul>"
        body += f"<p>{both('lib_more', count=str(len(lines) - _LINES))}</p>" if len(lines) > _LINES else ""
    if report.waiting:
        body += f"<p>{both('lib_check_waiting', count=f'{report.waiting:,}')} {_button('finish', 'lib_finish')}</p>"
    if report.vanished:
        files = "".join(f"<li>{escape(path, 300)}</li>" for path in report.vanished[:_LINES])
        body += f"<p>{both('lib_check_vanished', count=f'{len(report.vanished):,}')} "
        body += f"{_button('ask-vanished', 'lib_remove_vanished', count=str(len(report.vanished)))}</p>"
        body += f"<details><summary>{both('lib_file')}</summary><ul>{files}</ul></details>"
    return body


# -- uploads ---------------------------------------------------------------------------------------------------------


def add_html() -> str:
    """The form for uploads, with its limits."""
    accept = ",".join(sorted(SUFFIXES))
    limits = {
        "files": f"{MAX_FILES:,}", "each": f"{MAX_FILE_BYTES / 1e6:,.0f} MB", "all": f"{MAX_TOTAL_BYTES / 1e9:,.0f} GB",
        "types": " ".join(sorted(SUFFIXES)),
    }  # fmt: skip
    return (
        '<div class="yjl-upload" id="yjl-drop">'
        f'<h3>{both("lib_upload")}</h3><p>{both("lib_upload_how")}</p><p class="yjl-buttons">'
        f'<label class="yjl-button yjl-main"><span>{both("lib_pick_files")}</span>'
        f'<input type="file" class="yj-sr" id="yjl-files" multiple accept="{accept}"></label>'
        f'<label class="yjl-button"><span>{both("lib_pick_folder")}</span>'
        '<input type="file" class="yj-sr" id="yjl-folder" multiple webkitdirectory></label></p>'
        f'<p class="yj-quiet">{both("lib_limits", **limits)}</p>'
        '<div id="yjl-sending" class="yjl-job" hidden><label class="yjl-progress"><progress max="1" value="0"></progress>'
        f"<span>{both('lib_sending', done='<b class=yjl-done></b>', total='<b class=yjl-total></b>', mb='<b class=yjl-mb></b>')}"
        f'</span></label><button type="button" class="yjl-button" data-do="stop-sending">{both("lib_cancel")}</button></div>'
        '<p id="yjl-refused" class="yjl-error" role="alert" hidden></p>'
        f'<p id="yjl-broken" class="yjl-error" role="alert" hidden>{both("lib_broken")}</p></div>'
    )


def readers_only_html() -> str:
    """What somebody sees in the place of what only editors may do."""
    return f'<p class="yj-quiet">{both("lib_editors_only")}</p>'


# -- health and models -----------------------------------------------------------------------------------------------


def health_html(findings: Sequence[Finding]) -> str:
    """The check, and what the doctor finds."""
    rows = "".join(
        f'<tr class="yjl-level-{finding.level}"><th scope="row">{escape(finding.topic)}</th>'
        f'<td><span class="yjl-level">{both(_LEVELS[finding.level])}</span></td><td>{escape(finding.message, 400)}</td>'
        f"<td>{escape(finding.mend, 300)}</td></tr>"
        for finding in findings
    )
    return (
        f'<div class="yjl-health"><h3>{both("lib_check")}</h3><p>{both("lib_check_how")}</p>'
        f"<p>{_button('check', 'lib_check_now', main=True)}</p><h3>{both('lib_doctor')}</h3>"
        f'<table class="yjl-table yjl-doctor"><caption class="yj-sr">{both("lib_doctor")}</caption><thead><tr>'
        f'<th scope="col">{both("lib_topic")}</th><th scope="col">{both("lib_level")}</th>'
        f'<th scope="col">{both("lib_finding")}</th><th scope="col">{both("lib_mend")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def models_html(models: Sequence[KnownModel], hub: str, status: UiStatus | None, fetching: frozenset[str]) -> str:
    """The LLMs: which there are, which are here, which is in use.

    Args:
        status: of the one in use; None where it cannot be changed from here.
        fetching: names of those that are being fetched now.
    """
    rows = "".join(_model(model, status, fetching) for model in models)
    return (
        f'<div class="yjl-models"><h3>{both("lib_models")}</h3><p class="yj-quiet">{both("lib_models_how", hub=escape(hub, 100))}</p>'
        f'<table class="yjl-table"><caption class="yj-sr">{both("lib_models")}</caption><thead><tr>'
        f'<th scope="col">{both("lib_model")}</th><th scope="col" class="yjl-n">{both("lib_bytes")}</th>'
        f'<th scope="col" class="yjl-n">{both("lib_memory")}</th><th scope="col">{both("lib_licence")}</th>'
        f'<th scope="col">{both("lib_here")}</th><th scope="col">{both("lib_action")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _model(model: KnownModel, status: UiStatus | None, fetching: frozenset[str]) -> str:
    name = both("lib_model_none") if model.llm == "none" else escape(model.name, 80)
    note = f'<br><span class="yj-quiet">{escape(model.note, 120)}</span>' if model.note else ""
    here = both("lib_here_yes" if model.fetched else "lib_here_no") if model.llm != "none" else ""
    if model.in_use:
        loading = status is not None and status.phase == "loading"
        action = f'<b class="yjl-used">{both("lib_loading" if loading else "lib_in_use")}</b>'
    elif model.fetched:
        action = _button("use", "lib_use", llm=model.llm) if status else ""
    elif model.name in fetching:
        action = both("lib_fetching")
    else:
        action = _button("fetch", "lib_fetch", name=model.name)
    return (
        f'<tr><th scope="row">{name}{note}</th>{_size("lib_bytes", model.size)}{_size("lib_memory", model.memory)}'
        f"<td>{escape(model.licence)}</td><td>{here}</td><td>{action}</td></tr>"
    )


def _size(key: str, size: int) -> str:
    """A cell with a size; where there is no room for the table's head, it says itself what it is."""
    told = f"{size / 1e9:.2f} GB" if size >= 10_000_000 else f"{size / 1e6:.1f} MB"
    return (
        f'<td class="yjl-n"><span class="yjl-narrow">{both(key)}</span>{told}</td>'
        if size
        else '<td class="yjl-n"></td>'
    )


def _button(do: str, key: str, *, main: bool = False, **values: str) -> str:
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in values.items())
    return f'<button type="button" class="yjl-button{" yjl-main" if main else ""}" data-do="{do}"{data}>{both(key)}</button>'
