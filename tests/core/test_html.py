"""HTML as a reader sees it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.core.html import html_to_text

# Seconds of processor time: far above what any mail takes on a slow, busy machine (0.4 s where
# this was written), far below what quadratic time would need. Exact times: tests/benchmarks.
HANGS = 8.0


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Un<b>fortu</b>nately", "Unfortunately"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
        ("<table><tr><td>Role</td><td>Analyst</td></tr><tr><td>x</td></tr></table>", "Role Analyst\n\nx"),
        ("a\n   <i> b </i>\tc", "a b c"),
        ("5 &lt; 6 &amp; 7&nbsp;&gt; 6 &euro; &#8364; &nosuch;", "5 < 6 & 7 > 6 € € &nosuch;"),
        ("<pre>one\n  two</pre>", "one\ntwo"),
        ("inter\u00advie\u200bw", "interview"),
        ("<script>x</script><style>y</style><title>z</title>w", "w"),
        ("<!-- no --><![if !mso]>yes<![endif]><!--[if mso]>no<![endif]-->", "yes"),
        ("<p>open <b>never closed", "open never closed"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<img src=x alt='Logo'>", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_page_becomes_the_text_that_is_seen(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<a href="https://track.example/8f">Our jobs</a>', "Our jobs"),
        ('<a href="https://track.example/8f"> </a>', "<https://track.example/8f>"),
        ('<a href="https://track.example/8f"><img src=b.png></a>', "<https://track.example/8f>"),
        ('<a href="https://a.example/8f"><img src=b.png alt="Acme"></a>', "Acme"),
        ('<a href="https://zoom.us/j/1?a=1&amp;b=2">Join</a>', "Join <https://zoom.us/j/1?a=1&b=2>"),
        ('<a href="https://zoom.us/j/1">https://zoom.us/j/1</a>', "https://zoom.us/j/1"),
        ('<a href="mailto:a@b.example">Write</a>', "Write"),
        ('<a href="javascript:alert(1)"></a>x', "x"),
    ],
)  # fmt: skip
def test_a_link_is_its_text_and_an_address_only_where_that_says_more(
    markup: str, text: str
) -> None:

    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    "attributes",
    ["style='display:none'", "style='color:red; DISPLAY : NONE !important'", "hidden",
     "style='visibility: hidden'", "style='max-height:0px;overflow:hidden'", "style='opacity:0'",
     "style='font-size:0'", "style='font-size: 1px; line-height:1px'", "class='pre'", "id='gone'",
     "aria-hidden=true class=preheader"],
)  # fmt: skip
def test_what_a_reader_cannot_see_is_left_out(attributes: str) -> None:
    sheet = "<style>.a{color:red} .pre, #gone {display:none}</style>"
    assert html_to_text(f"{sheet}<div {attributes}>secret</div><p>seen</p>") == "seen"


@pytest.mark.parametrize(
    "attributes",
    ["style='display:block'", "style='opacity:0.8'", "style='max-height:0.5em'",
     "style='font-size:10px'", "style='font-size:1.2em'", "style='mso-hide:all'",
     "aria-hidden=true", "class='phone'"],
)  # fmt: skip
def test_what_a_reader_can_see_is_kept(attributes: str) -> None:
    sheet = "<style>@media (max-width:600px) { .phone {display:none} .x {color:red} }</style>"
    assert html_to_text(f"{sheet}<div {attributes}>seen</div><p>too</p>").startswith("seen")


def test_a_page_that_is_hidden_altogether_is_read_all_the_same() -> None:
    assert html_to_text("<body style='display:none'>We are sorry.</body>") == "We are sorry."


def test_cited_quotes_are_marked_as_in_plain_text() -> None:
    markup = "Yes.<blockquote type=cite>May I?<br>Please<blockquote type='cite'>No</blockquote></blockquote>End"
    lines = [line for line in html_to_text(markup).split("\n") if line.strip("> ")]
    assert lines == ["Yes.", "> May I?", "> Please", ">> No", "End"]


def test_a_quotation_for_layout_is_not_marked() -> None:
    assert html_to_text("<blockquote>Indented</blockquote>") == "Indented"


HOSTILE = [
    "<div>" * 50_000, "<b><p>" * 40_000, "<a><div>" * 30_000, "<table>" * 40_000, "<" * 262_144,
    "".join(f"<font a={n}><p>" for n in range(15_000)), "<a" * 130_000, "<!--" * 60_000,
    "<script>" * 30_000, "<head>" * 40_000, '<a href="' * 30_000, "&" * 262_144, "&#" * 130_000,
    " " * 262_144, "<style>{" * 30_000, "<pre>" * 50_000, "<svg><p>" * 30_000,
    '<div style="font-size:0">' * 10_000, "<blockquote type=cite>" * 700, "\u200b" * 262_144,
    '<p title="<!--">' * 16_000, "<!" * 130_000, "<!--><p>" * 30_000, "<style>" + "a{display:none}" * 17_000, "<div class=x hidden>" * 700,
]  # fmt: skip


@pytest.mark.parametrize("markup", HOSTILE, ids=lambda markup: markup[:12])
def test_a_hostile_page_takes_less_than_a_second(markup: str) -> None:
    started = time.process_time()
    html_to_text(markup)
    assert time.process_time() - started < HANGS


def test_a_page_that_is_nested_too_deeply_is_still_read() -> None:
    assert html_to_text("<div>" * 5_000 + "<p>We are <b>so</b>rry.") == "We are sorry."


def test_a_broken_page_of_more_than_a_mebibyte_is_cut() -> None:
    assert html_to_text("<table><tr><td>seen " * 60_000).startswith("seen")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<div>", "</div>", "<p", ">", "<!--", "-->", "<a href='", "'", '"', "<b>", "</b>",
             "<table>", "<td>", "<style>", "</style>", "<script>", "text", " ", "&amp;", "&#x",
             "<blockquote type=cite>", "</blockquote>", "style='display:none'", "\x00", "\x01"]
        )
    )
)  # fmt: skip
def test_any_tangle_of_tags_becomes_text(pieces: list[str]) -> None:
    text = html_to_text("".join(pieces))
    assert not any(sign in text for sign in "\x00\x01\x02\x03\x04")


@given(st.text(max_size=300))
def test_any_text_becomes_text(markup: str) -> None:
    html_to_text(markup)
