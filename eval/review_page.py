"""The page on which a person accepts or drops drafted questions. One person, one page, on this machine only."""

from __future__ import annotations

import html

import gradio as gr

from eval.make_set import Review

_STYLE = "mark{background:#fff0a8;color:#000} .passage{white-space:pre-wrap;line-height:1.8;overflow-wrap:anywhere}"


def build_page(review: Review) -> gr.Blocks:
    """The page over a review; every decision is on disk before the next draft shows."""

    def show(note: str = "") -> tuple[str, str, str, str]:
        draft = review.current
        done = len(review.accepted)
        if draft is None:
            return f"全部看完，收下 {done} 题。可以关掉这个页面了。{note}", "", "", ""
        before, quote, after = map(html.escape, review.context())
        kind = "可回答" if draft.quote else "不可回答（要确认资料里真的没有）"
        head = f"第 {review.at + 1} / {len(review.drafts)} 条，已收下 {done} 题 · {kind} · {'按规则起草' if draft.made_by == 'rules' else f'{draft.made_by} 起草'}。{note}"
        passage = f"<b>{html.escape(review.title())}</b><div class='passage'>{before}<mark>{quote}</mark>{after}</div>"
        return head, draft.question, draft.answer, passage

    def accept(question: str, answer: str) -> tuple[str, str, str, str]:
        wrong = review.accept(question, answer)
        head, next_question, next_answer, passage = show(f" ⚠ {wrong}" if wrong else "")
        return (head, question, answer, passage) if wrong else (head, next_question, next_answer, passage)

    def drop() -> tuple[str, str, str, str]:
        review.drop()
        return show()

    with gr.Blocks(title="有据：出题", analytics_enabled=False) as page:
        head = gr.Markdown()
        question = gr.Textbox(label="问题", lines=2)
        answer = gr.Textbox(label="答案（要点）")
        with gr.Row():
            keep = gr.Button("收下", variant="primary")
            leave = gr.Button("放弃")
        passage = gr.HTML()
        outputs = [head, question, answer, passage]
        keep.click(accept, [question, answer], outputs, api_name=False)
        leave.click(drop, None, outputs, api_name=False)
        page.load(show, None, outputs, api_name=False)
    return page


def serve(review: Review, port: int) -> None:
    """Show the page on the loopback address until Ctrl-C."""
    build_page(review).launch(
        server_name="127.0.0.1", server_port=port, share=False, quiet=True, css=_STYLE, footer_links=[]
    )  # fmt: skip
